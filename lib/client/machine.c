/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states and what leads from one to another, as one table: docs/lifetime.md shows it, with what is done, and a test compares the two. Every
 * change of state goes through here.
 */
#include "client/machine.h"

#define IN(state)  (1u << (unsigned)(state))
#define ANY        (IN(DPS_STATE_PROVISIONED + 1) - 1u)
#define RUNNING    (ANY & ~IN(DPS_STATE_IDLE) & ~IN(DPS_STATE_PROVISIONED))
#define NEW        (IN(DPS_STATE_IDLE) | IN(DPS_STATE_WAITING)) /* a run that begins; WAITING: its stored state could not be read before */
#define UNFINISHED (ANY & ~IN(DPS_STATE_PROVISIONED))

static const struct {
	const char *name;
	uint8_t from; /* states it may happen in */
	uint8_t to;
} table[] = {
#if DPS_CONFIG_NAMES
#define ROW(why, name, from, to) [DPS_WHY_##why] = {(name), (from), DPS_STATE_##to}
#else
#define ROW(why, name, from, to) [DPS_WHY_##why] = {"", (from), DPS_STATE_##to}
#endif
#define SAME(why, name) ROW(why, name, 0, IDLE)
	ROW(START, "start", NEW, WAITING),
	ROW(STAGED, "staged", NEW, COMMITTING),
	ROW(ALREADY, "already-provisioned", NEW, PROVISIONED),
	ROW(ALREADY_ENDS, "already-provisioned-ends", NEW, IDLE),
	ROW(CONNECT, "connect", IN(DPS_STATE_WAITING), CONNECTING),
	ROW(CONNECTED, "connected", IN(DPS_STATE_CONNECTING), ASKING),
	ROW(CONNECTION_FAILED, "connection-failed", IN(DPS_STATE_CONNECTING) | IN(DPS_STATE_ASKING), WAITING),
	ROW(LATER, "later", IN(DPS_STATE_ASKING), WAITING),
	ROW(ANSWERED, "answered", IN(DPS_STATE_ASKING), COMMITTING),
	ROW(COMMITTED, "committed", IN(DPS_STATE_COMMITTING), PROVISIONED),
	ROW(COMMITTED_ENDS, "committed-ends", IN(DPS_STATE_COMMITTING), IDLE),
	ROW(LOCAL_FAILURE, "local-failure", ANY, WAITING),
	ROW(RENEWAL_DUE, "renewal-due", IN(DPS_STATE_PROVISIONED), WAITING),
	ROW(RECONFIGURED, "reconfigured", RUNNING, PROVISIONED),
	ROW(FAILED, "failed", UNFINISHED, IDLE),
	ROW(DEADLINE, "deadline", RUNNING, IDLE),
	ROW(CANCEL, "cancel", RUNNING, IDLE),
	ROW(STOP, "stop", ANY, IDLE),
	SAME(ASKED, "asked"),
	SAME(STEP_DONE, "step-done"),
	SAME(STEP_FAILED, "step-failed"),
};

_Static_assert(sizeof(table) / sizeof(table[0]) == DPS_WHY_COUNT, "each reason has its row");

const char *dps_why_name(enum dps_why why)
{
	return (size_t)why < DPS_WHY_COUNT ? table[why].name : "";
}

bool dps_machine_next(enum dps_state state, enum dps_why why, enum dps_state *next)
{
	if ((size_t)why >= DPS_WHY_COUNT || (table[why].from & IN(state)) == 0)
		return false;
	*next = (enum dps_state)table[why].to;
	return true;
}
