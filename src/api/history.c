#include "api/history.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void history_release(struct history *history)
{
    free(history->entries);
    *history = (struct history){0};
}

static void add(struct history *history, struct history_entry entry)
{
    if (history->count == history->cap) {
        history->cap = history->cap > 0 ? 2 * history->cap : 64;
        history->entries = alloc_resize(history->entries, history->cap, sizeof(history->entries[0]));
    }
    history->entries[history->count++] = entry;
}

/* The bytes before the next `end`, which is taken off with them; all where there is none. */
static struct span cut(struct span *rest, char end)
{
    const char *found = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
    struct span piece = {rest->data, found != NULL ? (size_t)(found - rest->data) : rest->len};
    size_t taken = piece.len + (found != NULL);

    *rest = (struct span){rest->data + taken, rest->len - taken};
    return piece;
}

enum { NUMBERS_MOST = 4 };

/* Whether `line` holds exactly `count` numbers below 2^53. */
static bool numbers(struct span line, size_t count, uint64_t number[NUMBERS_MOST])
{
    for (size_t i = 0; i < count; i++)
        if (!num_parse_span(cut(&line, ' '), 0, UINT64_C(1) << 53, &number[i]))
            return false;
    return line.len == 0;
}

static int64_t past(uint64_t wall_ms, int64_t now_ms)
{
    return (int64_t)wall_ms < now_ms ? (int64_t)wall_ms : now_ms;
}

static void read_sent(struct history *history, struct span line, int64_t now_ms, int64_t keep_ms)
{
    uint64_t number[NUMBERS_MOST];

    if (numbers(line, 4, number) && number[1] <= RATE_COUNT_MAX && number[2] <= RATE_COUNT_MAX &&
        number[3] <= UINT32_MAX && now_ms - past(number[0], now_ms) <= keep_ms)
        add(history, (struct history_entry){past(number[0], now_ms), (uint32_t)number[3], (uint32_t)number[1],
                                            (uint32_t)number[2]});
}

static void read_found(struct history *history, struct span line, int64_t now_ms)
{
    uint64_t number[NUMBERS_MOST];

    if (!numbers(line, 3, number) || number[0] == 0 || number[0] > RATE_COUNT_MAX || number[1] == 0 ||
        now_ms - past(number[2], now_ms) > HISTORY_FOUND_MS)
        return;
    history->found = (struct rate){(uint32_t)number[0], (int64_t)number[1]};
    history->found_ms = past(number[2], now_ms);
}

void history_read(struct history *history, struct span text, int64_t now_ms, int64_t keep_ms)
{
    while (text.len > 0) {
        struct span line = cut(&text, '\n'), word = cut(&line, ' ');

        if (span_equal(word, span_of("sent")))
            read_sent(history, line, now_ms, keep_ms);
        else if (span_equal(word, span_of("found")))
            read_found(history, line, now_ms);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct history_entry *one = a, *other = b;

    return (one->wall_ms > other->wall_ms) - (one->wall_ms < other->wall_ms);
}

static int by_run(const void *a, const void *b)
{
    const struct history_entry *one = a, *other = b;
    int order = (one->run > other->run) - (one->run < other->run);

    return order != 0 ? order : by_time(a, b);
}

static void sort(struct history *history, int (*order)(const void *, const void *))
{
    if (history->count > 1)
        qsort(history->entries, history->count, sizeof(history->entries[0]), order);
}

void history_settle(struct history *history, uint32_t own)
{
    uint64_t sent = 0, answered = 0;

    sort(history, by_run);
    for (size_t i = 0; i < history->count; i++) {
        struct history_entry *entry = &history->entries[i];
        bool is_last = i + 1 == history->count || history->entries[i + 1].run != entry->run;

        sent += entry->sent;
        answered += entry->answered;
        if (!is_last)
            continue;
        if (sent > answered && (own == 0 || entry->run != own))
            entry->answered += (uint32_t)(sent - answered < RATE_COUNT_MAX ? sent - answered : RATE_COUNT_MAX);
        sent = answered = 0;
    }
    for (size_t i = 0; i < history->count; i++) {
        history->entries[i].sent = history->entries[i].answered;
        history->entries[i].run = 0;
    }
    sort(history, by_time);
}

void history_tell(const struct history *history, struct pace *pace, int64_t mono_ms, int64_t now_ms)
{
    for (size_t i = 0; i < history->count; i++)
        if (history->entries[i].answered > 0)
            pace_remember(pace, mono_ms, history->entries[i].answered, now_ms - history->entries[i].wall_ms);
}

/* The time that stands for an entry's: no earlier, and no later than now. */
static int64_t rounded(int64_t wall_ms, int64_t now_ms)
{
    int64_t age_ms = now_ms - wall_ms;
    int64_t step_ms = age_ms < 10 * 1000 ? 100 : age_ms < 120 * 1000 ? 1000 : 60 * 1000;
    int64_t whole_ms = (wall_ms + step_ms - 1) / step_ms * step_ms;

    return whole_ms < now_ms ? whole_ms : now_ms;
}

void history_write(const struct history *history, int64_t now_ms, struct buf *text)
{
    struct history_entry joined = {0};

    for (size_t i = 0; i < history->count; i++) {
        const struct history_entry *entry = &history->entries[i];
        int64_t wall_ms = rounded(entry->wall_ms, now_ms);

        if (joined.answered > 0 && (wall_ms > joined.wall_ms || joined.answered > RATE_COUNT_MAX - entry->answered)) {
            history_write_entry(&joined, text);
            joined.answered = 0;
        }
        joined.wall_ms = wall_ms;
        joined.answered += entry->answered;
        joined.sent = joined.answered;
    }
    if (joined.answered > 0)
        history_write_entry(&joined, text);
    if (history->found.count > 0)
        history_write_found(history->found, history->found_ms, text);
}

void history_write_entry(const struct history_entry *entry, struct buf *text)
{
    buf_format(text, "sent %" PRId64 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", entry->wall_ms, entry->sent,
               entry->answered, entry->run);
}

void history_write_found(struct rate found, int64_t wall_ms, struct buf *text)
{
    buf_format(text, "found %" PRIu32 " %" PRId64 " %" PRId64 "\n", found.count, found.window_ms, wall_ms);
}
