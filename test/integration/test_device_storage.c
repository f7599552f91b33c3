/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State directories that are full, read-only, shared, damaged or from the future. A device never loses its id, keeps what is good, and asks again for what is
 * not.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/text.h"
#include "support/test_bytes.h"
#include "support/test_subject.h"

static struct test_scenario scenario;
static struct test_subject subject;

static const char config[] = "{\"resources\": [{\"href\": \"/light/1\", \"rep\": {\"state\": true}}]}";

/* What a provisioned device keeps: the first generations, whose slot is 1. */
static const char *const blobs[] = {"manifest-1",  "owner-1",  "cloud-1",     "credentials-1", "acls-1",
                                    "resources-1", "device-1", "endpoints-1", "time-1",        "key-identity-0"};

#define BLOBS (sizeof(blobs) / sizeof(blobs[0]))

static int begin(void **state)
{
	(void)state;
	test_scenario_begin(&scenario);
	test_subject_begin(&subject, &scenario, config);
	/* The tests below know all files. */
	assert_int_equal(subject.base.count, BLOBS + 1);
	assert_non_null(test_snapshot_find(&subject.base, "settings")); /* the program's own */
	for (size_t at = 0; at < BLOBS; at++) {
		if (test_snapshot_find(&subject.base, blobs[at]) == NULL) {
			fail_msg("%s is not there", blobs[at]);
		}
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	test_subject_end(&subject);
	test_scenario_end(&scenario);
	return 0;
}

static void expect_failed(const struct test_program *device, const char *cause, const char *about)
{
	const cJSON *last = test_last(device);
	const char *event = test_get_text(last, "event");

	if (device->exit_code != 1 || event == NULL || strcmp(event, "failed") != 0 || strcmp(test_get_text(last, "cause"), cause) != 0) {
		fail_msg("%s: not %s with exit 1: exit %d: %s%s", about, cause, device->exit_code, device->output, device->error);
	}
}

/* --- directories that cannot be used ----------------------------------------------------------------------------------------------- */

static void no_directory(void **state)
{
	static const struct {
		const char *path;
		const char *cause;
	} cases[] = {
		{"file/state", "storage"},       /* below a regular file */
		{"file", "storage"},             /* a regular file itself */
		{"none/state", "storage"},       /* its parent is missing */
		{"everybody", "storage-denied"}, /* anybody may write to it */
	};

	(void)state;
	test_file_write(scenario.directory, "file", "x", 1);
	assert_int_equal(mkdir(test_path(&scenario, "everybody"), 0777), 0);
	assert_int_equal(chmod(test_path(&scenario, "everybody"), 0777), 0);
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct test_command command;
		struct test_program device;

		test_device_command(&command, &scenario, subject.service.uri, cases[at].path);
		test_program_run(&device, &command);
		expect_failed(&device, cases[at].cause, cases[at].path);
		assert_string_equal(test_get_text(test_last(&device), "step"), "config");
		assert_int_equal(test_count_named(&device, "connected"), 0);
		test_program_free(&device);
	}
}

static void read_only_directory(void **state)
{
	const char *directory = test_path(&scenario, "read-only");
	static const struct test_snapshot nothing = {.count = 0};
	struct test_command command;
	struct test_program device;
	struct test_snapshot after;

	(void)state;
	/* A provisioned device says that it is provisioned ... */
	test_snapshot_restore(&subject.base, directory);
	assert_int_equal(chmod(directory, 0500), 0);
	test_device_command(&command, &scenario, subject.service.uri, "read-only");
	command.prepare = test_drop_powers;
	test_program_run(&device, &command);
	if (device.exit_code != 0 || test_count_named(&device, "connected") != 0) {
		fail_msg("read-only: exit %d: %s", device.exit_code, device.output);
	}
	assert_string_equal(test_get_text(test_last(&device), "deviceId"), subject.device_id);
	test_program_free(&device);

	/* ... but cannot be provisioned anew, and is not harmed by the attempt. */
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	expect_failed(&device, "storage-denied", "forced");
	test_program_free(&device);
	test_snapshot_take(&after, directory);
	assert_null(test_snapshot_difference(&subject.base, &after));
	test_snapshot_free(&after);
	assert_int_equal(chmod(directory, 0700), 0);
	test_device_is_provisioned(&scenario, "read-only", subject.device_id);

	/* A new device finds out before it asks anything. */
	test_snapshot_restore(&nothing, directory);
	assert_int_equal(chmod(directory, 0500), 0);
	test_command_drop(&command, "--force", false);
	test_program_run(&device, &command);
	expect_failed(&device, "storage-denied", "new");
	assert_int_equal(test_count_named(&device, "connected"), 0);
	test_program_free(&device);
	assert_int_equal(chmod(directory, 0700), 0);
}

/* No file may become larger than that, as on a medium that is nearly full. The signal that comes with it is for the device to outlive. */
static void limit_files(void *context)
{
	const struct rlimit limit = {.rlim_cur = *(rlim_t *)context, .rlim_max = *(rlim_t *)context};

	(void)setrlimit(RLIMIT_FSIZE, &limit);
}

/* Each limit stops a new device at another file; with room again it goes on from there. */
static void full_for_a_new_device(void **state)
{
	/* In the order of a run: the device's id, the key, then the answers. */
	static rlim_t limits[] = {0, 40, 100, 200, 400, 1000};
	char last_id[37] = "";

	(void)state;
	for (size_t at = 0; at < sizeof(limits) / sizeof(limits[0]); at++) {
		const char *name = test_format(&scenario, "full-%zu", at);
		struct test_command command;
		struct test_program device;
		struct test_snapshot before, after;

		test_device_command(&command, &scenario, subject.service.uri, name);
		command.prepare = limit_files;
		command.context = &limits[at];
		test_program_run(&device, &command);
		expect_failed(&device, "storage-full", name);
		assert_null(test_last_named(&device, "committed"));
		test_program_free(&device);
		test_snapshot_take(&before, test_path(&scenario, "%s", name));
		assert_null(test_snapshot_newest(&before, "manifest"));

		test_device_provision(&scenario, subject.service.uri, name, last_id);
		test_snapshot_take(&after, test_path(&scenario, "%s", name));
		for (size_t file = 0; file < before.count; file++) {
			const struct test_file *kept = test_snapshot_find(&after, before.files[file].name);

			/* What was stored was used: id, key and the answers there was room for. */
			if (kept == NULL || kept->length != before.files[file].length ||
			    memcmp(kept->bytes, before.files[file].bytes, kept->length) != 0) {
				fail_msg("%s: %s was not kept", name, before.files[file].name);
			}
		}
		test_snapshot_free(&before);
		test_snapshot_free(&after);
	}
}

/* A forced run that finds no room changes nothing, and has the service sign nothing: that may revoke what is in force. */
static void full_for_a_provisioned_device(void **state)
{
	static rlim_t limits[] = {0, 34, 36, 100, 400, 1000};
	const char *directory = test_path(&scenario, "full");

	(void)state;
	for (size_t at = 0; at < sizeof(limits) / sizeof(limits[0]); at++) {
		struct test_command command;
		struct test_program device;
		struct test_snapshot after;

		test_snapshot_restore(&subject.base, directory);
		test_device_command(&command, &scenario, subject.service.uri, "full");
		test_command_flag(&command, "--force");
		command.prepare = limit_files;
		command.context = &limits[at];
		test_program_run(&device, &command);
		expect_failed(&device, "storage-full", "forced");
		assert_null(test_last_named(&device, "connected"));
		test_program_free(&device);
		test_snapshot_take(&after, directory);
		if (test_snapshot_committed_difference(&subject.base, &after) != NULL) {
			fail_msg("%s has changed", test_snapshot_committed_difference(&subject.base, &after));
		}
		test_snapshot_free(&after);
		test_device_is_provisioned(&scenario, "full", subject.device_id);
	}
}

/* --- damage ------------------------------------------------------------------------------------------------------------------------ */

enum damage { FLIPPED, CUT, HALF, EMPTIED, REMOVED, REPLACED };

static void damage(const char *directory, const char *name, enum damage how, size_t at)
{
	const struct test_file *file = test_snapshot_find(&subject.base, name);
	uint8_t *bytes = malloc(file->length);

	assert_non_null(bytes);
	memcpy(bytes, file->bytes, file->length);
	switch (how) {
	case FLIPPED:
		bytes[at] ^= 0x10;
		test_file_write(directory, name, bytes, file->length);
		break;
	case CUT:
		test_file_write(directory, name, bytes, at);
		break;
	case HALF:
		test_file_write(directory, name, bytes, file->length / 2);
		break;
	case EMPTIED:
		test_file_write(directory, name, bytes, 0);
		break;
	case REMOVED:
		test_file_write(directory, name, NULL, 0);
		break;
	case REPLACED:
		memset(bytes, 0xa5, file->length);
		test_file_write(directory, name, bytes, file->length);
		break;
	}
	free(bytes);
}

/* The records that a device without these files asks for again. */
enum { OWNER = 1, CLOUD = 2, CREDENTIALS = 4, ACLS = 8, RESOURCES = 16, ALL = 31 };

/*
 * First answers without any manifest, or with one that was torn, are what a power cut leaves in the first commit: they are put in force.
 */
static unsigned lost_with(const char *name)
{
	static const struct {
		const char *name;
		unsigned steps;
	} losses[] = {
		{"owner-1", OWNER}, {"cloud-1", CLOUD}, {"credentials-1", CREDENTIALS}, {"acls-1", ACLS}, {"resources-1", RESOURCES},
	};

	for (size_t at = 0; at < sizeof(losses) / sizeof(losses[0]); at++) {
		if (strcmp(losses[at].name, name) == 0) {
			return losses[at].steps;
		}
	}
	return 0;
}

static unsigned steps_of(const struct test_program *device)
{
	static const char *const names[] = {"owner", "cloud", "credentials", "acls", "resources"};
	const cJSON *event;
	unsigned steps = 0;

	cJSON_ArrayForEach(event, device->events)
	{
		const char *step = test_get_text(event, "step");

		for (unsigned at = 0; strcmp(test_get_text(event, "event"), "step") == 0 && at < 5; at++) {
			steps |= strcmp(names[at], step) == 0 ? 1u << at : 0;
		}
	}
	return steps;
}

static void expect_whole_again(unsigned steps, const char *about)
{
	const char *directory = test_path(&scenario, "damaged");
	const struct test_file *key = test_snapshot_find(&subject.base, "key-identity-0");
	const struct test_file *key_after;
	struct test_command command;
	struct test_program device;
	struct test_snapshot after;

	test_device_command(&command, &scenario, subject.service.uri, "damaged");
	test_program_run(&device, &command);
	if (device.exit_code != 0) {
		fail_msg("%s: exit %d: %s%s", about, device.exit_code, device.output, device.error);
	}
	if (strcmp(test_get_text(test_last(&device), "deviceId"), subject.device_id) != 0) {
		fail_msg("%s: the device id is another one: %s", about, device.output);
	}
	/* The resources are optional: for them alone a device that is provisioned asks nothing. */
	if (steps_of(&device) != (steps == RESOURCES ? 0 : steps)) {
		fail_msg("%s: %#x should have been asked for: %s", about, steps, device.output);
	}
	/* From the first connect: without any there is nothing to count. */
	if (test_count_named(&device, "connected") == 0 && test_get_number(test_last(&device), "report.steps.commit") > 0) {
		fail_msg("%s: a time that cannot be: %s", about, device.output);
	}
	test_program_free(&device);
	test_snapshot_take(&after, directory);
	key_after = test_snapshot_find(&after, "key-identity-0");
	if (key_after == NULL || key_after->length != key->length || memcmp(key_after->bytes, key->bytes, key->length) != 0) {
		fail_msg("%s: the key is another one", about);
	}
	test_snapshot_free(&after);
	test_device_is_provisioned(&scenario, "damaged", subject.device_id);
}

/* All of a file's kinds of damage, but the key's: that is another story. */
static void each_file_damaged(void **state)
{
	static const size_t header[] = {0, 2, 3, 7, 11, 12};
	const char *directory = test_path(&scenario, "damaged");

	(void)state;
	for (size_t blob = 0; blob < BLOBS; blob++) {
		const struct test_file *file = test_snapshot_find(&subject.base, blobs[blob]);

		if (strcmp(blobs[blob], "key-identity-0") == 0) {
			continue;
		}
		for (int how = HALF; how <= REPLACED; how++) {
			test_snapshot_restore(&subject.base, directory);
			damage(directory, blobs[blob], (enum damage)how, 0);
			expect_whole_again(lost_with(blobs[blob]), test_format(&scenario, "%s, damage %d", blobs[blob], how));
		}
		for (size_t at = 0; at < 5; at++) {
			const size_t lengths[] = {1, 15, 16, 17, file->length - 1};

			test_snapshot_restore(&subject.base, directory);
			damage(directory, blobs[blob], CUT, lengths[at]);
			expect_whole_again(lost_with(blobs[blob]), test_format(&scenario, "%s, %zu bytes left", blobs[blob], lengths[at]));
		}
		for (size_t at = 0; at < sizeof(header) / sizeof(header[0]) + 3; at++) {
			const size_t behind[] = {file->length / 2, file->length - 1, file->length > 16 ? 16 : 0};
			size_t byte = at < sizeof(header) / sizeof(header[0]) ? header[at] : behind[at - sizeof(header) / sizeof(header[0])];

			test_snapshot_restore(&subject.base, directory);
			damage(directory, blobs[blob], FLIPPED, byte);
			expect_whole_again(lost_with(blobs[blob]), test_format(&scenario, "%s, byte %zu", blobs[blob], byte));
		}
	}
}

/* Several at once: while one of "device" and the credentials with their manifest is good, the device knows who it is. */
static void several_files_damaged(void **state)
{
	static const char *const groups[][4] = {
		{"manifest-1", "owner-1", "cloud-1", "acls-1"},       {"credentials-1", "time-1", "endpoints-1", NULL},
		{"manifest-1", "credentials-1", NULL, NULL},          {"device-1", "time-1", "owner-1", NULL},
		{"device-1", "endpoints-1", "acls-1", "resources-1"},
	};
	const char *directory = test_path(&scenario, "damaged");

	(void)state;
	for (size_t group = 0; group < sizeof(groups) / sizeof(groups[0]); group++) {
		for (int how = HALF; how <= REPLACED; how++) {
			unsigned steps = 0;

			test_snapshot_restore(&subject.base, directory);
			for (size_t at = 0; at < 4 && groups[group][at] != NULL; at++) {
				damage(directory, groups[group][at], (enum damage)how, 0);
				steps |= lost_with(groups[group][at]);
			}
			expect_whole_again(steps, test_format(&scenario, "group %zu, damage %d", group, how));
		}
	}
}

/*
 * A device that was provisioned a second time has two manifests. With one of them it is whole without asking anybody: what the other one had put in force
 * counts as staged. Without both everything is asked for again.
 */
static void manifests_of_two_runs(void **state)
{
	static const struct {
		const char *names[2];
		unsigned steps;
	} cases[] = {{{"manifest-0", NULL}, 0}, {{"manifest-1", NULL}, 0}, {{"manifest-0", "manifest-1"}, ALL}};
	const char *directory = test_path(&scenario, "damaged");
	struct test_command command;
	struct test_program device;
	struct test_snapshot first = subject.base;

	(void)state;
	test_snapshot_restore(&subject.base, directory);
	test_device_command(&command, &scenario, subject.service.uri, "damaged");
	test_command_flag(&command, "--force");
	test_program_run(&device, &command);
	assert_int_equal(device.exit_code, 0);
	test_program_free(&device);
	test_snapshot_take(&subject.base, directory);
	assert_non_null(test_snapshot_find(&subject.base, "manifest-0"));
	assert_non_null(test_snapshot_find(&subject.base, "owner-0"));
	assert_null(test_snapshot_find(&subject.base, "owner-1"));
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		for (int how = HALF; how <= REPLACED; how++) {
			test_snapshot_restore(&subject.base, directory);
			for (size_t file = 0; file < 2 && cases[at].names[file] != NULL; file++) {
				damage(directory, cases[at].names[file], (enum damage)how, 0);
			}
			expect_whole_again(cases[at].steps, test_format(&scenario, "manifests %zu, damage %d", at, how));
		}
	}
	test_snapshot_free(&subject.base);
	subject.base = first;
}

/*
 * Each file of another device in place of the device's own. It is asked for again if it is of no use here; where the authorities refuse that, because of a key
 * that is not the one they know, the device says so, and is whole as soon as its own file is back.
 */
static void files_of_another_device(void **state)
{
	const char *directory = test_path(&scenario, "mixed");
	struct test_snapshot other;
	char other_id[37];

	(void)state;
	test_device_provision(&scenario, subject.service.uri, "other", other_id);
	test_snapshot_take(&other, test_path(&scenario, "other"));
	for (size_t blob = 0; blob < BLOBS; blob++) {
		const struct test_file *file = test_snapshot_find(&other, blobs[blob]);
		struct test_command command;
		struct test_program device;

		assert_non_null(file);
		test_snapshot_restore(&subject.base, directory);
		test_file_write(directory, blobs[blob], file->bytes, file->length);
		test_device_command(&command, &scenario, subject.service.uri, "mixed");
		test_command_set(&command, "--timeout", "0.5");
		test_program_run(&device, &command);
		if (device.exit_code != 0 &&
		    (device.exit_code != 3 || strcmp(test_get_text(test_last(&device), "cause"), "service-refused") != 0)) {
			fail_msg("%s of another device: exit %d: %s%s", blobs[blob], device.exit_code, device.output, device.error);
		}
		if (device.exit_code == 0) {
			assert_string_equal(test_get_text(test_last(&device), "deviceId"), subject.device_id);
		} else {
			/* Nothing was put in force over what is good. */
			assert_true(strcmp(blobs[blob], "device-1") == 0 || strcmp(blobs[blob], "key-identity-0") == 0);
			test_snapshot_restore(&subject.base, directory);
		}
		test_program_free(&device);
		test_device_is_provisioned(&scenario, "mixed", subject.device_id);
	}
	test_snapshot_free(&other);
}

/* What a crash in the middle of a write leaves is neither taken for anything nor kept. */
static void half_written_file(void **state)
{
	const char *directory = test_path(&scenario, "damaged");
	const struct test_file *manifest = test_snapshot_find(&subject.base, "manifest-1");
	struct test_snapshot after;

	(void)state;
	test_snapshot_restore(&subject.base, directory);
	test_file_write(directory, ".new", manifest->bytes, manifest->length / 2);
	expect_whole_again(0, "a temporary file");
	test_snapshot_take(&after, directory);
	assert_null(test_snapshot_find(&after, ".new"));
	test_snapshot_free(&after);
}

/*
 * With the key gone a new one is made, and the authority refuses it while the old certificate of this device id is valid. The device keeps its id and goes on
 * asking; as soon as the authority has forgotten, it is provisioned.
 */
static void key_damaged(void **state)
{
	static const struct {
		enum damage how;
		size_t byte;
	} kinds[] = {{HALF, 0}, {EMPTIED, 0}, {REMOVED, 0}, {REPLACED, 0}, {FLIPPED, 3}, {FLIPPED, 20}};
	struct test_command command;
	struct test_program device;
	struct test_local forgetful;

	(void)state;
	for (size_t at = 0; at < sizeof(kinds) / sizeof(kinds[0]); at++) {
		const char *name = test_format(&scenario, "key-%zu", at);
		const char *directory = test_path(&scenario, "%s", name);

		test_snapshot_restore(&subject.base, directory);
		damage(directory, "key-identity-0", kinds[at].how, kinds[at].byte);
		test_device_command(&command, &scenario, subject.service.uri, name);
		test_command_set(&command, "--timeout", "0.5");
		test_program_run(&device, &command);
		assert_int_equal(device.exit_code, 3);
		assert_string_equal(test_get_text(test_last(&device), "step"), "credentials");
		assert_string_equal(test_get_text(test_last(&device), "cause"), "service-refused");
		assert_string_equal(test_get_text(test_last(&device), "code"), "4.00");
		test_program_free(&device);

		/* Another service of the same authorities, which has no records. */
		test_must_run("sh", "-c", "rm -rf \"$1\" && cp -r \"$0\" \"$1\" && rm -f \"$1\"/identities*", test_path(&scenario, "service"),
		              test_path(&scenario, "forgetful"), NULL);
		test_local_start_at(&forgetful, &scenario, "forgetful", config, NULL);
		test_device_command(&command, &scenario, forgetful.uri, name);
		test_program_run(&device, &command);
		if (device.exit_code != 0 || strcmp(test_get_text(test_last(&device), "deviceId"), subject.device_id) != 0) {
			fail_msg("key damage %zu: exit %d: %s", at, device.exit_code, device.output);
		}
		test_program_free(&device);
		test_local_stop(&forgetful);
		test_local_free(&forgetful);
		test_device_is_provisioned(&scenario, name, subject.device_id);
	}
}

/* --- the future -------------------------------------------------------------------------------------------------------------------- */

/* The blob as a later version of the library would write it: intact, and not for us to touch. */
static void newer_format(void **state)
{
	enum { AT_VERSION = 2, AT_CRC = 12, HEADER = 16 };
	const char *directory = test_path(&scenario, "future");

	(void)state;
	for (size_t blob = 0; blob < BLOBS; blob++) {
		struct test_snapshot before, after;
		struct test_command command;
		struct test_program device;
		struct test_file *file;
		uint32_t crc;

		if (strncmp(blobs[blob], "key-", 4) == 0) {
			continue;
		}
		test_snapshot_restore(&subject.base, directory);
		test_snapshot_take(&before, directory);
		file = &before.files[0];
		while (strcmp(file->name, blobs[blob]) != 0) {
			file++;
		}
		file->bytes[AT_VERSION]++;
		crc = dps_crc32(dps_crc32(0, file->bytes, AT_CRC), file->bytes + HEADER, file->length - HEADER);
		for (size_t byte = 0; byte < 4; byte++) {
			file->bytes[AT_CRC + byte] = (uint8_t)(crc >> (24 - 8 * byte));
		}
		test_file_write(directory, blobs[blob], file->bytes, file->length);
		test_device_command(&command, &scenario, subject.service.uri, "future");
		for (int force = 0; force < 2; force++) {
			test_program_run(&device, &command);
			expect_failed(&device, "storage-version", blobs[blob]);
			assert_int_equal(test_count_named(&device, "connected"), 0);
			test_program_free(&device);
			test_command_flag(&command, "--force");
		}
		test_snapshot_take(&after, directory);
		if (test_snapshot_difference(&before, &after) != NULL) {
			fail_msg("%s of a newer format: %s has changed", blobs[blob], test_snapshot_difference(&before, &after));
		}
		test_snapshot_free(&before);
		test_snapshot_free(&after);
	}
}

/* --- the past ---------------------------------------------------------------------------------------------------------------------- */

/* The directory of a device that a release of the first format has provisioned: it stays provisioned without a service, and moves to the slots. */
static void first_format(void **state)
{
	static const char *const singles[] = {"manifest", "device", "endpoints", "time"};
	static const char id[] = "fb9d5184-01cb-4b4a-94bc-dea0831df79b";
	static const struct test_snapshot nothing = {.count = 0};
	const char *directory = test_path(&scenario, "past");
	struct test_snapshot before, after;
	uint8_t bytes[4096];
	struct dps_span file;
	char name[32];

	(void)state;
	test_snapshot_restore(&nothing, directory);
	for (size_t at = 0; test_stored_v1(at, name, bytes, sizeof(bytes), &file); at++) {
		test_file_write(directory, name, file.data, file.len);
	}
	test_snapshot_take(&before, directory);
	assert_int_equal(before.count, BLOBS);
	test_device_is_provisioned(&scenario, "past", id);
	test_snapshot_take(&after, directory);
	assert_int_equal(after.count, BLOBS + 1);
	for (size_t at = 0; at < sizeof(singles) / sizeof(singles[0]); at++) {
		assert_non_null(test_snapshot_find(&before, singles[at]));
		assert_null(test_snapshot_find(&after, singles[at]));
		assert_non_null(test_snapshot_newest(&after, singles[at]));
	}
	/* Records and the key are left as they are. */
	for (size_t at = 0; at < BLOBS; at++) {
		const struct test_file *was = test_snapshot_find(&before, blobs[at]);

		if (was != NULL) {
			assert_memory_equal(test_snapshot_find(&after, blobs[at])->bytes, was->bytes, was->length);
		}
	}
	test_device_is_provisioned(&scenario, "past", id);
	test_snapshot_free(&before);
	test_snapshot_free(&after);
}

/* --- two at once ------------------------------------------------------------------------------------------------------------------- */

static void two_processes(void **state)
{
	struct test_command stays, comes;
	struct test_program first, second;

	(void)state;
	test_device_command(&stays, &scenario, subject.service.uri, "shared");
	test_command_drop(&stays, "--once", false);
	test_program_start(&first, &stays);
	(void)test_program_await(&first, "provisioned");

	test_device_command(&comes, &scenario, subject.service.uri, "shared");
	test_command_flag(&comes, "--force");
	test_program_run(&second, &comes);
	expect_failed(&second, "storage-denied", "the second");
	assert_string_equal(test_get_text(test_last(&second), "step"), "config");
	assert_int_equal(test_count_named(&second, "connected"), 0);
	test_program_free(&second);

	/* Even one that is killed gives the directory free. */
	test_process_signal(first.process, SIGKILL);
	test_program_finish(&first);
	test_program_free(&first);
	test_program_run(&second, &comes);
	if (second.exit_code != 0) {
		fail_msg("after the first: exit %d: %s", second.exit_code, second.output);
	}
	test_program_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_directory),          cmocka_unit_test(read_only_directory),
		cmocka_unit_test(full_for_a_new_device), cmocka_unit_test(full_for_a_provisioned_device),
		cmocka_unit_test(each_file_damaged),     cmocka_unit_test(several_files_damaged),
		cmocka_unit_test(half_written_file),     cmocka_unit_test(key_damaged),
		cmocka_unit_test(manifests_of_two_runs), cmocka_unit_test(files_of_another_device),
		cmocka_unit_test(newer_format),          cmocka_unit_test(first_format),
		cmocka_unit_test(two_processes),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
