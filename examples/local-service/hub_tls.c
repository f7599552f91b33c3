/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's TLS. */
#include "hub_tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"
#include "tls.h"

#define GATEWAY_DAYS 365L
#define OCF_IDENTITY "1.3.6.1.4.1.44924.1.6"
#define UUID_PREFIX  "uuid:"

static bool has_purpose(const EXTENDED_KEY_USAGE *usage, int nid, const char *oid)
{
	ASN1_OBJECT *wanted = oid == NULL ? OBJ_nid2obj(nid) : OBJ_txt2obj(oid, 1);
	bool found = false;
	int at;

	for (at = 0; usage != NULL && wanted != NULL && at < sk_ASN1_OBJECT_num(usage); at++) {
		found = found || OBJ_cmp(sk_ASN1_OBJECT_value(usage, at), wanted) == 0;
	}
	ASN1_OBJECT_free(wanted);
	return found;
}

static bool is_identity(const X509 *certificate)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	bool is = has_purpose(usage, NID_client_auth, NULL) && has_purpose(usage, NID_server_auth, NULL) && has_purpose(usage, 0, OCF_IDENTITY);

	EXTENDED_KEY_USAGE_free(usage);
	return is;
}

/* By the records on disk: another program on the state directory may have signed and revoked since. */
static bool is_revoked(const struct service *service, const X509 *leaf)
{
	struct service_identities identities = {0};
	char *serial = service_pki_serial(leaf);
	bool is;

	service_identities_open(&identities, service->authorities.directory);
	is = service_identities_is_revoked(&identities, serial);
	service_identities_close(&identities);
	free(serial);
	return is;
}

/* The name of the authority of a hub, NULL: the usual one. */
static const char *authority_of(const struct service *service, const char *hub)
{
	size_t at;

	for (at = 0; at < service->config.hub_count; at++) {
		if (strcmp(service->config.hubs[at].id, hub) == 0) {
			return service->config.hubs[at].authority;
		}
	}
	return NULL;
}

/* NULL, or why this leaf admits no device; device takes its id. */
static const char *refusal_of(const struct service *service, const X509 *leaf, char device[SERVICE_UUID_SIZE])
{
	char *name = service_pki_common_name(X509_get_subject_name(leaf));
	bool is_uuid =
		name != NULL && strncmp(name, UUID_PREFIX, strlen(UUID_PREFIX)) == 0 && service_uuid_parse(name + strlen(UUID_PREFIX), device);

	free(name);
	if (!is_uuid) {
		return "its name is no device's";
	}
	if (!is_identity(leaf)) {
		return "it is not meant for an OCF identity";
	}
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) <= 0) {
		return "it has expired";
	}
	return is_revoked(service, leaf) ? "it was revoked" : NULL;
}

/* Every refusal becomes alert bad_certificate, as at the provisioning side. */
static int verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct hub_tls_peer *peer = SSL_get_app_data(ssl);
	const char *refusal = ok != 0 ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));

	if (refusal == NULL && X509_STORE_CTX_get_error_depth(store) == 0) {
		refusal = refusal_of(peer->service, X509_STORE_CTX_get_current_cert(store), peer->device);
	}
	if (refusal == NULL) {
		return 1;
	}
	peer->refusal = refusal;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

bool hub_tls_admit(SSL *ssl, struct hub_tls_peer *peer)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);

	peer->refusal = leaf == NULL ? "there is none" : refusal_of(peer->service, leaf, peer->device);
	return peer->refusal == NULL;
}

static void set_identity(SSL_CTX *context, const struct service *service, const char *hub)
{
	const struct service_signer *signer = service_ca_hub(&service->authorities, authority_of(service, hub));
	time_t now = time(NULL);
	char *name = service_format("%s%s", UUID_PREFIX, hub);
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_IDENTITY,
		.common_name = name,
		.key = service_pki_make_key(SERVICE_KEY_P256),
		.issuer = signer,
		.not_before = now - 3600,
		.not_after = now + GATEWAY_DAYS * SERVICE_SECONDS_PER_DAY,
	};
	X509 *certificate = service_pki_issue(&request);

	if (SSL_CTX_use_certificate(context, certificate) != 1 || SSL_CTX_use_PrivateKey(context, request.key) != 1 ||
	    SSL_CTX_add1_chain_cert(context, signer->certificate) != 1) {
		service_fail(SERVICE_EXIT_FAILURE, "OpenSSL does not take the gateway's certificate");
	}
	X509_free(certificate);
	EVP_PKEY_free(request.key);
	free(name);
}

SSL_CTX *hub_tls_open(const struct service *service, const char *hub)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	X509_STORE *roots = X509_STORE_new();
	const struct service_signer *root = service_ca_hub_root(&service->authorities, authority_of(service, hub));

	if (context == NULL || roots == NULL || X509_STORE_add_cert(roots, root->certificate) != 1 ||
	    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(context, SERVICE_CIPHERS_TLS12) != 1 ||
	    SSL_CTX_set_ciphersuites(context, SERVICE_CIPHERS_TLS13) != 1 ||
	    SSL_CTX_set_session_id_context(context, (const unsigned char *)hub, SSL_MAX_SID_CTX_LENGTH) != 1) {
		service_fail(SERVICE_EXIT_FAILURE, "OpenSSL gives no context for a gateway");
	}
	SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
	set_identity(context, service, hub);
	SSL_CTX_set1_verify_cert_store(context, roots);
	X509_STORE_free(roots);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
	SSL_CTX_set_purpose(context, X509_PURPOSE_ANY);
	/* Tickets, not a cache: resumed in TLS 1.2 and 1.3 alike, and nothing grows here. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	return context;
}
