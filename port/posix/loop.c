/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for handles and time with poll(2): enough of an event loop for a program that does little else.
 */
#include <limits.h>
#include <poll.h>

#include "dps/port/posix.h"

dps_result dps_posix_wait(const struct dps_wait *waits, size_t count, uint32_t within_ms)
{
	struct pollfd fds[DPS_POSIX_WAIT_MAX];
	int timeout = within_ms > INT_MAX ? INT_MAX : (int)within_ms;

	if (count > DPS_POSIX_WAIT_MAX)
		return DPS_E_ARGUMENT;
	if (within_ms == DPS_FOREVER)
		timeout = -1;
	for (size_t i = 0; i < count; i++) {
		fds[i].fd = (int)waits[i].handle;
		fds[i].events = (short)((waits[i].directions & DPS_WAIT_READ ? POLLIN : 0) | (waits[i].directions & DPS_WAIT_WRITE ? POLLOUT : 0));
		fds[i].revents = 0;
	}
	/* EINTR is no failure: the application wants to look at what its signal handler left. */
	return poll(fds, (nfds_t)count, timeout) > 0 ? DPS_OK : DPS_AGAIN;
}
