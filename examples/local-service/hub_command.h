/* SPDX-License-Identifier: Apache-2.0 */
/* The operators' commands of the command line: devices, get, post, offline, expire. */
#ifndef SERVICE_HUB_COMMAND_H
#define SERVICE_HUB_COMMAND_H

/* Each takes argv without the command's name and ends the program with what docs/local-hub.md says. */
void hub_command_devices(int argc, char *argv[]);
void hub_command_get(int argc, char *argv[]);
void hub_command_post(int argc, char *argv[]);
void hub_command_offline(int argc, char *argv[]);
void hub_command_expire(int argc, char *argv[]);

#endif
