/*
 * fuzz_answer: any body as the answer to a create (model/remote), and as an error (model/api_error).
 */
#include "base/text.h"
#include "model/api_error.h"
#include "model/payload.h"
#include "model/remote.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* Valid UTF-8 without NUL. */
static void demand_text(struct span text)
{
    demand(text_utf8_error(text) == text.len);
    demand(text.len == 0 || memchr(text.data, '\0', text.len) == NULL);
}

/* What was read can be sent, is as long as the check of the size says, and comes back the same. */
static void send_again(const struct connector *connector)
{
    struct json_reader *reader = json_reader_new();
    const struct json_value *value;
    struct buf payload;

    buf_init(&payload, (size_t)8 * JSON_ELEMENT_MAX);
    demand(payload_write(connector, &payload));
    demand(connector_payload_size(connector) == payload.len);
    if (payload.len <= JSON_ELEMENT_MAX) {
        value = json_read(reader, buf_view(&payload));
        demand(span_equal(json_string(json_member(value, "label")), connector->label));
        demand(span_equal(json_string(json_member(value, "description")), connector->description));
    }
    buf_release(&payload);
    json_reader_free(reader);
}

static void read_connector(struct span body)
{
    struct remote remote;

    remote_init(&remote);
    if (remote_read(&remote, body)) {
        const struct span texts[] = {remote.org_id,           remote.owner_id,        remote.created_at,
                                     remote.inbox_email,      remote.connector.label, remote.connector.description,
                                     remote.connector.user_id};

        demand(remote_is_uuid(remote.id));
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
            demand_text(texts[i]);
        for (size_t i = 0; i < remote.connector.email_count; i++)
            demand_text(remote.connector.emails[i]);
        send_again(&remote.connector);
    } else {
        demand(remote.id.len == 0 && remote.connector.label.len == 0 && remote.created_ms == -1);
    }
    remote_release(&remote);
}

static bool is_code_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte != '\0' && strchr("_.:/-", byte) != NULL);
}

static void demand_message(struct span text)
{
    size_t characters = 0;

    demand_text(text);
    for (size_t i = 0; i < text.len; i++) {
        demand((unsigned char)text.data[i] >= ' ' && text.data[i] != 0x7F);
        characters += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    }
    demand(characters <= API_ERROR_MESSAGE);
}

static void read_error(struct span body)
{
    const struct span secret = span_of("hunter2");
    struct buf message, code;

    buf_init(&message, 4096);
    buf_init(&code, 4096);
    api_error_read(body, (struct api_secrets){&secret, 1}, &message, &code);
    demand_message(buf_view(&message));
    demand(code.len <= API_ERROR_CODE);
    for (size_t i = 0; i < code.len; i++)
        demand(is_code_byte(code.data[i]));
    demand(memmem(buf_view(&message).data, message.len, secret.data, secret.len) == NULL);
    demand(memmem(buf_view(&code).data, code.len, secret.data, secret.len) == NULL);
    buf_release(&message);
    buf_release(&code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {.data = (const char *)data, .len = size};

    read_connector(body);
    read_error(body);
    return 0;
}
