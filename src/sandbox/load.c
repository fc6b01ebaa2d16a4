#include "sandbox/load.h"

#include "base/clock.h"
#include "base/text.h"
#include "sandbox/jsontext.h"

#include <assert.h>
#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    READ_BYTES = 64 * 1024,
    COLUMNS_MAX = 256,
    CELL_MAX = 1024 * 1024,
    BODY_MAX = 8 * 1024 * 1024,
};

enum field {
    FIELD_TYPE,
    FIELD_LABEL,
    FIELD_CONNECTOR_ID, /* those before this one and itself are required */
    FIELD_DESCRIPTION,
    FIELD_SHARE,
    FIELD_EMAILS,
    FIELD_USER_ID,
    FIELD_STATUS,
    FIELD_INBOX,
    FIELD_CREATED_AT,
    FIELD_UPDATED_AT,
    FIELD_OWNER,
    FIELD_SYNC_AT,
    FIELD_SYNC_ERROR,
    FIELDS
};

static const char *const field_names[] = {
    "type",   "label",       "connector_id", "description", "share_with_org", "allowed_emails", "user_id",
    "status", "inbox_email", "created_at",   "updated_at",  "owner_id",       "last_sync_at",   "last_sync_error_msg",
};
static_assert(sizeof(field_names) / sizeof(field_names[0]) == FIELDS, "every field has its name");

struct load {
    struct world *world;
    const char *path;
    struct err *err;
    bool failed;
    uint64_t record;         /* from 1, the header */
    size_t column;           /* of the next cell */
    int fields[COLUMNS_MAX]; /* the field of each column, or -1 */
    bool there[FIELDS];
    struct buf cells[FIELDS]; /* of the record */
};

static const char *cell(const struct load *load, enum field field)
{
    return load->cells[field].len > 0 ? load->cells[field].data : "";
}

/* Without regard to case, spaces, _ and -, as connload itself matches them. */
static bool names(struct span header, const char *name)
{
    size_t at = 0;

    for (size_t i = 0; i < header.len; i++) {
        char byte = header.data[i];

        if (byte == ' ' || byte == '_' || byte == '-')
            continue;
        while (name[at] == '_')
            at++;
        if ((byte >= 'A' && byte <= 'Z' ? byte + 0x20 : byte) != name[at] || name[at] == '\0')
            return false;
        at++;
    }
    return name[at] == '\0' && at > 0;
}

static void take_header(struct load *load, struct span text)
{
    load->fields[load->column] = -1;
    for (int field = 0; field < FIELDS; field++) {
        if (!names(text, field_names[field]))
            continue;
        load->fields[load->column] = field;
        load->there[field] = true;
    }
}

static void on_cell(void *bytes, size_t len, void *context)
{
    struct load *load = context;
    struct span text = {bytes, len};

    if (load->column >= COLUMNS_MAX) {
        load->column++;
        return;
    }
    if (load->record == 1)
        take_header(load, text);
    else if (load->fields[load->column] >= 0)
        buf_span(&load->cells[load->fields[load->column]], text);
    load->column++;
}

/* A list of the account has a ' before what a spreadsheet would run. */
static struct span unguarded(const struct load *load, enum field field)
{
    const char *text = cell(load, field);

    if (load->there[FIELD_OWNER] && text[0] == '\'' && text[1] != '\0' && strchr("=+-@\t\r", text[1]) != NULL)
        text++;
    return span_of(text);
}

static void add_emails(const struct load *load, struct buf *body)
{
    static const char separators[] = ";,| \t\r\n";
    const char *at = cell(load, FIELD_EMAILS);
    bool first = true;

    buf_text(body, "{\"allowed_emails\":[");
    for (at += strspn(at, separators); *at != '\0'; at += strspn(at, separators)) {
        size_t len = strcspn(at, separators);

        if (!first)
            buf_char(body, ',');
        jsontext_string(body, (struct span){at, len});
        first = false;
        at += len;
    }
    buf_text(body, "]}");
}

/* The payload that created the connector; its secret is not known. */
static void add_payload(const struct load *load, struct buf *body)
{
    const char *share = cell(load, FIELD_SHARE);

    buf_text(body, "{\"type\":");
    jsontext_string(body, span_of(cell(load, FIELD_TYPE)));
    buf_text(body, ",\"label\":");
    jsontext_string(body, unguarded(load, FIELD_LABEL));
    if (load->cells[FIELD_DESCRIPTION].len > 0) {
        buf_text(body, ",\"description\":");
        jsontext_string(body, unguarded(load, FIELD_DESCRIPTION));
    }
    buf_text(body, ",\"share_with_org\":");
    jsontext_bool(body, share[0] != '\0' && strchr("tTyY1", share[0]) != NULL);
    buf_text(body, ",\"config\":");
    if (strcmp(cell(load, FIELD_TYPE), "email") == 0) {
        add_emails(load, body);
    } else if (strcmp(cell(load, FIELD_TYPE), "investment_research") == 0) {
        buf_text(body, "{\"user_id\":");
        jsontext_string(body, unguarded(load, FIELD_USER_ID));
        buf_text(body, ",\"user_password\":\"?\"}");
    } else {
        buf_text(body, "{\"session_id\":\"?\"}");
    }
    buf_char(body, '}');
}

static int64_t time_us(const struct load *load, enum field field, int64_t otherwise_us)
{
    int64_t ms;

    return clock_parse_rfc3339(buf_view(&load->cells[field]), &ms) ? ms * 1000 : otherwise_us;
}

static void store_row(struct load *load, struct uuid id, const struct payload *payload)
{
    struct world *world = load->world;
    const struct account *colleague = &world->accounts[world->config.key_count];
    bool others = strcmp(cell(load, FIELD_OWNER), colleague->user_id) == 0;
    struct store_entry entry = {
        .id = id,
        .account = others ? (uint32_t)world->config.key_count : 0,
        .created_us = time_us(load, FIELD_CREATED_AT, world_stamp_us(world)),
        .visible_mono_us = INT64_MIN,
        .sync_us = time_us(load, FIELD_SYNC_AT, 0),
        .sync_mono_us = INT64_MIN,
        .failure = load->cells[FIELD_SYNC_ERROR].len > 0 ? unguarded(load, FIELD_SYNC_ERROR).data : NULL,
    };
    struct connector *connector = store_add(&world->store, &entry, payload);

    connector->secret_hash = 0;
    connector->face.updated_us = time_us(load, FIELD_UPDATED_AT, entry.created_us);
    if (payload->type == TYPE_EMAIL)
        connector_set_inbox(connector, cell(load, FIELD_INBOX));
    if (strcmp(cell(load, FIELD_STATUS), "archived") == 0)
        store_archive(&world->store, connector, connector->face.updated_us);
}

static void refuse_row(struct load *load, const struct rejection *rejection)
{
    load->failed = true;
    err_set(load->err, EXIT_INPUT, "%.200s: record %llu can't be a connector: %.300s", load->path,
            (unsigned long long)load->record, rejection->body.data);
}

static void take_row(struct load *load)
{
    struct rejection rejection = {0};
    struct payload payload;
    struct buf body;
    struct uuid id;

    if (!uuid_parse(buf_view(&load->cells[FIELD_CONNECTOR_ID]), &id) ||
        store_find(&load->world->store, id, INT64_MIN) != NULL)
        return;
    buf_init(&body, BODY_MAX);
    payload_init(&payload);
    add_payload(load, &body);
    if (payload_read_create(&payload, buf_view(&body), &rejection)) {
        store_row(load, id, &payload);
    } else {
        refuse_row(load, &rejection);
        buf_release(&rejection.body);
    }
    payload_release(&payload);
    buf_release(&body);
}

static void check_header(struct load *load)
{
    for (int field = 0; field <= FIELD_CONNECTOR_ID && !load->failed; field++) {
        load->failed = !load->there[field];
        if (load->failed)
            err_set(load->err, EXIT_INPUT, "%.200s has no column %s: name a result file that connload wrote",
                    load->path, field_names[field]);
    }
}

static void on_record(int end, void *context)
{
    struct load *load = context;

    (void)end;
    if (load->failed)
        return;
    if (load->record == 1)
        check_header(load);
    else
        take_row(load);
    for (int field = 0; field < FIELDS; field++)
        buf_reset(&load->cells[field]);
    load->column = 0;
    load->record++;
}

/* Comma, semicolon or tab: whichever the first line has most of. */
static unsigned char delimiter_of(const char *bytes, size_t len)
{
    static const char candidates[] = ",;\t";
    size_t most = 0;
    char found = ',';

    for (size_t i = 0; i < sizeof(candidates) - 1; i++) {
        size_t count = 0;

        for (size_t at = 0; at < len && bytes[at] != '\n'; at++)
            count += bytes[at] == candidates[i];
        if (count > most) {
            most = count;
            found = candidates[i];
        }
    }
    return (unsigned char)found;
}

static void refuse_file(struct load *load, const char *sentence)
{
    if (!load->failed)
        err_set(load->err, EXIT_INPUT, "%.200s: record %llu: %s", load->path, (unsigned long long)load->record,
                sentence);
    load->failed = true;
}

/* The first bytes tell whether it is compressed, and its delimiter; how many of them are a byte order mark. */
static size_t look_at_start(struct load *load, struct csv_parser *parser, const char *bytes, size_t len)
{
    static const char mark[] = "\xEF\xBB\xBF", gzip[] = "\x1F\x8B";

    if (len >= 2 && memcmp(bytes, gzip, 2) == 0)
        refuse_file(load, "it is compressed; unpack it first: gzip -d");
    csv_set_delim(parser, delimiter_of(bytes, len));
    return len >= 3 && memcmp(bytes, mark, 3) == 0 ? 3 : 0;
}

static bool parse_file(struct load *load, FILE *file)
{
    struct csv_parser parser;
    char bytes[READ_BYTES];
    bool first = true;
    size_t len;

    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    while (!load->failed && (len = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        size_t skip = first ? look_at_start(load, &parser, bytes, len) : 0;

        first = false;
        if (!load->failed && csv_parse(&parser, bytes + skip, len - skip, on_cell, on_record, load) != len - skip)
            refuse_file(load, "a quote stands where it may not");
    }
    if (!load->failed && csv_fini(&parser, on_cell, on_record, load) != 0)
        refuse_file(load, "its last quote is not closed");
    if (!load->failed && load->record == 1)
        refuse_file(load, "the file is empty");
    csv_free(&parser);
    return !load->failed;
}

bool load_results(struct world *world, const char *path, struct err *err)
{
    struct load load = {.world = world, .path = path, .err = err, .record = 1};
    FILE *file = fopen(path, "re");
    bool loaded;

    if (file == NULL)
        return err_system(err, "%s can't be read", path);
    for (int field = 0; field < FIELDS; field++)
        buf_init(&load.cells[field], CELL_MAX);
    loaded = parse_file(&load, file);
    if (loaded && ferror(file))
        loaded = err_system(err, "%s can't be read", path);
    for (int field = 0; field < FIELDS; field++)
        buf_release(&load.cells[field]);
    fclose(file);
    return loaded;
}
