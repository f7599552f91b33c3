/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The randomness port: the kernel's generator. Without flags getrandom waits until it has been seeded once after power-up; it never gives
 * weak bytes.
 */
#include <errno.h>
#include <sys/random.h>

#include "dps/port/posix.h"

static dps_result random_fill(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	while (len > 0) {
		ssize_t n = getrandom(buf, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return DPS_E_RANDOM;
		buf += n;
		len -= (size_t)n;
	}
	return DPS_OK;
}

void dps_posix_random_init(struct dps_random *random)
{
	random->ctx = NULL;
	random->fill = random_fill;
}
