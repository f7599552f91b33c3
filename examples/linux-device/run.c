/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of dps-device: the client's handles, its time, and signals as one more handle. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "device.h"
#include "device_onboarding.h"
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

/* Until when a run with --once may wait for an endpoint; 0: for ever. The client keeps the time of what comes behind. */
static uint64_t waiting_deadline(struct device *device)
{
	return device->options->once ? device_now_ms(device) + device->options->timeout_ms : 0;
}

static uint32_t process_waiting(struct device *device, uint64_t deadline)
{
	const uint64_t now = device_now_ms(device);

	if (deadline == 0 || !device_onboarding_waits(device))
		return DPS_FOREVER;
	if (now < deadline)
		return deadline - now < DPS_FOREVER ? (uint32_t)(deadline - now) : DPS_FOREVER;
	device->reporter->config_failed(DPS_E_DEADLINE, "nobody has said where to provision");
	device->exit_status = EXIT_DEADLINE;
	device->ended = true;
	return 0;
}

/* All that can be done without waiting, of everybody. In how many milliseconds one of them wants to be called again. */
static uint32_t process_all(struct device *device, uint64_t deadline)
{
	uint32_t within = process_waiting(device, deadline);
	uint32_t next = dps_client_process(&device->client);

	within = next < within ? next : within;
	/* Behind the client: that the device is owned now is known at once. */
	next = device_onboarding_process(device);
	within = next < within ? next : within;
	next = online_process(device);
	return next < within ? next : within;
}

static void start(struct device *device)
{
	dps_result result;

	if (!device_onboarding_open(device) || device_onboarding_waits(device))
		return;
	result = dps_client_start(&device->client, device->start_flags);
	if (result == DPS_OK) {
		online_begin(device);
		return;
	}
	device->reporter->config_failed(result, dps_result_text(result));
	device->exit_status = exit_status_of_cause(result);
	device->ended = true;
}

static void on_signal(struct device *device)
{
	if (online_leave(device))
		return;
	/* A device that stays and is provisioned has done its job, be it renewing its identity or not. */
	if (!device->options->once && device->exit_status == EXIT_PROVISIONED) {
		dps_client_stop(&device->client);
		device->ended = true;
		return;
	}
	/* What runs says so itself; of what waits for an endpoint it is said here. */
	device->exit_status = EXIT_CANCELLED;
	if (device_onboarding_waits(device))
		device->reporter->config_failed(DPS_E_CANCELLED, dps_result_text(DPS_E_CANCELLED));
	dps_client_cancel(&device->client);
	device->ended = true;
}

void device_run(struct device *device)
{
	int signals = open_signals();
	uint64_t deadline = waiting_deadline(device);
	dps_result result;

	start(device);
	while (!device->ended) {
		struct dps_wait waits[DPS_POSIX_WAIT_MAX];
		struct signalfd_siginfo info;
		uint32_t within = process_all(device, deadline);
		size_t count;

		if (device->ended)
			break;
		count = dps_client_wait_on(&device->client, waits, DPS_WAIT_MAX);
		count += device_onboarding_wait_on(device, waits + count, ONBOARDING_WAIT_MAX);
		count += online_wait_on(device, waits + count, DPS_POSIX_WAIT_MAX - 1 - count);
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
