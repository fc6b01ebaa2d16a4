/*
 * judge: what one list of the account means for rows whose create was lost. Pure.
 *
 * A group is the lost rows of one payload. Its candidates are the list's connectors that are no other row's and have
 * the payload, or what a server may have made of it.
 *
 *   exists    of the payload, or of it as servers keep payloads, and made since the row was sent: a whole list lacked
 *             it before, or its created_at says so. So many rows are found, at once.
 *   unknown   more of them than rows; one that can't be dated, or that is only about like the row; rows that differ in
 *             secrets, which no list shows. Nothing is guessed.
 *   waits     absent, but the request may still be acted on.
 *   absent    the list is proven to be fresh and whole, and shows nothing of the kind.
 *
 * A connector with the payload counts before one that is kept otherwise. A colleague's, and one that was there before,
 * are nobody's here.
 */
#ifndef RUN_JUDGE_H
#define RUN_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How far created_at was seen to stray from the Date header of the same answer, beyond what the request's duration and
 * whole seconds explain: milliseconds, behind_ms <= 0 <= ahead_ms.
 */
struct judge_clock {
    bool tested; /* at least one answer had both */
    int64_t behind_ms, ahead_ms;
};

/* Takes an answer into account: its created_at and Date in wall milliseconds, after a request of `took_ms`. */
void judge_compare_clocks(struct judge_clock *clock, int64_t created_ms, int64_t date_ms, int64_t took_ms);

enum judge_age {
    JUDGE_SINCE,   /* made since the rows were sent */
    JUDGE_BEFORE,  /* older: not theirs */
    JUDGE_UNDATED, /* may be either */
};

/* A time by the server's Date that is not known. */
#define JUDGE_NO_TIME INT64_MIN

struct judge_group {
    size_t rows;
    /* The rows' requests were sent after the first and may have been carried out until the second, by the server's
     * Date. */
    int64_t begin_ms, end_ms;
    int64_t unsure_ms;   /* by how much `begin_ms` may be too early */
    bool listed_before;  /* a whole list of the account was taken before any of them was sent */
    bool secrets_differ; /* the rows differ in what no list shows */
    bool has_doubted;    /* a row of the payload was left `unknown` before: a connector may as well be that one's */
    bool may_still_come; /* a request may still be acted on, so far as this list can tell */
};

struct judge_list {
    bool proven;  /* it is fresh and whole, as far as connectors that are known can tell */
    bool crowded; /* it has more candidates than are kept */
};

struct judge_candidate {
    int64_t created_ms; /* by the server's created_at; -1: can't be read */
    bool exact;         /* has the payload */
    bool kept;          /* has the payload as a server may keep it, and no other row's is as near */
    bool was_listed;    /* a list showed it before anything of the group was sent */
    bool archived;
    bool foreign;   /* somebody else's */
    uint32_t place; /* the caller's */
};

enum judge_reason {
    JUDGE_CLEAR,
    JUDGE_CROWDED,  /* more connectors than rows */
    JUDGE_OLD,      /* one that may be older than the rows */
    JUDGE_DOUBTED,  /* may be that of a row that was left unknown */
    JUDGE_SECRETS,  /* the rows differ in secrets alone */
    JUDGE_ALIKE,    /* one that differs from the row, but is new and nobody's */
    JUDGE_UNPROVEN, /* the list does not prove an absence */
    JUDGE_REASONS,
};

enum judge_rest { JUDGE_ABSENT, JUDGE_WAITS, JUDGE_UNKNOWN };

struct judgement {
    size_t found;             /* so many rows exist: the first candidates are theirs */
    size_t look_at;           /* so many candidates after them are what made the others unknown */
    enum judge_rest rest;     /* of the rows that are not found; where it is JUDGE_UNKNOWN for a reason other than
                                 JUDGE_UNPROVEN, none is found */
    enum judge_reason reason; /* for JUDGE_UNKNOWN */
};

/* Judges one group; puts its candidates into the order that `judgement` speaks of. */
struct judgement judge(const struct judge_group *group, const struct judge_list *list, const struct judge_clock *clock,
                       struct judge_candidate *candidates, size_t count);

enum judge_age judge_age(const struct judge_group *group, const struct judge_clock *clock, int64_t created_ms);

/* A sentence without its end: "the account has more such connectors than this run can have made". */
const char *judge_reason_text(enum judge_reason reason);

#endif
