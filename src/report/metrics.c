#include "report/metrics.h"

#include "base/text.h"
#include "io/output.h"
#include "report/figures.h"

#include <stdio.h>
#include <string.h>

enum {
    METRICS_MAX = 1 << 20,
    FIRST_BUCKET = 16, /* histogram steps: from 1.024 ms … */
    LAST_BUCKET = 80,  /* … to 67 s … */
    BUCKET_STEPS = 4,  /* … one bucket for each doubling */
};

struct metrics {
    struct buf out;
    struct buf labels; /* that every series carries */
};

/* A label value may hold anything but these three as they are; what is no UTF-8 is no label value either. */
static void add_label(struct buf *out, const char *name, struct span value)
{
    buf_format(out, "%s%s=\"", out->len > 0 ? "," : "", name);
    while (value.len > 0) {
        size_t len = text_char_len(value);

        if (len == 0)
            buf_text(out, "\xEF\xBF\xBD");
        else if (value.data[0] == '\n')
            buf_text(out, "\\n");
        else {
            if (value.data[0] == '"' || value.data[0] == '\\')
                buf_char(out, '\\');
            buf_add(out, value.data, len);
        }
        len += len == 0;
        value.data += len;
        value.len -= len;
    }
    buf_char(out, '"');
}

static void add_head(struct metrics *metrics, const struct figure *figure)
{
    buf_format(&metrics->out, "# HELP %s %s\n# TYPE %s %s\n", figure->metric, figure->help, figure->metric,
               figure->kind == FIGURE_HISTOGRAM ? "histogram" : "gauge");
}

/* One series, with one label of its own (`label` NULL = none). */
static void add_sample(struct metrics *metrics, const char *name, const char *suffix, const char *label,
                       const char *value, double number)
{
    buf_format(&metrics->out, "%s%s{%s", name, suffix, metrics->labels.data);
    if (label != NULL)
        buf_format(&metrics->out, ",%s=\"%s\"", label, value);
    buf_format(&metrics->out, "} %.15g\n", number);
}

static void add_histogram(struct metrics *metrics, const char *name, const struct tally *tally)
{
    uint64_t below = 0;
    unsigned step = 0;
    char bound[32];

    for (unsigned bucket = FIRST_BUCKET; bucket <= LAST_BUCKET; bucket += BUCKET_STEPS) {
        while (step < bucket)
            below += tally->latency[step++];
        snprintf(bound, sizeof(bound), "%.9g", (double)tally_latency_floor(bucket) / 1e6);
        add_sample(metrics, name, "_bucket", "le", bound, (double)below);
    }
    add_sample(metrics, name, "_bucket", "le", "+Inf", (double)tally->latency_count);
    add_sample(metrics, name, "_sum", NULL, NULL, (double)tally->latency_sum_us / 1e6);
    add_sample(metrics, name, "_count", NULL, NULL, (double)tally->latency_count);
}

static double value_of(const struct figure *figure)
{
    switch (figure->kind) {
    case FIGURE_TEXT:
        return 1;
    case FIGURE_MS:
    case FIGURE_TIME:
        return figure->number / 1e3;
    default:
        return figure->number;
    }
}

static void add_figures(struct metrics *metrics, const struct figures *figures, const struct tally *tally)
{
    const struct figure *figure = NULL;
    const char *before = "";

    while ((figure = figures_next(figures, figure)) != NULL) {
        if (figure->metric == NULL)
            continue;
        if (strcmp(figure->metric, before) != 0)
            add_head(metrics, figure);
        before = figure->metric;
        if (figure->kind == FIGURE_HISTOGRAM)
            add_histogram(metrics, figure->metric, tally);
        else
            add_sample(metrics, figure->metric, "", figure->label, figure->value, value_of(figure));
    }
}

bool metrics_write(const char *path, const struct run_info *info, const struct tally *tally, struct err *err)
{
    struct figures *figures;
    struct metrics metrics;
    bool written;

    buf_init(&metrics.out, METRICS_MAX);
    buf_init(&metrics.labels, METRICS_MAX / 4);
    add_label(&metrics.labels, "command", span_of(info->command));
    add_label(&metrics.labels, "input", span_of(info->input));
    figures = figures_new(info, tally);
    add_figures(&metrics, figures, tally);
    figures_free(figures);
    written = !metrics.out.overflow && !metrics.labels.overflow
                  ? output_put(path, buf_view(&metrics.out), err)
                  : err_set(err, EXIT_LOCAL, "--metrics %s: too large", path);
    buf_release(&metrics.out);
    buf_release(&metrics.labels);
    return written;
}
