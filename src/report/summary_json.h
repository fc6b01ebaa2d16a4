/*
 * summary_json: `--summary FILE`: a run as a JSON object. Its members are those of figures.c, always all of them; what
 * does not apply is null. The manual page says what each means.
 */
#ifndef REPORT_SUMMARY_JSON_H
#define REPORT_SUMMARY_JSON_H

#include "api/tally.h"
#include "base/err.h"
#include "report/run_info.h"

#include <stdbool.h>

/* Writes the object to `path`, whole or not at all. */
bool summary_json_write(const char *path, const struct run_info *info, const struct tally *tally, struct err *err);

#endif
