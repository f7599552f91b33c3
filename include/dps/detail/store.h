/* SPDX-License-Identifier: Apache-2.0 */
/* Private layout of the store, public only so that its size is known at compile time. */
#ifndef DPS_DETAIL_STORE_H
#define DPS_DETAIL_STORE_H

#include "dps/platform.h"
#include "dps/records.h"

struct dps_store {
	const struct dps_storage *port;
	bool open;                                    /* dps_store_open succeeded */
	bool reset_begun;                             /* a factory reset was begun and not ended: nothing is there */
	bool manifest_damaged;                        /* there is a manifest, and it cannot be read */
	uint32_t committed;                           /* DPS_RECORD_BIT of records in force and readable */
	uint32_t staged;                              /* DPS_RECORD_BIT of records staged */
	uint32_t damaged;                             /* DPS_RECORD_BIT of records in force whose blob is damaged or missing */
	uint32_t present;                             /* slots (two bits a record) that hold any blob */
	uint32_t stray;                               /* slots whose blob must go before the next commit, or it might be taken for staged */
	uint32_t generation[DPS_RECORD_COUNT];        /* in force; 0: none */
	uint32_t staged_generation[DPS_RECORD_COUNT]; /* staged; 0: none */
	uint32_t confirmed[DPS_RECORD_COUNT];         /* told to the application */
};

#endif
