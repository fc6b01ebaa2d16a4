/*
 * metrics: `--metrics FILE`: a run in the Prometheus text format, written whole or not at all, for the node exporter's textfile collector.
 */
#ifndef FLOW_METRICS_H
#define FLOW_METRICS_H

#include "base/err.h"
#include "flow/facts.h"
#include "flow/tally.h"

#include <stdbool.h>

bool metrics_write(const char *path, const struct facts *facts, const struct tally *tally, struct err *err);

#endif
