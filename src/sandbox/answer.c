#include "sandbox/answer.h"

#include "sandbox/jsontext.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void answer_init(struct answer *answer)
{
    answer->status = 0;
    answer->content_type = "application/json";
    answer->stream = NULL;
    answer->header_count = 0;
    answer->fault = NULL;
    answer->delay_us = 0;
    answer->connector_id[0] = '\0';
    buf_init(&answer->body, ANSWER_BODY_MAX);
}

void answer_release(struct answer *answer)
{
    buf_release(&answer->body);
    stream_free(answer->stream);
    answer->stream = NULL;
}

void answer_header(struct answer *answer, const char *name, const char *format, ...)
{
    struct answer_header *header = &answer->headers[answer->header_count++];
    va_list args;

    assert(answer->header_count <= ANSWER_HEADERS);
    header->name = name;
    va_start(args, format);
    vsnprintf(header->value, sizeof(header->value), format, args);
    va_end(args);
}

void answer_begin(struct answer *answer, int status, const char *content_type)
{
    answer->status = status;
    answer->content_type = content_type;
    stream_free(answer->stream);
    answer->stream = NULL;
    buf_reset(&answer->body);
}

void answer_detail(struct answer *answer, int status, const char *detail)
{
    answer_begin(answer, status, "application/json");
    buf_text(&answer->body, "{\"detail\":");
    jsontext_string(&answer->body, span_of(detail));
    buf_char(&answer->body, '}');
}

void answer_errors(struct answer *answer, int status, const char *message)
{
    answer_begin(answer, status, "application/json");
    buf_text(&answer->body, "{\"errors\":[{\"message\":");
    jsontext_string(&answer->body, span_of(message));
    buf_text(&answer->body, "}]}");
}

void answer_status_code(struct answer *answer, int status, const char *code, const char *message,
                        const char *request_id)
{
    answer_begin(answer, status, "application/json");
    buf_format(&answer->body, "{\"statusCode\":%d,\"message\":", status);
    jsontext_string(&answer->body, span_of(message));
    buf_format(&answer->body, ",\"errorCode\":\"%s\",\"requestId\":\"%s\"}", code, request_id);
}

void answer_message(struct answer *answer, int status, const char *message)
{
    answer_begin(answer, status, "application/json");
    buf_text(&answer->body, "{\"message\":");
    jsontext_string(&answer->body, span_of(message));
    buf_char(&answer->body, '}');
}

void answer_field(struct answer *answer, int status, const char *field, const char *message)
{
    answer_begin(answer, status, "application/json");
    buf_format(&answer->body, "{\"detail\":[{\"loc\":[\"body\",\"%s\"],\"msg\":", field);
    jsontext_string(&answer->body, span_of(message));
    buf_text(&answer->body, "}]}");
}

void answer_problem(struct answer *answer, int status, const char *title, const char *detail)
{
    answer_begin(answer, status, "application/problem+json");
    buf_format(&answer->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":", title, status);
    jsontext_string(&answer->body, span_of(detail));
    buf_char(&answer->body, '}');
}

void answer_envelop(struct answer *answer)
{
    static const char head[] = "{\"results\":", tail[] = ",\"errors\":[],\"metadata\":{}}";
    struct buf *body = &answer->body;

    if (answer->stream != NULL) {
        stream_envelop(answer->stream);
        return;
    }
    buf_text(body, head);
    memmove(body->data + sizeof(head) - 1, body->data, body->len - (sizeof(head) - 1));
    memcpy(body->data, head, sizeof(head) - 1);
    buf_text(body, tail);
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {401, "Authorization Required"}, {403, "Forbidden"}, {429, "Too Many Requests"}, {502, "Bad Gateway"},
        {504, "Gateway Time-out"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

void answer_gateway_page(struct answer *answer, int status)
{
    const char *reason = reason_of(status);

    answer_begin(answer, status, "text/html");
    buf_format(&answer->body,
               "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%d %s</h1></center>\r\n"
               "<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n",
               status, reason, status, reason);
}
