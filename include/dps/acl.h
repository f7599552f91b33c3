/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * "May this subject do this to this resource?" (OCF Security Specification 12: ACE2 subjects, resources, wildcards, CRUDN permissions).
 *
 * An entry grants its permissions if its subject and one of its resources match:
 * - subject {uuid}: the authenticated peer has this id. Only a full UUID names somebody: "*" is no form of a subject here, everybody is written as
 *   a connection type; the nil UUID is nobody.
 * - subject {role, authority}: the authenticated peer asserted this role from this authority; without "authority", from any.
 * - subject {conntype}: "auth-crypt" is every authenticated peer, "anon-clear" everybody, authenticated or not.
 * - resource {href}: exactly this path. {wc}: see struct dps_acl_question. Both: both must match.
 *
 * What cannot be judged grants nothing: an entry with a "validity" (its periods need a calendar the device may not have), a resource narrowed by
 * an "if" or "rt" without "*", a subject of two forms or with an unknown key, a known key twice, a wrong type. Other unknown keys are skipped.
 */
#ifndef DPS_ACL_H
#define DPS_ACL_H

#include "dps/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Permission bits of an ACE2 (OCF Security, oic.sec.crudntype). */
enum { DPS_ACL_CREATE = 1, DPS_ACL_RETRIEVE = 2, DPS_ACL_UPDATE = 4, DPS_ACL_DELETE = 8, DPS_ACL_NOTIFY = 16 };

/** Who asks. Fields that are not known stay zero. */
struct dps_acl_subject {
	bool authenticated;        /**< over a secure, authenticated connection: "auth-crypt"; false: "anon-clear" */
	struct dps_uuid uuid;      /**< the authenticated peer's device uuid, nil if none */
	struct dps_span role;      /**< an asserted role id, empty if none */
	struct dps_span authority; /**< the role's authority, empty if none */
};

/** What is asked for, and what of. */
struct dps_acl_question {
	struct dps_acl_subject subject;
	struct dps_span href; /**< the resource's path, e.g. "/light/1" */
	/**
	 * What wildcards need to know of the resource: "+" matches resources that are not configuration and have a secure end point,
	 * "-" those that are not configuration and have an insecure one only, "*" all that are not configuration.
	 */
	bool configuration;   /**< the device's own: /oic/sec/..., /oic/res, /oic/d, /oic/p and what else only an href may open */
	bool secure_endpoint; /**< it can be reached over a secure end point */
	unsigned permission;  /**< the bits asked for; all of them must be granted by one entry or several */
};

/** Whether the list allows it. An entry that cannot be read grants nothing; so does an empty question (permission 0: false). */
DPS_API bool dps_acl_allows(const struct dps_acl *acl, const struct dps_acl_question *question);

#ifdef __cplusplus
}
#endif
#endif
