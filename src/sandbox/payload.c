#include "sandbox/payload.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "sandbox/jsontext.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAGMENT_MAX = 6 * PAYLOAD_BODY_MAX + 2, /* every byte of a body written as \u00XX, and quotes */
    REJECTION_MAX = 1024 * 1024,
    ADDRESS_LONGEST = 254,               /* RFC 5321 section 4.5.3.1.3 */
    UNKNOWN_LONGEST = 100,               /* bytes of a field's name that are quoted */
    MASK_DEEPEST = PAYLOAD_BODY_MAX / 2, /* arrays and objects of a body */
};

static const char *const type_names[] = {"email", "investment_research", "sharepoint"};
static_assert(sizeof(type_names) / sizeof(type_names[0]) == TYPES, "every type has its name");

const char *payload_type_name(enum connector_type type)
{
    return type_names[type];
}

bool payload_type_named(const char *name, enum connector_type *type)
{
    for (int i = 0; i < TYPES; i++) {
        if (strcmp(type_names[i], name) == 0) {
            *type = (enum connector_type)i;
            return true;
        }
    }
    return false;
}

static const char *const form_names[] = {"fields", "text"};
static_assert(sizeof(form_names) / sizeof(form_names[0]) == VALIDATION_FORMS, "every form has its name");

const char *validation_form_name(enum validation_form form)
{
    return form_names[form];
}

bool validation_form_named(const char *name, enum validation_form *form)
{
    for (int i = 0; i < VALIDATION_FORMS; i++) {
        if (strcmp(form_names[i], name) == 0) {
            *form = (enum validation_form)i;
            return true;
        }
    }
    return false;
}

void payload_init(struct payload *payload)
{
    *payload = (struct payload){0};
    buf_init(&payload->label, FRAGMENT_MAX);
    buf_init(&payload->description, FRAGMENT_MAX);
    buf_init(&payload->config, FRAGMENT_MAX);
}

void payload_release(struct payload *payload)
{
    buf_release(&payload->label);
    buf_release(&payload->description);
    buf_release(&payload->config);
}

/* A description that is null, empty or left out is the same payload. */
uint64_t payload_hash(const struct payload *payload)
{
    bool described = payload->description.len > 2;
    uint64_t hash = HASH_START ^ ((uint64_t)payload->type * 2 + payload->share_with_org);

    hash = hash_finish(hash) ^ payload->label_hash;
    hash = hash_span(hash, described ? buf_view(&payload->description) : (struct span){0});
    hash = hash_finish(hash) ^ payload->config_hash;
    hash = hash_finish(hash) ^ payload->secret_hash;
    hash = hash_finish(hash);
    return hash != 0 ? hash : 1;
}

/* -- refusals, in the shapes of api.md, "Errors seen" -- */

static bool refuse_body(struct rejection *rejection, const char *message)
{
    rejection->status = 400;
    buf_init(&rejection->body, REJECTION_MAX);
    buf_text(&rejection->body, "{\"errors\":[{\"message\":");
    jsontext_string(&rejection->body, span_of(message));
    buf_text(&rejection->body, "}]}");
    return false;
}

/* `"body","config",1` as `config.1`. */
static void add_place(struct buf *out, const char *where)
{
    static const char prefix[] = "\"body\",";

    if (strncmp(where, prefix, sizeof(prefix) - 1) == 0)
        where += sizeof(prefix) - 1;
    for (; *where != '\0'; where++)
        if (*where != '"')
            buf_char(out, *where == ',' ? '.' : *where);
}

static void refuse_in_text(struct rejection *rejection, const char *where, const char *message)
{
    struct buf *body = &rejection->body;

    buf_char(body, '\n');
    add_place(body, where);
    buf_format(body, "\n  %s [type=value_error, input_value=", message);
    jsontext_python(body, rejection->sent);
    buf_text(body, ", input_type=dict]\n    For further information visit https://errors.example/v/value_error");
}

/* Adds one thing that is wrong; `where` is the place as JSON array members, `"body","label"`. */
static void refuse_field(struct rejection *rejection, const char *where, const char *message)
{
    struct buf *body = &rejection->body;

    if (rejection->count++ == 0) {
        rejection->status = rejection->form == VALIDATION_TEXT ? 400 : 422;
        buf_init(body, REJECTION_MAX);
        if (rejection->form == VALIDATION_FIELDS)
            buf_text(body, "{\"detail\":[");
    } else if (rejection->form == VALIDATION_FIELDS) {
        buf_char(body, ',');
    }
    if (rejection->form == VALIDATION_TEXT) {
        refuse_in_text(rejection, where, message);
        return;
    }
    buf_format(body, "{\"loc\":[%s],\"msg\":", where);
    jsontext_string(body, span_of(message));
    buf_char(body, '}');
}

/* Ends what refuse_field() began; true where nothing was refused. */
static bool nothing_refused(struct rejection *rejection)
{
    struct buf text;

    if (rejection->status == 0)
        return true;
    if (rejection->form == VALIDATION_FIELDS) {
        buf_text(&rejection->body, "]}");
        return false;
    }
    buf_init(&text, REJECTION_MAX);
    buf_format(&text, "%d validation error%s for ConnectorRequest", rejection->count, rejection->count > 1 ? "s" : "");
    buf_span(&text, buf_view(&rejection->body));
    buf_wipe(&rejection->body);
    refuse_body(rejection, buf_view(&text).data);
    buf_wipe(&text);
    return false;
}

/* -- fields -- */

static bool has_nul_escape(struct span body)
{
    size_t slashes = 0;

    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] == '\\') {
            slashes++;
            continue;
        }
        if (slashes % 2 == 1 && body.len - i >= 5 && memcmp(body.data + i, "u0000", 5) == 0)
            return true;
        slashes = 0;
    }
    return false;
}

static cJSON *parse(struct span body)
{
    /* The NUL counts: cJSON then insists that nothing but blanks follows the value. */
    return body.len == 0 ? NULL : cJSON_ParseWithLengthOpts(body.data, body.len + 1, NULL, 1);
}

static cJSON *parse_object(struct span body, struct rejection *rejection)
{
    cJSON *root;

    if (text_utf8_error(body) < body.len || memchr(body.data, '\0', body.len) != NULL || has_nul_escape(body)) {
        refuse_body(rejection, "The request body is not text that can be stored: malformed UTF-8 or a NUL");
        return NULL;
    }
    root = parse(body);
    if (root == NULL) {
        refuse_body(rejection, "The request body is not valid JSON");
        return NULL;
    }
    if (!cJSON_IsObject(root)) {
        refuse_field(rejection, "\"body\"", "value is not a valid dict");
        nothing_refused(rejection);
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

/* Refuses every member of `object` whose name is not one of the `count` known ones. */
static void refuse_unknown(struct rejection *rejection, const cJSON *object, const char *where,
                           const char *const known[], size_t count)
{
    const cJSON *member;

    cJSON_ArrayForEach(member, object)
    {
        size_t i = 0;
        struct buf place;

        while (i < count && strcmp(known[i], member->string) != 0)
            i++;
        if (i < count)
            continue;
        buf_init(&place, REJECTION_MAX);
        buf_format(&place, "%s,", where);
        jsontext_string(&place, (struct span){member->string, strnlen(member->string, UNKNOWN_LONGEST)});
        refuse_field(rejection, place.data, "extra fields not permitted");
        buf_release(&place);
    }
}

/* The string member `name`; NULL, and refused, where it is missing, no string, or empty. */
static const char *required_text(struct rejection *rejection, const cJSON *object, const char *name, const char *where)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (item == NULL)
        refuse_field(rejection, where, "field required");
    else if (!cJSON_IsString(item))
        refuse_field(rejection, where, "str type expected");
    else if (item->valuestring[0] == '\0')
        refuse_field(rejection, where, "ensure this value has at least 1 characters");
    else
        return item->valuestring;
    return NULL;
}

static void read_label(struct payload *payload, struct span label)
{
    struct buf kept;

    buf_init(&kept, FRAGMENT_MAX);
    kept_label(&kept, payload->labels, label);
    jsontext_string(&payload->label, buf_view(&kept));
    payload->label_hash = hash_finish(hash_span(HASH_START, label));
    buf_release(&kept);
}

static void read_common(struct payload *payload, const cJSON *root, struct rejection *rejection)
{
    const cJSON *description = cJSON_GetObjectItemCaseSensitive(root, "description");
    const cJSON *share = cJSON_GetObjectItemCaseSensitive(root, "share_with_org");
    const char *label = required_text(rejection, root, "label", "\"body\",\"label\"");

    if (label != NULL)
        read_label(payload, span_of(label));
    if (cJSON_IsString(description))
        jsontext_string(&payload->description, span_of(description->valuestring));
    else if (description != NULL && !cJSON_IsNull(description))
        refuse_field(rejection, "\"body\",\"description\"", "str type expected");
    if (share != NULL && !cJSON_IsBool(share))
        refuse_field(rejection, "\"body\",\"share_with_org\"", "value could not be parsed to a boolean");
    payload->share_with_org = cJSON_IsTrue(share);
}

/* -- configs -- */

/* Roughly an address: one @ with something on both sides, no blanks or controls. A client's check is stricter. */
static bool is_address(const char *text)
{
    const char *at = strchr(text, '@');

    if (at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL || strlen(text) > ADDRESS_LONGEST)
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7F || *text == ',' || *text == ';')
            return false;
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of no texts it is hash_finish(HASH_START). */
static uint64_t hash_set(const char **texts, size_t count)
{
    uint64_t hash = HASH_START;

    qsort(texts, count, sizeof(texts[0]), compare_texts);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0)
            hash = hash_span(hash, span_of(texts[i]));
    return hash_finish(hash);
}

/* Refuses an address at `index` that is no address; else adds it to the fragment. */
static void read_address(struct payload *payload, const cJSON *item, size_t index, struct rejection *rejection)
{
    char where[80];

    snprintf(where, sizeof(where), "\"body\",\"config\",\"allowed_emails\",%zu", index);
    if (!cJSON_IsString(item)) {
        refuse_field(rejection, where, "str type expected");
    } else if (!is_address(item->valuestring)) {
        refuse_field(rejection, where, "value is not a valid email address");
    } else {
        if (index > 0)
            buf_char(&payload->config, ',');
        jsontext_string(&payload->config, span_of(item->valuestring));
    }
}

static void read_email_config(struct payload *payload, const cJSON *config, struct rejection *rejection)
{
    static const char *const known[] = {"allowed_emails"};
    static const char where[] = "\"body\",\"config\",\"allowed_emails\"";
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(config, "allowed_emails"), *item;
    const char **texts;
    size_t count = 0;

    refuse_unknown(rejection, config, "\"body\",\"config\"", known, 1);
    if (!cJSON_IsArray(list)) {
        refuse_field(rejection, where, list == NULL ? "field required" : "value is not a valid list");
        return;
    }
    if (list->child == NULL)
        refuse_field(rejection, where, "ensure this value has at least 1 items");
    texts = alloc_zeroed((size_t)cJSON_GetArraySize(list), sizeof(texts[0]));
    buf_char(&payload->config, '[');
    cJSON_ArrayForEach(item, list)
    {
        read_address(payload, item, count, rejection);
        texts[count++] = cJSON_IsString(item) ? item->valuestring : "";
    }
    buf_char(&payload->config, ']');
    payload->config_hash = hash_set(texts, count);
    free(texts);
}

static void read_secret(struct payload *payload, const cJSON *config, const char *name, const char *where,
                        struct rejection *rejection)
{
    const char *secret = required_text(rejection, config, name, where);

    if (secret != NULL)
        payload->secret_hash = hash_finish(hash_span(HASH_START, span_of(secret)));
}

static void read_research_config(struct payload *payload, const cJSON *config, struct rejection *rejection)
{
    static const char *const known[] = {"user_id", "user_password"};
    const char *user = required_text(rejection, config, "user_id", "\"body\",\"config\",\"user_id\"");

    refuse_unknown(rejection, config, "\"body\",\"config\"", known, 2);
    read_secret(payload, config, "user_password", "\"body\",\"config\",\"user_password\"", rejection);
    if (user == NULL)
        return;
    jsontext_string(&payload->config, span_of(user));
    payload->config_hash = hash_finish(hash_span(HASH_START, span_of(user)));
}

static void read_sharepoint_config(struct payload *payload, const cJSON *config, struct rejection *rejection)
{
    static const char *const known[] = {"session_id"};

    refuse_unknown(rejection, config, "\"body\",\"config\"", known, 1);
    read_secret(payload, config, "session_id", "\"body\",\"config\",\"session_id\"", rejection);
}

static void read_config(struct payload *payload, const cJSON *root, struct rejection *rejection)
{
    typedef void read_fn(struct payload *, const cJSON *, struct rejection *);
    static read_fn *const read[] = {read_email_config, read_research_config, read_sharepoint_config};
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(root, "config");

    static_assert(sizeof(read) / sizeof(read[0]) == TYPES, "every type has its config");
    if (config == NULL)
        refuse_field(rejection, "\"body\",\"config\"", "field required");
    else if (!cJSON_IsObject(config))
        refuse_field(rejection, "\"body\",\"config\"", "value is not a valid dict");
    else
        read[payload->type](payload, config, rejection);
}

bool payload_read_create(struct payload *payload, struct span body, struct rejection *rejection)
{
    static const char *const known[] = {"type", "label", "description", "share_with_org", "config"};
    cJSON *root = parse_object(body, rejection);
    const char *type;

    if (root == NULL)
        return false;
    type = required_text(rejection, root, "type", "\"body\",\"type\"");
    refuse_unknown(rejection, root, "\"body\"", known, sizeof(known) / sizeof(known[0]));
    read_common(payload, root, rejection);
    if (type != NULL && !payload_type_named(type, &payload->type))
        refuse_field(rejection, "\"body\",\"type\"",
                     "value is not a valid enumeration member; permitted: 'email', "
                     "'investment_research', 'sharepoint'");
    else if (type != NULL)
        read_config(payload, root, rejection);
    cJSON_Delete(root);
    return nothing_refused(rejection);
}

/*
 * api.md: "a field left out is cleared or defaulted", which for the addresses of an email connector can only mean
 * an empty list. A type that differs, or a config for another type, is refused rather than ignored.
 */
bool payload_read_update(struct payload *payload, enum connector_type type, struct span body,
                         struct rejection *rejection)
{
    static const char *const known[] = {"label", "description", "share_with_org", "config", "type"};
    cJSON *root = parse_object(body, rejection);
    const cJSON *config, *given;

    if (root == NULL)
        return false;
    payload->type = type;
    config = cJSON_GetObjectItemCaseSensitive(root, "config");
    given = cJSON_GetObjectItemCaseSensitive(root, "type");
    refuse_unknown(rejection, root, "\"body\"", known, sizeof(known) / sizeof(known[0]));
    read_common(payload, root, rejection);
    if (given != NULL && (!cJSON_IsString(given) || strcmp(given->valuestring, type_names[type]) != 0))
        refuse_field(rejection, "\"body\",\"type\"", "the type of a connector can't be changed");
    if (config != NULL && type != TYPE_EMAIL)
        refuse_field(rejection, "\"body\",\"config\"", "the config of this type is fixed at creation");
    if (type == TYPE_EMAIL && config != NULL) {
        read_config(payload, root, rejection);
    } else if (type == TYPE_EMAIL) {
        buf_text(&payload->config, "[]");
        payload->config_hash = hash_finish(HASH_START);
    }
    if (payload->description.len == 0)
        buf_text(&payload->description, "\"\"");
    cJSON_Delete(root);
    return nothing_refused(rejection);
}

/* YYYY-MM-DD; which months have how many days is not looked at. */
static bool is_date(const char *text)
{
    static const char pattern[] = "dddd-dd-dd";
    size_t i = 0;

    for (; pattern[i] != '\0'; i++)
        if (pattern[i] == '-' ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return false;
    return text[i] == '\0';
}

bool payload_read_sync(char date_limit[PAYLOAD_DATE_TEXT], enum connector_type type, struct span body,
                       struct rejection *rejection)
{
    static const char *const known[] = {"date_limit"};
    static const char where[] = "\"body\",\"date_limit\"";
    cJSON *root = parse_object(body, rejection);
    const cJSON *given;

    date_limit[0] = '\0';
    if (root == NULL)
        return false;
    given = cJSON_GetObjectItemCaseSensitive(root, "date_limit");
    refuse_unknown(rejection, root, "\"body\"", known, 1);
    if (type == TYPE_SHAREPOINT && given != NULL)
        refuse_field(rejection, where, "date_limit is not supported for this type");
    else if (type == TYPE_RESEARCH && given == NULL)
        refuse_field(rejection, where, "field required");
    else if (given != NULL && (!cJSON_IsString(given) || !is_date(given->valuestring)))
        refuse_field(rejection, where, "invalid date format");
    else if (given != NULL)
        snprintf(date_limit, PAYLOAD_DATE_TEXT, "%s", given->valuestring);
    cJSON_Delete(root);
    return nothing_refused(rejection);
}

bool payload_is_json(struct span body)
{
    cJSON *root = text_utf8_error(body) == body.len ? parse(body) : NULL;
    bool is_json = root != NULL;

    cJSON_Delete(root);
    return is_json;
}

static bool is_secret(const char *name)
{
    return strcmp(name, "user_password") == 0 || strcmp(name, "session_id") == 0;
}

/* The mask takes the place and the name of a member. */
static void mask_member(cJSON *parent, cJSON *member)
{
    cJSON *mask = cJSON_CreateString("***");

    mask->string = member->string;
    member->string = NULL;
    cJSON_ReplaceItemViaPointer(parent, member, mask);
}

/* Masks the secrets among the members of `parent`, and puts the arrays and objects of it on the stack. */
static size_t mask_members(cJSON *parent, cJSON **stack, size_t depth)
{
    for (cJSON *member = parent->child, *next; member != NULL; member = next) {
        next = member->next;
        if (member->string != NULL && is_secret(member->string))
            mask_member(parent, member);
        else if (member->child != NULL && depth < MASK_DEEPEST)
            stack[depth++] = member;
    }
    return depth;
}

void payload_mask(struct buf *out, struct span body)
{
    static cJSON *stack[MASK_DEEPEST];
    cJSON *root = text_utf8_error(body) == body.len ? parse(body) : NULL;
    size_t depth = 0;
    char *text;

    if (root == NULL) {
        bool named = memmem(body.data, body.len, "password", 8) != NULL || memmem(body.data, body.len, "session", 7);

        jsontext_string(out, named ? span_of("***") : body);
        return;
    }
    stack[depth++] = root;
    while (depth > 0) {
        cJSON *parent = stack[--depth];

        depth = mask_members(parent, stack, depth);
    }
    text = cJSON_PrintUnformatted(root);
    buf_text(out, text != NULL ? text : "null");
    cJSON_free(text);
    cJSON_Delete(root);
}

static bool member_text(const cJSON *member, char text[64], const char **value)
{
    *value = text;
    if (cJSON_IsString(member))
        *value = member->valuestring;
    else if (cJSON_IsNumber(member))
        snprintf(text, 64, "%.15g", member->valuedouble);
    else if (cJSON_IsBool(member))
        snprintf(text, 64, "%s", cJSON_IsTrue(member) ? "true" : "false");
    else
        return false;
    return true;
}

bool payload_each_member(struct span body, payload_member_fn *each, void *context, struct err *err)
{
    cJSON *root = parse(body);
    const cJSON *member;
    bool fine = cJSON_IsObject(root);

    if (!fine)
        err_set(err, EXIT_USAGE, "the body is no JSON object");
    cJSON_ArrayForEach(member, root)
    {
        char text[64];
        const char *value;

        if (!fine)
            break;
        if (member_text(member, text, &value))
            fine = each(context, member->string, value, err);
        else
            fine = err_set(err, EXIT_USAGE, "the value of \"%.100s\" is neither a text, a number nor a boolean",
                           member->string);
    }
    cJSON_Delete(root);
    return fine;
}

const char *payload_library_version(void)
{
    return cJSON_Version();
}
