/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of dps-device: the client's handles, its time, and signals as one more handle. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "device.h"
#include "exit_status.h"

/* SIGINT and SIGTERM as a descriptor, so that no handler runs in the midst of anything. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void on_signal(struct device *device)
{
	/* A device that stays and is provisioned has done its job. */
	if (dps_client_state(&device->client) == DPS_STATE_PROVISIONED) {
		dps_client_stop(&device->client);
		device->ended = true;
		return;
	}
	dps_client_cancel(&device->client);
	device->ended = true;
}

void device_run(struct device *device)
{
	int signals = open_signals();
	dps_result result = dps_client_start(&device->client, device->start_flags);

	if (result != DPS_OK) {
		device->reporter->config_failed(result, dps_result_text(result));
		device->exit_status = exit_status_of_cause(result);
		device->ended = true;
	}
	while (!device->ended) {
		struct dps_wait waits[DPS_WAIT_MAX + 1];
		struct signalfd_siginfo info;
		uint32_t within = dps_client_process(&device->client);
		size_t count;

		if (device->ended)
			break;
		count = dps_client_wait_on(&device->client, waits, DPS_WAIT_MAX);
		if (signals >= 0)
			waits[count++] = (struct dps_wait){.handle = signals, .directions = DPS_WAIT_READ};
		result = dps_posix_wait(waits, count, within);
		if (result != DPS_OK && result != DPS_AGAIN) {
			device->reporter->config_failed(result, "the event loop failed");
			device->exit_status = EXIT_FAILED;
			break;
		}
		if (signals >= 0 && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
			on_signal(device);
	}
	if (signals >= 0)
		close(signals);
}
