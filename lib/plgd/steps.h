/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the plgd flow, one file each. docs/wire-plgd.md has what is asked and answered.
 */
#ifndef DPS_PLGD_STEPS_H
#define DPS_PLGD_STEPS_H

#include "codec/cbor.h"
#include "codec/fields.h"
#include "dps/service.h"

extern const struct dps_step dps_plgd_step_time;
extern const struct dps_step dps_plgd_step_owner;
extern const struct dps_step dps_plgd_step_cloud;
extern const struct dps_step dps_plgd_step_credentials;
extern const struct dps_step dps_plgd_step_acls;
extern const struct dps_step dps_plgd_step_resources;

/* Room that the pairs below take at most in a request, keys included. */
#define DPS_PLGD_DI_SIZE       (3 + 2 + DPS_UUID_TEXT_LEN)
#define DPS_PLGD_SELECTED_SIZE (17 + 1 + 4 + 3 + DPS_CONFIG_URI_LENGTH + 3 + 2 + DPS_UUID_TEXT_LEN)

/* Writes the pair "di": device id. */
void dps_plgd_write_di(struct dps_cbor_writer *w, const struct dps_uuid *device_id);

/* Writes the pair "selectedGateway": {"uri", "id"}. Both POSTs carry the same one, so that token and certificate are of the same hub. */
void dps_plgd_write_selected(struct dps_cbor_writer *w, const struct dps_gateway *gateway);

/*
 * Reads an answer that is one map into what the step wants of it. Any answer may send the device elsewhere: a structure to fill begins with its
 * "redirecturi", DPS_PLGD_REDIRECT is the first of its fields, and a text that is not empty makes the verdict a redirect.
 */
struct dps_plgd_redirect {
	struct dps_span uri;
};
#define DPS_PLGD_REDIRECT                                                                                                                  \
	{                                                                                                                                      \
		"redirecturi", DPS_FIELD_TEXT, false, 0                                                                                            \
	}
dps_result dps_plgd_read_answer(const struct dps_answer *answer, const struct dps_field *fields, size_t count,
                                struct dps_plgd_redirect *base, struct dps_verdict *verdict);

#endif
