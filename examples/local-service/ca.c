/* SPDX-License-Identifier: Apache-2.0 */
/* The authorities of the state directory, and what the factory side asks of them. */
#include "ca.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "text.h"

#define CA_BACK_DAYS      30L
#define CA_DAYS           7300L
#define SERVER_DAYS       3650L
#define EXPIRED_FROM      20L /* days ago */
#define EXPIRED_TO        1L
#define FUTURE_FROM       1L /* days ahead */
#define DEFAULT_ALT_NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"

struct dates {
	time_t from;
	time_t to;
};

static struct dates dates_of(enum service_validity validity, long days)
{
	time_t now = time(NULL);

	switch (validity) {
	case SERVICE_EXPIRED:
		return (struct dates){now - EXPIRED_FROM * SERVICE_SECONDS_PER_DAY, now - EXPIRED_TO * SERVICE_SECONDS_PER_DAY};
	case SERVICE_NOT_YET_VALID:
		return (struct dates){now + FUTURE_FROM * SERVICE_SECONDS_PER_DAY, now + (FUTURE_FROM + days) * SERVICE_SECONDS_PER_DAY};
	case SERVICE_VALID:
		break;
	}
	return (struct dates){now - 3600, now + days * SERVICE_SECONDS_PER_DAY};
}

/* How one key and certificate of the directory is made when it is missing. */
struct recipe {
	const char *name; /* of the files, without ending */
	const char *common_name;
	enum service_profile profile;
};

static char *file_of(const char *directory, const char *name, const char *ending)
{
	return service_format("%s/%s.%s", directory, name, ending);
}

static void write_or_fail(const char *path, char *text, mode_t mode)
{
	if (!service_files_write(path, text, strlen(text), mode)) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot write %s: %s", path, strerror(errno));
	}
	free(text);
}

static char *read_or_fail(const char *path)
{
	char *text = service_files_read(path, NULL);

	if (text == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot read %s: %s", path, strerror(errno));
	}
	return text;
}

/* The certificate is written last: where it stands its key stands too. */
static void make_files(const struct recipe *recipe, const char *key_path, const char *certificate_path, const struct service_signer *issuer)
{
	struct dates dates = dates_of(SERVICE_VALID, recipe->profile == SERVICE_PROFILE_SERVER ? SERVER_DAYS : CA_DAYS);
	struct service_certificate_request request = {
		.profile = recipe->profile,
		.common_name = recipe->common_name,
		.key = service_pki_make_key(SERVICE_KEY_P256),
		.issuer = issuer,
		.not_before = dates.from - CA_BACK_DAYS * SERVICE_SECONDS_PER_DAY,
		.not_after = dates.to,
		.alternative_names = recipe->profile == SERVICE_PROFILE_SERVER ? DEFAULT_ALT_NAMES : NULL,
	};
	X509 *certificate = service_pki_issue(&request);

	write_or_fail(key_path, service_pki_key_to_pem(request.key), SERVICE_MODE_PRIVATE);
	write_or_fail(certificate_path, service_pki_certificates_to_pem(&certificate, 1), SERVICE_MODE_PUBLIC);
	X509_free(certificate);
	EVP_PKEY_free(request.key);
}

static void open_signer(struct service_signer *signer, const char *directory, const struct recipe *recipe,
                        const struct service_signer *issuer)
{
	char *key_path = file_of(directory, recipe->name, "key");
	char *certificate_path = file_of(directory, recipe->name, "pem");
	char *text;

	if (!service_files_exist(certificate_path)) {
		make_files(recipe, key_path, certificate_path, issuer);
	}
	text = read_or_fail(certificate_path);
	signer->certificate = service_pki_certificate_from_pem(text);
	free(text);
	if (signer->certificate == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "%s holds no certificate", certificate_path);
	}
	text = read_or_fail(key_path);
	signer->key = service_pki_key_from_pem(text);
	free(text);
	if (signer->key == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "%s holds no private key", key_path);
	}
	if (X509_check_private_key(signer->certificate, signer->key) != 1) {
		service_fail(SERVICE_EXIT_FAILURE, "%s is not the key of %s", key_path, certificate_path);
	}
	free(certificate_path);
	free(key_path);
}

/* name NULL: the usual authority of hubs. */
static void open_hub(const char *name, const char *directory, struct service_signer *root, struct service_signer *hub)
{
	const char *dash = name == NULL ? "" : "-";
	const char *space = name == NULL ? "" : " ";
	const char *suffix = name == NULL ? "" : name;
	char *texts[] = {
		service_format("hub-ca%s%s", dash, suffix),
		service_format("Hub Root CA%s%s", space, suffix),
		service_format("hub-intermediate%s%s", dash, suffix),
		service_format("Hub Intermediate CA%s%s", space, suffix),
	};
	const struct recipe root_recipe = {texts[0], texts[1], SERVICE_PROFILE_ROOT};
	const struct recipe hub_recipe = {texts[2], texts[3], SERVICE_PROFILE_INTERMEDIATE};
	size_t at;

	open_signer(root, directory, &root_recipe, NULL);
	open_signer(hub, directory, &hub_recipe, root);
	for (at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
		free(texts[at]);
	}
}

static int lock_or_fail(const char *directory)
{
	int lock = service_files_lock(directory);

	if (lock < 0) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot lock the directory %s: %s", directory, strerror(errno));
	}
	return lock;
}

void service_ca_open(struct service_authorities *authorities, const char *directory)
{
	static const struct recipe service_root = {"service-ca", "dps-service Root CA", SERVICE_PROFILE_ROOT};
	static const struct recipe server = {"service", "localhost", SERVICE_PROFILE_SERVER};
	static const struct recipe manufacturer_root = {"manufacturer-ca", "Manufacturer Root CA", SERVICE_PROFILE_ROOT};
	static const struct recipe manufacturer = {"manufacturer-intermediate", "Manufacturer Intermediate CA", SERVICE_PROFILE_INTERMEDIATE};
	int lock;

	if (!service_files_make_directory(directory)) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot make the directory %s: %s", directory, strerror(errno));
	}
	authorities->directory = service_strdup(directory);
	lock = lock_or_fail(directory);
	open_signer(&authorities->service_root, directory, &service_root, NULL);
	open_signer(&authorities->server, directory, &server, &authorities->service_root);
	open_signer(&authorities->manufacturer_root, directory, &manufacturer_root, NULL);
	open_signer(&authorities->manufacturer, directory, &manufacturer, &authorities->manufacturer_root);
	open_hub(NULL, directory, &authorities->hub_root, &authorities->hub);
	close(lock);
}

void service_ca_free_signer(struct service_signer *signer)
{
	X509_free(signer->certificate);
	EVP_PKEY_free(signer->key);
	*signer = (struct service_signer){0};
}

void service_ca_close(struct service_authorities *authorities)
{
	service_ca_free_signer(&authorities->service_root);
	service_ca_free_signer(&authorities->server);
	service_ca_free_signer(&authorities->manufacturer_root);
	service_ca_free_signer(&authorities->manufacturer);
	service_ca_free_signer(&authorities->hub_root);
	service_ca_free_signer(&authorities->hub);
	while (authorities->others != NULL) {
		struct service_hub_authority *other = authorities->others;

		authorities->others = other->next;
		service_ca_free_signer(&other->root);
		service_ca_free_signer(&other->hub);
		free(other->name);
		free(other);
	}
	free(authorities->directory);
	*authorities = (struct service_authorities){0};
}

static struct service_hub_authority *find_other(const struct service_authorities *authorities, const char *name)
{
	struct service_hub_authority *other = authorities->others;

	while (other != NULL && strcmp(other->name, name) != 0) {
		other = other->next;
	}
	return other;
}

const struct service_signer *service_ca_hub(const struct service_authorities *authorities, const char *name)
{
	return name == NULL ? &authorities->hub : &find_other(authorities, name)->hub;
}

const struct service_signer *service_ca_hub_root(const struct service_authorities *authorities, const char *name)
{
	return name == NULL ? &authorities->hub_root : &find_other(authorities, name)->root;
}

/* The same authority, name and key, with a certificate that ends sooner. */
static void limit_hub(struct service_signer *hub, const struct service_signer *root, long seconds)
{
	char *name = service_pki_common_name(X509_get_subject_name(hub->certificate));
	time_t now = time(NULL);
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_INTERMEDIATE,
		.common_name = name,
		.key = hub->key,
		.issuer = root,
		.not_before = now - CA_BACK_DAYS * SERVICE_SECONDS_PER_DAY,
		.not_after = now + seconds,
	};

	if (name == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "an intermediate of a hub has no name");
	}
	X509_free(hub->certificate);
	hub->certificate = service_pki_issue(&request);
	free(name);
}

static void reopen_hub(const struct service_authorities *authorities, const char *name, struct service_signer *root,
                       struct service_signer *hub)
{
	service_ca_free_signer(root);
	service_ca_free_signer(hub);
	open_hub(name, authorities->directory, root, hub);
	if (authorities->hub_lifetime > 0) {
		limit_hub(hub, root, authorities->hub_lifetime);
	}
}

void service_ca_open_hub(struct service_authorities *authorities, const char *name)
{
	struct service_hub_authority *other;
	int lock;

	if (name == NULL || find_other(authorities, name) != NULL) {
		return;
	}
	other = service_alloc(sizeof(*other));
	other->name = service_strdup(name);
	other->next = authorities->others;
	authorities->others = other;
	lock = lock_or_fail(authorities->directory);
	reopen_hub(authorities, name, &other->root, &other->hub);
	close(lock);
}

void service_ca_limit_hubs(struct service_authorities *authorities, long seconds)
{
	struct service_hub_authority *other;
	int lock = lock_or_fail(authorities->directory);

	authorities->hub_lifetime = seconds;
	reopen_hub(authorities, NULL, &authorities->hub_root, &authorities->hub);
	for (other = authorities->others; other != NULL; other = other->next) {
		reopen_hub(authorities, other->name, &other->root, &other->hub);
	}
	close(lock);
}

void service_ca_replace_server(struct service_authorities *authorities, enum service_key_type key_type, const char *alternative_names,
                               enum service_validity validity)
{
	struct dates dates = dates_of(validity, SERVER_DAYS);
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_SERVER,
		.common_name = "dps-service",
		.key = service_pki_make_key(key_type),
		.issuer = &authorities->service_root,
		.not_before = dates.from,
		.not_after = dates.to,
		.alternative_names = alternative_names == NULL ? DEFAULT_ALT_NAMES : alternative_names,
	};

	service_ca_free_signer(&authorities->server);
	authorities->server.certificate = service_pki_issue(&request);
	authorities->server.key = request.key;
}

void service_ca_make_stranger(struct service_signer *signer)
{
	struct dates dates = dates_of(SERVICE_VALID, CA_DAYS);
	struct service_signer root = {0};
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_ROOT,
		.common_name = "Hub Root CA",
		.key = service_pki_make_key(SERVICE_KEY_P256),
		.not_before = dates.from,
		.not_after = dates.to,
	};

	/* The names are those of the true authority: only the signatures tell them apart. */
	root.certificate = service_pki_issue(&request);
	root.key = request.key;
	request.profile = SERVICE_PROFILE_INTERMEDIATE;
	request.common_name = "Hub Intermediate CA";
	request.key = service_pki_make_key(SERVICE_KEY_P256);
	request.issuer = &root;
	signer->certificate = service_pki_issue(&request);
	signer->key = request.key;
	service_ca_free_signer(&root);
}

static void write_chain(const char *path, X509 *leaf, const struct service_authorities *authorities)
{
	X509 *const chain[] = {leaf, authorities->manufacturer.certificate};

	write_or_fail(path, service_pki_certificates_to_pem(chain, 2), SERVICE_MODE_PUBLIC);
}

void service_ca_make_device(const struct service_device_order *order)
{
	struct dates dates = dates_of(order->validity, order->days);
	struct service_authorities authorities = {0};
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_DEVICE,
		.common_name = order->serial,
		.issuer = &authorities.manufacturer,
		.not_before = dates.from,
		.not_after = dates.to,
	};
	char *key_path = service_files_path(order->out, "manufacturer.key");
	char *certificate_path = service_files_path(order->out, "manufacturer.pem");
	X509 *leaf;

	service_ca_open(&authorities, order->state_directory);
	if (!service_files_make_directory(order->out)) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot make the directory %s: %s", order->out, strerror(errno));
	}
	request.key = service_pki_make_key(order->key_type);
	leaf = service_pki_issue(&request);
	write_or_fail(key_path, service_pki_key_to_pem(request.key), SERVICE_MODE_PRIVATE);
	write_chain(certificate_path, leaf, &authorities);
	X509_free(leaf);
	EVP_PKEY_free(request.key);
	free(certificate_path);
	free(key_path);
	service_ca_close(&authorities);
}

void service_ca_sign_csr(const struct service_device_order *order)
{
	struct dates dates = dates_of(order->validity, order->days);
	struct service_authorities authorities = {0};
	char *text = read_or_fail(order->csr);
	X509_REQ *csr = service_pki_csr_from_pem(text);
	struct service_certificate_request request = {
		.profile = SERVICE_PROFILE_DEVICE,
		.csr = csr,
		.issuer = &authorities.manufacturer,
		.not_before = dates.from,
		.not_after = dates.to,
	};
	X509 *leaf;

	free(text);
	if (csr == NULL) {
		service_fail(SERVICE_EXIT_FAILURE, "%s holds no certificate request", order->csr);
	}
	if (!service_pki_csr_is_signed(csr)) {
		service_fail(SERVICE_EXIT_FAILURE, "%s is not signed with its own key", order->csr);
	}
	service_ca_open(&authorities, order->state_directory);
	request.key = X509_REQ_get0_pubkey(csr);
	leaf = service_pki_issue(&request);
	write_chain(order->out, leaf, &authorities);
	X509_free(leaf);
	X509_REQ_free(csr);
	service_ca_close(&authorities);
}
