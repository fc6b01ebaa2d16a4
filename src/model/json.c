#include "model/json.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "model/json_text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_value {
    cJSON item;
};

struct json_reader {
    struct arena arena;
};

struct json_object {
    struct arena *arena; /* the root's */
    cJSON *tree;         /* lives in it */
};

struct root {
    struct json_object object; /* first: json_object_free() gets its address */
    struct arena arena;
};

/* Where cJSON's memory comes from: its hooks take no context. Set by arena_use() before every call that allocates. */
static _Thread_local struct arena *arena_in_use;

static void *hook_malloc(size_t size)
{
    return arena_take(arena_in_use, size);
}

/* An arena is emptied as a whole. */
static void hook_free(void *memory)
{
    (void)memory;
}

static void arena_use(struct arena *arena)
{
    static bool hooked;

    if (!hooked) {
        cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = hook_malloc, .free_fn = hook_free});
        hooked = true;
    }
    arena_in_use = arena;
}

struct json_reader *json_reader_new(void)
{
    struct json_reader *reader = alloc_zeroed(1, sizeof(*reader));

    arena_init(&reader->arena, JSON_READ_MEMORY);
    return reader;
}

void json_reader_free(struct json_reader *reader)
{
    if (reader == NULL)
        return;
    arena_release(&reader->arena);
    free(reader);
}

const struct json_value *json_read(struct json_reader *reader, struct span text)
{
    char *tidy;
    size_t len;

    arena_reset(&reader->arena);
    if (text.len > JSON_ELEMENT_MAX)
        return NULL;
    tidy = arena_take(&reader->arena, JSON_TEXT_GROWTH * text.len + 1);
    if (tidy == NULL || !json_text_tidy(text, tidy, &len))
        return NULL;
    arena_use(&reader->arena);
    /* The last argument demands the NUL behind the value, which is the only one in `tidy`: nothing may follow it. */
    return (const struct json_value *)cJSON_ParseWithLengthOpts(tidy, len + 1, NULL, true);
}

enum json_kind json_kind(const struct json_value *value)
{
    if (value == NULL)
        return JSON_NONE;
    switch (value->item.type & 0xFF) {
    case cJSON_NULL:
        return JSON_NULL;
    case cJSON_False:
        return JSON_FALSE;
    case cJSON_True:
        return JSON_TRUE;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

const struct json_value *json_member(const struct json_value *object, const char *name)
{
    if (json_kind(object) != JSON_OBJECT)
        return NULL;
    return (const struct json_value *)cJSON_GetObjectItemCaseSensitive(&object->item, name);
}

const struct json_value *json_first(const struct json_value *container)
{
    return container != NULL ? (const struct json_value *)container->item.child : NULL;
}

const struct json_value *json_next(const struct json_value *element)
{
    return element != NULL ? (const struct json_value *)element->item.next : NULL;
}

struct span json_name(const struct json_value *member)
{
    return span_of(member != NULL ? member->item.string : NULL);
}

struct span json_string(const struct json_value *value)
{
    return span_of(json_kind(value) == JSON_STRING ? value->item.valuestring : NULL);
}

double json_number(const struct json_value *value, double otherwise)
{
    return json_kind(value) == JSON_NUMBER ? value->item.valuedouble : otherwise;
}

struct json_object *json_object_new(void)
{
    struct root *root = alloc_zeroed(1, sizeof(*root));

    arena_init(&root->arena, JSON_WRITE_MEMORY);
    arena_use(&root->arena);
    root->object = (struct json_object){.arena = &root->arena, .tree = cJSON_CreateObject()};
    return &root->object;
}

void json_object_free(struct json_object *object)
{
    struct root *root = (struct root *)object;

    if (root == NULL)
        return;
    arena_release(&root->arena);
    free(root);
}

/* `item` was just made; it is NULL where the arena is full, and then the arena remembers. */
static void add(struct json_object *object, const char *name, cJSON *item)
{
    if (item == NULL)
        return;
    if (cJSON_IsArray(object->tree))
        cJSON_AddItemToArray(object->tree, item);
    else
        cJSON_AddItemToObjectCS(object->tree, name, item);
}

void json_object_text(struct json_object *object, const char *name, struct span value)
{
    char *copy = NULL;

    if (value.len < JSON_WRITE_MEMORY)
        copy = arena_take(object->arena, JSON_TEXT_GROWTH * value.len + 1);
    if (copy == NULL) {
        object->arena->full = true;
        return;
    }
    json_text_repair(value, copy);
    arena_use(object->arena);
    add(object, name, cJSON_CreateStringReference(copy));
}

void json_object_number(struct json_object *object, const char *name, double value)
{
    arena_use(object->arena);
    add(object, name, cJSON_CreateNumber(value));
}

void json_object_integer(struct json_object *object, const char *name, int64_t value)
{
    char digits[24];

    /* cJSON's numbers are doubles: beyond 2^53 they would be rounded. */
    snprintf(digits, sizeof(digits), "%" PRId64, value);
    arena_use(object->arena);
    add(object, name, cJSON_CreateRaw(digits));
}

void json_object_bool(struct json_object *object, const char *name, bool value)
{
    arena_use(object->arena);
    add(object, name, cJSON_CreateBool(value));
}

void json_object_null(struct json_object *object, const char *name)
{
    arena_use(object->arena);
    add(object, name, cJSON_CreateNull());
}

static struct json_object *add_container(struct json_object *object, const char *name, cJSON *tree)
{
    struct json_object *child = arena_take(object->arena, sizeof(*child));

    /* With the arena full nothing will be printed: where further members go does not matter. */
    if (tree == NULL || child == NULL)
        return object;
    *child = (struct json_object){.arena = object->arena, .tree = tree};
    add(object, name, tree);
    return child;
}

struct json_object *json_object_child(struct json_object *object, const char *name)
{
    arena_use(object->arena);
    return add_container(object, name, cJSON_CreateObject());
}

struct json_object *json_object_list(struct json_object *object, const char *name)
{
    arena_use(object->arena);
    return add_container(object, name, cJSON_CreateArray());
}

bool json_object_print(struct json_object *object, bool indented, struct buf *out)
{
    enum { USUAL_SIZE = 1024 };
    const char *text;

    if (object->arena->full)
        return false;
    arena_use(object->arena);
    text = cJSON_PrintBuffered(object->tree, USUAL_SIZE, indented);
    return text != NULL && buf_text(out, text);
}

const char *json_version(void)
{
    static char text[32];

    snprintf(text, sizeof(text), "cJSON %s", cJSON_Version());
    return text;
}
