/* SPDX-License-Identifier: Apache-2.0 */
/* See decimal.h. */
#include "decimal.h"

#include <stdlib.h>
#include <string.h>

#define DECIMAL "0123456789." /* strtod takes hexadecimal numbers and exponents too */

const char *decimal_parse(const char *text, char end, uint32_t max, uint32_t *thousandths)
{
	char *rest;
	double number;

	if (*text < '0' || *text > '9')
		return NULL;
	number = strtod(text, &rest);
	if (rest != text + strspn(text, DECIMAL) || number > max || (*rest != '\0' && *rest != end))
		return NULL;
	*thousandths = (uint32_t)(number * 1000.0 + 0.5);
	if (*thousandths == 0)
		return NULL;
	return *rest == '\0' ? rest : rest + 1;
}
