#include "flow/report.h"

#include "base/alloc.h"
#include "io/output.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ROWS_BYTES = 16 << 20 };

struct report {
    struct buf rows;
    uint64_t shown, more;
};

struct report *report_new(void)
{
    struct report *report = alloc_zeroed(1, sizeof(*report));

    buf_init(&report->rows, ROWS_BYTES);
    return report;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    buf_release(&report->rows);
    free(report);
}

void report_row(struct report *report, uint32_t line, struct span label, struct span type, const struct outcome *outcome)
{
    (void)label, (void)type, (void)outcome;
    if (report != NULL)
        buf_format(&report->rows, "<tr><td>%" PRIu32 "</tr>\n", line);
}

bool report_write(const struct report *report, const char *path, const struct facts *facts, const struct tally *tally,
                  struct err *err)
{
    struct output_config config = {.path = path};
    struct output *output = output_open(&config, err);

    (void)facts, (void)tally;
    if (output == NULL)
        return false;
    if (output_write(output, buf_view(&report->rows), err) && output_finish(output, NULL, NULL, err) &&
        output_publish(output, err))
        return true;
    output_abandon(output);
    return false;
}
