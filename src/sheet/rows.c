#include "sheet/rows.h"

#include "base/alloc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_NUMBER = 2 }; /* of the row below a header that is the first */

static_assert(sizeof(struct row) == 24, "memory grows with the number of rows: keep a row small");

static const char *const state_names[] = {
    [ROW_PENDING] = "pending",     [ROW_IN_FLIGHT] = "in_flight", [ROW_BACKOFF] = "backoff", [ROW_READY] = "ready",
    [ROW_UNSETTLED] = "unsettled", [ROW_DONE] = "done",           [ROW_CARRIED] = "carried",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == ROW_STATES, "every row state has a name");

enum {
    PENDING = 1 << ROW_PENDING,
    IN_FLIGHT = 1 << ROW_IN_FLIGHT,
    BACKOFF = 1 << ROW_BACKOFF,
    READY = 1 << ROW_READY,
    UNSETTLED = 1 << ROW_UNSETTLED,
};

static const struct {
    const char *name;
    unsigned from; /* the states that it can happen in, as bits */
    enum row_state to;
} steps[] = {
    [EVENT_CARRIED] = {"carried", PENDING, ROW_CARRIED},
    [EVENT_TO_SETTLE] = {"to settle", PENDING, ROW_UNSETTLED},
    [EVENT_NOT_THERE] = {"not there", UNSETTLED, ROW_PENDING},
    [EVENT_SENT] = {"sent", PENDING | READY, ROW_IN_FLIGHT},
    [EVENT_ANSWER_LOST] = {"answer lost", IN_FLIGHT, ROW_UNSETTLED},
    [EVENT_NOT_DONE] = {"not done", IN_FLIGHT, ROW_BACKOFF},
    [EVENT_ALL_WAIT] = {"not done, all wait", IN_FLIGHT, ROW_READY},
    [EVENT_RUN_STOPS] = {"not done, the run stops", IN_FLIGHT, ROW_PENDING},
    [EVENT_IN_DOUBT] = {"in doubt", IN_FLIGHT, ROW_BACKOFF},
    [EVENT_PASSED_OVER] = {"passed over", READY, ROW_READY},
    [EVENT_WAITED] = {"waited", BACKOFF, ROW_READY},
    [EVENT_ABSENT] = {"absent", UNSETTLED, ROW_READY},
    [EVENT_ABSENT_HELD] = {"absent, held back", UNSETTLED, ROW_PENDING},
    [EVENT_FINISHED] = {"finished", PENDING | IN_FLIGHT | BACKOFF | UNSETTLED, ROW_DONE},
};
static_assert(sizeof(steps) / sizeof(steps[0]) == ROW_EVENTS, "every event has its step");

void rows_init(struct rows *rows)
{
    *rows = (struct rows){.held_from = UINT64_MAX};
}

void rows_release(struct rows *rows)
{
    free(rows->row);
    free(rows->gap);
    rows_init(rows);
}

uint32_t rows_number(const struct rows *rows, uint64_t index)
{
    uint64_t wanted = rows->first + index;
    size_t low = 0, high = rows->gap_count; /* the gaps up to `low` begin at the row or before it */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rows->gap[middle].index <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return (uint32_t)wanted + FIRST_NUMBER;
    return rows->gap[low - 1].number + (uint32_t)(wanted - rows->gap[low - 1].index);
}

static void note_number(struct rows *rows, uint64_t index, uint32_t number)
{
    if (rows_number(rows, index) == number)
        return;
    if (rows->gap_count == rows->gap_cap) {
        rows->gap_cap = rows->gap_cap > 0 ? rows->gap_cap + rows->gap_cap / 2 : 16;
        rows->gap = alloc_resize(rows->gap, rows->gap_cap, sizeof(rows->gap[0]));
    }
    rows->gap[rows->gap_count++] = (struct rows_gap){.index = (uint32_t)index, .number = number};
}

void rows_keep(struct rows *rows, uint64_t from, uint64_t count)
{
    memmove(rows->row, rows->row + from, (size_t)count * sizeof(rows->row[0]));
    rows->first += from;
    rows->count = count;
    memset(rows->in_state, 0, sizeof(rows->in_state));
    memset(rows->with_status, 0, sizeof(rows->with_status));
    for (uint64_t i = 0; i < count; i++) {
        rows->in_state[rows->row[i].state]++;
        if (rows->row[i].status != STATUS_NONE)
            rows->with_status[rows->row[i].status]++;
    }
}

uint64_t rows_add(struct rows *rows, uint64_t offset, size_t length, uint32_t line, uint32_t number)
{
    note_number(rows, rows->count, number);
    if (rows->count == rows->cap) {
        rows->cap = rows->cap > 0 ? rows->cap + rows->cap / 2 : 1024;
        rows->row = alloc_resize(rows->row, (size_t)rows->cap, sizeof(rows->row[0]));
    }
    rows->row[rows->count] = (struct row){
        .offset = offset & ((UINT64_C(1) << 40) - 1),
        .length = length & ((UINT64_C(1) << 24) - 1),
        .line = line,
        .state = ROW_PENDING,
    };
    rows->in_state[ROW_PENDING]++;
    return rows->count++;
}

void rows_step(struct rows *rows, uint64_t index, enum row_event event)
{
    struct row *row = &rows->row[index];

    if ((steps[event].from >> row->state & 1) == 0) {
        fprintf(stderr,
                "connload: a defect: line %" PRIu32 " is %s, where \"%s\" can't happen; what was done so far is "
                "in the journal\n",
                row->line, row_state_name(row->state), row_event_name(event));
        abort();
    }
    rows->in_state[row->state]--;
    row->state = steps[event].to & 0xF;
    rows->in_state[row->state]++;
}

static void set_outcome(struct rows *rows, uint64_t index, enum status status, uint64_t place)
{
    rows->row[index].status = status & 0xF;
    rows->row[index].place = place & ROW_PLACE_MAX;
    rows->with_status[status]++;
}

void rows_finish(struct rows *rows, uint64_t index, enum status status, uint64_t place)
{
    rows_step(rows, index, EVENT_FINISHED);
    set_outcome(rows, index, status, place);
}

void rows_carry(struct rows *rows, uint64_t index, enum status status)
{
    rows_step(rows, index, EVENT_CARRIED);
    set_outcome(rows, index, status, 0);
}

bool rows_is_held(const struct rows *rows, uint64_t index)
{
    return index >= rows->held_from;
}

bool row_is_sendable(const struct row *row)
{
    if (row->state == ROW_DONE)
        return !row->invalid && row->status != STATUS_EXISTS && row->status != STATUS_UPDATED;
    return row->state == ROW_PENDING || row->state == ROW_UNSETTLED;
}

const char *row_state_name(enum row_state state)
{
    return state_names[state];
}

const char *row_event_name(enum row_event event)
{
    return steps[event].name;
}
