#include "prior/recent.h"

#include "base/clock.h"
#include "io/disk.h"
#include "run/settle.h"
#include "sheet/sheet.h"

/* No clock is further behind: the newest connector is then an earlier run's, which this file's run carried over. */
#define BEHIND_MAX_MS ((int64_t)3600 * 1000)

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

/* When a row was over, by our clock. */
static int64_t time_of(struct span created_at, int64_t ahead_ms, int64_t latest_ms)
{
    int64_t created_ms;

    if (!clock_parse_rfc3339(created_at, &created_ms) || created_ms - ahead_ms > latest_ms)
        return latest_ms;
    return created_ms - ahead_ms;
}

void recent_add_row(struct recent *recent, struct span created_at, int64_t ahead_ms, uint32_t attempts,
                    int64_t latest_ms)
{
    recent_add(recent, time_of(created_at, ahead_ms, latest_ms), attempts);
}

/* The rows of a result file, one by one. */
struct past {
    struct recent *recent;
    int64_t latest_ms; /* when it was written */
    int64_t newest_ms; /* the newest created_at of what was created; INT64_MIN: none */
    int64_t ahead_ms;
    bool settled; /* the list was asked about a row within the window */
    bool unknown; /* a row's answer was lost */
};

static void see_row(struct past *past, const struct outcome *outcome)
{
    int64_t created_ms;

    if (outcome->attempts > 0 && clock_parse_rfc3339(outcome->created_at, &created_ms) && created_ms > past->newest_ms)
        past->newest_ms = created_ms;
}

/* The list was asked about the row, or perhaps, before it was sent once more. */
static bool was_settled(const struct outcome *outcome)
{
    return outcome->attempts > 1 || outcome->status == STATUS_UNKNOWN ||
           (outcome->status == STATUS_CREATED && outcome->http_status == 0) ||
           span_equal(outcome->error_code, span_of("answer_lost"));
}

static void count_row(struct past *past, const struct outcome *outcome)
{
    const struct recent *recent = past->recent;
    int64_t over_ms = time_of(outcome->created_at, past->ahead_ms, past->latest_ms);

    if (outcome->attempts > 0 && was_settled(outcome) && recent->now_wall_ms - over_ms < recent->window_ms)
        past->settled = true;
    recent_add_row(past->recent, outcome->created_at, past->ahead_ms, outcome->attempts, past->latest_ms);
    if (outcome->status == STATUS_ARCHIVED)
        recent_add(past->recent, past->latest_ms, 1); /* by whoever wrote the file, for all that it tells */
}

/* Hands each row to `visit`; false where the file is none that can be read. */
static bool visit_rows(struct past *past, const char *path, void (*visit)(struct past *, const struct outcome *))
{
    static const char *const no_defaults[FIELDS] = {NULL};
    struct sheet_config config = {.path = path, .defaults = no_defaults};
    struct err unheard;
    struct sheet *sheet = sheet_open(&config, NULL, &unheard);
    bool is_result = sheet != NULL && sheet_header(sheet)->is_result;
    struct sheet_row *row;

    while (is_result && sheet_next(sheet, &row, &unheard) == CSV_STEP_RECORD)
        visit(past, &row->earlier);
    sheet_close(sheet);
    return is_result;
}

void recent_add_file(struct recent *recent, const char *path)
{
    struct past past = {.recent = recent, .newest_ms = INT64_MIN};

    if (!disk_written_at(path, &past.latest_ms) || recent->window_ms == 0 ||
        recent->now_wall_ms - past.latest_ms >= recent->window_ms || !visit_rows(&past, path, see_row))
        return;
    if (past.newest_ms < past.latest_ms && past.newest_ms >= past.latest_ms - BEHIND_MAX_MS)
        past.ahead_ms = past.newest_ms - past.latest_ms;
    visit_rows(&past, path, count_row);
    recent_add(recent, past.latest_ms, 1 + (past.settled ? SETTLE_LISTS_MAX : 0)); /* its lists */
}

static void see_unknown(struct past *past, const struct outcome *outcome)
{
    past->unknown = past->unknown || (outcome->status == STATUS_UNKNOWN && outcome->http_status == 0);
}

bool recent_has_unknown(const char *path)
{
    struct past past = {0};

    return visit_rows(&past, path, see_unknown) && past.unknown;
}

void recent_tell(const struct recent *recent, struct pace *pace, int64_t now_ms)
{
    for (int step = RECENT_STEPS - 1; step >= 0; step--)
        if (recent->requests[step] > 0)
            pace_remember(pace, now_ms, recent->requests[step], step * recent->window_ms / RECENT_STEPS);
}
