#include "sandbox/stream.h"

#include "base/alloc.h"
#include "sandbox/render.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE_MIN = 32 * 1024,       /* connectors are rendered until a piece has this many bytes */
    PIECE_MAX = 4 * 1024 * 1024, /* the cap: PIECE_MIN and one connector of the largest payload */
};

struct stream {
    const struct store *store;
    const struct account *accounts;
    bool dump;
    uint32_t viewer; /* list: whose */
    int64_t mono_us; /* list: as of when */
    uint64_t generation;
    size_t next, end; /* indexes in the store */
    bool begun, ended, wrote_one, enveloped;
    struct buf piece;
    size_t taken; /* bytes of `piece` that were read */
};

static struct stream *stream_new(const struct store *store, const struct account *accounts)
{
    struct stream *stream = alloc_zeroed(1, sizeof(*stream));

    stream->store = store;
    stream->accounts = accounts;
    stream->generation = store->generation;
    stream->end = store->count;
    buf_init(&stream->piece, PIECE_MAX);
    return stream;
}

static bool shows(const struct stream *stream, const struct connector *connector)
{
    return stream->dump ||
           (store_shows(connector, stream->mono_us) && account_sees(stream->accounts, stream->viewer, connector));
}

struct stream *stream_list(const struct store *store, const struct account *accounts, uint32_t viewer, int64_t mono_us,
                           uint64_t most)
{
    struct stream *stream = stream_new(store, accounts);

    stream->viewer = viewer;
    stream->mono_us = mono_us;
    if (most > 0)
        for (stream->next = stream->end; stream->next > 0 && most > 0; stream->next--)
            most -= shows(stream, store_at(store, stream->next - 1));
    return stream;
}

struct stream *stream_dump(const struct store *store, const struct account *accounts)
{
    struct stream *stream = stream_new(store, accounts);

    stream->dump = true;
    return stream;
}

void stream_envelop(struct stream *stream)
{
    stream->enveloped = true;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    buf_release(&stream->piece);
    free(stream);
}

static void add_one(struct stream *stream, const struct connector *connector)
{
    const struct account *owner = &stream->accounts[connector->account];

    if (!shows(stream, connector))
        return;
    if (stream->wrote_one)
        buf_char(&stream->piece, ',');
    stream->wrote_one = true;
    if (stream->dump)
        render_dump(&stream->piece, connector, owner);
    else
        render_connector(&stream->piece, connector, owner, connector_face(connector, stream->mono_us), stream->mono_us);
}

static void fill(struct stream *stream)
{
    buf_reset(&stream->piece);
    stream->taken = 0;
    if (!stream->begun)
        buf_text(&stream->piece, "{\"results\":[");
    stream->begun = true;
    while (stream->next < stream->end && stream->piece.len < PIECE_MIN)
        add_one(stream, store_at(stream->store, stream->next++));
    if (stream->next == stream->end) {
        buf_text(&stream->piece, stream->enveloped ? "],\"errors\":[],\"metadata\":{}}" : "]}");
        stream->ended = true;
    }
}

enum stream_result stream_read(struct stream *stream, char *bytes, size_t most, size_t *len)
{
    size_t left = stream->piece.len - stream->taken;

    *len = 0;
    if (stream->generation != stream->store->generation)
        return STREAM_BROKEN;
    if (left == 0) {
        if (stream->ended)
            return STREAM_END;
        fill(stream);
        left = stream->piece.len;
    }
    *len = left < most ? left : most;
    memcpy(bytes, stream->piece.data + stream->taken, *len);
    stream->taken += *len;
    return STREAM_MORE;
}
