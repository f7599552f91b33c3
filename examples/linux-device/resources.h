/* SPDX-License-Identifier: Apache-2.0 */
/* The resources that users of the hub see: the light, and those of --resource. Their values are set by users, by initial values and by lines of input. */
#ifndef DEVICE_RESOURCES_H
#define DEVICE_RESOURCES_H

#include "dps/records.h"
#include "dps/resource.h"

/* What a text of --resource may become, in bytes. */
#define RESOURCES_TEXT_MAX 127

/* Makes a resource of "HREF=JSON". NULL, or why not. It may still be one that dps_device_add() does not take. */
const char *resources_define(const char *text);

/* Adds the light and all that were defined. On failure *href is the one that was not taken. */
dps_result resources_add(struct dps_device *device, const char **href);

/*
 * Does "set HREF JSON": all members of the object, or nothing. *href: the resource whose values are others now; NULL: they were so before. Returns NULL, or why it was
 * not done.
 */
const char *resources_set(const char *line, const char **href);

/* Gives the resources their provisioned initial values; refused is told of each one that its resource does not take. What is not here is skipped. */
void resources_apply(struct dps_device *device, const struct dps_resources *values, void (*refused)(void *ctx, struct dps_span href),
                     void *ctx);

#endif
