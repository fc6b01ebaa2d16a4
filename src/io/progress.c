#include "io/progress.h"

#include "base/num.h"

#include <inttypes.h>

enum { LINE_BYTES = 4096, BAR_LEAST = 6, BAR_MOST = 30, GAP = 2 };

/* The parts of the live line, in their order. */
enum part {
    PART_DOING,
    PART_BAR,
    PART_DONE,
    PART_CREATED,
    PART_FAILED,
    PART_UNKNOWN,
    PART_INVALID,
    PART_UNSETTLED,
    PART_RATE,
    PART_WAIT,
    PART_REASON, /* of the wait */
    PART_ETA,
    PARTS,
};

/* What is left out to make room, in this order. How far the run is stays, at any width. */
static const enum part sacrifices[] = {PART_RATE, PART_REASON,  PART_UNSETTLED, PART_DOING,   PART_INVALID, PART_ETA,
                                       PART_BAR,  PART_CREATED, PART_WAIT,      PART_UNKNOWN, PART_FAILED};

static const char *const colours[PARTS] = {
    [PART_DOING] = "\x1b[1m",      [PART_BAR] = "\x1b[36m",     [PART_CREATED] = "\x1b[32m",
    [PART_FAILED] = "\x1b[31m",    [PART_UNKNOWN] = "\x1b[33m", [PART_INVALID] = "\x1b[31m",
    [PART_UNSETTLED] = "\x1b[33m", [PART_WAIT] = "\x1b[33m",    [PART_REASON] = "\x1b[33m",
};

struct live {
    const struct progress *progress;
    const struct progress_style *style;
    bool shown[PARTS];
    unsigned bar; /* columns of the bar */
};

/* Times for people who wait: whole seconds, rounded up, since "0 s left" is a lie. */
static void add_time(struct buf *out, int64_t ms)
{
    char text[NUM_DURATION_TEXT];
    int64_t s = ms / 1000 + (ms % 1000 > 0);

    if (s < 60)
        buf_format(out, "%" PRId64 " s", s);
    else
        buf_text(out, num_format_duration(text, s * 1000));
}

static void add_rate(struct buf *out, double rate)
{
    buf_format(out, rate < 9.95 ? "%.1f rows/s" : "%.0f rows/s", rate);
}

static const char *made(const struct progress *progress)
{
    return progress->made != NULL ? progress->made : "created";
}

static void add_bar(struct buf *out, const struct live *live)
{
    const struct progress *progress = live->progress;
    uint64_t done = progress->done < progress->total ? progress->done : progress->total;
    bool utf8 = live->style->utf8;
    unsigned cells = utf8 ? live->bar : live->bar - 2;
    unsigned full = (unsigned)((double)done / (double)progress->total * (double)cells);

    if (!utf8)
        buf_char(out, '[');
    for (unsigned i = 0; i < cells; i++)
        buf_text(out, i < full ? (utf8 ? "━" : "#") : (utf8 ? "─" : "."));
    if (!utf8)
        buf_char(out, ']');
}

static void add_done(struct buf *out, const struct progress *progress)
{
    buf_format(out, "%" PRIu64, progress->done);
    if (progress->total > 0)
        buf_format(out, "/%" PRIu64, progress->total);
}

static void add_wait(struct buf *out, int64_t wait_ms)
{
    buf_text(out, "waiting ");
    add_time(out, wait_ms);
}

static void add_eta(struct buf *out, int64_t eta_ms)
{
    add_time(out, eta_ms);
    buf_text(out, " left");
}

static void add_text(struct buf *out, enum part part, const struct live *live)
{
    const struct progress *progress = live->progress;

    switch (part) {
    case PART_DOING:
        buf_text(out, progress->doing);
        break;
    case PART_BAR:
        add_bar(out, live);
        break;
    case PART_DONE:
        add_done(out, progress);
        break;
    case PART_CREATED:
        buf_format(out, "%" PRIu64 " %s", progress->created, made(progress));
        break;
    case PART_FAILED:
        buf_format(out, "%" PRIu64 " failed", progress->failed);
        break;
    case PART_UNKNOWN:
        buf_format(out, "%" PRIu64 " unknown", progress->unknown);
        break;
    case PART_INVALID:
        buf_format(out, "%" PRIu64 " invalid", progress->invalid);
        break;
    case PART_UNSETTLED:
        buf_format(out, "%" PRIu64 " unsettled", progress->unsettled);
        break;
    case PART_RATE:
        add_rate(out, progress->rate);
        break;
    case PART_WAIT:
        add_wait(out, progress->wait_ms);
        break;
    case PART_REASON:
        buf_text(out, progress->why);
        break;
    case PART_ETA:
        add_eta(out, progress->eta_ms);
        break;
    case PARTS:
        break;
    }
}

/* A part with nothing to say is not shown; nor is a speed while nothing moves. */
static void choose(struct live *live)
{
    const struct progress *progress = live->progress;

    live->shown[PART_DOING] = progress->doing != NULL;
    live->shown[PART_BAR] = progress->total > 0;
    live->shown[PART_DONE] = true;
    live->shown[PART_CREATED] = progress->created > 0;
    live->shown[PART_FAILED] = progress->failed > 0;
    live->shown[PART_UNKNOWN] = progress->unknown > 0;
    live->shown[PART_INVALID] = progress->invalid > 0;
    live->shown[PART_UNSETTLED] = progress->unsettled > 0;
    live->shown[PART_RATE] = progress->rate > 0 && progress->wait_ms <= 0;
    live->shown[PART_WAIT] = progress->wait_ms > 0;
    live->shown[PART_REASON] = live->shown[PART_WAIT] && progress->why != NULL;
    live->shown[PART_ETA] = progress->eta_ms > 0;
}

/* Appends the parts shown, and gives the columns they take. */
static unsigned draw(struct buf *out, const struct live *live)
{
    unsigned columns = 0;

    for (int i = 0; i < PARTS; i++) {
        bool coloured = live->style->colour && colours[i] != NULL;
        unsigned gap = columns == 0 ? 0 : i == PART_REASON ? 1 : GAP;
        size_t before;

        if (!live->shown[i])
            continue;
        buf_format(out, "%*s%s", (int)gap, "", coloured ? colours[i] : "");
        before = out->len;
        add_text(out, (enum part)i, live);
        columns += gap + (i == PART_BAR ? live->bar : (unsigned)(out->len - before));
        if (coloured)
            buf_text(out, "\x1b[0m");
    }
    return columns;
}

static unsigned measure(const struct live *live)
{
    struct buf scratch;
    unsigned columns;

    buf_init(&scratch, LINE_BYTES);
    columns = draw(&scratch, live);
    buf_release(&scratch);
    return columns;
}

unsigned progress_live(struct buf *out, const struct progress *progress, const struct progress_style *style)
{
    struct live live = {.progress = progress, .style = style, .bar = BAR_LEAST};
    unsigned columns;
    size_t before = out->len;

    choose(&live);
    columns = measure(&live);
    for (size_t i = 0; columns > style->columns && i < sizeof(sacrifices) / sizeof(sacrifices[0]); i++) {
        live.shown[sacrifices[i]] = false;
        columns = measure(&live);
    }
    if (columns < style->columns)
        live.bar += style->columns - columns;
    if (live.bar > BAR_MOST)
        live.bar = BAR_MOST;
    columns = draw(out, &live);
    if (columns <= style->columns)
        return columns;
    /* only the count is left by now: a byte is a column, and none is a colour */
    out->len = before + style->columns;
    out->data[out->len] = '\0';
    return style->columns;
}

void progress_plain(struct buf *out, const struct progress *progress)
{
    if (progress->doing != NULL)
        buf_format(out, "%s: ", progress->doing);
    buf_format(out, "%" PRIu64, progress->done);
    if (progress->total > 0)
        buf_format(out, " of %" PRIu64 " rows", progress->total);
    if (progress->created > 0)
        buf_format(out, ", %" PRIu64 " %s", progress->created, made(progress));
    if (progress->failed > 0)
        buf_format(out, ", %" PRIu64 " failed", progress->failed);
    if (progress->unknown > 0)
        buf_format(out, ", %" PRIu64 " unknown", progress->unknown);
    if (progress->invalid > 0)
        buf_format(out, ", %" PRIu64 " invalid", progress->invalid);
    if (progress->unsettled > 0)
        buf_format(out, ", %" PRIu64 " unsettled", progress->unsettled);
    if (progress->rate > 0) {
        buf_text(out, ", ");
        add_rate(out, progress->rate);
    }
    if (progress->wait_ms > 0) {
        buf_text(out, ", ");
        add_wait(out, progress->wait_ms);
        buf_format(out, "%s%s", progress->why != NULL ? " " : "", progress->why != NULL ? progress->why : "");
    }
    if (progress->eta_ms > 0) {
        buf_text(out, ", ");
        add_eta(out, progress->eta_ms);
    }
}
