/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates in NV (TPM 2.0 Part 1, 37). An index the platform made outlives TPM2_Clear; where firmware keeps the platform's auth value to itself the owner makes it.
 */
#include <string.h>

#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/pki.h"
#include "tpm2/internal.h"

/* When the TPM does not say how many bytes a command may carry: every TPM takes as many. */
#define SMALL_BUFFER 256
/* Certificates of one chain. */
#define CHAIN_MAX 8

#define ATTRIBUTES_READ     (TPMA_NV_PPREAD | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | TPMA_NV_WRITEDEFINE)
#define ATTRIBUTES_PLATFORM (ATTRIBUTES_READ | TPMA_NV_PPWRITE | TPMA_NV_PLATFORMCREATE)
#define ATTRIBUTES_OWNER    (ATTRIBUTES_READ | TPMA_NV_OWNERWRITE)

/* --- looking --------------------------------------------------------------------------------------------------------------------------- */

/* Finds an index: two commands, as ESAPI keeps to itself what it was told. The object is to be forgotten. */
static dps_result find_index(struct dps_tpm2 *tpm, uint32_t index, ESYS_TR *object, TPMS_NV_PUBLIC *public)
{
	TPM2B_NV_PUBLIC *read = NULL;
	TSS2_RC rc = dps_tpm2_find(tpm, index, object);

	if (rc != TSS2_RC_SUCCESS) {
		*object = ESYS_TR_NONE;
		return dps_tpm2_fail(tpm, "find an NV index", rc);
	}
	rc = Esys_NV_ReadPublic(dps_tpm2_esys(tpm), *object, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &read, NULL);
	if (rc == TSS2_RC_SUCCESS)
		*public = read->nvPublic;
	else
		dps_tpm2_forget(tpm, object);
	Esys_Free(read);
	return dps_tpm2_fail(tpm, "look at an NV index", rc);
}

static void describe(const TPMS_NV_PUBLIC *public, struct dps_tpm2_nv *nv)
{
	*nv = (struct dps_tpm2_nv){.index = public->nvIndex,
	                           .attributes = public->attributes,
	                           .size = public->dataSize,
	                           .written = (public->attributes & TPMA_NV_WRITTEN) != 0,
	                           .write_locked = (public->attributes & TPMA_NV_WRITELOCKED) != 0,
	                           .lockable = (public->attributes & TPMA_NV_WRITEDEFINE) != 0,
	                           .platform = (public->attributes & TPMA_NV_PLATFORMCREATE) != 0};
}

static dps_result look(struct dps_tpm2 *tpm, uint32_t index, struct dps_tpm2_nv *nv)
{
	ESYS_TR object;
	TPMS_NV_PUBLIC public;
	const dps_result result = find_index(tpm, index, &object, &public);

	if (result != DPS_OK)
		return result;
	dps_tpm2_forget(tpm, &object);
	describe(&public, nv);
	return DPS_OK;
}

dps_result dps_tpm2_nv_look(struct dps_tpm2 *tpm, uint32_t index, struct dps_tpm2_nv *nv)
{
	const dps_result result = dps_tpm2_begin(tpm);

	return result == DPS_OK ? look(tpm, index, nv) : result;
}

static dps_result buffer_size(struct dps_tpm2 *tpm)
{
	dps_result result = DPS_OK;

	if (tpm->nv_buffer == 0)
		result = dps_tpm2_property(tpm, TPM2_PT_NV_BUFFER_MAX, &tpm->nv_buffer);
	if (tpm->nv_buffer == 0)
		tpm->nv_buffer = SMALL_BUFFER;
	if (tpm->nv_buffer > TPM2_MAX_NV_BUFFER_SIZE)
		tpm->nv_buffer = TPM2_MAX_NV_BUFFER_SIZE;
	return result;
}

/* --- reading --------------------------------------------------------------------------------------------------------------------------- */

/* Who may read an index, and the auth value for it. */
static dps_result reader_of(struct dps_tpm2 *tpm, const TPMS_NV_PUBLIC *public, ESYS_TR object, bool plain, ESYS_TR *reader,
                            const struct dps_tpm2_auth **auth)
{
	*auth = &dps_tpm2_no_auth;
	*reader = object;
	if ((public->attributes & TPMA_NV_AUTHREAD) != 0)
		return DPS_OK;
	*reader = (public->attributes & TPMA_NV_OWNERREAD) != 0 ? ESYS_TR_RH_OWNER : ESYS_TR_RH_PLATFORM;
	if (plain)
		return DPS_OK;
	return dps_tpm2_current_auth(tpm, *reader == ESYS_TR_RH_OWNER ? DPS_TPM2_OWNER : DPS_TPM2_PLATFORM, auth);
}

static dps_result read_part(struct dps_tpm2 *tpm, ESYS_TR reader, const struct dps_tpm2_auth *auth, ESYS_TR object, uint8_t *buf,
                            size_t size, size_t offset)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	struct dps_tpm2_permit permit;
	const dps_result result = dps_tpm2_permit(tpm, &permit, reader, auth, false);

	if (result != DPS_OK)
		return result;
	TSS2_RC rc =
		Esys_NV_Read(dps_tpm2_esys(tpm), reader, object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)size, (UINT16)offset, &data);
	dps_tpm2_unpermit(tpm, &permit, reader, rc);
	if (rc == TSS2_RC_SUCCESS && data->size == size)
		memcpy(buf, data->buffer, size);
	else if (rc == TSS2_RC_SUCCESS)
		rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
	Esys_Free(data);
	return dps_tpm2_fail(tpm, "read from NV", rc);
}

static dps_result read_whole(struct dps_tpm2 *tpm, ESYS_TR object, const TPMS_NV_PUBLIC *public, bool plain, uint8_t *buf, size_t size,
                             size_t *len)
{
	const struct dps_tpm2_auth *auth;
	ESYS_TR reader;
	dps_result result;

	*len = public->dataSize;
	if ((public->attributes & TPMA_NV_WRITTEN) == 0)
		return dps_tpm2_fail_text(tpm, DPS_E_NOT_FOUND, "NV index 0x%08x was never written", (unsigned)public->nvIndex);
	if (*len > size)
		return dps_tpm2_fail_text(tpm, DPS_E_BUFFER, "NV index 0x%08x has %zu bytes", (unsigned)public->nvIndex, *len);
	result = buffer_size(tpm);
	if (result == DPS_OK)
		result = reader_of(tpm, public, object, plain, &reader, &auth);
	for (size_t at = 0; result == DPS_OK && at < *len;) {
		const size_t part = *len - at < tpm->nv_buffer ? *len - at : tpm->nv_buffer;

		result = read_part(tpm, reader, auth, object, buf + at, part, at);
		at += part;
	}
	return result;
}

dps_result dps_tpm2_nv_get(struct dps_tpm2 *tpm, uint32_t index, bool plain, uint8_t *buf, size_t size, size_t *len)
{
	ESYS_TR object;
	TPMS_NV_PUBLIC public;
	dps_result result = find_index(tpm, index, &object, &public);

	*len = 0;
	if (result != DPS_OK)
		return result;
	result = read_whole(tpm, object, &public, plain, buf, size, len);
	dps_tpm2_forget(tpm, &object);
	return result;
}

dps_result dps_tpm2_nv_read(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len)
{
	const dps_result result = dps_tpm2_begin(tpm);

	*len = 0;
	return result == DPS_OK ? dps_tpm2_nv_get(tpm, index, false, buf, size, len) : result;
}

dps_result dps_tpm2_nv_certificate(struct dps_tpm2 *tpm, uint32_t index, bool plain, uint8_t *buf, size_t size, size_t *len)
{
	struct dps_certificate_view view;
	struct dps_span content, rest;
	const dps_result result = dps_tpm2_nv_get(tpm, index, plain, buf, size, len);

	if (result != DPS_OK)
		return result;
	rest = (struct dps_span){buf, *len};
	if (dps_der_take(&rest, DPS_DER_SEQUENCE, &content)) {
		struct dps_span certificate = {buf, *len - rest.len};

		*len = certificate.len;
		if (dps_pki_certificate_next(&certificate, &view) == DPS_OK)
			return DPS_OK;
	}
	return dps_tpm2_fail_text(tpm, DPS_E_CERTIFICATE_FORMAT, "NV index 0x%08x holds no certificate", (unsigned)index);
}

/* Issuer and subject of a certificate that is known to be one (RFC 5280 4.1.2). */
static bool names_of(struct dps_span certificate, struct dps_span *issuer, struct dps_span *subject)
{
	struct dps_span tbs, skipped;

	if (!dps_der_take(&certificate, DPS_DER_SEQUENCE, &tbs))
		return false;
	certificate = tbs;
	if (!dps_der_take(&certificate, DPS_DER_SEQUENCE, &tbs))
		return false;
	(void)dps_der_take(&tbs, DPS_DER_CONTEXT_CONSTRUCTED, &skipped); /* version */
	return dps_der_take(&tbs, DPS_DER_INTEGER, &skipped) && dps_der_take(&tbs, DPS_DER_SEQUENCE, &skipped) &&
	       dps_der_take(&tbs, DPS_DER_SEQUENCE, issuer) && dps_der_take(&tbs, DPS_DER_SEQUENCE, &skipped) &&
	       dps_der_take(&tbs, DPS_DER_SEQUENCE, subject);
}

/* What is at the index behind a chain may be of another key: it belongs to the chain if it is of the issuer. */
static bool is_issuer(struct dps_span certificate, struct dps_span above)
{
	struct dps_span issuer, subject, other_issuer, other_subject;

	return names_of(certificate, &issuer, &subject) && names_of(above, &other_issuer, &other_subject) && issuer.len == other_subject.len &&
	       memcmp(issuer.data, other_subject.data, issuer.len) == 0;
}

/* The same, and how many indices it takes. */
static dps_result read_chain(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len, size_t *count)
{
	struct dps_span last;
	size_t part;
	dps_result result = dps_tpm2_nv_certificate(tpm, index, false, buf, size, len);

	*count = result == DPS_OK ? 1 : 0;
	last = (struct dps_span){buf, *len};
	while (result == DPS_OK && *count < CHAIN_MAX) {
		result = dps_tpm2_nv_certificate(tpm, index + (uint32_t)*count, false, buf + *len, size - *len, &part);
		if (result == DPS_E_NOT_FOUND || result == DPS_E_CERTIFICATE_FORMAT) {
			tpm->detail[0] = '\0';
			return DPS_OK;
		}
		if (result != DPS_OK)
			return result;
		const struct dps_span next = {buf + *len, part};
		if (!is_issuer(last, next))
			return DPS_OK;
		last = next;
		*len += part;
		(*count)++;
	}
	return result;
}

dps_result dps_tpm2_nv_chain(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len)
{
	size_t count;

	return read_chain(tpm, index, buf, size, len, &count);
}

dps_result dps_tpm2_nv_read_chain(struct dps_tpm2 *tpm, uint32_t index, uint8_t *buf, size_t size, size_t *len)
{
	const dps_result result = dps_tpm2_begin(tpm);

	*len = 0;
	return result == DPS_OK ? dps_tpm2_nv_chain(tpm, index, buf, size, len) : result;
}

/* --- writing --------------------------------------------------------------------------------------------------------------------------- */

static TSS2_RC do_define(struct dps_tpm2 *tpm, ESYS_TR maker, ESYS_TR session, uint32_t index, uint32_t attributes, size_t size,
                         ESYS_TR *object)
{
	static const TPM2B_AUTH NO_AUTH = {.size = 0};
	const TPM2B_NV_PUBLIC public = {
		.nvPublic = {.nvIndex = index, .nameAlg = TPM2_ALG_SHA256, .attributes = attributes, .dataSize = (UINT16)size}};

	return Esys_NV_DefineSpace(dps_tpm2_esys(tpm), maker, session, ESYS_TR_NONE, ESYS_TR_NONE, &NO_AUTH, &public, object);
}

static enum dps_tpm2_authority authority_of(ESYS_TR maker)
{
	return maker == ESYS_TR_RH_PLATFORM ? DPS_TPM2_PLATFORM : DPS_TPM2_OWNER;
}

/* A session, or the empty password, for whoever made or makes an index. */
static dps_result permit_maker(struct dps_tpm2 *tpm, struct dps_tpm2_permit *permit, ESYS_TR maker)
{
	const struct dps_tpm2_auth *auth;
	const dps_result result = dps_tpm2_current_auth(tpm, authority_of(maker), &auth);

	return result == DPS_OK ? dps_tpm2_permit(tpm, permit, maker, auth, false) : result;
}

static dps_result define(struct dps_tpm2 *tpm, uint32_t index, size_t size, ESYS_TR *maker, ESYS_TR *object)
{
	static const ESYS_TR MAKERS[] = {ESYS_TR_RH_PLATFORM, ESYS_TR_RH_OWNER};
	struct dps_tpm2_permit permit;
	dps_result result = DPS_OK;

	*object = ESYS_TR_NONE;
	for (size_t i = 0; i < 2; i++) {
		*maker = MAKERS[i];
		result = permit_maker(tpm, &permit, *maker);
		if (result != DPS_OK)
			return result;
		const TSS2_RC rc = do_define(tpm, *maker, permit.session, index,
		                             *maker == ESYS_TR_RH_PLATFORM ? ATTRIBUTES_PLATFORM : ATTRIBUTES_OWNER, size, object);
		if (rc != TSS2_RC_SUCCESS)
			*object = ESYS_TR_NONE;
		dps_tpm2_unpermit(tpm, &permit, *maker, rc);
		result = dps_tpm2_fail(tpm, "define an NV index", rc);
		if (dps_tpm2_error_of(rc) == TPM2_RC_SIZE)
			result = DPS_E_STORAGE_FULL;
		/* the platform's auth value is not ours to know, or it is disabled */
		if (!dps_tpm2_is_wrong_auth(rc) && dps_tpm2_error_of(rc) != TPM2_RC_HIERARCHY)
			break;
	}
	if (result == DPS_OK)
		tpm->detail[0] = '\0';
	return result;
}

static dps_result write_whole(struct dps_tpm2 *tpm, ESYS_TR maker, ESYS_TR object, struct dps_span data)
{
	dps_result result = buffer_size(tpm);

	for (size_t at = 0; result == DPS_OK && at < data.len;) {
		const size_t part = data.len - at < tpm->nv_buffer ? data.len - at : tpm->nv_buffer;
		TPM2B_MAX_NV_BUFFER buffer = {.size = (UINT16)part};
		struct dps_tpm2_permit permit;

		memcpy(buffer.buffer, data.data + at, part);
		result = permit_maker(tpm, &permit, maker);
		if (result != DPS_OK)
			return result;
		const TSS2_RC rc =
			Esys_NV_Write(dps_tpm2_esys(tpm), maker, object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE, &buffer, (UINT16)at);
		dps_tpm2_unpermit(tpm, &permit, maker, rc);
		result = dps_tpm2_fail(tpm, "write to NV", rc);
		at += part;
	}
	return result;
}

static ESYS_TR maker_of(const struct dps_tpm2_nv *nv)
{
	return nv->platform ? ESYS_TR_RH_PLATFORM : ESYS_TR_RH_OWNER;
}

static dps_result undefine(struct dps_tpm2 *tpm, const struct dps_tpm2_nv *nv)
{
	struct dps_tpm2_permit permit;
	ESYS_TR object;
	TPMS_NV_PUBLIC public;
	dps_result result = find_index(tpm, nv->index, &object, &public);

	if (result != DPS_OK)
		return result;
	result = permit_maker(tpm, &permit, maker_of(nv));
	if (result == DPS_OK) {
		const TSS2_RC rc = Esys_NV_UndefineSpace(dps_tpm2_esys(tpm), maker_of(nv), object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE);

		dps_tpm2_unpermit(tpm, &permit, maker_of(nv), rc);
		if (rc == TSS2_RC_SUCCESS)
			return DPS_OK;
		result = dps_tpm2_fail(tpm, "remove an NV index", rc);
	}
	dps_tpm2_forget(tpm, &object);
	return result;
}

static dps_result lock_index(struct dps_tpm2 *tpm, uint32_t index)
{
	struct dps_tpm2_permit permit;
	struct dps_tpm2_nv nv;
	ESYS_TR object;
	TPMS_NV_PUBLIC public;
	dps_result result = find_index(tpm, index, &object, &public);

	if (result != DPS_OK)
		return result;
	describe(&public, &nv);
	result = permit_maker(tpm, &permit, maker_of(&nv));
	if (result == DPS_OK) {
		const TSS2_RC rc = Esys_NV_WriteLock(dps_tpm2_esys(tpm), maker_of(&nv), object, permit.session, ESYS_TR_NONE, ESYS_TR_NONE);

		dps_tpm2_unpermit(tpm, &permit, maker_of(&nv), rc);
		result = dps_tpm2_fail(tpm, "lock an NV index", rc);
	}
	dps_tpm2_forget(tpm, &object);
	return result;
}

/* Whether an index holds this certificate, perhaps with padding behind it. */
static dps_result holds(struct dps_tpm2 *tpm, const struct dps_tpm2_nv *nv, struct dps_span certificate, bool *same)
{
	uint8_t there[DPS_TPM2_CERTIFICATE_SIZE];
	size_t len;
	dps_result result;

	*same = false;
	if (!nv->written || nv->size < certificate.len || nv->size > sizeof(there))
		return DPS_OK;
	result = dps_tpm2_nv_get(tpm, nv->index, false, there, sizeof(there), &len);
	*same = result == DPS_OK && len >= certificate.len && memcmp(there, certificate.data, certificate.len) == 0;
	return result;
}

/* Defines an index anew and writes it. When that is cut the next installation finds something else there, and begins anew. */
static dps_result store(struct dps_tpm2 *tpm, uint32_t index, struct dps_span certificate)
{
	ESYS_TR maker, object;
	struct dps_tpm2_nv nv;
	bool same = false;
	dps_result result = define(tpm, index, certificate.len, &maker, &object);

	if (result != DPS_OK)
		return result;
	result = write_whole(tpm, maker, object, certificate);
	dps_tpm2_forget(tpm, &object);
	if (result == DPS_OK)
		result = look(tpm, index, &nv);
	if (result == DPS_OK)
		result = holds(tpm, &nv, certificate, &same);
	if (result == DPS_OK && !same)
		result = dps_tpm2_fail_text(tpm, DPS_E_KEY, "NV index 0x%08x does not read as it was written", (unsigned)index);
	return result;
}

static dps_result install_one(struct dps_tpm2 *tpm, uint32_t index, struct dps_span certificate, bool lock, bool *changed)
{
	struct dps_tpm2_nv nv;
	bool same = false;
	dps_result result = look(tpm, index, &nv);

	if (result == DPS_OK) {
		result = holds(tpm, &nv, certificate, &same);
		if (result == DPS_OK && !same && nv.write_locked)
			return dps_tpm2_fail_text(tpm, DPS_E_STATE, "NV index 0x%08x is locked and holds something else", (unsigned)index);
		if (result == DPS_OK && !same)
			result = undefine(tpm, &nv);
	} else if (result == DPS_E_NOT_FOUND) {
		nv.write_locked = false;
		result = DPS_OK;
	}
	if (result == DPS_OK && !same) {
		*changed = true;
		result = store(tpm, index, certificate);
	}
	if (result == DPS_OK && lock && !(same && nv.write_locked)) {
		*changed = true;
		result = lock_index(tpm, index);
	}
	return result;
}

/* Takes a list apart and looks at all of it before anything is written. */
static dps_result take_apart(struct dps_tpm2 *tpm, struct dps_span list, struct dps_span parts[CHAIN_MAX], size_t *count)
{
	struct dps_certificate_view view;

	*count = 0;
	while (list.len > 0) {
		struct dps_span before = list;

		if (*count == CHAIN_MAX || dps_pki_certificate_next(&list, &view) != DPS_OK)
			return dps_tpm2_fail_text(tpm, DPS_E_CERTIFICATE_FORMAT, "not a chain of 1 to %d certificates", CHAIN_MAX);
		before.len -= list.len;
		if (before.len > DPS_TPM2_CERTIFICATE_SIZE)
			return dps_tpm2_fail_text(tpm, DPS_E_STORAGE_FULL, "a certificate of %zu bytes is too large for NV", before.len);
		if (*count > 0 && !is_issuer(parts[*count - 1], before))
			return dps_tpm2_fail_text(tpm, DPS_E_CERTIFICATE_FORMAT,
			                          "the chain is out of order: each certificate must be followed by its issuer's");
		parts[(*count)++] = before;
	}
	return *count > 0 ? DPS_OK : dps_tpm2_fail_text(tpm, DPS_E_CERTIFICATE_FORMAT, "no certificate");
}

dps_result dps_tpm2_nv_install_chain(struct dps_tpm2 *tpm, uint32_t index, struct dps_span der_list, bool lock, bool *changed)
{
	struct dps_span parts[CHAIN_MAX];
	uint8_t old[DPS_TPM2_CHAIN_SIZE];
	size_t count, old_len, old_count = 0;
	bool any = false;
	dps_result result = dps_tpm2_begin(tpm);

	if (result == DPS_OK)
		result = take_apart(tpm, der_list, parts, &count);
	if (changed != NULL)
		*changed = false;
	if (result != DPS_OK)
		return result;
	/* what is there counts only for what is behind the new chain: garbage is overwritten */
	result = read_chain(tpm, index, old, sizeof(old), &old_len, &old_count);
	if (result == DPS_E_TPM)
		return result;
	tpm->detail[0] = '\0';
	result = DPS_OK;
	for (size_t i = 0; result == DPS_OK && i < count; i++)
		result = install_one(tpm, index + (uint32_t)i, parts[i], lock, &any);
	for (size_t i = count; result == DPS_OK && i < old_count; i++) {
		struct dps_tpm2_nv nv;

		result = look(tpm, index + (uint32_t)i, &nv);
		if (result == DPS_OK)
			result = undefine(tpm, &nv);
		any = true;
	}
	if (any) {
		dps_tpm2_cache_erase_chain(tpm, index);
		tpm->chain_len = 0;
	}
	if (result == DPS_OK)
		tpm->detail[0] = '\0';
	if (changed != NULL)
		*changed = any;
	return result;
}

dps_result dps_tpm2_nv_remove(struct dps_tpm2 *tpm, uint32_t index, bool *changed)
{
	struct dps_tpm2_nv nv;
	dps_result result = dps_tpm2_begin(tpm);

	if (changed != NULL)
		*changed = false;
	if (result == DPS_OK)
		result = look(tpm, index, &nv);
	if (result == DPS_E_NOT_FOUND) {
		tpm->detail[0] = '\0';
		return DPS_OK;
	}
	if (result == DPS_OK)
		result = undefine(tpm, &nv);
	if (result == DPS_OK) {
		dps_tpm2_cache_erase_chain(tpm, index);
		tpm->chain_len = 0;
	}
	if (changed != NULL)
		*changed = result == DPS_OK;
	return result;
}
