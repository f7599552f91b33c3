/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device with a TPM, for tests of port/tpm2: the TPM, a storage port in memory, options, the open port, and an authority that certifies its keys.
 */
#ifndef TEST_SUPPORT_TEST_TPM_DEVICE_H
#define TEST_SUPPORT_TEST_TPM_DEVICE_H

#include "dps/port/tpm2.h"
#include "dps/port/tpm2_factory.h"
#include "support/test_pki.h"
#include "support/test_store.h"
#include "support/test_tpm.h"

struct test_tpm_device {
	struct test_tpm tpm;
	struct test_store store;
	char lock[300]; /* the lock file of the options */
	struct dps_tpm2_options options;
	struct dps_tpm2 port;
	struct test_key ca_key, inter_key;
	struct test_certificate ca, inter, leaf;
	uint8_t chain_bytes[4096];
	struct dps_span chain; /* leaf and intermediate, once a key was certified */
};

/* A new TPM, a lock file in its directory, a store. The port is not open yet. */
void test_tpm_device_start(struct test_tpm_device *device);

/* Closes the port if it is open, proves that nothing is left in the TPM, ends it. */
void test_tpm_device_stop(struct test_tpm_device *device);

/* Opens the port with device->options, or fails the test. */
void test_tpm_device_open(struct test_tpm_device *device);
void test_tpm_device_reopen(struct test_tpm_device *device);

/* Makes the IDevID, certifies it and gives the chain to the options; the port is open before and after. */
void test_tpm_device_make_identity(struct test_tpm_device *device, enum dps_key_type type);

/* Certifies any public key: device->leaf and device->chain. */
void test_tpm_device_certify(struct test_tpm_device *device, const uint8_t *spki, size_t len);

/* Signs with a slot, or fails the test; verifies with the public key of the slot. */
void test_tpm_device_sign(struct test_tpm_device *device, const char *slot, enum dps_hash hash);

/* Fails the test unless a result is the expected one and the port's text contains this. */
void test_tpm_device_expect(struct test_tpm_device *device, dps_result result, dps_result expected, const char *text);

/* Puts bytes into a file of the TPM's directory. */
void test_tpm_device_write(const struct test_tpm_device *device, const char *name, const uint8_t *bytes, size_t len);

/* Puts bytes into an NV index ("0x01c00002") in the place of what was there, with tpm2-tools, as the platform; over a file of that name. The port is open before and after. */
void test_tpm_device_put_nv(struct test_tpm_device *device, const char *index, const char *name, const uint8_t *bytes, size_t len);

/* Commands since *mark, which is moved on. */
unsigned test_tpm_device_commands(const struct test_tpm_device *device, unsigned *mark);

#endif
