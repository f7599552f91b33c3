/* SPDX-License-Identifier: Apache-2.0 */
/* See seconds.h. */
#include "seconds.h"

#include <stdlib.h>
#include <string.h>

#define DECIMAL "0123456789." /* strtod takes hexadecimal numbers and exponents too */

const char *seconds_parse(const char *text, char end, uint32_t max, uint32_t *ms)
{
	char *rest;
	double seconds;

	if (*text < '0' || *text > '9')
		return NULL;
	seconds = strtod(text, &rest);
	if (rest != text + strspn(text, DECIMAL) || seconds > max || (*rest != '\0' && *rest != end))
		return NULL;
	*ms = (uint32_t)(seconds * 1000.0 + 0.5);
	if (*ms == 0)
		return NULL;
	return *rest == '\0' ? rest : rest + 1;
}
