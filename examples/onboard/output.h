/* SPDX-License-Identifier: Apache-2.0 */
/* What dps-onboard prints: text for a person, or one JSON object a line. */
#ifndef ONBOARD_OUTPUT_H
#define ONBOARD_OUTPUT_H

#include "discover.h"

/* A failure: its name is stable ("not-found", "wrong-code", "locked-out", "owned", "refused", "no-answer", "code", "local"). seconds: of "locked-out", else 0. */
void output_failure(bool json, const char *name, unsigned seconds, const char *text);

void output_usage(bool json, const char *text);

void output_discovered(bool json, const struct discovery *discovery);

/* A representation of /plgd/dps. False: it is none. */
bool output_conf(bool json, const uint8_t *payload, size_t len);

void output_done(bool json, const char *text);

void output_code(bool json, const char *code, const char *id);

#endif
