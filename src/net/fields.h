/*
 * fields: the few header fields of an answer that matter here, picked out line by line as they arrive.
 *
 * Pure. Whatever a server sends, the memory is this struct: a value that is longer than its place counts as absent.
 */
#ifndef NET_FIELDS_H
#define NET_FIELDS_H

#include "base/buf.h"
#include "net/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELD_VALUE_MAX = 128 }; /* bytes of a value kept */

struct field_value {
    size_t len; /* 0 = absent */
    char text[FIELD_VALUE_MAX];
};

struct fields {
    size_t bytes;  /* of all header lines so far, those of 1xx answers included */
    bool complete; /* the empty line that ends a header has come; libcurl takes a header without one for an answer */
    struct field_value retry_after, date, reset;
    struct field_value request_id; /* printable ASCII without blanks: it can be logged as it is */
    int request_id_rank;           /* of the field that it came from: 0 is the best, -1 = none */
    /*
     * The answer does not show everything, or not as it is now: a Link or X-Next-Page names a next page (RFC 8288), a
     * Content-Range says that it is a part, an Age other than 0 that it comes from a cache (RFC 9110, 9111).
     */
    bool more;
    int64_t total;         /* X-Total-Count: how many elements there are; -1 = not said */
    struct pace_hint hint; /* without `reset`: fields_hint() has all */
};

/* Ready for the first line of a request's answer. */
void fields_reset(struct fields *fields);

/*
 * Takes one header line as it came, with or without its line end. A status line forgets the fields of the answer
 * before it (1xx). Each field's first line counts. The request id is that of X-Request-Id, else X-Amzn-RequestId, else
 * X-Correlation-Id, else CF-Ray. `wall_ms` is the time of its arrival.
 */
void fields_add(struct fields *fields, struct span line, int64_t wall_ms);

/* What the RateLimit headers say: a time is taken by the answer's Date, or, where it has none, by `wall_ms`. */
struct pace_hint fields_hint(const struct fields *fields, int64_t wall_ms);

/* The value; valid as long as the struct is unchanged. */
struct span field_view(const struct field_value *value);

#endif
