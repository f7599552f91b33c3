/* SPDX-License-Identifier: Apache-2.0 */
/* dps-device: the example application. A Linux device that provisions itself. */
#include <signal.h>
#include <stdio.h>

#include "device.h"
#include "exit_status.h"

int main(int argc, char **argv)
{
	static struct device device; /* some 300 KiB: not for the stack */
	const struct reporter *reporter = &reporter_text;
	struct options options;
	char error[512];
	dps_result result;

	/* A reader of the output that goes away, or a limit on the size of files, is an error of one call, and not the end of the device. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	input_occupy();
	result = options_parse(&options, argc, argv, error, sizeof(error));

	if (options.json)
		reporter = &reporter_json;
	else if (options.quiet)
		reporter = &reporter_quiet;
	if (result != DPS_OK) {
		reporter->config_failed(result, error);
		return EXIT_USAGE;
	}
	if (options.help) {
		fputs(options_usage(), stdout);
		return 0;
	}
	if (device_prepare(&device, &options, reporter)) {
		if (options.status)
			device_show_status(&device);
		else if (options.reset)
			device_reset(&device);
		else if (device_open(&device))
			device_run(&device);
	}
	device_close(&device);
	return device.exit_status;
}
