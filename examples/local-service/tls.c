/* SPDX-License-Identifier: Apache-2.0 */
/* How the service does TLS. libcoap sets up each connection by its own rules first; the call-back here then puts the public service's in place. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "text.h"

/* The first certificate, no other, must be meant for clients: the public service asks that of the leaf alone. */
static bool is_for_clients(X509 *leaf)
{
	uint32_t usage = X509_get_extended_key_usage(leaf);

	return usage != UINT32_MAX && (usage & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0;
}

/* Every refusal becomes alert bad_certificate, as the public service sends it. */
static int verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct service_session *session = service_session_of(SSL_get_app_data(ssl));
	const struct service *service = coap_get_app_data(coap_session_get_context(SSL_get_app_data(ssl)));
	int error = X509_STORE_CTX_get_error(store);

	if (ok != 0 && service->config.group_deleted) {
		ok = 0;
		error = X509_V_ERR_APPLICATION_VERIFICATION;
	}
	if (ok != 0 && X509_STORE_CTX_get_error_depth(store) == 0 && !is_for_clients(X509_STORE_CTX_get_current_cert(store))) {
		ok = 0;
		error = X509_V_ERR_INVALID_PURPOSE;
	}
	if (ok == 0) {
		if (session != NULL) {
			session->verify_error = error;
		}
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	}
	return ok;
}

static int set_up(void *tls, coap_dtls_pki_t *data)
{
	struct service *service = data->cn_call_back_arg;
	SSL *ssl = tls;
	X509_VERIFY_PARAM *rules;

	if (ssl == NULL) {
		return 1;
	}
	rules = SSL_get0_param(ssl);
	SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
	SSL_set1_verify_cert_store(ssl, service->tls.manufacturers);
	SSL_set_client_CA_list(ssl, NULL);
	SSL_set_purpose(ssl, X509_PURPOSE_ANY);
	if (service->config.allow_expired_manufacturer_certificates) {
		X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME);
	}
	SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_set_max_proto_version(ssl, 0);
	SSL_set_cipher_list(ssl, SERVICE_CIPHERS_TLS12);
	SSL_set_ciphersuites(ssl, SERVICE_CIPHERS_TLS13);
	SSL_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_alpn_select_cb(SSL_get_SSL_CTX(ssl), NULL, NULL);
	/* No resumption: the public service answers 4.03 on resumed connections, and libcoap sets no session-id context. */
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	SSL_set_num_tickets(ssl, 0);
	SSL_CTX_set_session_cache_mode(SSL_get_SSL_CTX(ssl), SSL_SESS_CACHE_OFF);
	SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	/* libcoap takes what lies in the queue for an error of this connection. */
	ERR_clear_error();
	return 1;
}

void service_tls_open(struct service *service)
{
	X509 *const server[] = {service->authorities.server.certificate};
	coap_dtls_pki_t pki = {
		.version = COAP_DTLS_PKI_SETUP_VERSION,
		.verify_peer_cert = 1,
		.cert_chain_validation = 1,
		.cert_chain_verify_depth = 5,
		.allow_no_crl = 1,
		.cn_call_back_arg = service,
		.additional_tls_setup_call_back = set_up,
	};

	service->tls.manufacturers = X509_STORE_new();
	if (service->tls.manufacturers == NULL ||
	    X509_STORE_add_cert(service->tls.manufacturers, service->authorities.manufacturer_root.certificate) != 1) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot set up the trust in the manufacturer");
	}
	service->tls.certificate = service_pki_certificates_to_pem(server, 1);
	service->tls.key = service_pki_key_to_pem(service->authorities.server.key);
	pki.pki_key.key_type = COAP_PKI_KEY_PEM_BUF;
	pki.pki_key.key.pem_buf.public_cert = (const uint8_t *)service->tls.certificate;
	pki.pki_key.key.pem_buf.public_cert_len = strlen(service->tls.certificate) + 1;
	pki.pki_key.key.pem_buf.private_key = (const uint8_t *)service->tls.key;
	pki.pki_key.key.pem_buf.private_key_len = strlen(service->tls.key) + 1;
	if (coap_context_set_pki(service->coap, &pki) != 1) {
		service_fail(SERVICE_EXIT_FAILURE, "libcoap does not take the server's certificate");
	}
}

void service_tls_close(struct service *service)
{
	X509_STORE_free(service->tls.manufacturers);
	free(service->tls.certificate);
	if (service->tls.key != NULL) {
		OPENSSL_cleanse(service->tls.key, strlen(service->tls.key));
		free(service->tls.key);
	}
}
