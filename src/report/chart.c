#include "report/chart.h"

#include "base/num.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* All charts share one coordinate system; the style sheet scales it to the page. */
enum {
    WIDTH = 720,
    HEIGHT = 240,
    LEFT = 70,
    RIGHT = 12,
    TOP = 26,
    BOTTOM = 40,
    PLOT_WIDTH = WIDTH - LEFT - RIGHT,
    PLOT_HEIGHT = HEIGHT - TOP - BOTTOM,
    Y_TICKS = 5, /* at most */
    X_TICKS = 6,
};

struct axes {
    double most; /* value at the top */
    double step; /* between two ticks */
    int ticks;   /* above the baseline */
};

/* Ticks at 1, 2 or 5 times a power of ten; whole numbers, since requests are. */
static struct axes axes_for(double most)
{
    static const double steps[] = {1, 2, 5};
    double power = 1;

    if (most < 1)
        most = 1;
    for (;;) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            double step = steps[i] * power;

            if (step * Y_TICKS >= most) {
                int ticks = (int)ceil(most / step);

                return (struct axes){.most = step * ticks, .step = step, .ticks = ticks};
            }
        }
        power *= 10;
    }
}

static double y_of(const struct axes *axes, double value)
{
    return TOP + PLOT_HEIGHT * (1 - value / axes->most);
}

static void add_y_axis(struct buf *out, const struct axes *axes)
{
    for (int i = 0; i <= axes->ticks; i++) {
        double value = axes->step * i, y = y_of(axes, value);

        buf_format(out, "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", i == 0 ? "axis" : "grid",
                   LEFT, WIDTH - RIGHT, y, y);
        buf_format(out, "<text class=\"end\" x=\"%d\" y=\"%.1f\">%.0f</text>\n", LEFT - 8, y + 4, value);
    }
}

static void add_x_label(struct buf *out, double x, const char *text)
{
    buf_format(out, "<text class=\"mid\" x=\"%.1f\" y=\"%d\">%s</text>\n", x, HEIGHT - BOTTOM + 24, text);
}

static void begin_svg(struct buf *out, const char *id, const char *title, const char *described)
{
    buf_format(out,
               "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t\" aria-describedby=\"%s-d\">"
               "<title id=\"%s-t\">%s</title>"
               "<desc id=\"%s-d\">%s</desc>\n",
               WIDTH, HEIGHT, id, id, id, title, id, described);
}

static void add_column(struct buf *out, const char *class, double x, double width, double top, double bottom)
{
    if (bottom - top < 0.05)
        return;
    buf_format(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>", class, x, top, width,
               bottom - top);
}

/* ---- Outcomes ---- */

static const char *status_words(const struct run_info *info, enum status status)
{
    static const char *const words[STATUSES] = {
        [STATUS_NONE] = "passed the checks",
        [STATUS_CREATED] = "created",
        [STATUS_EXISTS] = "existed already",
        [STATUS_UPDATED] = "updated",
        [STATUS_ARCHIVED] = "archived",
        [STATUS_INVALID] = "failed the checks",
        [STATUS_REJECTED] = "refused by the server for good",
        [STATUS_FAILED] = "failed: not created",
        [STATUS_UNKNOWN] = "unknown: may or may not exist",
        [STATUS_NOT_ATTEMPTED] = "not attempted",
    };

    if (status == STATUS_NOT_ATTEMPTED && info->dry_run)
        return "not sent: a dry run";
    if (status == STATUS_CREATED && strcmp(info->command, "undo") == 0)
        return "not archived";
    return words[status];
}

static uint64_t count_of(const struct tally *tally, int status)
{
    uint64_t others = 0;

    if (status != STATUS_NONE)
        return tally->status[status];
    for (int i = STATUS_CREATED; i < STATUSES; i++)
        others += tally->status[i];
    return tally->rows > others ? tally->rows - others : 0;
}

static const char *status_class(int status)
{
    return status == STATUS_NONE ? "passed" : status_name((enum status)status);
}

void chart_outcomes(struct buf *out, const struct run_info *info, const struct tally *tally)
{
    double x = 0, all = (double)(tally->rows > 0 ? tally->rows : 1);

    if (tally->rows == 0)
        return;
    buf_text(out,
             "<figure><svg class=\"bar\" viewBox=\"0 0 720 28\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (int i = STATUS_NONE; i < STATUSES; i++) {
        double width = (double)count_of(tally, i) / all * WIDTH;

        if (width > 0)
            buf_format(out, "<rect class=\"s-%s\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"28\"/>", status_class(i),
                       x, width > 3 ? width - 2 : width);
        x += width;
    }
    buf_text(out, "</svg>\n<ul class=\"legend\">");
    for (int i = STATUS_NONE; i < STATUSES; i++)
        if (count_of(tally, i) > 0)
            buf_format(
                out,
                "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"s-%s\" width=\"12\" height=\"12\" "
                "rx=\"2\"/></svg><b>%" PRIu64 "</b> %s <span class=\"soft\">%.1f&#160;%%</span></li>\n",
                status_class(i), count_of(tally, i), status_words(info, (enum status)i),
                (double)count_of(tally, i) / all * 100);
    buf_text(out, "</ul></figure>\n");
}

/* ---- Requests over time ---- */

struct timeline {
    const struct tally *tally;
    struct axes axes;
    unsigned steps_a_window; /* 0 = no limit */
    double limit;            /* requests that as many steps may hold */
    double most;             /* in a step, or in a window */
};

static uint64_t held_at(const struct timeline *timeline, unsigned step)
{
    unsigned first = step + 1 > timeline->steps_a_window ? step + 1 - timeline->steps_a_window : 0;
    uint64_t held = 0;

    for (unsigned i = first; i <= step; i++)
        held += timeline->tally->span[i].sent;
    return held;
}

static void find_scale(struct timeline *timeline, const struct rate *rate)
{
    const struct tally *tally = timeline->tally;
    double top;

    if (rate->count > 0) {
        timeline->steps_a_window = rate->window_ms > tally->span_ms ? (unsigned)(rate->window_ms / tally->span_ms) : 1;
        timeline->limit = rate->count;
        if (tally->span_ms > rate->window_ms)
            timeline->limit *= (double)tally->span_ms / (double)rate->window_ms;
    }
    for (unsigned i = 0; i < tally->spans; i++) {
        double sent = timeline->steps_a_window > 0 ? (double)held_at(timeline, i) : tally->span[i].sent;

        if (sent > timeline->most)
            timeline->most = sent;
    }
    top = timeline->most;
    /* a limit that is far above what was sent would flatten the picture: it is named then, not drawn */
    if (timeline->limit > 0 && timeline->limit <= timeline->most * 6)
        top = timeline->limit > top ? timeline->limit : top;
    timeline->axes = axes_for(top);
}

/* Steps and offsets are whole seconds. */
static const char *format_s(char text[NUM_DURATION_TEXT], int64_t s)
{
    if (s % 3600 == 0 && s > 0)
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "&#160;h", s / 3600);
    else if (s % 60 == 0 && s > 0)
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "&#160;min", s / 60);
    else
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "&#160;s", s);
    return text;
}

static double x_of(const struct timeline *timeline, double step)
{
    return LEFT + PLOT_WIDTH * step / timeline->tally->spans;
}

static void add_step(struct buf *out, const struct timeline *timeline, unsigned i)
{
    const struct tally_span *span = &timeline->tally->span[i];
    double x = x_of(timeline, i), width = x_of(timeline, i + 1.0) - x, base = y_of(&timeline->axes, 0);
    double bad = (double)span->refused + span->failed;
    char at[NUM_DURATION_TEXT];

    if (span->sent == 0 && span->created == 0 && bad <= 0)
        return;
    if (width > 3)
        width -= 1;
    buf_format(out,
               "<g><title>after %s: %" PRIu32 " sent, %" PRIu32 " created, %" PRIu32 " answers 429, %" PRIu32
               " failed</title>",
               format_s(at, (int64_t)i * timeline->tally->span_ms / 1000), span->sent, span->created, span->refused,
               span->failed);
    add_column(out, "sent", x, width, y_of(&timeline->axes, span->sent), base);
    if (bad > timeline->axes.most)
        bad = timeline->axes.most;
    add_column(out, "bad", x, width, y_of(&timeline->axes, bad), base);
    buf_text(out, "</g>\n");
}

static void add_held(struct buf *out, const struct timeline *timeline)
{
    if (timeline->steps_a_window <= 1)
        return;
    buf_text(out, "<path class=\"held\" d=\"");
    for (unsigned i = 0; i < timeline->tally->spans; i++) {
        double y = y_of(&timeline->axes, (double)held_at(timeline, i));

        buf_format(out, "%c%.1f %.1fH%.1f", i == 0 ? 'M' : 'L', x_of(timeline, i), y, x_of(timeline, i + 1.0));
    }
    buf_text(out, "\"/>\n");
}

static void add_limit(struct buf *out, const struct timeline *timeline, const struct rate *rate)
{
    char text[NUM_DURATION_TEXT];
    double y;

    if (timeline->limit <= 0)
        return;
    num_format_rate(text, *rate);
    if (timeline->limit > timeline->axes.most) {
        buf_format(out, "<text class=\"end limit-text\" x=\"%d\" y=\"%d\">limit %s: above the picture</text>\n",
                   WIDTH - RIGHT, TOP - 9, text);
        return;
    }
    y = y_of(&timeline->axes, timeline->limit);
    buf_format(out, "<line class=\"limit\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, y, y);
    buf_format(out, "<text class=\"end limit-text\" x=\"%d\" y=\"%.1f\">limit %s</text>\n", WIDTH - RIGHT, y - 7, text);
}

static void add_time_axis(struct buf *out, const struct timeline *timeline)
{
    static const int64_t nice[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                   600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    int64_t total_ms = (int64_t)timeline->tally->spans * timeline->tally->span_ms, step = 0;
    char text[NUM_DURATION_TEXT];

    for (size_t i = 0; i < sizeof(nice) / sizeof(nice[0]); i++)
        if (step == 0 && nice[i] * 1000 * X_TICKS >= total_ms)
            step = nice[i];
    if (step == 0)
        step = (total_ms / 1000 / X_TICKS / 86400 + 1) * 86400;
    for (int64_t s = 0; s * 1000 <= total_ms; s += step) {
        add_x_label(out, LEFT + PLOT_WIDTH * (double)s * 1000 / (double)total_ms, format_s(text, s));
    }
}

/* At most so many lines: the picture has every step, the table is for reading. */
static void add_time_table(struct buf *out, const struct timeline *timeline)
{
    enum { LINES_MOST = 60 };
    const struct tally *tally = timeline->tally;
    unsigned together = (tally->spans + LINES_MOST - 1) / LINES_MOST;
    char at[NUM_DURATION_TEXT];

    buf_text(out, "<details><summary>The numbers</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                  "aria-label=\"Requests over time, as numbers\"><table><thead><tr>"
                  "<th scope=\"col\">From</th><th scope=\"col\">Sent</th>"
                  "<th scope=\"col\">Created</th><th scope=\"col\">Answers 429</th><th scope=\"col\">Failed</th>"
                  "</tr></thead><tbody>\n");
    for (unsigned i = 0; i < tally->spans; i += together) {
        struct tally_span sum = {0};

        for (unsigned k = i; k < i + together && k < tally->spans; k++) {
            sum.sent += tally->span[k].sent;
            sum.created += tally->span[k].created;
            sum.refused += tally->span[k].refused;
            sum.failed += tally->span[k].failed;
        }
        buf_format(out,
                   "<tr><th scope=\"row\">%s</th><td>%" PRIu32 "</td><td>%" PRIu32 "</td><td>%" PRIu32
                   "</td><td>%" PRIu32 "</td></tr>\n",
                   format_s(at, (int64_t)i * tally->span_ms / 1000), sum.sent, sum.created, sum.refused, sum.failed);
    }
    buf_text(out, "</tbody></table></div></details>\n");
}

static void describe_timeline(struct buf *out, const struct timeline *timeline, const struct run_info *info)
{
    char step[NUM_DURATION_TEXT], limit[RATES_TEXT];

    buf_format(out, "<figcaption>Columns: requests sent in each %s; in red, answers 429 and requests that failed.",
               format_s(step, timeline->tally->span_ms / 1000));
    if (timeline->steps_a_window > 1)
        buf_text(out, " Line: requests in the window that ends there.");
    if (info->rates[0].count > 0)
        buf_format(out, " Limit: %s; the most that any window held was %" PRIu32 ".",
                   num_format_rates(limit, info->rates), timeline->tally->most_in_window);
    buf_text(out, "</figcaption>\n");
}

void chart_requests(struct buf *out, const struct run_info *info, const struct tally *tally)
{
    struct timeline timeline = {.tally = tally};

    if (tally->spans == 0 || tally_requests(tally) == 0)
        return;
    find_scale(&timeline, &info->rates[0]);
    buf_text(out, "<section aria-labelledby=\"requests\"><h2 id=\"requests\">Requests over time</h2><figure>\n");
    begin_svg(out, "time", "Requests over time", "The same numbers are in the table below the picture.");
    add_y_axis(out, &timeline.axes);
    for (unsigned i = 0; i < tally->spans; i++)
        add_step(out, &timeline, i);
    add_held(out, &timeline);
    add_limit(out, &timeline, &info->rates[0]);
    add_time_axis(out, &timeline);
    buf_text(out, "</svg>\n");
    describe_timeline(out, &timeline, info);
    add_time_table(out, &timeline);
    buf_text(out, "</figure></section>\n");
}

/* ---- Latencies ---- */

static void format_us(char text[NUM_DURATION_TEXT], int64_t us)
{
    if (us < 1000)
        snprintf(text, NUM_DURATION_TEXT, "%" PRId64 "&#160;µs", us);
    else if (us < 1000000)
        snprintf(text, NUM_DURATION_TEXT, us < 10000 ? "%.1f&#160;ms" : "%.0f&#160;ms", (double)us / 1e3);
    else
        snprintf(text, NUM_DURATION_TEXT, "%.1f&#160;s", (double)us / 1e6);
}

/* The steps that hold any answer, widened so that the picture shows an axis also where there is only one. */
static void find_range(const struct tally *tally, unsigned *first, unsigned *end)
{
    *first = 0;
    *end = TALLY_LATENCIES;
    while (*first + 8 < TALLY_LATENCIES && tally->latency[*first] == 0)
        (*first)++;
    while (*end > *first + 8 && tally->latency[*end - 1] == 0)
        (*end)--;
    *first -= *first % 4;
}

static void add_latency_columns(struct buf *out, const struct tally *tally, unsigned first, unsigned end)
{
    unsigned every = ((end - first) / X_TICKS / 4 + 1) * 4;
    char from[NUM_DURATION_TEXT], to[NUM_DURATION_TEXT];
    uint64_t most = 0;
    struct axes axes;

    for (unsigned i = first; i < end; i++)
        most = tally->latency[i] > most ? tally->latency[i] : most;
    axes = axes_for((double)most);
    add_y_axis(out, &axes);
    for (unsigned i = first; i < end; i++) {
        double width = (double)PLOT_WIDTH / (end - first), x = LEFT + width * (i - first);

        format_us(from, tally_latency_floor(i));
        format_us(to, tally_latency_floor(i + 1));
        buf_format(out, "<g><title>%s to %s: %" PRIu64 "</title>", from, to, tally->latency[i]);
        add_column(out, "sent", x, width > 3 ? width - 1 : width, y_of(&axes, (double)tally->latency[i]),
                   y_of(&axes, 0));
        buf_text(out, "</g>\n");
        if ((i - first) % every == 0)
            add_x_label(out, x, from);
    }
}

static void add_latency_table(struct buf *out, const struct tally *tally)
{
    static const struct {
        const char *name;
        double share;
    } quantiles[] = {{"Half of them", 0.5}, {"9 of 10", 0.9}, {"99 of 100", 0.99}};
    char text[NUM_DURATION_TEXT];

    buf_text(out, "<figcaption>");
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        format_us(text, tally_latency_quantile(tally, quantiles[i].share));
        buf_format(out, "%s%s: at most %s", i > 0 ? ", " : "", quantiles[i].name, text);
    }
    format_us(text, tally->latency_max_us);
    buf_format(out, "; the slowest: %s.</figcaption>\n", text);
    buf_text(out, "<details><summary>The numbers</summary><table><thead><tr><th scope=\"col\">From</th>"
                  "<th scope=\"col\">Answers</th></tr></thead><tbody>\n");
    for (unsigned i = 0; i < TALLY_LATENCIES; i++) {
        if (tally->latency[i] == 0)
            continue;
        format_us(text, tally_latency_floor(i));
        buf_format(out, "<tr><th scope=\"row\">%s</th><td>%" PRIu64 "</td></tr>\n", text, tally->latency[i]);
    }
    buf_text(out, "</tbody></table></details>\n");
}

void chart_latencies(struct buf *out, const struct tally *tally)
{
    unsigned first, end;

    if (tally->latency_count == 0)
        return;
    find_range(tally, &first, &end);
    buf_text(out, "<section aria-labelledby=\"latency\"><h2 id=\"latency\">How long answers took</h2><figure>\n");
    begin_svg(out, "lat", "Answers by the time they took", "The same numbers are in the table below the picture.");
    add_latency_columns(out, tally, first, end);
    buf_text(out, "</svg>\n");
    add_latency_table(out, tally);
    buf_text(out, "</figure></section>\n");
}
