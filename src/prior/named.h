/*
 * named: rows of a result file that name a connector beside a status that would be sent again, `unknown` included: an
 * id that the program kept, or that a person has typed in. One GET for each tells, before anything is sent.
 *
 *   there, and it may be the row's (connector_answers())   created, where the row was unknown; else exists
 *   there, and another's                                   unknown; sent, where somebody has emptied the status
 *   archived, or none of that id                           sent; unknown, where the row was (it may be another)
 *   nobody can tell                                        unknown, with the id
 */
#ifndef PRIOR_NAMED_H
#define PRIOR_NAMED_H

#include "run/run.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Looks up the ids of `count` rows (indices of rows with a UUID in connector_id) that are ROW_PENDING or ROW_UNSETTLED,
 * those before `promised` left out: an interrupted run may have sent them. Nothing may be in flight. False: the client
 * was stopped.
 */
bool named_look_up(struct run *run, const uint32_t *rows, uint64_t count, uint64_t promised);

#endif
