#include "run/events.h"

#include "model/json.h"

struct json_object *events_row(struct log *log, const char *event, const struct rows *rows, uint64_t index)
{
    struct json_object *line = log_begin(log, event);
    const struct row *row = &rows->row[index];

    if (line != NULL) {
        json_object_integer(line, "row", rows_number(rows, index));
        json_object_integer(line, "line", row->line);
        json_object_text(line, "state", span_of(row_state_name(row->state)));
    }
    return line;
}

static void add_text(struct json_object *line, const char *name, struct span text)
{
    if (text.len > 0)
        json_object_text(line, name, text);
}

void events_outcome(struct log *log, const struct rows *rows, uint64_t index, const struct outcome *outcome)
{
    struct json_object *line = events_row(log, "row", rows, index);

    if (line == NULL)
        return;
    json_object_text(line, "status", span_of(status_name(outcome->status)));
    json_object_integer(line, "attempts", outcome->attempts);
    add_text(line, "connector_id", outcome->connector_id);
    add_text(line, "error_code", outcome->error_code);
    add_text(line, "error_message", outcome->error_message);
    log_end(log, line);
}
