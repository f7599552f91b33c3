/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control entries (OCF Security Specification: oic.sec.ace2, oic.sec.didtype, oic.sec.roletype, oic.sec.conntype, oic.sec.crudntype). One
 * walk over an entry serves both the check of the whole list and the question: what the check would refuse, the question never grants.
 *
 * The rule where the specification or the service leaves room: what cannot be judged grants nothing. So an entry with a "validity" (periods need a
 * calendar that a device may not have) and a resource narrowed by an "if" or "rt" without "*" are well-formed and never match.
 */
#include "dps/acl.h"

#include <stddef.h>
#include <string.h>

#include "codec/fields.h"
#include "store/acl.h"

#define PERMISSION_ALL (DPS_ACL_CREATE | DPS_ACL_RETRIEVE | DPS_ACL_UPDATE | DPS_ACL_DELETE | DPS_ACL_NOTIFY)

#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* --- the subject ------------------------------------------------------------------------------------------------------------------- */

/* What is absent has no data. */
struct subject {
	struct dps_span uuid, role, authority, conntype;
	struct dps_uuid device; /* of the uuid */
};

/*
 * A device, a role or a connection type, and nothing besides. Only a full UUID names a device: "*" is no oic.sec.didtype (everybody is written as a
 * connection type).
 */
static dps_result read_subject(struct dps_span map, struct subject *subject)
{
	static const struct dps_field fields[] = {
		{"uuid", DPS_FIELD_TEXT, false, offsetof(struct subject, uuid)},
		{"role", DPS_FIELD_TEXT, false, offsetof(struct subject, role)},
		{"authority", DPS_FIELD_TEXT, false, offsetof(struct subject, authority)},
		{"conntype", DPS_FIELD_TEXT, false, offsetof(struct subject, conntype)},
		{NULL, DPS_FIELD_NONE, false, 0},
	};
	int forms;
	dps_result result;

	memset(subject, 0, sizeof *subject);
	result = dps_fields_read_payload(map.data, map.len, fields, COUNT(fields), subject);
	if (result != DPS_OK)
		return result;
	forms = (subject->uuid.data != NULL) + (subject->role.data != NULL) + (subject->conntype.data != NULL);
	if (forms != 1 || (subject->authority.data != NULL && subject->role.data == NULL))
		return DPS_E_FIELD;
	if (subject->uuid.data != NULL)
		return dps_uuid_parse((const char *)subject->uuid.data, subject->uuid.len, &subject->device);
	if (subject->conntype.data != NULL && !dps_span_is(subject->conntype, "auth-crypt") && !dps_span_is(subject->conntype, "anon-clear"))
		return DPS_E_FIELD;
	return DPS_OK;
}

#if DPS_CONFIG_ACL
static bool equals(struct dps_span a, struct dps_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/*
 * The nil UUID is nobody, so that a peer without an id is not taken for one who has it. A role is one from the authority that is named, or from any (the role
 * certificate chained to a trust anchor all the same) when none is. "anon-clear" is everybody: who has authenticated may do no less than who has not.
 */
static bool subject_is(const struct subject *subject, const struct dps_acl_subject *who)
{
	if (!who->authenticated)
		return subject->conntype.data != NULL && dps_span_is(subject->conntype, "anon-clear");
	if (subject->uuid.data != NULL)
		return !dps_uuid_is_nil(&subject->device) && dps_uuid_equal(&subject->device, &who->uuid);
	if (subject->role.data != NULL)
		return subject->role.len > 0 && equals(subject->role, who->role) &&
		       (subject->authority.len == 0 || equals(subject->authority, who->authority));
	return true;
}
#endif

/* --- resources --------------------------------------------------------------------------------------------------------------------- */

struct resource {
	struct dps_span href, wildcard, interfaces, types;
	bool open; /* not narrowed to some interfaces or types */
};

/* An "if" or "rt": *open stays true if "*" is among the texts. */
static dps_result read_narrowing(struct dps_span texts, bool *open)
{
	struct dps_cbor r;
	bool all = false;
	bool more;
	dps_result result;

	if (texts.data == NULL)
		return DPS_OK;
	dps_cbor_init(&r, texts.data, texts.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		struct dps_span text;
		result = dps_cbor_read_text(&r, &text);
		if (result == DPS_OK && dps_span_is(text, "*"))
			all = true;
	}
	*open = *open && all;
	return result;
}

static dps_result read_resource(struct dps_cbor *r, struct resource *resource)
{
	static const struct dps_field fields[] = {
		{"href", DPS_FIELD_TEXT, false, offsetof(struct resource, href)},
		{"wc", DPS_FIELD_TEXT, false, offsetof(struct resource, wildcard)},
		{"if", DPS_FIELD_ARRAY, false, offsetof(struct resource, interfaces)},
		{"rt", DPS_FIELD_ARRAY, false, offsetof(struct resource, types)},
	};
	dps_result result;

	*resource = (struct resource){.open = true};
	result = dps_fields_read(r, fields, COUNT(fields), resource);
	if (result == DPS_OK)
		result = read_narrowing(resource->interfaces, &resource->open);
	if (result == DPS_OK)
		result = read_narrowing(resource->types, &resource->open);
	if (result != DPS_OK || resource->wildcard.data == NULL)
		return result;
	/* "+", "-" or "*" */
	return resource->wildcard.len == 1 && memchr("+-*", resource->wildcard.data[0], 3) != NULL ? DPS_OK : DPS_E_FIELD;
}

#if DPS_CONFIG_ACL
/* With both an href and a wildcard, both must match; with neither, nothing does. Wildcards never reach the device's configuration: that takes an href. */
static bool resource_is(const struct resource *resource, const struct dps_acl_question *question)
{
	const struct dps_span wildcard = resource->wildcard;

	if (!resource->open || (resource->href.data == NULL && wildcard.data == NULL))
		return false;
	if (resource->href.data != NULL && !equals(resource->href, question->href))
		return false;
	if (wildcard.data == NULL)
		return true;
	return !question->configuration && (wildcard.data[0] == '*' || (wildcard.data[0] == '+') == question->secure_endpoint);
}
#endif

/* *match: whether one of the list is the one in question. */
static dps_result read_resources(struct dps_span list, const struct dps_acl_question *question, bool *match)
{
	struct dps_cbor r;
	struct resource resource;
	bool more;
	dps_result result;

	dps_cbor_init(&r, list.data, list.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		result = read_resource(&r, &resource);
#if DPS_CONFIG_ACL
		*match = *match || (question != NULL && result == DPS_OK && resource_is(&resource, question));
#endif
	}
	(void)question;
	(void)match;
	return result;
}

/* --- entries ----------------------------------------------------------------------------------------------------------------------- */

struct ace {
	uint32_t permission;
	struct dps_span subject, resources, validity;
};

/* Reads an entry to its end, and says what it grants to the question, if there is one. Anything but DPS_OK: it grants nothing. */
static dps_result read_ace(struct dps_cbor *r, const struct dps_acl_question *question, unsigned *granted)
{
	static const struct dps_field fields[] = {
		{"permission", DPS_FIELD_UINT, true, offsetof(struct ace, permission)},
		{"subject", DPS_FIELD_MAP, true, offsetof(struct ace, subject)},
		{"resources", DPS_FIELD_ARRAY, true, offsetof(struct ace, resources)},
		{"validity", DPS_FIELD_ANY, false, offsetof(struct ace, validity)},
	};
	struct ace ace = {.validity = {NULL, 0}};
	struct subject subject;
	bool match = false;
	dps_result result = dps_fields_read(r, fields, COUNT(fields), &ace);

	*granted = 0;
	if (result == DPS_OK && ace.permission > PERMISSION_ALL)
		return DPS_E_FIELD;
	if (result == DPS_OK)
		result = read_subject(ace.subject, &subject);
	if (result == DPS_OK)
		result = read_resources(ace.resources, question, &match);
#if DPS_CONFIG_ACL
	if (result == DPS_OK && match && ace.validity.data == NULL && subject_is(&subject, &question->subject))
		*granted = ace.permission;
#endif
	return result;
}

dps_result dps_acl_check(struct dps_span aces, size_t *count)
{
	struct dps_cbor r;
	unsigned granted;
	bool more;
	dps_result result;

	*count = 0;
	dps_cbor_init(&r, aces.data, aces.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		result = read_ace(&r, NULL, &granted);
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
