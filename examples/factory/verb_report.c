/* SPDX-License-Identifier: Apache-2.0 */
/* `report`: what a service's operator enrols. The device at the bench from its TPM, or all devices from the station's log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"

/* The columns, in both formats. */
static const char *const columns[] = {"serial", "ekSha256", "idevidKeySha256", "idevidCertificateSha256"};

static const char *cell(const struct station_row *row, size_t column)
{
	const char *const cells[] = {row->serial, row->ek_sha256, row->key_sha256, row->certificate_sha256};

	return cells[column];
}

/* A serial number may hold a comma, but no quote and no line end; the rest is hex. */
static bool write_csv(struct factory *factory, const struct station_row *rows, size_t count)
{
	const size_t column_count = sizeof(columns) / sizeof(columns[0]);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return factory_take_text(factory, NULL);
	for (size_t i = 0; i < column_count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : ",", columns[i]);
	fputc('\n', out);
	for (size_t row = 0; row < count; row++) {
		for (size_t i = 0; i < column_count; i++) {
			const char *quote = strchr(cell(&rows[row], i), ',') != NULL ? "\"" : "";

			fprintf(out, "%s%s%s%s", i == 0 ? "" : ",", quote, cell(&rows[row], i), quote);
		}
		fputc('\n', out);
	}
	if (fclose(out) != 0) {
		free(text);
		text = NULL;
	}
	return factory_take_text(factory, text);
}

static bool write_rows(struct factory *factory, const struct station_row *rows, size_t count)
{
	cJSON *devices = cJSON_AddArrayToObject(factory->product, "devices");

	for (size_t row = 0; row < count; row++) {
		cJSON *device = cJSON_CreateObject();

		for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
			cJSON_AddStringToObject(device, columns[i], cell(&rows[row], i));
		cJSON_AddItemToArray(devices, device);
	}
	cJSON_AddNumberToObject(factory->details, "devices", (double)count);
	return factory->options.json || write_csv(factory, rows, count);
}

static bool report_all(struct factory *factory)
{
	struct station_row *rows;
	size_t count;
	bool done;

	if (!station_list(factory, &rows, &count))
		return false;
	done = write_rows(factory, rows, count);
	free(rows);
	return done;
}

bool verb_report(struct factory *factory)
{
	struct station_row row;

	if (factory->options.all)
		return report_all(factory);
	if (!device_need_key(factory) || !device_need_chain(factory) || !device_match_chain(factory))
		return false;
	memcpy(row.serial, factory->serial, sizeof(row.serial));
	memcpy(row.ek_sha256, factory->ek_sha256, sizeof(row.ek_sha256));
	memcpy(row.key_sha256, factory->key_sha256, sizeof(row.key_sha256));
	memcpy(row.certificate_sha256, factory->certificate_sha256, sizeof(row.certificate_sha256));
	return write_rows(factory, &row, 1);
}
