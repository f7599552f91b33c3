/* SPDX-License-Identifier: Apache-2.0 */
/* The table of states: a pure function, so that it can be tested as a table. */
#ifndef DPS_CLIENT_MACHINE_H
#define DPS_CLIENT_MACHINE_H

#include "dps/event.h"

/* Where a reason leads from a state. False: it cannot happen there, or it changes no state. */
bool dps_machine_next(enum dps_state state, enum dps_why why, enum dps_state *next);

#endif
