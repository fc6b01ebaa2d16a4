/*
 * run_info: what a run was: for the summary, the metrics and the report, and for an audit a year later. Texts belong to
 * whoever filled them in and outlive it.
 */
#ifndef REPORT_RUN_INFO_H
#define REPORT_RUN_INFO_H

#include "api/stop.h"
#include "base/exit.h"
#include "base/num.h"
#include "io/digest.h"

#include <stdbool.h>
#include <stdint.h>

/* How a connector of a result file does. */
enum health { HEALTH_WELL, HEALTH_MISSING, HEALTH_ARCHIVED, HEALTH_SYNC_FAILED, HEALTH_UNTOLD, HEALTHS };

struct run_info {
    const char *command;          /* "check", "create", "update", "undo", "list", "status" */
    const char *input;            /* as the user named it; NULL for `list` */
    const char *results;          /* where the results are; NULL where none were written */
    const char *left;             /* an earlier run's result file, left as it was by a run that sent nothing; or NULL */
    const char *base_url;         /* NULL where nothing was sent */
    struct rate rates[RATES_MAX]; /* as --rate names them */
    unsigned concurrency;
    bool dry_run;
    bool held_back;        /* --strict kept every row from being sent */
    bool resumed;          /* went on with an interrupted run */
    enum stop_reason stop; /* why it stopped early, STOP_NONE if it did not */
    const char *stop_text; /* the sentence for people; NULL with STOP_NONE */
    enum exit_code exit_code;
    const char *repeat;       /* options that the next command needs too, each with a blank before it; or NULL */
    uint64_t look_alikes;     /* rows that the account seems to have already (without --skip-existing) */
    uint64_t left_sheet;      /* connectors that the replaced result file names, and no row of the sheet has */
    uint64_t blocked;         /* rows held back: --limit, --strict */
    uint64_t planned;         /* --dry-run: rows that would be sent */
    uint64_t finished;        /* `check`: rows of a result file that are done */
    uint64_t changed;         /* connectors that were changed: `update`, --update */
    uint64_t unnamed;         /* `update`, `status`: rows that name no connector, or an archived one */
    uint64_t health[HEALTHS]; /* `status`: connectors, by how they do */
    uint64_t hopeless;        /* `undo`: rows that no other run could archive */
    char input_sha256[DIGEST_HEX],
        results_sha256[DIGEST_HEX]; /* of the files: as it was read, as it was written; empty where there is none */
};

#endif
