/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Typed handlers: how the application is given what was committed.
 *
 * They are called after the commit, one record each, in the order of enum dps_record. What a handler confirms is not told again; what it postpones,
 * and what was committed but not confirmed when the power failed, is told again at the next start. A handler never undoes a commit.
 */
#ifndef DPS_HANDLERS_H
#define DPS_HANDLERS_H

#include "dps/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A handler's answer. */
enum dps_handled {
	DPS_HANDLED, /**< taken: do not tell again */
	DPS_LATER    /**< not now: a warning event is raised, and the record is told again at the next start */
};

/** Handlers; each may be NULL (then its record counts as confirmed). Views are valid during the call. */
struct dps_handlers {
	enum dps_handled (*owner)(void *user, const struct dps_owner *owner);
	enum dps_handled (*cloud)(void *user, const struct dps_cloud *cloud);
	enum dps_handled (*credentials)(void *user, const struct dps_credentials *credentials);
	enum dps_handled (*acls)(void *user, const struct dps_acl *acl);
	enum dps_handled (*resources)(void *user, const struct dps_resources *resources);
};

#ifdef __cplusplus
}
#endif
#endif
