#include "flow/recent.h"

#include "base/clock.h"
#include "flow/sheet.h"
#include "io/disk.h"

void recent_init(struct recent *recent, int64_t window_ms, int64_t now_wall_ms)
{
    *recent = (struct recent){.window_ms = window_ms, .now_wall_ms = now_wall_ms};
}

void recent_add(struct recent *recent, int64_t wall_ms, uint32_t count)
{
    int64_t age_ms = recent->now_wall_ms > wall_ms ? recent->now_wall_ms - wall_ms : 0;

    if (age_ms < recent->window_ms)
        recent->requests[age_ms * RECENT_STEPS / recent->window_ms] += count;
}

void recent_add_row(struct recent *recent, struct span created_at, uint32_t attempts, int64_t latest_ms)
{
    int64_t created_ms;

    if (attempts == 0)
        return;
    if (!clock_parse_rfc3339(created_at, &created_ms) || created_ms > latest_ms)
        created_ms = latest_ms;
    recent_add(recent, created_ms, attempts);
}

void recent_add_file(struct recent *recent, const char *path)
{
    static const char *const no_defaults[FIELDS] = {NULL};
    struct sheet_config config = {.path = path, .defaults = no_defaults};
    struct sheet *sheet;
    struct sheet_row *row;
    struct err err;
    int64_t latest_ms;

    if (!disk_written_at(path, &latest_ms) || recent->window_ms == 0 ||
        recent->now_wall_ms - latest_ms >= recent->window_ms)
        return;
    sheet = sheet_open(&config, NULL, &err);
    if (sheet != NULL && sheet_header(sheet)->is_result) {
        recent_add(recent, latest_ms, 1); /* its list request */
        while (sheet_next(sheet, &row, &err) == CSV_STEP_RECORD) {
            recent_add_row(recent, row->earlier.created_at, row->earlier.attempts, latest_ms);
            if (row->earlier.status == STATUS_ARCHIVED)
                recent_add(recent, latest_ms, 1); /* by whoever wrote the file, for all that it tells */
        }
    }
    sheet_close(sheet);
}

void recent_tell(const struct recent *recent, struct pace *pace, int64_t now_ms)
{
    for (int step = RECENT_STEPS - 1; step >= 0; step--)
        if (recent->requests[step] > 0)
            pace_remember(pace, now_ms, recent->requests[step], step * recent->window_ms / RECENT_STEPS);
}
