#include "flow/rows.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>

static_assert(sizeof(struct row) == 24, "memory grows with the number of rows: keep a row small");

static const char *const state_names[] = {
    [ROW_PENDING] = "pending",     [ROW_IN_FLIGHT] = "in_flight", [ROW_BACKOFF] = "backoff", [ROW_READY] = "ready",
    [ROW_UNSETTLED] = "unsettled", [ROW_DONE] = "done",           [ROW_CARRIED] = "carried",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == ROW_STATES, "every row state has a name");

void rows_init(struct rows *rows)
{
    *rows = (struct rows){0};
}

void rows_release(struct rows *rows)
{
    free(rows->row);
    rows_init(rows);
}

uint64_t rows_add(struct rows *rows, uint64_t offset, size_t length, uint32_t line)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap > 0 ? rows->cap + rows->cap / 2 : 1024;
        rows->row = alloc_resize(rows->row, rows->cap, sizeof(rows->row[0]));
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

static void set_state(struct rows *rows, struct row *row, enum row_state state)
{
    assert(row->state != ROW_DONE && row->state != ROW_CARRIED);
    rows->in_state[row->state]--;
    rows->in_state[state]++;
    row->state = state & 0xF;
}

void rows_move(struct rows *rows, uint64_t index, enum row_state state)
{
    assert(state != ROW_DONE && state != ROW_CARRIED);
    set_state(rows, &rows->row[index], state);
}

void rows_finish(struct rows *rows, uint64_t index, enum row_state state, enum status status, uint64_t place)
{
    struct row *row = &rows->row[index];

    assert(state == ROW_DONE || state == ROW_CARRIED);
    set_state(rows, row, state);
    row->status = status & 0xF;
    row->place = place & ROW_PLACE_MAX;
    rows->with_status[status]++;
}

bool row_is_sendable(const struct row *row)
{
    if (row->state == ROW_DONE)
        return !row->invalid && row->status != STATUS_EXISTS;
    return row->state == ROW_PENDING || row->state == ROW_UNSETTLED;
}

const char *row_state_name(enum row_state state)
{
    return state_names[state];
}
