#include "run/doubts.h"

#include "base/alloc.h"

#include <stdlib.h>

void doubts_release(struct doubts *doubts)
{
    free(doubts->at);
    *doubts = (struct doubts){0};
}

void doubts_add(struct doubts *doubts, struct run *run, uint64_t row, const struct http_answer *answer)
{
    if (doubts->count == doubts->cap) {
        doubts->cap = doubts->cap > 0 ? doubts->cap * 2 : 16;
        doubts->at = alloc_resize(doubts->at, doubts->cap, sizeof(doubts->at[0]));
    }
    doubts->at[doubts->count++] = (struct doubt){
        .row = (uint32_t)row,
        .sent_ms = answer->started_ms,
        .ended_ms = answer->ended_ms,
        .said = words_keep(&run->words, buf_view(&run->code), buf_view(&run->text)),
    };
    run->rows.row[row].in_doubt = 1;
    rows_step(&run->rows, row, EVENT_IN_DOUBT);
}

void doubts_resolve(struct doubts *doubts, struct run *run, bool listed)
{
    const struct outage *outage = &run->client->outage;
    size_t kept = 0;
    bool no_list_tells;

    doubts->lists = doubts->count == 0 ? 0 : doubts->lists + (listed && !outage_holds(outage));
    no_list_tells = !retry_allowed(&run->client->config.retry, doubts->lists);
    for (size_t i = 0; i < doubts->count; i++) {
        struct doubt doubt = doubts->at[i];
        enum outage_block whose = outage_block(outage, doubt.sent_ms, doubt.ended_ms);

        switch (whose == OUTAGE_UNDECIDED && no_list_tells ? OUTAGE_ROWS_OWN : whose) {
        case OUTAGE_UNDECIDED:
            doubts->at[kept++] = doubt;
            break;
        case OUTAGE_ROWS_OWN:
            run->rows.row[doubt.row].in_doubt = 0;
            run_give_up(run, doubt.row, STATUS_REJECTED, 403, doubt.said->code, doubt.said->message);
            break;
        case OUTAGE_EVERYBODYS:
            run->rows.row[doubt.row].in_doubt = 0;
            run_spare(run, doubt.row);
            run_send_again(run, doubt.row, EVENT_WAITED);
            break;
        }
    }
    doubts->count = kept;
}
