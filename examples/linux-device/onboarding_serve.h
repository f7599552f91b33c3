/* SPDX-License-Identifier: Apache-2.0 */
/* The resources of onboarding. For the files of onboarding only. */
#ifndef DEVICE_ONBOARDING_SERVE_H
#define DEVICE_ONBOARDING_SERVE_H

#include <coap3/coap.h>

#include "onboarding.h"

/* The one that a session belongs to. */
struct onboarding *onboarding_of(const coap_session_t *session);

uint64_t onboarding_now(const struct onboarding *onboarding);

/* Adds the resources to the context, whose application data is the structure. */
bool onboarding_serve(struct onboarding *onboarding);

#endif
