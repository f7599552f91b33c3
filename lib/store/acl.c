/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control entries (OCF Security Specification: oic.sec.ace2, oic.sec.didtype, oic.sec.roletype, oic.sec.conntype, oic.sec.crudntype). One
 * walk over an entry serves both the check of the whole list and the question: what the check would refuse, the question never grants.
 *
 * The rule where the specification or the service leaves room: what cannot be judged grants nothing. So an entry with a "validity" (periods need a
 * calendar that a device may not have) and a resource narrowed by an "if" or "rt" without "*" are well-formed and never match.
 */
#include "dps/acl.h"

#include <string.h>

#include "codec/cbor.h"
#include "store/acl.h"

#define PERMISSION_ALL (DPS_ACL_CREATE | DPS_ACL_RETRIEVE | DPS_ACL_UPDATE | DPS_ACL_DELETE | DPS_ACL_NOTIFY)

/* Keys of a map in a table of their own: seen bits tell duplicates and what is missing. */
struct key_set {
	const char *const *names;
	unsigned count;
	unsigned seen;
};

/* Reads the next key: its index, or set->count for an unknown one. A known key that comes again is DPS_E_FIELD. */
static dps_result read_key(struct dps_cbor *r, struct key_set *set, unsigned *index)
{
	struct dps_span key;
	unsigned i = 0;
	dps_result result = dps_cbor_read_text(r, &key);
	if (result != DPS_OK)
		return result;
	while (i < set->count && !dps_span_is(key, set->names[i]))
		i++;
	*index = i;
	if (i == set->count)
		return DPS_OK;
	if (set->seen & 1u << i)
		return DPS_E_FIELD;
	set->seen |= 1u << i;
	return DPS_OK;
}

static bool equals(struct dps_span a, struct dps_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* --- the subject ------------------------------------------------------------------------------------------------------------------- */

enum { SUBJECT_UUID, SUBJECT_ROLE, SUBJECT_AUTHORITY, SUBJECT_CONNTYPE, SUBJECT_KEYS };
static const char *const subject_keys[SUBJECT_KEYS] = {"uuid", "role", "authority", "conntype"};

/*
 * A device. Only a full UUID names one: "*" is no oic.sec.didtype (everybody is written as a connection type). The nil UUID is nobody, so
 * that a peer without an id is not taken for one who has it.
 */
static dps_result match_uuid(struct dps_span text, const struct dps_acl_subject *who, bool *match)
{
	struct dps_uuid uuid;
	dps_result result = dps_uuid_parse((const char *)text.data, text.len, &uuid);
	if (result == DPS_OK)
		*match = who->authenticated && !dps_uuid_is_nil(&uuid) && dps_uuid_equal(&uuid, &who->uuid);
	return result;
}

/* A role, from the authority that is named, or from any (the role certificate chained to a trust anchor all the same) when none is. */
static bool match_role(struct dps_span role, struct dps_span authority, const struct dps_acl_subject *who)
{
	return who->authenticated && role.len > 0 && equals(role, who->role) && (authority.len == 0 || equals(authority, who->authority));
}

/* "anon-clear" is everybody: who has authenticated may do no less than who has not. */
static dps_result match_conntype(struct dps_span conntype, const struct dps_acl_subject *who, bool *match)
{
	bool crypt = dps_span_is(conntype, "auth-crypt");
	if (!crypt && !dps_span_is(conntype, "anon-clear"))
		return DPS_E_FIELD;
	*match = !crypt || who->authenticated;
	return DPS_OK;
}

static dps_result read_subject(struct dps_cbor *r, const struct dps_acl_subject *who, bool *match)
{
	struct dps_span values[SUBJECT_KEYS] = {{NULL, 0}};
	struct key_set keys = {subject_keys, SUBJECT_KEYS, 0};
	bool more;
	dps_result result = dps_cbor_read_map(r);

	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		unsigned index;
		result = read_key(r, &keys, &index);
		if (result == DPS_OK)
			result = index == SUBJECT_KEYS ? DPS_E_FIELD : dps_cbor_read_text(r, &values[index]);
	}
	if (result != DPS_OK)
		return result;
	switch (keys.seen) {
	case 1u << SUBJECT_UUID:
		return match_uuid(values[SUBJECT_UUID], who, match);
	case 1u << SUBJECT_CONNTYPE:
		return match_conntype(values[SUBJECT_CONNTYPE], who, match);
	case 1u << SUBJECT_ROLE:
	case 1u << SUBJECT_ROLE | 1u << SUBJECT_AUTHORITY:
		*match = match_role(values[SUBJECT_ROLE], values[SUBJECT_AUTHORITY], who);
		return DPS_OK;
	default:
		return DPS_E_FIELD;
	}
}

/* --- resources --------------------------------------------------------------------------------------------------------------------- */

enum { RESOURCE_HREF, RESOURCE_WC, RESOURCE_IF, RESOURCE_RT, RESOURCE_KEYS };
static const char *const resource_keys[RESOURCE_KEYS] = {"href", "wc", "if", "rt"};

/* An "if" or "rt": *open stays true if "*" is among the texts. */
static dps_result read_narrowing(struct dps_cbor *r, bool *open)
{
	bool all = false;
	bool more;
	dps_result result = dps_cbor_read_array(r);

	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		struct dps_span text;
		result = dps_cbor_read_text(r, &text);
		if (result == DPS_OK && dps_span_is(text, "*"))
			all = true;
	}
	*open = *open && all;
	return result;
}

/* Wildcards never reach the device's configuration: that takes an href. */
static dps_result match_wildcard(struct dps_span wildcard, const struct dps_acl_question *question, bool *match)
{
	bool secure = dps_span_is(wildcard, "+");
	bool insecure = dps_span_is(wildcard, "-");
	if (!secure && !insecure && !dps_span_is(wildcard, "*"))
		return DPS_E_FIELD;
	*match = !question->configuration && (!secure || question->secure_endpoint) && (!insecure || !question->secure_endpoint);
	return DPS_OK;
}

/* One resource of an entry. With both an href and a wildcard, both must match; with neither, nothing does. */
static dps_result read_resource(struct dps_cbor *r, const struct dps_acl_question *question, bool *match)
{
	struct key_set keys = {resource_keys, RESOURCE_KEYS, 0};
	struct dps_span text;
	bool href = true;
	bool wildcard = true;
	bool open = true;
	bool more;
	dps_result result = dps_cbor_read_map(r);

	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		unsigned index;
		result = read_key(r, &keys, &index);
		if (result != DPS_OK)
			return result;
		if (index == RESOURCE_IF || index == RESOURCE_RT) {
			result = read_narrowing(r, &open);
			continue;
		}
		if (index == RESOURCE_KEYS) {
			result = dps_cbor_skip(r);
			continue;
		}
		result = dps_cbor_read_text(r, &text);
		if (result != DPS_OK)
			return result;
		if (index == RESOURCE_HREF)
			href = equals(text, question->href);
		else
			result = match_wildcard(text, question, &wildcard);
	}
	*match = href && wildcard && open && (keys.seen & (1u << RESOURCE_HREF | 1u << RESOURCE_WC)) != 0;
	return result;
}

static dps_result read_resources(struct dps_cbor *r, const struct dps_acl_question *question, bool *match)
{
	bool more;
	dps_result result = dps_cbor_read_array(r);

	*match = false;
	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		bool one = false;
		result = read_resource(r, question, &one);
		*match = *match || one;
	}
	return result;
}

/* --- entries ----------------------------------------------------------------------------------------------------------------------- */

enum { ACE_PERMISSION, ACE_SUBJECT, ACE_RESOURCES, ACE_VALIDITY, ACE_KEYS };
#define ACE_REQUIRED (1u << ACE_PERMISSION | 1u << ACE_SUBJECT | 1u << ACE_RESOURCES)
static const char *const ace_keys[ACE_KEYS] = {"permission", "subject", "resources", "validity"};

/* Reads an entry to its end, and says what it grants to the question. Anything but DPS_OK: it grants nothing. */
static dps_result read_ace(struct dps_cbor *r, const struct dps_acl_question *question, unsigned *granted)
{
	struct key_set keys = {ace_keys, ACE_KEYS, 0};
	uint64_t permission = 0;
	bool subject = false;
	bool resource = false;
	bool more;
	dps_result result = dps_cbor_read_map(r);

	*granted = 0;
	while (result == DPS_OK && (result = dps_cbor_more(r, &more)) == DPS_OK && more) {
		unsigned index;
		result = read_key(r, &keys, &index);
		if (result != DPS_OK)
			return result;
		if (index == ACE_PERMISSION)
			result = dps_cbor_read_uint(r, PERMISSION_ALL, &permission);
		else if (index == ACE_SUBJECT)
			result = read_subject(r, &question->subject, &subject);
		else if (index == ACE_RESOURCES)
			result = read_resources(r, question, &resource);
		else
			result = dps_cbor_skip(r);
	}
	if (result != DPS_OK)
		return result;
	if ((keys.seen & ACE_REQUIRED) != ACE_REQUIRED)
		return DPS_E_FIELD;
	if (subject && resource && (keys.seen & 1u << ACE_VALIDITY) == 0)
		*granted = (unsigned)permission;
	return DPS_OK;
}

dps_result dps_acl_check(struct dps_span aces, size_t *count)
{
	static const struct dps_acl_question nobody = {.permission = 0};
	struct dps_cbor r;
	unsigned granted;
	bool more;
	dps_result result;

	*count = 0;
	dps_cbor_init(&r, aces.data, aces.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		result = read_ace(&r, &nobody, &granted);
		(*count)++;
	}
	return result == DPS_OK ? dps_cbor_end(&r) : result;
}

#if DPS_CONFIG_ACL
bool dps_acl_allows(const struct dps_acl *acl, const struct dps_acl_question *question)
{
	struct dps_cbor list;
	unsigned missing = question->permission;
	bool more;

	dps_cbor_init(&list, acl->aces.data, acl->aces.len);
	if (missing == 0 || dps_cbor_read_array(&list) != DPS_OK)
		return false;
	while (dps_cbor_more(&list, &more) == DPS_OK && more) {
		struct dps_cbor one;
		struct dps_span ace;
		unsigned granted;
		/* A reader of its own for each entry: a wrong field in one must not keep the others from being read. */
		if (dps_cbor_read_raw(&list, &ace) != DPS_OK)
			return false;
		dps_cbor_init(&one, ace.data, ace.len);
		if (read_ace(&one, question, &granted) == DPS_OK)
			missing &= ~granted;
		if (missing == 0)
			return true;
	}
	return false;
}
#endif
