/* SPDX-License-Identifier: Apache-2.0 */
/* The operators' socket of a running program with gateways. */
#include "hub_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "files.h"
#include "hub_order.h"
#include "text.h"

#define MAX_CLIENTS 16u

struct hub_control {
	struct hub_watch watch;
	struct hub *hub;
	char *name;
	struct hub_client *clients;
	size_t client_count;
};

/* One who asks. It lives until its answer is out, or it has gone and no command of it is under way. */
struct hub_client {
	struct hub_watch watch;
	struct hub_client *next;
	struct hub_control *control;
	char *in;
	size_t in_length;
	char *out;
	size_t out_length;
	size_t out_sent;
	bool is_asked; /* its line was taken: nothing more is read */
	bool is_served;
	bool is_gone;
};

static void leave(struct hub_client *client)
{
	if (!client->is_gone) {
		client->is_gone = true;
		hub_watch_remove(client->control->hub, &client->watch);
		close(client->watch.file);
	}
}

static void send_out(struct hub_client *client)
{
	while (client->out_sent < client->out_length) {
		ssize_t sent = send(client->watch.file, client->out + client->out_sent, client->out_length - client->out_sent, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			hub_watch_change(client->control->hub, &client->watch, true);
			return;
		}
		if (sent <= 0) {
			break;
		}
		client->out_sent += (size_t)sent;
	}
	leave(client);
}

/* An order is done; the tree is deleted here. */
static void on_done(void *context, cJSON *answer)
{
	struct hub_client *client = context;
	char *text = cJSON_PrintUnformatted(answer);

	cJSON_Delete(answer);
	client->is_served = true;
	if (text != NULL && !client->is_gone) {
		client->out = service_format("%s\n", text);
		client->out_length = strlen(client->out);
		send_out(client);
	}
	cJSON_free(text);
}

static void take_line(struct hub_client *client)
{
	cJSON *order = cJSON_ParseWithLength(client->in, client->in_length);

	client->is_asked = true;
	hub_order_run(client->control->hub, order, on_done, client);
	cJSON_Delete(order);
}

static void on_client(struct hub_watch *watch, uint32_t events)
{
	struct hub_client *client = (struct hub_client *)(void *)watch;
	ssize_t got;
	char *end;

	if (client->is_gone) {
		return;
	}
	if ((events & EPOLLOUT) != 0 && client->out_length > 0) {
		send_out(client);
		return;
	}
	if (client->is_asked) {
		leave(client); /* it has gone, or says more than one line */
		return;
	}
	got = recv(watch->file, client->in + client->in_length, HUB_CONTROL_LINE_MAX - client->in_length, 0);
	if (got < 0 && errno == EAGAIN) {
		return;
	}
	end = got <= 0 ? NULL : memchr(client->in + client->in_length, '\n', (size_t)got);
	client->in_length = end != NULL ? (size_t)(end - client->in) : client->in_length + (got > 0 ? (size_t)got : 0);
	if (end != NULL) {
		take_line(client);
	} else if (got <= 0 || client->in_length == HUB_CONTROL_LINE_MAX) {
		leave(client);
	}
}

static void on_accept(struct hub_watch *watch, uint32_t events)
{
	struct hub_control *control = (struct hub_control *)(void *)watch;
	int file = hub_watch_accept(control->hub, watch);
	struct hub_client *client;

	(void)events;
	if (file < 0) {
		return;
	}
	if (control->client_count >= MAX_CLIENTS) {
		close(file);
		return;
	}
	client = service_alloc(sizeof(*client));
	client->watch.ready = on_client;
	client->watch.file = file;
	client->control = control;
	client->in = service_alloc(HUB_CONTROL_LINE_MAX);
	client->next = control->clients;
	control->clients = client;
	control->client_count++;
	if (!hub_watch_add(control->hub, &client->watch)) {
		leave(client);
	}
}

struct hub_control *hub_control_open(struct hub *hub)
{
	struct hub_control *control = service_alloc(sizeof(*control));

	control->hub = hub;
	control->name = service_format(HUB_CONTROL_PREFIX "%ld" HUB_CONTROL_ENDING, (long)getpid());
	control->watch.ready = on_accept;
	control->watch.file = hub_control_bind(hub->directory, control->name);
	if (control->watch.file < 0 || !hub_watch_add(hub, &control->watch)) {
		service_fail(SERVICE_EXIT_FAILURE, "cannot make the operators' socket %s/%s: %s", hub->directory, control->name, strerror(errno));
	}
	return control;
}

static void free_client(struct hub_client *client)
{
	leave(client);
	client->control->client_count--;
	free(client->in);
	free(client->out);
	free(client);
}

void hub_control_close(struct hub_control *control)
{
	char *path = service_files_path(control->hub->directory, control->name);

	unlink(path);
	free(path);
	hub_order_cancel_all(control->hub);
	while (control->clients != NULL) {
		struct hub_client *client = control->clients;

		control->clients = client->next;
		free_client(client);
	}
	close(control->watch.file);
	free(control->name);
	free(control);
}

uint64_t hub_control_run(struct hub_control *control, uint64_t now_ms)
{
	struct hub_client **at = &control->clients;

	while (*at != NULL) {
		struct hub_client *client = *at;

		if (client->is_gone && (client->is_served || !client->is_asked)) {
			*at = client->next;
			free_client(client);
			continue;
		}
		at = &client->next;
	}
	return hub_watch_resume(control->hub, &control->watch, now_ms);
}
