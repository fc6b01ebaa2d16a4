#include "api/reply.h"

#include "model/api_error.h"

void reply_read(struct client *client, const struct http_answer *answer, struct span own,
                const struct reply_expected *expected, struct buf *code, struct buf *text)
{
    struct api_secrets secrets = redactor_secrets(&client->redactor, own);
    bool ok = answer->status >= 200 && answer->status < 300;

    if (answer->status == 0) {
        buf_text(code, answer->problem_code != NULL ? answer->problem_code : "connection_lost");
        buf_text(text, answer->problem != NULL ? answer->problem : "no answer");
    } else if (ok && answer->fate == FATE_ANSWERED && api_error_is_told(answer->body)) {
        buf_format(text, "the server answered %d, but with an error: ", answer->status);
        api_error_read(answer->body, secrets, text, code);
        if (code->len == 0)
            buf_text(code, "error_in_answer");
    } else if (ok) {
        buf_text(code, expected->code);
        buf_format(text, "the server answered %d, but not with %s", answer->status, expected->what);
    } else
        api_error_read(answer->body, secrets, text, code);
}

void reply_fill_in(const struct http_answer *answer, struct buf *code, struct buf *text)
{
    if (code->len == 0)
        buf_format(code, "http_%d", answer->status);
    if (text->len == 0)
        buf_format(text, "the server answered %d", answer->status);
}

void reply_log(struct json_object *line, const struct http_answer *answer, uint32_t attempt, const char *verdict_name,
               const char *verdict)
{
    json_object_integer(line, "attempt", attempt);
    json_object_integer(line, "http_status", answer->status);
    json_object_text(line, verdict_name, span_of(verdict));
    json_object_number(line, "latency_ms", (double)answer->latency_us / 1000);
}
