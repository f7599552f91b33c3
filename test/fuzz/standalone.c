/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer: fuzz_x [-runs=N] [-seed=N] [FILE]... replays the files and the built-in seeds, then N mutations of them.
 * The numbers are pseudo-random and the same each time, so that a failure comes again; FUZZ_KEEP=FILE in the environment has each input written
 * to FILE before it is tried (slow), so that the one that failed can be kept.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#define MAX_INPUT  4096
#define MAX_INPUTS 256

struct input {
	uint8_t *data;
	size_t len;
};

static struct input inputs[MAX_INPUTS];
static size_t input_count;
static uint64_t state = 1;

__attribute__((weak)) const struct fuzz_seed *fuzz_seeds(size_t *count)
{
	*count = 0;
	return NULL;
}

static uint32_t next_random(uint32_t below)
{
	/* xorshift64 */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static void add_input(const void *data, size_t len)
{
	struct input *input = &inputs[input_count];
	if (input_count == MAX_INPUTS)
		return;
	len = len < MAX_INPUT ? len : MAX_INPUT;
	input->data = malloc(len + 1);
	if (input->data == NULL)
		abort();
	if (len > 0)
		memcpy(input->data, data, len);
	input->len = len;
	input_count++;
}

static int add_file(const char *path)
{
	static uint8_t buf[MAX_INPUT];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return -1;
	}
	add_input(buf, fread(buf, 1, sizeof buf, file));
	fclose(file);
	return 0;
}

/* In memory that ends where the input does: a sanitizer sees a byte too many. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	const char *keep = getenv("FUZZ_KEEP");
	FILE *file = keep != NULL ? fopen(keep, "wb") : NULL;
	if (exact == NULL)
		abort();
	if (file != NULL) {
		fwrite(data, 1, len, file);
		fclose(file);
	}
	if (len > 0)
		memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static void mutate(uint8_t *data, size_t *len)
{
	uint32_t changes = 1 + next_random(4);
	while (changes-- > 0) {
		const struct input *other = &inputs[next_random((uint32_t)input_count)];
		size_t at = *len > 0 ? next_random((uint32_t)*len) : 0;
		size_t piece = *len > at ? 1 + next_random((uint32_t)(*len - at)) : 0;
		switch (next_random(7)) {
		case 0: /* a bit */
			if (*len > 0)
				data[at] ^= (uint8_t)(1u << next_random(8));
			break;
		case 1: /* a byte */
			if (*len > 0)
				data[at] = (uint8_t)next_random(256);
			break;
		case 2: /* cut */
			*len = at;
			break;
		case 3: /* take out */
			memmove(data + at, data + at + piece, *len - at - piece);
			*len -= piece;
			break;
		case 4: /* repeat */
			if (*len + piece <= MAX_INPUT) {
				memmove(data + at + piece, data + at, *len - at);
				*len += piece;
			}
			break;
		case 5: /* a telling byte */
			if (*len > 0)
				data[at] = (uint8_t) "\x00\xff\x7f\x80\x5f\x7f\x9f\xbf\x1b\x9b\xbb\xf6"[next_random(12)];
			break;
		default: /* a piece of another */
			if (other->len > 0) {
				size_t from = next_random((uint32_t)other->len);
				size_t take = 1 + next_random((uint32_t)(other->len - from));
				take = take < MAX_INPUT - at ? take : MAX_INPUT - at;
				memcpy(data + at, other->data + from, take);
				*len = *len > at + take ? *len : at + take;
			}
			break;
		}
	}
}

int main(int argc, char **argv)
{
	static uint8_t current[MAX_INPUT];
	unsigned long runs = 20000;
	const struct fuzz_seed *seeds;
	size_t seed_count, i;
	unsigned long n;

	for (i = 1; i < (size_t)argc; i++) {
		if (strncmp(argv[i], "-runs=", 6) == 0)
			runs = strtoul(argv[i] + 6, NULL, 10);
		else if (strncmp(argv[i], "-seed=", 6) == 0)
			state = strtoull(argv[i] + 6, NULL, 10) | 1;
		else if (add_file(argv[i]) != 0)
			return 2;
	}
	seeds = fuzz_seeds(&seed_count);
	for (i = 0; i < seed_count; i++)
		add_input(seeds[i].data, seeds[i].len);
	add_input(NULL, 0);
	for (i = 0; i < input_count; i++)
		run(inputs[i].data, inputs[i].len);
	for (n = 0; n < runs; n++) {
		const struct input *input = &inputs[next_random((uint32_t)input_count)];
		size_t len = input->len;
		memcpy(current, input->data, len);
		mutate(current, &len);
		run(current, len);
	}
	printf("%s: %zu inputs, %lu mutations\n", strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0], input_count, runs);
	for (i = 0; i < input_count; i++)
		free(inputs[i].data);
	return 0;
}
