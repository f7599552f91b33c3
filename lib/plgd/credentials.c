/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credentials step: POST /api/v1/provisioning/credentials {"di", "csr": {"data": PEM, "encoding"}, "selectedGateway"?} -> {"creds": [...]} with an
 * identity certificate, its trust anchor and perhaps a pre-shared key, in any order. Names and numbers are those of OCF's oic.r.cred.
 *
 * Certificates come as PEM in CBOR text and are turned into DER where they lie, so that the step needs no buffer of its own.
 */
#include <string.h>

#include "pki/pki.h"
#include "plgd/steps.h"
#include "store/store.h"

#define ENCODING_PEM "oic.sec.encoding.pem"
#define ENCODING_DER "oic.sec.encoding.der"
#define ENCODING_RAW "oic.sec.encoding.raw"

/* Map head, "csr" and its map, "encoding" with its value, "data" with its head. */
#define BODY_LIMIT (1 + DPS_PLGD_DI_SIZE + DPS_PLGD_SELECTED_SIZE + 5 + 9 + 21 + 5 + 3 + DPS_CSR_PEM_SIZE)
/* Without a selected gateway; what a small send buffer must hold. */
#define BODY_LIMIT_FIRST (BODY_LIMIT - DPS_PLGD_SELECTED_SIZE)

enum { CREDTYPE_PSK = 1, CREDTYPE_CERTIFICATE = 8 };

static dps_result write_body(const struct dps_step_env *env, uint8_t *buf, size_t size, size_t *len)
{
	enum { HEAD_MAX = 3 }; /* of a text of 256 to 65,535 bytes */
	struct dps_cbor_writer w;
	size_t csr_len = 0;
	uint8_t *csr;
	dps_result result;

	dps_cbor_writer_init(&w, buf, size);
	dps_cbor_write_map(&w, env->selected != NULL ? 3 : 2);
	dps_plgd_write_di(&w, &env->device_id);
	if (env->selected != NULL)
		dps_plgd_write_selected(&w, env->selected);
	dps_cbor_write_text(&w, "csr");
	dps_cbor_write_map(&w, 2);
	dps_cbor_write_text(&w, "encoding");
	dps_cbor_write_text(&w, ENCODING_PEM);
	dps_cbor_write_text(&w, "data");
	if (w.len + HEAD_MAX > size)
		return DPS_E_BUFFER;

	/* The text's length is known only once it is made: it is made behind the longest head and moved to the one it gets. */
	csr = buf + w.len + HEAD_MAX;
	result = dps_pki_csr_pem(env->keys, env->key_slot, &env->device_id, csr, size - w.len - HEAD_MAX, &csr_len);
	if (result != DPS_OK)
		return result;
	dps_cbor_write_text_head(&w, csr_len);
	memmove(buf + w.len, csr, csr_len);
	w.len += csr_len;
	return dps_cbor_finish(&w, len);
}

static dps_result build(const struct dps_step_env *env, struct dps_request *request)
{
	*request = (struct dps_request){
		.method = DPS_POST,
		.path = "/api/v1/provisioning/credentials",
		.large_answer = true,
		.body_limit = env->selected != NULL ? BODY_LIMIT - DPS_CONFIG_URI_LENGTH + env->selected->uri.len : BODY_LIMIT_FIRST,
		.write_body = write_body,
	};
	return DPS_OK;
}

/* One entry of "creds". */
struct cred {
	uint32_t type;
	struct dps_span subject;
	struct dps_span usage;
	struct dps_span public_data;
	struct dps_span private_data;
};

static dps_result read_cred(struct dps_cbor *r, struct cred *cred)
{
	static const struct dps_field fields[] = {
		{"credtype", DPS_FIELD_UINT, true, offsetof(struct cred, type)},
		{"subjectuuid", DPS_FIELD_TEXT, true, offsetof(struct cred, subject)},
		{"credusage", DPS_FIELD_TEXT, false, offsetof(struct cred, usage)},
		{"publicdata", DPS_FIELD_MAP, false, offsetof(struct cred, public_data)},
		{"privatedata", DPS_FIELD_MAP, false, offsetof(struct cred, private_data)},
	};

	*cred = (struct cred){.type = 0};
	return dps_fields_read(r, fields, sizeof(fields) / sizeof(fields[0]), cred);
}

/* publicdata and privatedata. */
struct data {
	struct dps_span data, encoding;
};

static dps_result read_data(struct dps_span map, struct data *data)
{
	static const struct dps_field fields[] = {
		{"data", DPS_FIELD_DATA, true, offsetof(struct data, data)},
		{"encoding", DPS_FIELD_TEXT, true, offsetof(struct data, encoding)},
	};

	if (map.len == 0)
		return DPS_E_FIELD;
	return dps_fields_read_payload(map.data, map.len, fields, sizeof(fields) / sizeof(fields[0]), data);
}

static dps_result read_certificates(const struct dps_answer *answer, const struct cred *cred, struct dps_span *der)
{
	struct data view;
	uint8_t *in_place;
	dps_result result = read_data(cred->public_data, &view);

	if (result != DPS_OK)
		return result;
	if (!dps_span_is(view.encoding, ENCODING_PEM) && !dps_span_is(view.encoding, ENCODING_DER))
		return DPS_E_FIELD;
	in_place = answer->payload + (view.data.data - answer->payload);
	result = dps_pki_load_certificates(view.data.data, view.data.len, in_place, view.data.len, &der->len);
	der->data = in_place;
	return result == DPS_E_CERTIFICATE_FORMAT ? DPS_E_FIELD : result; /* the service's mistake, not this device's files */
}

static dps_result add_identity(const struct dps_step_env *env, const struct dps_answer *answer, const struct cred *cred,
                               struct dps_credentials *out)
{
	struct dps_uuid subject;

	if (out->chain.len > 0)
		return DPS_E_FIELD; /* a device has one operational identity */
	if (dps_uuid_parse((const char *)cred->subject.data, cred->subject.len, &subject) != DPS_OK)
		return DPS_E_FIELD;
	if (!dps_uuid_equal(&subject, &env->device_id))
		return DPS_E_IDENTITY_DEVICE;
	return read_certificates(answer, cred, &out->chain);
}

static dps_result add_anchor(const struct dps_step_env *env, const struct dps_answer *answer, const struct cred *cred,
                             struct dps_credentials *out)
{
	struct dps_anchor *anchor = &out->anchors[out->anchor_count];

	(void)env;
	if (out->anchor_count == DPS_CONFIG_CREDENTIALS)
		return DPS_E_TOO_LARGE;
	*anchor = (struct dps_anchor){.der = {NULL, 0}};
	if (!dps_span_is(cred->subject, "*") && dps_uuid_parse((const char *)cred->subject.data, cred->subject.len, &anchor->subject) != DPS_OK)
		return DPS_E_FIELD;
	out->anchor_count++;
	return read_certificates(answer, cred, &anchor->der);
}

static dps_result add_psk(const struct dps_step_env *env, const struct dps_answer *answer, const struct cred *cred,
                          struct dps_credentials *out)
{
	struct dps_psk *psk = &out->psks[out->psk_count];
	struct data view;
	dps_result result;

	(void)env;
	(void)answer;
	if (out->psk_count == DPS_CONFIG_CREDENTIALS)
		return DPS_E_TOO_LARGE;
	if (dps_uuid_parse((const char *)cred->subject.data, cred->subject.len, &psk->subject) != DPS_OK)
		return DPS_E_FIELD;
	result = read_data(cred->private_data, &view);
	if (result != DPS_OK)
		return result;
	psk->key = view.data;
	if (!dps_span_is(view.encoding, ENCODING_RAW) || psk->key.len == 0 || psk->key.len > 64)
		return DPS_E_FIELD;
	out->psk_count++;
	return DPS_OK;
}

/* What is made of an entry, by type and usage. Others (role certificates, manufacturer anchors) are not for this library and skipped. */
static const struct {
	uint32_t type;
	const char *usage;
	dps_result (*add)(const struct dps_step_env *, const struct dps_answer *, const struct cred *, struct dps_credentials *);
} kinds[] = {
	{CREDTYPE_CERTIFICATE, "oic.sec.cred.cert", add_identity},
	{CREDTYPE_CERTIFICATE, "oic.sec.cred.trustca", add_anchor},
	{CREDTYPE_PSK, "", add_psk},
};

static dps_result read_creds(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_span array,
                             struct dps_credentials *out)
{
	struct dps_cbor r;
	struct cred cred;
	bool more = false;
	dps_result result;

	dps_cbor_init(&r, array.data, array.len);
	result = dps_cbor_read_array(&r);
	while (result == DPS_OK && (result = dps_cbor_more(&r, &more)) == DPS_OK && more) {
		result = read_cred(&r, &cred);
		for (size_t i = 0; result == DPS_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (cred.type == kinds[i].type && dps_span_is(cred.usage, kinds[i].usage))
				result = kinds[i].add(env, answer, &cred, out);
	}
	return result;
}

struct creds {
	struct dps_plgd_redirect redirect;
	struct dps_span creds;
};

static dps_result accept_credentials(const struct dps_step_env *env, const struct dps_answer *answer, struct dps_verdict *verdict)
{
	static const struct dps_field fields[] = {
		DPS_PLGD_REDIRECT,
		{"creds", DPS_FIELD_ARRAY, true, offsetof(struct creds, creds)},
	};
	struct creds view = {.redirect = {{NULL, 0}}};
	struct dps_credentials credentials = {
		.device_id = env->device_id,
		.key_slot = {(const uint8_t *)env->key_slot, strlen(env->key_slot)},
	};
	dps_result result = dps_plgd_read_answer(answer, fields, sizeof(fields) / sizeof(fields[0]), &view.redirect, verdict);

	if (result == DPS_OK)
		result = read_creds(env, answer, view.creds, &credentials);
	if (result != DPS_OK)
		return result;
	if (credentials.chain.len == 0 || credentials.anchor_count == 0)
		return DPS_E_FIELD;
	credentials.accepted = env->now_s;
	result = dps_pki_check_identity(env->keys, &credentials, env->key_slot, env->now_s);
	if (result == DPS_E_CERTIFICATE_FORMAT)
		return DPS_E_IDENTITY_CHAIN;
	return result == DPS_OK ? dps_store_stage(env->store, DPS_RECORD_CREDENTIALS, &credentials) : result;
}

const struct dps_step dps_plgd_step_credentials = {
	.id = DPS_STEP_CREDENTIALS,
	.needs = DPS_STEP_BIT(DPS_STEP_TIME),
	.build = build,
	.accept = accept_credentials,
};
