#include "report/summary_json.h"

#include "base/clock.h"
#include "io/output.h"
#include "model/json.h"
#include "report/figures.h"

enum { JSON_BYTES = 1 << 20 };

static void add_text(struct json_object *object, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        json_object_null(object, name);
    else
        json_object_text(object, name, span_of(text));
}

static void add_errors(struct json_object *object, const char *name, const struct tally *tally)
{
    const struct tally_error *sorted[TALLY_ERRORS];
    unsigned count = tally_errors(tally, sorted);
    struct json_object *errors = json_object_list(object, name);

    for (unsigned i = 0; i < count; i++) {
        struct json_object *error = json_object_child(errors, NULL), *lines, *rows, *labels;

        add_text(error, "status", status_name(sorted[i]->status));
        add_text(error, "code", sorted[i]->code);
        json_object_integer(error, "count", (int64_t)sorted[i]->count);
        json_object_text(error, "message", span_of(sorted[i]->message));
        lines = json_object_list(error, "lines");
        rows = json_object_list(error, "rows");
        labels = json_object_list(error, "labels");
        for (unsigned k = 0; k < tally_places(sorted[i]); k++) {
            json_object_integer(lines, NULL, sorted[i]->rows[k].line);
            json_object_integer(rows, NULL, sorted[i]->rows[k].number);
            json_object_text(labels, NULL, span_of(sorted[i]->rows[k].label));
        }
    }
}

static void add_figure(struct json_object *object, const struct figure *figure, const struct tally *tally)
{
    char time[CLOCK_TEXT];

    switch (figure->kind) {
    case FIGURE_TEXT:
        add_text(object, figure->name, figure->text);
        break;
    case FIGURE_BOOL:
        json_object_bool(object, figure->name, figure->number > 0);
        break;
    case FIGURE_NUMBER:
        json_object_number(object, figure->name, figure->number);
        break;
    case FIGURE_TIME:
        json_object_text(object, figure->name, span_of(clock_format(time, (int64_t)figure->number)));
        break;
    case FIGURE_ERRORS:
        add_errors(object, figure->name, tally);
        break;
    default:
        json_object_integer(object, figure->name, (int64_t)figure->number);
    }
}

static struct json_object *object_of(const struct figures *figures, const struct tally *tally)
{
    struct json_object *whole = json_object_new(), *part = NULL;
    const struct figure *figure = NULL;

    while ((figure = figures_next(figures, figure)) != NULL) {
        if (figure->name == NULL)
            continue;
        if (figure->object != NULL) {
            if (part != NULL)
                add_figure(part, figure, tally);
        } else if (figure->absent) {
            json_object_null(whole, figure->name);
            part = NULL;
        } else if (figure->kind == FIGURE_OBJECT)
            part = json_object_child(whole, figure->name);
        else
            add_figure(whole, figure, tally);
    }
    return whole;
}

bool summary_json_write(const char *path, const struct run_info *info, const struct tally *tally, struct err *err)
{
    struct figures *figures = figures_new(info, tally);
    struct json_object *object = object_of(figures, tally);
    struct buf out;
    bool written;

    buf_init(&out, JSON_BYTES);
    if (json_object_print(object, true, &out) && buf_char(&out, '\n'))
        written = output_put(path, buf_view(&out), err);
    else
        written = err_set(err, EXIT_LOCAL, "the summary for %s takes more than %d bytes", path, JSON_BYTES);
    json_object_free(object);
    figures_free(figures);
    buf_release(&out);
    return written;
}
