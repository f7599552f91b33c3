/* SPDX-License-Identifier: Apache-2.0 */
/* The gateways of this program: their listeners, their connections, and one descriptor that tells the server's loop of all of them. */
#ifndef SERVICE_HUB_H
#define SERVICE_HUB_H

#include <openssl/ssl.h>
#include <poll.h>

#include "service.h"

struct hub_control;
struct hub_device;
struct hub_link;

/* What epoll gives back; the first member of what it stands for. */
struct hub_watch {
	void (*ready)(struct hub_watch *watch, uint32_t events);
	int file;
	uint64_t resumes_at_ms; /* a listener: it is not watched until then; 0: it is */
};

struct hub_gateway {
	struct hub_watch watch;
	struct hub *hub;
	char id[SERVICE_UUID_SIZE]; /* of its hub */
	char *host;
	char *port; /* as asked for */
	char *uri;
	SSL_CTX *tls;
};

struct hub {
	struct service *service;
	const char *directory; /* the state directory */
	int epoll;
	struct hub_gateway **gateways;
	size_t gateway_count;
	struct hub_link *links;
	long connections;
	struct hub_device *devices; /* what is known of those that were connected */
	struct hub_control *control;
};

/* Adds a gateway as given on the command line, HOST:PORT[,HUBID]; the service's hub when there is none. Ends the program with exit code 2 and one line
 * when it cannot be read. */
void hub_add_gateway(struct service *service, const char *given);

/* Makes the listeners and the control socket, prints their events and makes these gateways the hubs of a configuration that names none.
 * Nothing when there is no gateway; so too the next. */
void hub_open(struct service *service, const char *directory);

/* Says good-bye to all connections. */
void hub_close(struct service *service);

void hub_free(struct service *service);

/* Marks all connections with gateways for closing. */
void hub_disconnect(struct service *service, const char *reason);

/* Fills the entry for the loop's poll; gives how many there are, 0 or 1. */
size_t hub_poll(const struct service *service, struct pollfd *entry);

/* Deals with what has come, and with what is due at now_ms: gives when it should be called again at the latest, UINT64_MAX: only when polled. */
uint64_t hub_run(struct service *service, uint64_t now_ms);

/* --- for the hub's own files --- */

bool hub_watch_add(struct hub *hub, struct hub_watch *watch);
void hub_watch_change(struct hub *hub, struct hub_watch *watch, bool wants_write);
void hub_watch_remove(struct hub *hub, struct hub_watch *watch);

/* Takes a connection of a listener, below 0: there is none. Without a free descriptor the listener rests for a while. */
int hub_watch_accept(struct hub *hub, struct hub_watch *watch);

/* Watches a listener again that has rested; gives when that is due, UINT64_MAX: it does not rest. */
uint64_t hub_watch_resume(struct hub *hub, struct hub_watch *watch, uint64_t now_ms);

#endif
