/*
 * existing: what the account has before the first row is sent: one list, which also proves key, URL, proxy and TLS.
 *
 * Three things are learned from it: which connectors of a row's type and label there are, archived ones too (they are
 * older than anything that this run will lose; settle.c must not take them for a row's own); with --skip-existing,
 * which rows have their connector already; without it, how many seem to.
 *
 * One connector answers for one row (same type and label, not archived, no other row's), exact twins first.
 */
#ifndef FLOW_EXISTING_H
#define FLOW_EXISTING_H

#include "base/err.h"
#include "flow/run.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Lists the account. `keys`: of intake.h. With `skip`, rows that are found get their outcome `exists`; else
 * `*look_alikes` says how many would. With `note_twins` the journal learns of the twins and that the account was
 * listed. False: the run stops (the courier says why), or local trouble (the courier too).
 */
bool existing_find(struct run *run, const uint32_t *keys, bool skip, bool note_twins, uint64_t *look_alikes);

#endif
