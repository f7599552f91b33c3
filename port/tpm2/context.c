/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TPM in use: opening and closing, the lock file, and what is known of the objects in it. After a command without an answer nothing is known any more:
 * ESAPI's context is made anew, and a TPM that is ours alone is tidied before it is used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/text.h"
#include "tpm2/internal.h"

static struct dps_tpm2_tcti *tcti_of(const struct dps_tpm2 *tpm)
{
	return tpm->tcti;
}

/* --- the lock file ------------------------------------------------------------------------------------------------------------------- */

/* Something is written in the file while it is in use. What the next one finds there tells whether this one ended well. */
#define IN_USE "in use\n"

static dps_result take_lock(struct dps_tpm2 *tpm, const char *path)
{
	struct stat st;

	tpm->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, S_IRUSR | S_IWUSR);
	if (tpm->lock < 0)
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "lock file %.80s: %s", path, strerror(errno));
	if (flock(tpm->lock, LOCK_EX | LOCK_NB) != 0) {
		const int error = errno;

		close(tpm->lock);
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "lock file %.80s: %s", path,
		                          error == EWOULDBLOCK ? "the TPM is in use by another process" : strerror(error));
	}
	tpm->locked = true;
	if (fstat(tpm->lock, &st) != 0 || !S_ISREG(st.st_mode))
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "lock file %.80s: not a regular file", path);
	tpm->tidied = st.st_size == 0;
	if (st.st_size == 0 && pwrite(tpm->lock, IN_USE, sizeof(IN_USE) - 1, 0) != sizeof(IN_USE) - 1)
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "lock file %.80s: %s", path, strerror(errno));
	return DPS_OK;
}

/* well: nothing is left in the TPM; else the file goes on saying so. */
static void give_lock(struct dps_tpm2 *tpm, bool well)
{
	if (!tpm->locked)
		return;
	if (well)
		(void)!ftruncate(tpm->lock, 0); /* if it fails the next one tidies up in vain */
	close(tpm->lock);
	tpm->locked = false;
}

/* --- objects ------------------------------------------------------------------------------------------------------------------------- */

void dps_tpm2_keep(struct dps_tpm2 *tpm, ESYS_TR object)
{
	TPM2_HANDLE handle;

	if (Esys_TR_GetTpmHandle(dps_tpm2_esys(tpm), object, &handle) == TSS2_RC_SUCCESS)
		dps_tpm2_tcti_keep(tpm->tcti, handle);
}

void dps_tpm2_flush(struct dps_tpm2 *tpm, ESYS_TR *object)
{
	TPM2_HANDLE handle;
	ESYS_TR gone = *object;

	*object = ESYS_TR_NONE;
	if (gone == ESYS_TR_NONE || tpm->esys == NULL)
		return;
	if (Esys_TR_GetTpmHandle(tpm->esys, gone, &handle) == TSS2_RC_SUCCESS)
		dps_tpm2_tcti_drop(tpm->tcti, handle);
	if (tcti_of(tpm)->lost)
		return; /* what is in it is not known any more: see dps_tpm2_begin */
	const TSS2_RC rc = Esys_FlushContext(tpm->esys, gone);
	if (rc != TSS2_RC_SUCCESS)
		(void)Esys_TR_Close(tpm->esys, &gone);
	/* a TPM that was reset has nothing; one that refused still has it */
	if (rc != TSS2_RC_SUCCESS && !dps_tpm2_is_absent(rc))
		tpm->tidied = false;
}

void dps_tpm2_forget(struct dps_tpm2 *tpm, ESYS_TR *object)
{
	if (*object != ESYS_TR_NONE && tpm->esys != NULL)
		(void)Esys_TR_Close(tpm->esys, object);
	*object = ESYS_TR_NONE;
}

TSS2_RC dps_tpm2_find(struct dps_tpm2 *tpm, uint32_t handle, ESYS_TR *object)
{
	return Esys_TR_FromTPMPublic(dps_tpm2_esys(tpm), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, object);
}

/* --- ESAPI's context ----------------------------------------------------------------------------------------------------------------- */

static void forget_objects(struct dps_tpm2 *tpm)
{
	struct dps_tpm2_key *const keys[] = {&tpm->srk, &tpm->manufacturer, &tpm->identity};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		keys[i]->object = ESYS_TR_NONE;
		keys[i]->proven = false;
		keys[i]->transient = false;
	}
	memset(tcti_of(tpm)->kept, 0, sizeof(tcti_of(tpm)->kept));
}

static void drop_context(struct dps_tpm2 *tpm)
{
	ESYS_CONTEXT *esys = tpm->esys;

	forget_objects(tpm);
	if (esys != NULL)
		Esys_Finalize(&esys);
	tpm->esys = NULL;
}

dps_result dps_tpm2_begin(struct dps_tpm2 *tpm)
{
	struct dps_tpm2_tcti *tcti = tpm->tcti;
	ESYS_CONTEXT *esys = NULL;

	if (tcti == NULL)
		return DPS_E_TPM; /* the text says why it could not be opened */
	tpm->detail[0] = '\0';
	tpm->code = 0;
	if (tcti->lost) {
		drop_context(tpm);
		tcti->lost = false;
		tpm->tidied = false;
	}
	if (tpm->esys != NULL && tpm->tidied)
		return DPS_OK;
	if (dps_tpm2_tcti_connect(tcti) != TSS2_RC_SUCCESS)
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "%s", tcti->link.why);
	if (!tpm->tidied && tcti->alone && dps_tpm2_tcti_sweep(tcti) < 0 && tcti->lost)
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "tidy up: %s", tcti->link.why);
	tpm->tidied = true;
	if (tpm->esys != NULL)
		return DPS_OK;
	if (Esys_Initialize(&esys, (TSS2_TCTI_CONTEXT *)(void *)tcti, NULL) != TSS2_RC_SUCCESS)
		return dps_tpm2_fail_text(tpm, DPS_E_MEMORY, "libtss2-esys cannot be initialised");
	tpm->esys = esys;
	return DPS_OK;
}

/* --- opening and closing --------------------------------------------------------------------------------------------------------------- */

static dps_result take_options(struct dps_tpm2 *tpm, const struct dps_tpm2_options *options)
{
	tpm->storage = options->storage;
	tpm->manufacturer_handle = options->manufacturer_handle != 0 ? options->manufacturer_handle : DPS_TPM2_IDEVID_HANDLE;
	tpm->nv_index = options->nv_index;
	tpm->given_chain = options->chain;
	for (size_t i = 0; i < DPS_TPM2_AUTHORITIES; i++) {
		size_t len = options->auth[i].len;

		if (len > DPS_TPM2_AUTH_SIZE)
			return dps_tpm2_fail_text(tpm, DPS_E_ARGUMENT, "an auth value is longer than %d bytes", DPS_TPM2_AUTH_SIZE);
		/* zero bytes at the end are no part of an auth value (TPM 2.0 Part 1, 19.6.4.3) */
		while (len > 0 && options->auth[i].data[len - 1] == 0)
			len--;
		if (len > 0)
			memcpy(tpm->auth[i].bytes, options->auth[i].data, len);
		tpm->auth[i].len = len;
	}
	return DPS_OK;
}

static dps_result open_tcti(struct dps_tpm2 *tpm, const struct dps_tpm2_options *options)
{
	const uint32_t timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : DPS_TPM2_TIMEOUT_MS;
	struct dps_tpm2_tcti *tcti = dps_tpm2_tcti_new(options->tcti, timeout_ms, &tpm->stats);

	if (tcti == NULL)
		return dps_tpm2_fail_text(tpm, DPS_E_MEMORY, "out of memory");
	tpm->tcti = tcti;
	tcti->alone = tpm->locked;
	if (dps_tpm2_tcti_connect(tcti) != TSS2_RC_SUCCESS)
		return dps_tpm2_fail_text(tpm, DPS_E_TPM, "%s", tcti->link.why);
	return DPS_OK;
}

/* Leaves the TPM. Whether nothing of ours is left there. */
static bool leave(struct dps_tpm2 *tpm)
{
	struct dps_tpm2_tcti *tcti = tpm->tcti;

	if (tcti == NULL)
		return tpm->tidied;
	if (tpm->esys != NULL) {
		if (tpm->identity.transient)
			dps_tpm2_flush(tpm, &tpm->identity.object);
		if (tpm->manufacturer.transient)
			dps_tpm2_flush(tpm, &tpm->manufacturer.object);
		if (!tcti->lost && tpm->stats.commands > 0)
			(void)Esys_Shutdown(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR);
	}
	const bool well = tpm->tidied && !tcti->lost;

	drop_context(tpm);
	dps_tpm2_tcti_free(tcti);
	tpm->tcti = NULL;
	return well;
}

void dps_tpm2_close(struct dps_tpm2 *tpm)
{
	give_lock(tpm, leave(tpm));
	dps_wipe(tpm->auth, sizeof(tpm->auth));
}

dps_result dps_tpm2_open(struct dps_tpm2 *tpm, const struct dps_tpm2_options *options)
{
	memset(tpm, 0, sizeof(*tpm));
	tpm->tidied = true;
	dps_tpm2_keys_init(tpm);
	dps_tpm2_certificates_init(tpm);
	(void)setenv("TSS2_LOG", "all+none", 0);

	dps_result result = take_options(tpm, options);
	if (result == DPS_OK && options->lock_file != NULL)
		result = take_lock(tpm, options->lock_file);
	if (result == DPS_OK)
		result = open_tcti(tpm, options);
	if (result == DPS_OK && !tpm->tidied)
		result = dps_tpm2_begin(tpm);
	if (result != DPS_OK)
		dps_tpm2_close(tpm);
	return result;
}

const char *dps_tpm2_detail(const struct dps_tpm2 *tpm)
{
	return tpm->detail;
}
