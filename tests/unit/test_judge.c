#include "run/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum {
    YEAR_MS = 1000000000, /* stands for a long time */
    BEGIN = 5000,
    LIST = 60000, /* the list's Date, after YEAR_MS */
};

#define AT(ms) ((int64_t)YEAR_MS + (ms))
#define SINCE AT(BEGIN + 20000) /* a time after the rows were sent */
#define OLD_2020 INT64_C(1000)  /* long before */

/* What is known of the clocks. */
#define UNTESTED \
    {            \
        0        \
    }
#define AGREE          \
    {                  \
        .tested = true \
    }
#define BEHIND_5S                          \
    {                                      \
        .tested = true, .behind_ms = -5000 \
    }
#define AHEAD_5S                         \
    {                                    \
        .tested = true, .ahead_ms = 5000 \
    }

/* What is known of the group. */
#define DATED .begin_ms = AT(BEGIN), .end_ms = AT(LIST), .unsure_ms = 2000
#define ONE              \
    {                    \
        .rows = 1, DATED \
    }
#define LISTED                                  \
    {                                           \
        .rows = 1, DATED, .listed_before = true \
    }
#define EARLIER                                                       \
    {                                                                 \
        .rows = 1, .begin_ms = AT(BEGIN), .end_ms = AT(BEGIN + 30000) \
    }
#define NO_TIME                                                       \
    {                                                                 \
        .rows = 1, .begin_ms = JUDGE_NO_TIME, .end_ms = JUDGE_NO_TIME \
    }

#define PROVEN         \
    {                  \
        .proven = true \
    }

/* Candidates. */
#define TWIN(created)                          \
    {                                          \
        .exact = true, .created_ms = (created) \
    }
#define LIKE(created)                         \
    {                                         \
        .kept = true, .created_ms = (created) \
    }
#define NEAR(created)           \
    {                           \
        .created_ms = (created) \
    }

static const struct {
    const char *name;
    struct judge_group group;
    struct judge_list list;
    struct judge_clock clock;
    struct judge_candidate candidates[4];
    size_t count;
    struct judgement want; /* look_at is compared where the reason is no JUDGE_UNPROVEN */
} table[] = {
    /* Dated or not, listed before or not. */
    {"a twin from 2020, clocks 5 s apart, no list before",
     ONE,
     PROVEN,
     BEHIND_5S,
     {TWIN(OLD_2020)},
     1,
     {.rest = JUDGE_ABSENT}},
    {"a twin from 2020, clocks never compared, no list before",
     ONE,
     PROVEN,
     UNTESTED,
     {TWIN(OLD_2020)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"a twin from 2020, clocks agree", ONE, PROVEN, AGREE, {TWIN(OLD_2020)}, 1, {.rest = JUDGE_ABSENT}},
    {"a twin from 2020 that an earlier run's message can't date",
     NO_TIME,
     PROVEN,
     AGREE,
     {TWIN(OLD_2020)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"a twin from 2020, earlier run's row, clocks 5 s apart",
     EARLIER,
     PROVEN,
     AHEAD_5S,
     {TWIN(OLD_2020)},
     1,
     {.rest = JUDGE_ABSENT}},
    {"a twin from 2020 that the list before showed",
     {.rows = 1, DATED, .listed_before = true},
     PROVEN,
     UNTESTED,
     {{.exact = true, .created_ms = OLD_2020, .was_listed = true}},
     1,
     {.rest = JUDGE_ABSENT}},
    {"a twin that the list before showed, and the row's own",
     LISTED,
     PROVEN,
     UNTESTED,
     {{.exact = true, .created_ms = OLD_2020, .was_listed = true}, TWIN(SINCE)},
     2,
     {.found = 1}},
    {"made since, no list before, clocks never compared", ONE, PROVEN, UNTESTED, {TWIN(SINCE)}, 1, {.found = 1}},
    {"made since, clocks agree", ONE, PROVEN, AGREE, {TWIN(SINCE)}, 1, {.found = 1}},
    {"no list before, undated",
     ONE,
     PROVEN,
     AGREE,
     {TWIN(-1)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"undated, but the list before lacked it", LISTED, PROVEN, AGREE, {TWIN(-1)}, 1, {.found = 1}},
    {"dated in the future",
     ONE,
     PROVEN,
     UNTESTED,
     {TWIN(AT(LIST + 3600000))},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"dated in the future by as much as the clocks differ",
     ONE,
     PROVEN,
     AHEAD_5S,
     {TWIN(AT(LIST + 4000))},
     1,
     {.found = 1}},
    {"just before the beginning, clocks agree",
     ONE,
     PROVEN,
     AGREE,
     {TWIN(AT(BEGIN - 1500))},
     1,
     {.rest = JUDGE_ABSENT}},
    {"just before the beginning, within a second",
     ONE,
     PROVEN,
     AGREE,
     {TWIN(AT(BEGIN - 500))},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"just after the beginning, as Date tells it",
     ONE,
     PROVEN,
     AGREE,
     {TWIN(AT(BEGIN + 1500))},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"5 s before, clocks 5 s behind",
     ONE,
     PROVEN,
     BEHIND_5S,
     {TWIN(AT(BEGIN - 4500))},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"7 s before, clocks 5 s behind", ONE, PROVEN, BEHIND_5S, {TWIN(AT(BEGIN - 7000))}, 1, {.rest = JUDGE_ABSENT}},
    {"4 s after the beginning, clocks 5 s ahead",
     ONE,
     PROVEN,
     AHEAD_5S,
     {TWIN(AT(BEGIN + 4000))},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},
    {"8 s after the beginning, clocks 5 s ahead", ONE, PROVEN, AHEAD_5S, {TWIN(AT(BEGIN + 8000))}, 1, {.found = 1}},
    {"an earlier run's row, made while it ran", EARLIER, PROVEN, UNTESTED, {TWIN(SINCE)}, 1, {.found = 1}},
    {"an earlier run's row, made by hand the next morning",
     EARLIER,
     PROVEN,
     AGREE,
     {TWIN(AT(LIST))},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 1}},

    /* Nothing there. */
    {"nothing, proven", ONE, PROVEN, AGREE, {{0}}, 0, {.rest = JUDGE_ABSENT}},
    {"nothing, a list that proves nothing",
     ONE,
     {0},
     AGREE,
     {{0}},
     0,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_UNPROVEN}},
    {"found all the same in a list that proves no absence",
     LISTED,
     {0},
     AGREE,
     {TWIN(SINCE)},
     1,
     {.found = 1, .rest = JUDGE_UNKNOWN, .reason = JUDGE_UNPROVEN}},
    {"nothing, and it may still come",
     {.rows = 1, DATED, .may_still_come = true},
     PROVEN,
     AGREE,
     {{0}},
     0,
     {.rest = JUDGE_WAITS}},
    {"nothing, may still come, a list that proves nothing",
     {.rows = 1, DATED, .may_still_come = true},
     {0},
     AGREE,
     {{0}},
     0,
     {.rest = JUDGE_WAITS}},
    {"found at once, though more may still come",
     {.rows = 1, DATED, .listed_before = true, .may_still_come = true},
     PROVEN,
     AGREE,
     {TWIN(SINCE)},
     1,
     {.found = 1, .rest = JUDGE_WAITS}},
    {"an old twin, and it may still come",
     {.rows = 1, DATED, .may_still_come = true},
     PROVEN,
     UNTESTED,
     {TWIN(OLD_2020)},
     1,
     {.rest = JUDGE_WAITS}},

    /* Many of them. */
    {"three rows, two there",
     {.rows = 3, DATED, .listed_before = true},
     PROVEN,
     AGREE,
     {TWIN(SINCE), TWIN(SINCE)},
     2,
     {.found = 2, .rest = JUDGE_ABSENT}},
    {"three rows, two there, one old and undated",
     {.rows = 3, DATED},
     PROVEN,
     UNTESTED,
     {TWIN(OLD_2020), TWIN(SINCE), TWIN(SINCE)},
     3,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_OLD, .look_at = 3}},
    {"two rows, both there, one old and undated",
     {.rows = 2, DATED},
     PROVEN,
     UNTESTED,
     {TWIN(OLD_2020), TWIN(SINCE), TWIN(SINCE)},
     3,
     {.found = 2}},
    {"more than rows",
     LISTED,
     PROVEN,
     AGREE,
     {TWIN(SINCE), TWIN(SINCE)},
     2,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_CROWDED, .look_at = 2}},
    {"more than are kept",
     LISTED,
     {.proven = true, .crowded = true},
     AGREE,
     {{0}},
     0,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_CROWDED}},
    {"one row like it was left unknown",
     {.rows = 1, DATED, .listed_before = true, .has_doubted = true},
     PROVEN,
     AGREE,
     {TWIN(SINCE)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_DOUBTED, .look_at = 1}},
    {"one row like it was left unknown, none there",
     {.rows = 1, DATED, .listed_before = true, .has_doubted = true},
     PROVEN,
     AGREE,
     {{0}},
     0,
     {.rest = JUDGE_ABSENT}},
    {"secrets differ, one there",
     {.rows = 2, DATED, .listed_before = true, .secrets_differ = true},
     PROVEN,
     AGREE,
     {TWIN(SINCE)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_SECRETS, .look_at = 1}},
    {"secrets differ, both there",
     {.rows = 2, DATED, .listed_before = true, .secrets_differ = true},
     PROVEN,
     AGREE,
     {TWIN(SINCE), TWIN(SINCE)},
     2,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_SECRETS, .look_at = 2}},
    {"secrets differ, none there",
     {.rows = 2, DATED, .listed_before = true, .secrets_differ = true},
     PROVEN,
     AGREE,
     {{0}},
     0,
     {.rest = JUDGE_ABSENT}},

    /* Kept otherwise. */
    {"kept otherwise, the list before lacked it", LISTED, PROVEN, AGREE, {LIKE(SINCE)}, 1, {.found = 1}},
    {"kept otherwise, dated", ONE, PROVEN, AGREE, {LIKE(SINCE)}, 1, {.found = 1}},
    {"kept otherwise, from 2020", ONE, PROVEN, AGREE, {LIKE(OLD_2020)}, 1, {.rest = JUDGE_ABSENT}},
    {"kept otherwise, undated",
     ONE,
     PROVEN,
     UNTESTED,
     {LIKE(OLD_2020)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_ALIKE, .look_at = 1}},
    {"kept otherwise, two of them",
     LISTED,
     PROVEN,
     AGREE,
     {LIKE(SINCE), LIKE(SINCE)},
     2,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_CROWDED, .look_at = 2}},
    {"kept otherwise beside the exact one", LISTED, PROVEN, AGREE, {LIKE(SINCE), TWIN(SINCE)}, 2, {.found = 1}},
    {"kept otherwise, two rows, one exact",
     {.rows = 2, DATED, .listed_before = true},
     PROVEN,
     AGREE,
     {LIKE(SINCE), TWIN(SINCE)},
     2,
     {.found = 2}},
    {"kept otherwise at once, while more may come",
     {.rows = 1, DATED, .listed_before = true, .may_still_come = true},
     PROVEN,
     AGREE,
     {LIKE(SINCE)},
     1,
     {.found = 1, .rest = JUDGE_WAITS}},
    {"about like the row, new",
     LISTED,
     PROVEN,
     AGREE,
     {NEAR(SINCE)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_ALIKE, .look_at = 1}},
    {"about like the row, a list that proves nothing",
     LISTED,
     {0},
     AGREE,
     {NEAR(SINCE)},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_ALIKE, .look_at = 1}},
    {"about like the row, from 2020", ONE, PROVEN, AGREE, {NEAR(OLD_2020)}, 1, {.rest = JUDGE_ABSENT}},
    {"about like the row, and the row's own", LISTED, PROVEN, AGREE, {NEAR(SINCE), TWIN(SINCE)}, 2, {.found = 1}},
    {"about like the row, and it may still come",
     {.rows = 1, DATED, .listed_before = true, .may_still_come = true},
     PROVEN,
     AGREE,
     {NEAR(SINCE)},
     1,
     {.rest = JUDGE_WAITS}},

    /* Archived, foreign. */
    {"made and archived",
     LISTED,
     PROVEN,
     AGREE,
     {{.exact = true, .created_ms = SINCE, .archived = true}},
     1,
     {.rest = JUDGE_UNKNOWN, .reason = JUDGE_ALIKE, .look_at = 1}},
    {"archived in 2020",
     ONE,
     PROVEN,
     AGREE,
     {{.exact = true, .created_ms = OLD_2020, .archived = true}},
     1,
     {.rest = JUDGE_ABSENT}},
    {"a colleague's twin",
     LISTED,
     PROVEN,
     AGREE,
     {{.exact = true, .created_ms = SINCE, .foreign = true}},
     1,
     {.rest = JUDGE_ABSENT}},
    {"a colleague's twin and the row's own",
     LISTED,
     PROVEN,
     AGREE,
     {{.exact = true, .created_ms = SINCE, .foreign = true}, TWIN(SINCE)},
     2,
     {.found = 1}},
    {"a colleague's that is kept otherwise",
     LISTED,
     PROVEN,
     AGREE,
     {{.kept = true, .created_ms = SINCE, .foreign = true}},
     1,
     {.rest = JUDGE_ABSENT}},
};

static void judgements(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct judge_candidate candidates[4];
        struct judgement got;

        memcpy(candidates, table[i].candidates, sizeof(candidates));
        got = judge(&table[i].group, &table[i].list, &table[i].clock, candidates, table[i].count);
        if (got.found != table[i].want.found || got.rest != table[i].want.rest || got.reason != table[i].want.reason ||
            got.look_at != table[i].want.look_at)
            fail_msg("%s: %zu found, rest %d, reason %d, %zu to look at", table[i].name, got.found, (int)got.rest,
                     (int)got.reason, got.look_at);
        for (size_t at = 0; at < got.found; at++)
            assert_true((candidates[at].exact || candidates[at].kept) && candidates[at].created_ms != OLD_2020);
    }
}

/* The found ones and those to look at come first, whatever the order of the list. */
static void the_order_of_candidates(void **state)
{
    struct judge_group group = {.rows = 2, DATED};
    struct judge_list list = PROVEN;
    struct judge_clock clock = AGREE;
    struct judge_candidate candidates[] = {
        {.created_ms = OLD_2020, .exact = true, .place = 0},
        {.created_ms = SINCE, .kept = true, .place = 1},
        {.created_ms = SINCE, .place = 2},
        {.created_ms = SINCE, .exact = true, .place = 3},
    };
    struct judgement got = judge(&group, &list, &clock, candidates, COUNT(candidates));

    (void)state;
    assert_int_equal(got.found, 2);
    assert_int_equal(candidates[0].place, 3);
    assert_int_equal(candidates[1].place, 1);
}

static void clocks_are_compared(void **state)
{
    struct judge_clock clock = {0};

    (void)state;
    judge_compare_clocks(&clock, -1, 1000, 5);
    judge_compare_clocks(&clock, 1000, -1, 5);
    assert_false(clock.tested);
    judge_compare_clocks(&clock, AT(1999), AT(1000), 0); /* within the second that the Date leaves out */
    judge_compare_clocks(&clock, AT(700), AT(1000), 300);
    assert_true(clock.tested);
    assert_int_equal(clock.ahead_ms, 0);
    assert_int_equal(clock.behind_ms, 0);
    judge_compare_clocks(&clock, AT(7000), AT(1000), 300);
    judge_compare_clocks(&clock, AT(-4300), AT(1000), 300);
    judge_compare_clocks(&clock, AT(1000), AT(1000), 300); /* takes nothing back */
    assert_int_equal(clock.ahead_ms, 5000);
    assert_int_equal(clock.behind_ms, -5000);
}

static void reasons_have_texts(void **state)
{
    (void)state;
    for (int reason = JUDGE_CLEAR + 1; reason < JUDGE_REASONS; reason++)
        assert_true(strlen(judge_reason_text((enum judge_reason)reason)) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judgements),
        cmocka_unit_test(the_order_of_candidates),
        cmocka_unit_test(clocks_are_compared),
        cmocka_unit_test(reasons_have_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
