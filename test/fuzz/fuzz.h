/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target is: LLVMFuzzerTestOneInput, and seeds if it has some. The same file is linked to libFuzzer by `make fuzz` and to standalone.c by
 * `make check-fuzz`. A target ends the program (FUZZ_HOLDS) when a property does not hold; sanitizers do so for the rest.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_seed {
	const void *data;
	size_t len;
};

/* A seed from a string literal, without its NUL. */
#define FUZZ_SEED(literal)                                                                                                                 \
	{                                                                                                                                      \
		literal, sizeof(literal) - 1                                                                                                       \
	}

/* Optional: standalone.c has one without any. */
const struct fuzz_seed *fuzz_seeds(size_t *count);

#define FUZZ_HOLDS(condition)                                                                                                              \
	do {                                                                                                                                   \
		if (!(condition)) {                                                                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                                 \
			abort();                                                                                                                       \
		}                                                                                                                                  \
	} while (0)

#endif
