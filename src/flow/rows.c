#include "flow/rows.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_NUMBER = 2 }; /* of the row below a header that is the first */

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
        return !row->invalid && row->status != STATUS_EXISTS && row->status != STATUS_UPDATED;
    return row->state == ROW_PENDING || row->state == ROW_UNSETTLED;
}

const char *row_state_name(enum row_state state)
{
    return state_names[state];
}
