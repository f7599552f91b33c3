/* SPDX-License-Identifier: Apache-2.0 */
/* The operators' socket of a running program with gateways: STATE/hub-PID.sock, mode 0600. One JSON object a line goes in, one comes back.
 *
 *   {"command": "devices"}                                    {"devices": [...]}
 *   {"command": "get", "device": ID, "href": "/a?if=x"}        {"code": "2.05", "rep": any} or {"error": text}
 *   {"command": "post", "device": ID, "href": ..., "body": any} the same
 *   {"command": "offline" or "expire", "device": ID}           {"done": how many connections or records} */
#ifndef SERVICE_HUB_CONTROL_H
#define SERVICE_HUB_CONTROL_H

#include "hub.h"

#define HUB_CONTROL_PREFIX   "hub-"
#define HUB_CONTROL_ENDING   ".sock"
#define HUB_CONTROL_LINE_MAX (256u * 1024u)        /* of a request */
#define HUB_CONTROL_MOST     (16u * 1024u * 1024u) /* of an answer */

/* The errors that say that another program may know better; the words are the command line's own. */
#define HUB_ERROR_UNKNOWN "unknown device"
#define HUB_ERROR_OFFLINE "the device is offline"

/* Ends the program with a clear line when the socket cannot be had. */
struct hub_control *hub_control_open(struct hub *hub);
void hub_control_close(struct hub_control *control);

/* Frees what was closed; when next. */
uint64_t hub_control_run(struct hub_control *control, uint64_t now_ms);

/* Binds (or connects) a Unix socket of this name in a directory, however long its path is; -1 with errno. */
int hub_control_bind(const char *directory, const char *name);
int hub_control_connect(const char *directory, const char *name);

#endif
