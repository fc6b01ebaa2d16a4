#include "sandbox/requests.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES_MOST = 2 * 1024 * 1024 };

struct kept_request {
    struct log_line line; /* its texts are copies in `texts` */
    size_t size;
    char texts[];
};

void requests_init(struct requests *requests)
{
    *requests = (struct requests){0};
}

static void forget_first(struct requests *requests)
{
    struct kept_request *first = requests->ring[requests->first];

    requests->bytes -= first->size;
    explicit_bzero(first->texts, first->size);
    free(first);
    requests->first = (requests->first + 1) % REQUESTS_MOST;
    requests->count--;
}

void requests_release(struct requests *requests)
{
    while (requests->count > 0)
        forget_first(requests);
    free(requests->ring);
    requests_init(requests);
}

static size_t size_of(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* Copies `text` to `*at`, which goes behind it. */
static const char *copy(char **at, const char *text)
{
    char *start = *at;

    if (text == NULL)
        return NULL;
    *at = stpcpy(start, text) + 1;
    return start;
}

static struct kept_request *keep(const struct log_line *line)
{
    size_t size = size_of(line->method) + size_of(line->path) + size_of(line->content_type) +
                  size_of(line->connector_id) + line->body.len + 1;
    struct kept_request *kept = alloc_bytes(sizeof(*kept) + size);
    char *at = kept->texts;

    kept->line = *line;
    kept->size = size;
    kept->line.method = copy(&at, line->method);
    kept->line.path = copy(&at, line->path);
    kept->line.content_type = copy(&at, line->content_type);
    kept->line.connector_id = copy(&at, line->connector_id);
    kept->line.body.data = at;
    if (line->body.len > 0)
        memcpy(at, line->body.data, line->body.len);
    at[line->body.len] = '\0';
    return kept;
}

void requests_add(struct requests *requests, const struct log_line *line)
{
    struct kept_request *kept = keep(line);

    if (requests->ring == NULL)
        requests->ring = alloc_zeroed(REQUESTS_MOST, sizeof(requests->ring[0]));
    while (requests->count > 0 && (requests->count == REQUESTS_MOST || requests->bytes + kept->size > BYTES_MOST))
        forget_first(requests);
    requests->ring[(requests->first + requests->count++) % REQUESTS_MOST] = kept;
    requests->bytes += kept->size;
}

void requests_write(const struct requests *requests, struct buf *out)
{
    buf_text(out, "{\"results\":[");
    for (size_t i = 0; i < requests->count; i++) {
        if (i > 0)
            buf_char(out, ',');
        log_format(out, &requests->ring[(requests->first + i) % REQUESTS_MOST]->line, true);
    }
    buf_text(out, "]}");
}
