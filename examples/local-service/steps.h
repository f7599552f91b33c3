/* SPDX-License-Identifier: Apache-2.0 */
/* What each request is answered: codes, texts and bodies as the public service gives them. */
#ifndef SERVICE_STEPS_H
#define SERVICE_STEPS_H

#include <cjson/cJSON.h>

#include "body.h"
#include "fields.h"
#include "request.h"
#include "service.h"

struct service_answer {
	coap_pdu_code_t code;
	int content_format; /* SERVICE_ABSENT: an error's text */
	struct service_body body;
};

/* Which step a path is. */
enum service_step service_steps_find(const char *path);

/* The answer with the request's fault in it, as far as a fault changes code or body. */
void service_steps_answer(struct service *service, const struct service_request *request, struct service_answer *answer);

/* --- for the gateways --- */

/* A tree as the answer's body in the format that the request accepts, with the request's fault in it; success is the code without a fault. */
void service_steps_encode(struct service_answer *answer, const struct service_request *request, cJSON *tree, coap_pdu_code_t success);

/* True when answers can be had in this format (SERVICE_ABSENT: the usual one). */
bool service_steps_is_encodable(int accept);

/* An error and its text. */
void service_steps_refuse(struct service_answer *answer, coap_pdu_code_t code, const char *text);

/* --- for the files that build one step's body --- */

/* What a step gives: a tree, or a code and the end of an error's text. */
struct service_result {
	cJSON *tree;
	coap_pdu_code_t code;
	char *error;
};

/* An error; format as for printf. */
struct service_result service_result_error(coap_pdu_code_t code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The known fields of a POST's body as a tree in result->tree, else an error. It is CBOR whatever its Content-Format says. */
struct service_result service_steps_parse(const struct service_request *request, const struct service_field *fields);

/* The credentials step has a file of its own. */
struct service_result service_credentials(struct service *service, const struct service_request *request);

/* The name of a content format in an error's text, such as "application/octet-stream"; out has room for one without a name too. */
#define SERVICE_MEDIA_TYPE_SIZE 40u
const char *service_media_type(int content_format, char out[SERVICE_MEDIA_TYPE_SIZE]);

#define SERVICE_FORMAT_TEXT     0
#define SERVICE_FORMAT_JSON     50
#define SERVICE_FORMAT_CBOR     60
#define SERVICE_FORMAT_OCF_CBOR 10000

#endif
