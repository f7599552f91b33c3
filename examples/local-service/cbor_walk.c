/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR walked item by item, with a stack of its own. */
#include "cbor_walk.h"

#define INFO_ONE_BYTE   24u
#define INFO_LAST       27u
#define INFO_ENDLESS    31u
#define SIMPLE_TWO_BYTE 32u /* below it a simple value has no second byte (section 3.3) */

/* What is open around the next item. */
struct level {
	unsigned major;
	bool is_endless;
	uint64_t left; /* items to come, when that is known */
	uint64_t had;  /* else those that came */
};

struct stack {
	struct level levels[SERVICE_CBOR_NESTING];
	size_t depth;
};

static size_t rest_of(const struct service_cbor *cbor)
{
	return (size_t)(cbor->end - cbor->at);
}

static bool may_be_endless(unsigned major)
{
	return (major >= SERVICE_CBOR_BYTES && major <= SERVICE_CBOR_MAP) || major == SERVICE_CBOR_SIMPLE;
}

enum service_cbor_state service_cbor_take_head(struct service_cbor *cbor, struct service_cbor_head *head)
{
	unsigned info;
	size_t size;

	if (rest_of(cbor) == 0) {
		return SERVICE_CBOR_CUT;
	}
	info = *cbor->at & 31u;
	*head = (struct service_cbor_head){.major = *cbor->at >> 5, .info = info, .is_endless = info == INFO_ENDLESS, .argument = info};
	cbor->at++;
	if (info < INFO_ONE_BYTE) {
		return SERVICE_CBOR_WHOLE;
	}
	if (info > INFO_LAST) {
		return head->is_endless && may_be_endless(head->major) ? SERVICE_CBOR_WHOLE : SERVICE_CBOR_BROKEN;
	}
	size = (size_t)1 << (info - INFO_ONE_BYTE);
	if (rest_of(cbor) < size) {
		return SERVICE_CBOR_CUT;
	}
	for (head->argument = 0; size > 0; size--) {
		head->argument = head->argument << 8 | *cbor->at++;
	}
	if (head->major == SERVICE_CBOR_SIMPLE && info == INFO_ONE_BYTE && head->argument < SIMPLE_TWO_BYTE) {
		return SERVICE_CBOR_BROKEN;
	}
	return SERVICE_CBOR_WHOLE;
}

/* An item is whole; so may be those around it. */
static void close_item(struct stack *stack)
{
	while (stack->depth > 0) {
		struct level *level = &stack->levels[stack->depth - 1];

		if (level->is_endless) {
			level->had++;
			return;
		}
		level->left--;
		if (level->left > 0) {
			return;
		}
		stack->depth--;
	}
}

static enum service_cbor_state open_item(struct stack *stack, const struct service_cbor_head *head, uint64_t items)
{
	if (stack->depth == SERVICE_CBOR_NESTING) {
		return SERVICE_CBOR_BROKEN;
	}
	stack->levels[stack->depth++] = (struct level){.major = head->major, .is_endless = head->is_endless, .left = items};
	return SERVICE_CBOR_WHOLE;
}

/* The break: it ends what is of indefinite length, but no map behind a key. */
static enum service_cbor_state end_level(struct stack *stack)
{
	const struct level *level = stack->depth == 0 ? NULL : &stack->levels[stack->depth - 1];

	if (level == NULL || !level->is_endless || (level->major == SERVICE_CBOR_MAP && level->had % 2 != 0)) {
		return SERVICE_CBOR_BROKEN;
	}
	stack->depth--;
	close_item(stack);
	return SERVICE_CBOR_WHOLE;
}

static enum service_cbor_state take_string(struct service_cbor *cbor, struct stack *stack, const struct service_cbor_head *head)
{
	if (head->is_endless) {
		return open_item(stack, head, 0);
	}
	if (head->argument > rest_of(cbor)) {
		return SERVICE_CBOR_CUT;
	}
	cbor->at += head->argument;
	close_item(stack);
	return SERVICE_CBOR_WHOLE;
}

static enum service_cbor_state take_container(const struct service_cbor *cbor, struct stack *stack, const struct service_cbor_head *head)
{
	/* Every item has a byte: this keeps the sum below from running over, too. */
	if (!head->is_endless && head->argument > rest_of(cbor)) {
		return SERVICE_CBOR_CUT;
	}
	if (!head->is_endless && head->argument == 0) {
		close_item(stack);
		return SERVICE_CBOR_WHOLE;
	}
	return open_item(stack, head, head->major == SERVICE_CBOR_MAP ? 2 * head->argument : head->argument);
}

/* Chunks of a string of indefinite length are strings of its own type, of definite length (section 3.2.3). */
static bool is_no_chunk(const struct stack *stack, const struct service_cbor_head *head)
{
	const struct level *level = stack->depth == 0 ? NULL : &stack->levels[stack->depth - 1];

	return level != NULL && level->major < SERVICE_CBOR_ARRAY && (head->major != level->major || head->is_endless);
}

static enum service_cbor_state take_item(struct service_cbor *cbor, struct stack *stack)
{
	struct service_cbor_head head;
	enum service_cbor_state state = service_cbor_take_head(cbor, &head);

	if (state != SERVICE_CBOR_WHOLE) {
		return state;
	}
	if (head.major == SERVICE_CBOR_SIMPLE && head.is_endless) {
		return end_level(stack);
	}
	if (is_no_chunk(stack, &head)) {
		return SERVICE_CBOR_BROKEN;
	}
	switch (head.major) {
	case SERVICE_CBOR_BYTES:
	case SERVICE_CBOR_TEXT:
		return take_string(cbor, stack, &head);
	case SERVICE_CBOR_ARRAY:
	case SERVICE_CBOR_MAP:
		return take_container(cbor, stack, &head);
	case SERVICE_CBOR_TAG:
		return open_item(stack, &head, 1);
	default:
		close_item(stack);
		return SERVICE_CBOR_WHOLE;
	}
}

enum service_cbor_state service_cbor_skip(struct service_cbor *cbor)
{
	struct stack stack = {.depth = 0};
	enum service_cbor_state state;

	do {
		state = take_item(cbor, &stack);
	} while (state == SERVICE_CBOR_WHOLE && stack.depth > 0);
	return state;
}

enum service_cbor_state service_cbor_check(const uint8_t *bytes, size_t length)
{
	struct service_cbor cbor = {bytes, bytes + length};
	enum service_cbor_state state = service_cbor_skip(&cbor);

	return state == SERVICE_CBOR_WHOLE && rest_of(&cbor) > 0 ? SERVICE_CBOR_BROKEN : state;
}
