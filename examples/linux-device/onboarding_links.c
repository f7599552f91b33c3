/* SPDX-License-Identifier: Apache-2.0 */
/* See onboarding_links.h. */
#include "onboarding_links.h"

#include <cbor.h>
#include <string.h>

#include "dps/plgd_conf.h"

#define INTERFACES_MAX 3

static const struct link {
	const char *href;
	const char *type;
	const char *interfaces[INTERFACES_MAX];
	bool hidden_once_owned;
	bool secured;
} links[] = {
	{"/oic/res", "oic.wk.res", {"oic.if.ll", "oic.if.baseline"}, false, false},
	{DPS_CONF_HREF, DPS_CONF_TYPE, {"oic.if.baseline", "oic.if.r", "oic.if.rw"}, true, true},
};
#define LINKS (sizeof(links) / sizeof(links[0]))

/* --- the query --- */

struct pair {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
};

/* The next "name=value"; false at the end. */
static bool next_pair(const char **query, size_t *len, struct pair *pair)
{
	const char *end;
	const char *equals;
	size_t pair_len;

	if (*len == 0)
		return false;
	end = memchr(*query, '&', *len);
	pair_len = end != NULL ? (size_t)(end - *query) : *len;
	equals = memchr(*query, '=', pair_len);
	pair->name = *query;
	pair->name_len = equals != NULL ? (size_t)(equals - *query) : pair_len;
	pair->value = *query + pair->name_len + (equals != NULL);
	pair->value_len = pair_len - pair->name_len - (equals != NULL);
	*query += pair_len + (end != NULL);
	*len -= pair_len + (end != NULL);
	return true;
}

static bool is_named(const struct pair *pair, const char *name)
{
	return pair->name_len == strlen(name) && memcmp(pair->name, name, pair->name_len) == 0;
}

/* RFC 6690 section 4.1: a '*' at the end stands for whatever follows. */
static bool has_value(const struct pair *pair, const char *text)
{
	size_t len = strlen(text);
	size_t wanted = pair->value_len;

	if (wanted > 0 && pair->value[wanted - 1] == '*')
		return len >= wanted - 1 && memcmp(pair->value, text, wanted - 1) == 0;
	return wanted == len && memcmp(pair->value, text, len) == 0;
}

static bool pair_matches(const struct link *link, const struct pair *pair, enum onboarding_format format)
{
	if (is_named(pair, "rt"))
		return has_value(pair, link->type);
	if (is_named(pair, "href"))
		return has_value(pair, link->href);
	if (!is_named(pair, "if"))
		return false;
	/* In OCF it names the form of the list itself; there is this one only. */
	if (format == ONBOARDING_LINKS_CBOR)
		return has_value(pair, "oic.if.ll");
	for (size_t i = 0; i < INTERFACES_MAX && link->interfaces[i] != NULL; i++)
		if (has_value(pair, link->interfaces[i]))
			return true;
	return false;
}

static bool link_matches(const struct link *link, const struct onboarding_facts *facts, enum onboarding_format format, const char *query,
                         size_t len)
{
	struct pair pair;

	if (facts->owned && link->hidden_once_owned)
		return false;
	while (next_pair(&query, &len, &pair))
		if (!pair_matches(link, &pair, format))
			return false;
	return true;
}

bool onboarding_links_asks_type(const char *query, size_t len)
{
	struct pair pair;

	while (next_pair(&query, &len, &pair))
		if (is_named(&pair, "rt") && pair.value_len > 0)
			return true;
	return false;
}

/* --- writing: what does not fit makes the writer full, and is asked for once at the end --- */

struct writer {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool full;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
	w->full = w->full || len > w->size - w->len;
	if (w->full)
		return;
	memcpy(w->buf + w->len, bytes, len);
	w->len += len;
}

static void put_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void cbor_head(struct writer *w, size_t (*encode)(size_t, unsigned char *, size_t), size_t n)
{
	uint8_t head[9];

	put(w, head, encode(n, head, sizeof(head)));
}

static void cbor_string(struct writer *w, const char *text)
{
	cbor_head(w, cbor_encode_string_start, strlen(text));
	put_text(w, text);
}

static void cbor_bitmap(struct writer *w)
{
	const uint8_t discoverable = 0x01; /* CBOR of 1 */

	cbor_string(w, "p");
	cbor_head(w, cbor_encode_map_start, 1);
	cbor_string(w, "bm");
	put(w, &discoverable, 1);
}

static void cbor_endpoints(struct writer *w, const char *endpoint)
{
	cbor_string(w, "eps");
	cbor_head(w, cbor_encode_array_start, 1);
	cbor_head(w, cbor_encode_map_start, 1);
	cbor_string(w, "ep");
	cbor_string(w, endpoint);
}

static void cbor_link(struct writer *w, const struct link *link, const struct onboarding_facts *facts)
{
	bool identified = link->secured && facts->device_id != NULL;
	size_t interfaces = 0;

	while (interfaces < INTERFACES_MAX && link->interfaces[interfaces] != NULL)
		interfaces++;
	cbor_head(w, cbor_encode_map_start, 4u + link->secured + (identified ? 2 : 0));
	if (identified) {
		cbor_string(w, "anchor");
		cbor_head(w, cbor_encode_string_start, strlen("ocf://") + strlen(facts->device_id));
		put_text(w, "ocf://");
		put_text(w, facts->device_id);
		cbor_string(w, "di");
		cbor_string(w, facts->device_id);
	}
	cbor_string(w, "href");
	cbor_string(w, link->href);
	cbor_string(w, "rt");
	cbor_head(w, cbor_encode_array_start, 1);
	cbor_string(w, link->type);
	cbor_string(w, "if");
	cbor_head(w, cbor_encode_array_start, interfaces);
	for (size_t i = 0; i < interfaces; i++)
		cbor_string(w, link->interfaces[i]);
	cbor_bitmap(w);
	if (link->secured)
		cbor_endpoints(w, facts->endpoint);
}

static void text_link(struct writer *w, const struct link *link, const struct onboarding_facts *facts, bool first)
{
	put_text(w, first ? "<" : ",<");
	if (link->secured)
		put_text(w, facts->endpoint);
	put_text(w, link->href);
	put_text(w, ">;rt=\"");
	put_text(w, link->type);
	put_text(w, "\";if=\"");
	for (size_t i = 0; i < INTERFACES_MAX && link->interfaces[i] != NULL; i++) {
		put_text(w, i > 0 ? " " : "");
		put_text(w, link->interfaces[i]);
	}
	put_text(w, "\";ct=10000");
}

size_t onboarding_links_write(const struct onboarding_facts *facts, enum onboarding_format format, const char *query, size_t query_len,
                              uint8_t *buf, size_t size, size_t *count)
{
	struct writer w = {.buf = buf, .size = size};
	size_t written = 0;

	*count = 0;
	for (size_t i = 0; i < LINKS; i++)
		*count += link_matches(&links[i], facts, format, query, query_len);
	if (format == ONBOARDING_LINKS_CBOR)
		cbor_head(&w, cbor_encode_array_start, *count);
	for (size_t i = 0; i < LINKS; i++) {
		if (!link_matches(&links[i], facts, format, query, query_len))
			continue;
		if (format == ONBOARDING_LINKS_CBOR)
			cbor_link(&w, &links[i], facts);
		else
			text_link(&w, &links[i], facts, written == 0);
		written++;
	}
	return w.full ? 0 : w.len;
}
