/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' orders: what hub_control.h lists, carried out. */
#ifndef SERVICE_HUB_ORDER_H
#define SERVICE_HUB_ORDER_H

#include <cjson/cJSON.h>

#include "hub.h"

/* Takes the answer over. */
typedef void (*hub_order_done)(void *context, cJSON *answer);

/* order may be NULL or anything; done is called exactly once, at once or later. */
void hub_order_run(struct hub *hub, const cJSON *order, hub_order_done done, void *context);

/* Answers all that are under way: the program ends. */
void hub_order_cancel_all(struct hub *hub);

#endif
