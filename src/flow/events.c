#include "flow/events.h"

#include "model/json.h"

struct json_object *events_row(struct log *log, const char *event, uint64_t index, const struct row *row)
{
    struct json_object *line = log_begin(log, event);

    if (line != NULL) {
        json_object_integer(line, "row", (int64_t)index + 1);
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

void events_outcome(struct log *log, uint64_t index, const struct row *row, const struct outcome *outcome)
{
    struct json_object *line = events_row(log, "row", index, row);

    if (line == NULL)
        return;
    json_object_text(line, "status", span_of(status_name(outcome->status)));
    json_object_integer(line, "attempts", outcome->attempts);
    add_text(line, "connector_id", outcome->connector_id);
    add_text(line, "error_code", outcome->error_code);
    add_text(line, "error_message", outcome->error_message);
    log_end(log, line);
}
