/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a TPM. Descriptors never block: every wait is a poll with what is left of the command's time, so that a TPM, or a program that plays one, which
 * says nothing is an error and not the end of the device.
 */
#include "tpm2/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#define DEFAULT_HOST   "127.0.0.1"
#define DEFAULT_PORT   "2321"
#define MANAGED_DEVICE "/dev/tpmrm0"
#define RAW_DEVICE     "/dev/tpm0"

#define NO_ANSWER "no answer in time"

uint64_t dps_tpm2_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint16_t dps_tpm2_get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t dps_tpm2_get32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint8_t *dps_tpm2_put16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return out + 2;
}

uint8_t *dps_tpm2_put32(uint8_t *out, uint32_t value)
{
	return dps_tpm2_put16(dps_tpm2_put16(out, (uint16_t)(value >> 16)), (uint16_t)value);
}

__attribute__((format(printf, 2, 3))) static TSS2_RC fail(struct dps_tpm2_link *link, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(link->why, sizeof(link->why), format, args);
	va_end(args);
	dps_tpm2_link_close(link);
	return TSS2_TCTI_RC_IO_ERROR;
}

/* --- what was asked for ------------------------------------------------------------------------------------------------------------ */

static bool copy(char *out, size_t size, const char *text, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* "host=H,port=P" in any order, or "path=P". */
static bool parse_socket(struct dps_tpm2_link *link, const char *text)
{
	bool well = copy(link->name, sizeof(link->name), DEFAULT_HOST, strlen(DEFAULT_HOST)) &&
	            copy(link->service, sizeof(link->service), DEFAULT_PORT, strlen(DEFAULT_PORT));

	while (well && *text != '\0') {
		const size_t len = strcspn(text, ",");

		if (strncmp(text, "host=", 5) == 0) {
			well = copy(link->name, sizeof(link->name), text + 5, len - 5);
		} else if (strncmp(text, "port=", 5) == 0) {
			well = copy(link->service, sizeof(link->service), text + 5, len - 5) &&
			       strspn(link->service, "0123456789") == strlen(link->service);
		} else if (strncmp(text, "path=", 5) == 0) {
			well = copy(link->name, sizeof(link->name), text + 5, len - 5) && len - 5 < sizeof(((struct sockaddr_un *)NULL)->sun_path);
			link->service[0] = '\0';
		} else {
			well = false;
		}
		text += text[len] == ',' ? len + 1 : len;
	}
	return well;
}

/* Whether text is this transport, alone or with a configuration behind a colon. */
static bool is_transport(const char *text, const char *name, const char **configuration)
{
	const size_t len = strlen(name);

	if (strncmp(text, name, len) != 0 || (text[len] != '\0' && text[len] != ':'))
		return false;
	*configuration = text[len] == ':' ? text + len + 1 : text + len;
	return true;
}

bool dps_tpm2_link_init(struct dps_tpm2_link *link, const char *text)
{
	const char *configuration;
	bool well;

	memset(link, 0, sizeof(*link));
	link->fd = -1;
	if (text == NULL || strcmp(text, "device") == 0 || strcmp(text, "device:") == 0) {
		const char *device = access(MANAGED_DEVICE, F_OK) == 0 || access(RAW_DEVICE, F_OK) != 0 ? MANAGED_DEVICE : RAW_DEVICE;

		link->kind = DPS_TPM2_LINK_DEVICE;
		well = copy(link->name, sizeof(link->name), device, strlen(device));
	} else if (is_transport(text, "swtpm", &configuration)) {
		link->kind = DPS_TPM2_LINK_SOCKET;
		well = parse_socket(link, configuration);
	} else if (is_transport(text, "device", &configuration)) {
		link->kind = DPS_TPM2_LINK_DEVICE;
		well = copy(link->name, sizeof(link->name), configuration, strlen(configuration));
	} else {
		link->kind = DPS_TPM2_LINK_OTHER;
		well = copy(link->name, sizeof(link->name), text, strlen(text));
	}
	if (!well) {
		(void)snprintf(link->why, sizeof(link->why), "not a TCTI: %.80s", text);
		link->name[0] = '\0';
	}
	return well;
}

/* --- connecting -------------------------------------------------------------------------------------------------------------------- */

/* Waits for a descriptor; false when the time is up. */
static bool wait_for(int fd, short events, uint64_t deadline_us)
{
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = events};
		const uint64_t now = dps_tpm2_now_us();
		const uint64_t left_ms = now < deadline_us ? (deadline_us - now + 999) / 1000 : 0;
		const int ready = poll(&wait, 1, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);

		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

/* 0 or an errno value. */
static int connect_one(struct dps_tpm2_link *link, const struct sockaddr *address, socklen_t len, uint64_t deadline_us)
{
	int error = 0;
	socklen_t size = sizeof(error);

	link->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return errno;
	if (connect(link->fd, address, len) == 0)
		return 0;
	error = errno;
	if (error == EINPROGRESS) {
		if (!wait_for(link->fd, POLLOUT, deadline_us))
			error = ETIMEDOUT;
		else if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
			error = errno;
	}
	if (error != 0)
		dps_tpm2_link_close(link);
	return error;
}

static TSS2_RC connect_local(struct dps_tpm2_link *link, uint64_t deadline_us)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, link->name, strlen(link->name) + 1);
	const int error = connect_one(link, (const struct sockaddr *)&address, sizeof(address), deadline_us);
	return error == 0 ? TSS2_RC_SUCCESS : fail(link, "no TPM at %s: %s", link->name, strerror(error));
}

static TSS2_RC connect_network(struct dps_tpm2_link *link, uint64_t deadline_us)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	const int failed = getaddrinfo(link->name, link->service, &hints, &list);
	int error = ECONNREFUSED;

	if (failed != 0)
		return fail(link, "no TPM at %s:%s: %s", link->name, link->service, gai_strerror(failed));
	for (const struct addrinfo *entry = list; entry != NULL && error != 0; entry = entry->ai_next)
		error = connect_one(link, entry->ai_addr, entry->ai_addrlen, deadline_us);
	freeaddrinfo(list);
	return error == 0 ? TSS2_RC_SUCCESS : fail(link, "no TPM at %s:%s: %s", link->name, link->service, strerror(error));
}

static TSS2_RC open_device(struct dps_tpm2_link *link)
{
	link->fd = open(link->name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return link->fd >= 0 ? TSS2_RC_SUCCESS : fail(link, "no TPM at %s: %s", link->name, strerror(errno));
}

static TSS2_RC open_other(struct dps_tpm2_link *link)
{
	const TSS2_RC rc = Tss2_TctiLdr_Initialize(link->name, &link->other);

	if (rc == TSS2_RC_SUCCESS)
		return rc;
	link->other = NULL;
	return fail(link, "no TPM at %.60s: %s", link->name, Tss2_RC_Decode(rc));
}

TSS2_RC dps_tpm2_link_open(struct dps_tpm2_link *link, uint64_t deadline_us)
{
	if (dps_tpm2_link_is_open(link))
		return TSS2_RC_SUCCESS;
	if (link->kind == DPS_TPM2_LINK_DEVICE)
		return open_device(link);
	if (link->kind == DPS_TPM2_LINK_OTHER)
		return open_other(link);
	return link->service[0] == '\0' ? connect_local(link, deadline_us) : connect_network(link, deadline_us);
}

bool dps_tpm2_link_is_open(const struct dps_tpm2_link *link)
{
	return link->fd >= 0 || link->other != NULL;
}

void dps_tpm2_link_close(struct dps_tpm2_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	if (link->other != NULL)
		Tss2_TctiLdr_Finalize(&link->other);
	link->other = NULL;
}

/* --- one command ------------------------------------------------------------------------------------------------------------------- */

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static TSS2_RC send_command(struct dps_tpm2_link *link, const uint8_t *command, size_t len, uint64_t deadline_us)
{
	size_t sent = 0;

	while (sent < len) {
		/* a device takes a command in one write only; a socket must not raise a signal when the other side is gone */
		const ssize_t n =
			link->kind == DPS_TPM2_LINK_DEVICE ? write(link->fd, command, len) : send(link->fd, command + sent, len - sent, MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (!is_passing(errno))
			return fail(link, "the TPM at %s is gone: %s", link->name, strerror(errno));
		else if (!wait_for(link->fd, POLLOUT, deadline_us))
			return fail(link, NO_ANSWER);
	}
	return TSS2_RC_SUCCESS;
}

/* The size an answer says it has; 0 if no answer can have it. */
static size_t size_of(const uint8_t *answer, size_t have, size_t size)
{
	const uint32_t len = have >= DPS_TPM2_HEAD_SIZE ? dps_tpm2_get32(answer + 2) : 0;

	return len >= DPS_TPM2_HEAD_SIZE && len <= size && have <= len ? len : 0;
}

static TSS2_RC receive_answer(struct dps_tpm2_link *link, uint8_t *answer, size_t size, size_t *len, uint64_t deadline_us)
{
	size_t have = 0;

	for (;;) {
		if (!wait_for(link->fd, POLLIN, deadline_us))
			return fail(link, NO_ANSWER);
		const ssize_t n = read(link->fd, answer + have, size - have);

		if (n < 0 && is_passing(errno))
			continue;
		if (n < 0)
			return fail(link, "the TPM at %s is gone: %s", link->name, strerror(errno));
		if (n == 0)
			return fail(link, "the TPM at %s is gone: it closed the connection", link->name);
		have += (size_t)n;
		if (have < DPS_TPM2_HEAD_SIZE)
			continue;
		*len = size_of(answer, have, size);
		if (*len == 0)
			return fail(link, "what is at %s does not answer like a TPM", link->name);
		if (have == *len)
			return TSS2_RC_SUCCESS;
	}
}

static TSS2_RC exchange_other(struct dps_tpm2_link *link, const uint8_t *command, size_t len, uint8_t *answer, size_t size,
                              size_t *answer_len, uint64_t deadline_us)
{
	const uint64_t now = dps_tpm2_now_us();
	const uint64_t left_ms = now < deadline_us ? (deadline_us - now) / 1000 : 0;
	TSS2_RC rc = Tss2_Tcti_Transmit(link->other, len, command);

	*answer_len = size;
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_Tcti_Receive(link->other, answer_len, answer, left_ms < INT32_MAX ? (int32_t)left_ms : INT32_MAX);
	if (rc == TSS2_TCTI_RC_TRY_AGAIN)
		return fail(link, NO_ANSWER);
	if (rc != TSS2_RC_SUCCESS)
		return fail(link, "the TPM at %.60s is gone: %s", link->name, Tss2_RC_Decode(rc));
	if (size_of(answer, *answer_len, size) != *answer_len)
		return fail(link, "what is at %s does not answer like a TPM", link->name);
	return TSS2_RC_SUCCESS;
}

TSS2_RC dps_tpm2_link_exchange(struct dps_tpm2_link *link, const uint8_t *command, size_t len, uint8_t *answer, size_t size,
                               size_t *answer_len, uint64_t deadline_us)
{
	TSS2_RC rc = dps_tpm2_link_open(link, deadline_us);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (link->kind == DPS_TPM2_LINK_OTHER)
		return exchange_other(link, command, len, answer, size, answer_len, deadline_us);
	rc = send_command(link, command, len, deadline_us);
	return rc == TSS2_RC_SUCCESS ? receive_answer(link, answer, size, answer_len, deadline_us) : rc;
}
