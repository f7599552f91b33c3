/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials step: the authority of the hub signs the device's certificate request, remembers the key, revokes the certificate before, and
 * the answer carries the identity chain, the trust anchor and, when configured, a pre-shared key. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "events.h"
#include "hubs.h"
#include "steps.h"
#include "text.h"

#define EXPIRED_FROM  7200L /* seconds ago */
#define EXPIRED_TO    3600L
#define CREDTYPE_PSK  1
#define CREDTYPE_X509 8
#define NAME_PREFIX   "uuid:"

#define SIGNING_FAILED "cannot sign identity certificate: rpc error: code = InvalidArgument desc = cannot sign identity certificate: "

/* One order to the authority. */
struct order {
	const struct service_fault *fault;
	const struct service_hub *hub;
	long connection;
	X509_REQ *csr;
	char *common_name;
};

/* A chain and whose it is. */
struct identity {
	char device[SERVICE_UUID_SIZE];
	char *chain;
};

static bool is_identity_name(const char *common_name)
{
	return common_name != NULL && strncmp(common_name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0 &&
	       service_uuid_parse(common_name + strlen(NAME_PREFIX), NULL);
}

static char *another_device(void)
{
	uint8_t random[SERVICE_UUID_SIZE];
	char name[SERVICE_UUID_SIZE];

	service_random(random, sizeof(random));
	random[SERVICE_UUID_SIZE - 1] = 0;
	service_uuid_from_url_name((const char *)random, name);
	return service_format("%s%s", NAME_PREFIX, name);
}

/* Signs as the fault asks, else as the device did; the record is the caller's. */
static X509 *sign(const struct service *service, const struct order *order)
{
	enum service_fault_action fault = service_fault_action_of(order->fault);
	time_t now = time(NULL);
	struct service_signer stranger = {0};
	char *other_name = fault == SERVICE_FAULT_WRONG_DEVICE ? another_device() : NULL;
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_IDENTITY,
		.common_name = other_name,
		.csr = order->csr,
		.key = fault == SERVICE_FAULT_WRONG_KEY ? service_pki_make_key(SERVICE_KEY_P256) : X509_REQ_get_pubkey(order->csr),
		.issuer = service_ca_hub(&service->authorities, order->hub->authority),
		.not_before = fault == SERVICE_FAULT_EXPIRED ? now - EXPIRED_FROM : now + service->config.identity_valid_from,
		.not_after = fault == SERVICE_FAULT_EXPIRED ? now - EXPIRED_TO : now + service->config.identity_lifetime,
	};
	X509 *certificate;

	if (fault == SERVICE_FAULT_WRONG_CA) {
		service_ca_make_stranger(&stranger);
		request.issuer = &stranger;
	}
	certificate = service_pki_issue(&request);
	EVP_PKEY_free(request.key);
	free(other_name);
	service_ca_free_signer(&stranger);
	return certificate;
}

/* A fault's certificate is no business of the record: the device never accepted it. */
static bool is_recorded(enum service_fault_action fault)
{
	return fault != SERVICE_FAULT_WRONG_KEY && fault != SERVICE_FAULT_WRONG_DEVICE && fault != SERVICE_FAULT_WRONG_CA &&
	       fault != SERVICE_FAULT_EXPIRED;
}

static void make_chain(struct identity *identity, const struct service *service, const struct order *order, X509 *leaf)
{
	bool is_reversed = service_fault_action_of(order->fault) == SERVICE_FAULT_WRONG_ORDER;
	X509 *intermediate = service_ca_hub(&service->authorities, order->hub->authority)->certificate;
	X509 *const chain[] = {is_reversed ? intermediate : leaf, is_reversed ? leaf : intermediate};
	char *name = service_pki_common_name(X509_get_subject_name(leaf));

	memcpy(identity->device, name + strlen(NAME_PREFIX), SERVICE_UUID_SIZE);
	identity->chain = service_pki_certificates_to_pem(chain, 2);
	free(name);
}

static void print_signed(const struct order *order, const X509 *leaf, const char *serial, const char *revoked)
{
	cJSON *event = service_event_new("signed");
	char *name = service_pki_common_name(X509_get_subject_name(leaf));

	cJSON_AddNumberToObject(event, "connection", (double)order->connection);
	cJSON_AddStringToObject(event, "commonName", name);
	cJSON_AddStringToObject(event, "serial", serial);
	cJSON_AddNumberToObject(event, "notBefore", (double)service_pki_not_before(leaf));
	cJSON_AddNumberToObject(event, "notAfter", (double)service_pki_not_after(leaf));
	cJSON_AddItemToObject(event, "revoked", revoked == NULL ? cJSON_CreateNull() : cJSON_CreateString(revoked));
	cJSON_AddStringToObject(event, "hub", order->hub->id);
	service_event_print(event);
	free(name);
}

static bool record(struct service *service, const struct order *order, const char *fingerprint, const X509 *leaf, const char *serial,
                   char **revoked)
{
	const struct service_identity_record entry = {
		.common_name = order->common_name,
		.fingerprint = fingerprint,
		.serial = serial,
		.not_after = service_pki_not_after(leaf),
	};

	return !is_recorded(service_fault_action_of(order->fault)) ||
	       service_identities_record(&service->identities, &entry, time(NULL), revoked);
}

/* An error's code is 0 when all went well. */
static struct service_result issue(struct service *service, const struct order *order, struct identity *identity)
{
	char *fingerprint = service_pki_key_fingerprint(X509_REQ_get0_pubkey(order->csr));
	struct service_result result = {0};
	X509 *leaf = NULL;
	char *serial = NULL;
	char *revoked = NULL;

	if (!service_identities_allow(&service->identities, order->common_name, fingerprint, time(NULL))) {
		result = service_result_error(
			COAP_RESPONSE_CODE(400),
			SIGNING_FAILED "1 error occurred:\n\t* common name %s with different public key fingerprint exists\n\n", order->common_name);
		goto done;
	}
	leaf = sign(service, order);
	serial = service_pki_serial(leaf);
	if (!record(service, order, fingerprint, leaf, serial, &revoked)) {
		result = service_result_error(COAP_RESPONSE_CODE(500), "cannot store the signing record: %s", strerror(errno));
		goto done;
	}
	make_chain(identity, service, order, leaf);
	print_signed(order, leaf, serial, revoked);

done:
	free(serial);
	free(revoked);
	X509_free(leaf);
	free(fingerprint);
	return result;
}

static struct service_result sign_request(struct service *service, const struct service_request *request, const struct service_hub *hub,
                                          const char *pem, struct identity *identity)
{
	struct order order = {
		.fault = request->fault,
		.hub = hub,
		.connection = request->connection,
		.csr = service_pki_csr_from_pem(pem),
	};
	struct service_result result;

	if (order.csr == NULL) {
		return service_result_error(COAP_RESPONSE_CODE(400), SIGNING_FAILED "cannot parse the certificate request");
	}
	order.common_name = service_pki_common_name(X509_REQ_get_subject_name(order.csr));
	if (!service_pki_csr_is_signed(order.csr)) {
		result = service_result_error(COAP_RESPONSE_CODE(400), SIGNING_FAILED "invalid signature of the certificate request");
	} else if (!is_identity_name(order.common_name)) {
		result = service_result_error(COAP_RESPONSE_CODE(400), "cannot sign identity certificate: invalid subject common name");
	} else {
		result = issue(service, &order, identity);
	}
	free(order.common_name);
	X509_REQ_free(order.csr);
	return result;
}

/* {credtype, subjectuuid, credusage, privatedata or publicdata: {data, encoding}, tag}, in this order. */
static void add_credential(cJSON *list, int type, const char *subject, const char *usage, const char *data, const char *encoding)
{
	cJSON *credential = cJSON_CreateObject();
	cJSON *content;

	cJSON_AddNumberToObject(credential, "credtype", type);
	cJSON_AddStringToObject(credential, "subjectuuid", subject);
	if (usage != NULL) {
		cJSON_AddStringToObject(credential, "credusage", usage);
	}
	content = cJSON_AddObjectToObject(credential, type == CREDTYPE_PSK ? "privatedata" : "publicdata");
	cJSON_AddStringToObject(content, "data", data);
	cJSON_AddStringToObject(content, "encoding", encoding);
	cJSON_AddStringToObject(credential, "tag", "dps");
	cJSON_AddItemToArray(list, credential);
}

static cJSON *answer_with(const struct service *service, const struct service_hub *hub, const struct identity *identity)
{
	const struct service_config *config = &service->config;
	X509 *const root[] = {service_ca_hub_root(&service->authorities, hub->authority)->certificate};
	char *anchor = service_pki_certificates_to_pem(root, 1);
	cJSON *tree = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(tree, "creds");

	if (config->psk[0] != '\0') {
		add_credential(list, CREDTYPE_PSK, config->owner_uuid, NULL, config->psk, "oic.sec.encoding.raw");
	}
	add_credential(list, CREDTYPE_X509, identity->device, "oic.sec.cred.cert", identity->chain, "oic.sec.encoding.pem");
	add_credential(list, CREDTYPE_X509, config->owner_uuid, "oic.sec.cred.trustca", anchor, "oic.sec.encoding.pem");
	free(anchor);
	return tree;
}

struct service_result service_credentials(struct service *service, const struct service_request *request)
{
	/* No "di": here nobody reads it. */
	static const struct service_field csr_fields[] = {{"encoding", NULL}, {"data", NULL}, {NULL, NULL}};
	static const struct service_field fields[] = {{"csr", csr_fields}, {"selectedGateway", service_hubs_selection}, {NULL, NULL}};
	char name[SERVICE_MEDIA_TYPE_SIZE];
	struct service_result result;
	struct identity identity = {.chain = NULL};
	const struct service_hub *hub = NULL;
	const char *gateway;
	const char *encoding;
	const char *data;
	cJSON *body;
	cJSON *csr;

	if (request->content_format == SERVICE_ABSENT) {
		return service_result_error(COAP_RESPONSE_CODE(400), "cannot parse request: no content type");
	}
	if (request->content_format != SERVICE_FORMAT_OCF_CBOR && request->content_format != SERVICE_FORMAT_CBOR) {
		return service_result_error(COAP_RESPONSE_CODE(400), "cannot parse request: invalid content type (%s)",
		                            service_media_type(request->content_format, name));
	}
	result = service_steps_parse(request, fields);
	if (result.tree == NULL) {
		return result;
	}
	body = result.tree;
	csr = cJSON_GetObjectItem(body, "csr");
	encoding = service_body_text(csr, "encoding");
	data = service_body_text(csr, "data");
	if (service->config.hub_count == 0) {
		result = service_result_error(COAP_RESPONSE_CODE(400), "cannot find linked hub");
	} else if (data == NULL || data[0] == '\0') {
		result = service_result_error(COAP_RESPONSE_CODE(500), "cannot create credentials response: empty identity certificate chain");
	} else if (encoding == NULL || strcmp(encoding, "oic.sec.encoding.pem") != 0) {
		result = service_result_error(COAP_RESPONSE_CODE(400), "cannot parse request: unsupported encoding (%s)",
		                              encoding == NULL ? "" : encoding);
	} else {
		hub = service_hubs_select(&service->config, body, &gateway);
		result = sign_request(service, request, hub, data, &identity);
	}
	if (identity.chain != NULL) {
		result.tree = answer_with(service, hub, &identity);
		free(identity.chain);
	}
	cJSON_Delete(body);
	return result;
}
