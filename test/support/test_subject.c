/* SPDX-License-Identifier: Apache-2.0 */
/* See test_subject.h. */
#include "support/test_subject.h"

#include <string.h>

void test_subject_begin(struct test_subject *subject, struct test_scenario *scenario, const char *config)
{
	memset(subject, 0, sizeof(*subject));
	subject->scenario = scenario;
	subject->config = config;
	test_local_start(&subject->service, scenario, config, NULL);
	test_device_provision(scenario, subject->service.uri, "base", subject->device_id);
	test_snapshot_take(&subject->base, test_path(scenario, "base"));
}

void test_subject_end(struct test_subject *subject)
{
	test_snapshot_free(&subject->base);
	test_local_stop(&subject->service);
	test_local_free(&subject->service);
}
