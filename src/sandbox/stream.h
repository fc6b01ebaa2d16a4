/*
 * stream: a list of connectors, written piece by piece, so that a million of them take no memory.
 *
 * It shows what was there when the list was asked for: later creates are not in it. After a reset of the store it
 * breaks off.
 */
#ifndef SANDBOX_STREAM_H
#define SANDBOX_STREAM_H

#include "base/buf.h"
#include "sandbox/account.h"
#include "sandbox/store.h"

#include <stddef.h>
#include <stdint.h>

struct stream;

enum stream_result { STREAM_MORE, STREAM_END, STREAM_BROKEN };

/*
 * `{"results":[…]}` of the connectors that account `viewer` sees by a read at `mono_us`, as the API answers them: of
 * the `most` newest alone, unless that is 0.
 */
struct stream *stream_list(const struct store *store, const struct account *accounts, uint32_t viewer, int64_t mono_us,
                           uint64_t most);

/* `{"results":[…]}` of all connectors of all accounts, as dump entries. */
struct stream *stream_dump(const struct store *store, const struct account *accounts);

/* Puts `"errors":[]` and `"metadata":{}` beside the results. */
void stream_envelop(struct stream *stream);

/* Takes NULL. */
void stream_free(struct stream *stream);

/*
 * Copies at most `most` (> 0) further bytes to `bytes`, their number to `*len`. STREAM_MORE: at least one byte was
 * copied. STREAM_END and STREAM_BROKEN: none, and there are no more.
 */
enum stream_result stream_read(struct stream *stream, char *bytes, size_t most, size_t *len);

#endif
