/* SPDX-License-Identifier: Apache-2.0 */
/* See x509.h: certificates. */
#include "x509.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define CHAIN_FILE_MAX 65536

void x509_chain_free(struct x509_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->certificates[i]);
	*chain = (struct x509_chain){0};
}

bool x509_chain_parse(struct x509_chain *chain, struct dps_span der_list)
{
	const unsigned char *at = der_list.data;
	const unsigned char *end = at + der_list.len;

	*chain = (struct x509_chain){0};
	while (at < end && chain->count < X509_CHAIN_MAX) {
		X509 *certificate = d2i_X509(NULL, &at, end - at);

		if (certificate == NULL)
			break;
		chain->certificates[chain->count++] = certificate;
	}
	ERR_clear_error();
	if (at == end && chain->count > 0)
		return true;
	x509_chain_free(chain);
	return false;
}

/* PEM: every block must be a certificate, so that a private key in the file is noticed. */
static bool parse_pem(struct x509_chain *chain, const uint8_t *text, size_t len)
{
	BIO *in = BIO_new_mem_buf(text, (int)len);
	bool good = in != NULL;
	unsigned char *der = NULL;
	char *name = NULL;
	char *header = NULL;
	long der_len;

	*chain = (struct x509_chain){0};
	while (good && PEM_read_bio(in, &name, &header, &der, &der_len) == 1) {
		const unsigned char *at = der;
		X509 *certificate = strcmp(name, PEM_STRING_X509) == 0 && chain->count < X509_CHAIN_MAX ? d2i_X509(NULL, &at, der_len) : NULL;

		good = certificate != NULL && at == der + der_len;
		if (good)
			chain->certificates[chain->count++] = certificate;
		else
			X509_free(certificate);
		OPENSSL_clear_free(der, (size_t)der_len);
		OPENSSL_free(name);
		OPENSSL_free(header);
	}
	good = good && chain->count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(in);
	if (!good)
		x509_chain_free(chain);
	return good;
}

bool x509_chain_read(struct x509_chain *chain, const char *path, struct failure *failure)
{
	size_t len;
	uint8_t *bytes = files_read(path, CHAIN_FILE_MAX, &len);
	bool good;

	*chain = (struct x509_chain){0};
	if (bytes == NULL)
		return failure_set(failure, STATUS_USAGE, "file", "cannot read %s: %s", path, strerror(errno));
	good = len > 0 && (bytes[0] == 0x30 ? x509_chain_parse(chain, (struct dps_span){bytes, len}) : parse_pem(chain, bytes, len));
	OPENSSL_cleanse(bytes, len);
	free(bytes);
	return good ||
	       failure_set(failure, STATUS_USAGE, "certificate-format", "%s holds no chain of certificates, or something else as well", path);
}

bool x509_chain_in_order(const struct x509_chain *chain)
{
	for (size_t i = 0; i + 1 < chain->count; i++) {
		X509 *issuer = chain->certificates[i + 1];
		bool good = X509_check_issued(issuer, chain->certificates[i]) == X509_V_OK &&
		            X509_verify(chain->certificates[i], X509_get0_pubkey(issuer)) == 1;

		ERR_clear_error();
		if (!good)
			return false;
	}
	return true;
}

bool x509_chain_drop_anchor(struct x509_chain *chain)
{
	X509 *last = chain->count > 1 ? chain->certificates[chain->count - 1] : NULL;

	if (last == NULL || X509_self_signed(last, 1) != 1) {
		ERR_clear_error();
		return false;
	}
	X509_free(last);
	chain->count--;
	return true;
}

uint8_t *x509_chain_to_der(const struct x509_chain *chain, size_t *len)
{
	uint8_t *bytes;
	unsigned char *at;

	*len = 0;
	for (size_t i = 0; i < chain->count; i++)
		*len += (size_t)i2d_X509(chain->certificates[i], NULL);
	bytes = malloc(*len);
	at = bytes;
	for (size_t i = 0; bytes != NULL && i < chain->count; i++)
		i2d_X509(chain->certificates[i], &at);
	return bytes;
}

char *x509_take_text(BIO *bio, bool good)
{
	char *data;
	long len = bio == NULL ? 0 : BIO_get_mem_data(bio, &data);
	char *text = good && len > 0 ? malloc((size_t)len + 1) : NULL;

	if (text != NULL) {
		memcpy(text, data, (size_t)len);
		text[len] = '\0';
	}
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

char *x509_chain_to_pem(const struct x509_chain *chain)
{
	BIO *out = BIO_new(BIO_s_mem());
	bool good = out != NULL;

	for (size_t i = 0; good && i < chain->count; i++)
		good = PEM_write_bio_X509(out, chain->certificates[i]) == 1;
	return x509_take_text(out, good);
}

bool x509_chain_verify(const struct x509_chain *chain, const char *anchors, const char **reason, struct failure *failure)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	bool good = false;

	*reason = NULL;
	if (store == NULL || context == NULL || untrusted == NULL) {
		failure_set(failure, STATUS_FAILED, "memory", "out of memory");
		goto done;
	}
	if (X509_STORE_load_file(store, anchors) != 1) {
		failure_set(failure, STATUS_USAGE, "file", "%s holds no certificate in PEM, or cannot be read", anchors);
		goto done;
	}
	for (size_t i = 1; i < chain->count; i++)
		sk_X509_push(untrusted, chain->certificates[i]);
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); /* an intermediate may be the anchor */
	if (X509_STORE_CTX_init(context, store, chain->certificates[0], untrusted) == 1 &&
	    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1)
		good = X509_verify_cert(context) == 1;
	if (!good)
		*reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
done:
	ERR_clear_error();
	sk_X509_free(untrusted);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return good;
}

static bool last_name_entry(const X509 *certificate, int nid, char serial[TEXT_SERIAL_SIZE])
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1;
	unsigned char *text = NULL;
	int len;
	bool good;

	for (int next = X509_NAME_get_index_by_NID(subject, nid, -1); next >= 0; next = X509_NAME_get_index_by_NID(subject, nid, next))
		at = next;
	if (at < 0)
		return false;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	good = len > 0 && len < TEXT_SERIAL_SIZE && strlen((const char *)text) == (size_t)len;
	if (good)
		memcpy(serial, text, (size_t)len + 1);
	OPENSSL_free(text);
	return good && text_is_serial(serial);
}

bool x509_device_serial(const X509 *certificate, char serial[TEXT_SERIAL_SIZE])
{
	serial[0] = '\0';
	if (X509_NAME_get_index_by_NID(X509_get_subject_name(certificate), NID_serialNumber, -1) >= 0)
		return last_name_entry(certificate, NID_serialNumber, serial);
	return last_name_entry(certificate, NID_commonName, serial);
}

void x509_issuer(const X509 *certificate, char *text, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	int len = 0;

	if (out != NULL && X509_NAME_print_ex(out, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(out, text, (int)size - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(out);
}

void x509_sha256(const X509 *certificate, char out[TEXT_SHA256_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned len = 32;

	X509_digest(certificate, EVP_sha256(), digest, &len);
	text_hex(digest, 32, out);
}

bool x509_has_key(const X509 *certificate, const uint8_t *spki, size_t spki_len)
{
	const unsigned char *at = spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki_len);
	bool same = key != NULL && EVP_PKEY_eq(key, X509_get0_pubkey(certificate)) == 1;

	EVP_PKEY_free(key);
	ERR_clear_error();
	return same;
}

int x509_compare_dates(const X509 *certificate)
{
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return -1;
	return X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ? 1 : 0;
}

bool x509_dates(const X509 *certificate, char from[TEXT_TIME_SIZE], char to[TEXT_TIME_SIZE])
{
	struct tm parts;

	if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &parts) != 1)
		return false;
	text_time(timegm(&parts), from);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
		return false;
	text_time(timegm(&parts), to);
	return true;
}
