/*
 * json: the home of cJSON: JSON values in and out. Pure: memory in, memory out.
 *
 * Every tree lives in an arena that is wiped when it is done with, since payloads hold secrets and servers echo them.
 * Nothing that a server sends is trusted: size, depth and memory have caps (json_text.h has the depth), every accessor
 * checks the type of what it is asked about.
 */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_ELEMENT_MAX = 1 << 20,  /* bytes of a text that is read: an answer, or one element of a list */
    JSON_READ_MEMORY = 16 << 20, /* bytes that the values of such a text may take; a sane one needs a hundredth */
    JSON_WRITE_MEMORY = 64 << 20 /* bytes that an object to be written and its printed form may take */
};

/* ---- Reading ---- */

struct json_reader;

struct json_reader *json_reader_new(void);
void json_reader_free(struct json_reader *reader); /* NULL is fine */

/* Any JSON value; belongs to its reader, and is valid until that reads again or is freed. */
struct json_value;

/*
 * Reads one whole JSON text (RFC 8259; a BOM before it is skipped). NULL where it isn't one: bad grammar, anything but
 * blanks behind it, larger than JSON_ELEMENT_MAX, deeper than JSON_DEPTH_MAX, or taking more than JSON_READ_MEMORY.
 * What can't be a character becomes U+FFFD (json_text_tidy()): no string has a NUL in it, all are valid UTF-8. cJSON
 * is not strict about control characters in strings and zeros before numbers; neither are we.
 */
const struct json_value *json_read(struct json_reader *reader, struct span text);

/* The accessors below take NULL, and values of any kind, and then say that nothing is there. */

enum json_kind {
    JSON_NONE, /* of NULL */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

enum json_kind json_kind(const struct json_value *value);

/* The object's member of exactly that name, the first where there are several; or NULL. */
const struct json_value *json_member(const struct json_value *object, const char *name);

/* The elements of an array, or the members of an object, in order: `for (e = json_first(a); e; e = json_next(e))`. */
const struct json_value *json_first(const struct json_value *container);
const struct json_value *json_next(const struct json_value *element);

/* The name of a member; empty for an element of an array. NUL-terminated. */
struct span json_name(const struct json_value *member);

/* A string's text, NUL-terminated; empty for anything else. */
struct span json_string(const struct json_value *value);

/* A number's value; `otherwise` for anything else. */
double json_number(const struct json_value *value, double otherwise);

/* ---- Writing ---- */

/*
 * An object, or a list, being put together member by member, in order; printed; freed. Names are string literals, or
 * live as long as the object; they are NULL where the members' parent is a list. Texts are copied, with malformed UTF-8
 * and NULs as U+FFFD. What would pass JSON_WRITE_MEMORY is not added: json_object_print() says so.
 */
struct json_object;

struct json_object *json_object_new(void);

/* Frees what json_object_new() gave, and all that is in it, wiped. NULL is fine. */
void json_object_free(struct json_object *object);

void json_object_text(struct json_object *object, const char *name, struct span value);
void json_object_number(struct json_object *object, const char *name, double value); /* null where not finite */
void json_object_integer(struct json_object *object, const char *name, int64_t value);
void json_object_bool(struct json_object *object, const char *name, bool value);
void json_object_null(struct json_object *object, const char *name);

/* A new, empty object or list as a member; it belongs to `object` and is filled by the same functions. */
struct json_object *json_object_child(struct json_object *object, const char *name);
struct json_object *json_object_list(struct json_object *object, const char *name);

/* Appends it, compact on one line or indented by tabs, without a line end. False where `out` or the memory is full. */
bool json_object_print(struct json_object *object, bool indented, struct buf *out);

/* `cJSON 1.7.15` for --version. Static. */
const char *json_version(void);

#endif
