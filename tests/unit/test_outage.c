/* outage: what begins one, who asks whether it is over, and whose an attempt was, as a table. */
#include "net/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_MS = 60000, STEP_MS = 1000, LATENCY_MS = 5 };

/*
 * A story is a line of words: a letter for the row or `L` for the list, and what became of its request:
 *   +  accepted    -  no service    b  blocked by a gateway    ?  an answer that tells nothing
 * `!` before it: the row is the probe. Each takes LATENCY_MS. Behind it what holds then:
 *   .  nothing is held    h  held, a list is next    r  held, a row is next
 * and `s` where the attempt is spared.
 */
static const struct {
    const char *what, *story;
} stories[] = {
    {"three in a row, of any row", "A-. B-. C-hs"},
    {"a lone row's own tries count", "A-. A-. A-hs"},
    {"lists count, too", "A-. L-. A-hs"},
    {"one accepted between", "A-. B-. C+. D-. E-. F-hs"},
    {"what tells nothing neither counts nor ends a row of failures", "A-. ?. B-. C?. D-hs"},
    {"an answered list, then one row, then all", "A-. B-. C-hs L+r !D+. E-."},
    {"a list that is not answered is asked for again", "A-. B-. C-hs L-h L-h L?h L+r !D+."},
    {"what falls into it is spared", "A-. B-. C-hs D-hs E-hs L-h D-hs"},
    {"a row that fails right after an answered list has had its own attempt", "A-. B-. C-hs L+r !D-h L+r !A+."},
    {"a row in flight that is accepted ends it", "A-. B-. C-hs D+."},
    {"a poison row is no outage", "A-. L+. A-. L+. A-. L+. A-. L+. A-."},
    {"nor are two", "A-. B-. L+. A-. B-. L+. B-. A-. L+. A-. B-."},
    {"three are, as far as anybody can tell", "A-. B-. L+. A-. C-hs"},
    {"a list between does not hide that nothing is created", "A-. L+. B-. L+. C-hs"},
    {"403s by a gateway: a list tells that they are the rows' own", "Ab. Bb. Cbhs L+. Db."},
    {"403s by a gateway: a list is refused, too", "Ab. Lbh Lbh L+r !B+."},
    {"a block that is also an outage", "A-. Bb. C-hs L+r !B+."},
};

struct world {
    struct outage outage;
    int64_t now_ms;
    bool spared;
};

static enum outage_sign sign_of(char c)
{
    return c == '+' ? OUTAGE_ACCEPTED : c == '-' ? OUTAGE_AWAY : c == 'b' ? OUTAGE_BLOCKED : OUTAGE_SILENT;
}

static const char *happen(struct world *world, const char *word)
{
    struct outage_event event = {.sent_ms = world->now_ms};
    bool is_probe = *word == '!';

    word += is_probe;
    event.row = *word == 'L' ? OUTAGE_LIST : (uint64_t)*word;
    word += *word != '?'; /* a lone `?` is some row's */
    event.sign = sign_of(*word++);
    if (is_probe) {
        assert_int_equal(outage_probe(&world->outage, world->now_ms), OUTAGE_PROBE_ROW);
        outage_try(&world->outage, event.row);
        assert_int_equal(outage_probe(&world->outage, world->now_ms), OUTAGE_PROBE_NONE);
    }
    world->now_ms += LATENCY_MS;
    event.ended_ms = world->now_ms;
    world->spared = outage_tell(&world->outage, &event, 0);
    return word;
}

static void check(const struct world *world, const char *word, const char *what, const char *story)
{
    char seen[4] = "", *at = seen;

    *at++ = world->outage.phase == OUTAGE_PROBE_NONE ? '.' : world->outage.phase == OUTAGE_PROBE_LIST ? 'h' : 'r';
    if (world->spared)
        *at = 's';
    if (strncmp(word, seen, strlen(seen)) != 0 || strchr(" ", word[strlen(seen)]) == NULL)
        fail_msg("%s: after \"%.*s\" it is \"%s\"", what, (int)(word - story), story, seen);
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct world world = {.now_ms = 1000};
        const char *at = stories[i].story;

        outage_init(&world.outage, MOST_MS, STEP_MS);
        while (*at != '\0') {
            at = happen(&world, at);
            check(&world, at, stories[i].what, stories[i].story);
            at += strcspn(at, " ");
            at += *at == ' ';
            world.now_ms += LATENCY_MS;
        }
    }
}

static void tell(struct world *world, const char *words)
{
    while (*words != '\0') {
        words = happen(world, words);
        words += *words == ' ';
    }
}

static void probes_back_off(void **state)
{
    static const int64_t steps[] = {1000, 2000, 4000, 8000, 15000, 15000, 15000};
    struct world world = {.now_ms = 1000};

    (void)state;
    outage_init(&world.outage, INT64_MAX, STEP_MS);
    tell(&world, "A- B- C-");
    assert_int_equal(outage_probe(&world.outage, world.now_ms), OUTAGE_PROBE_LIST); /* the first at once */
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct outage_event event = {OUTAGE_AWAY, OUTAGE_LIST, world.now_ms, world.now_ms};
        struct outage other = world.outage;

        outage_tell(&other, &event, (uint64_t)steps[i] / 2); /* the most that chance can add */
        assert_int_equal(outage_probe_ms(&other), world.now_ms + steps[i]);
        outage_tell(&world.outage, &event, 0);
        assert_int_equal(outage_probe_ms(&world.outage), world.now_ms + steps[i] / 2);
        assert_int_equal(outage_probe(&world.outage, world.now_ms + steps[i] / 2 - 1), OUTAGE_PROBE_NONE);
        world.now_ms += steps[i] / 2;
        assert_int_equal(outage_probe(&world.outage, world.now_ms), OUTAGE_PROBE_LIST);
    }
    assert_int_equal(outage_limit_ms(&world.outage), INT64_MAX);
}

static void its_time_is_from_the_first_failure_on(void **state)
{
    struct world world = {.now_ms = 1000};

    (void)state;
    outage_init(&world.outage, MOST_MS, STEP_MS);
    tell(&world, "A- B-");
    assert_int_equal(outage_limit_ms(&world.outage), INT64_MAX);
    assert_int_equal(outage_lasts_ms(&world.outage, 5000), 0);
    tell(&world, "C-");
    assert_int_equal(outage_limit_ms(&world.outage), 1000 + LATENCY_MS + MOST_MS);
    assert_int_equal(outage_lasts_ms(&world.outage, 5000), 4000 - LATENCY_MS);
    world.now_ms = 9000;
    tell(&world, "L+ !A+");
    assert_int_equal(world.outage.count, 1);
    assert_int_equal(world.outage.away_ms, 8000 + LATENCY_MS);
    tell(&world, "A- B- C- L+");
    outage_end(&world.outage, world.now_ms); /* there is no row left */
    assert_int_equal(world.outage.count, 2);
    assert_false(outage_holds(&world.outage));
}

static void whose_a_403_is(void **state)
{
    struct world world = {.now_ms = 1000};
    struct outage_event late = {OUTAGE_ACCEPTED, 'X', 900, 0};
    int64_t ended_ms;

    (void)state;
    outage_init(&world.outage, MOST_MS, STEP_MS);
    tell(&world, "A+ Bb");
    ended_ms = world.now_ms;
    late.ended_ms = ended_ms + 1;
    outage_tell(&world.outage, &late, 0); /* was on its way already: proves nothing */
    assert_int_equal(outage_block(&world.outage, ended_ms - LATENCY_MS, ended_ms), OUTAGE_UNDECIDED);
    tell(&world, "C-");
    assert_int_equal(outage_block(&world.outage, ended_ms - LATENCY_MS, ended_ms), OUTAGE_UNDECIDED);
    tell(&world, "Lb");
    assert_int_equal(outage_block(&world.outage, ended_ms - LATENCY_MS, ended_ms), OUTAGE_EVERYBODYS);
    assert_int_equal(outage_block(&world.outage, world.now_ms + 1, world.now_ms + 2), OUTAGE_UNDECIDED);
    ended_ms = world.now_ms + LATENCY_MS; /* of a row that was refused after that list, and sent before */
    tell(&world, "Eb L+");
    assert_int_equal(outage_block(&world.outage, ended_ms - 2 * LATENCY_MS, ended_ms), OUTAGE_EVERYBODYS);
    assert_int_equal(outage_block(&world.outage, ended_ms - LATENCY_MS + 1, ended_ms - 1), OUTAGE_ROWS_OWN);
    /* What was sent in the millisecond in which the 403 came may have been sent before it. */
    assert_int_equal(outage_block(&world.outage, ended_ms - LATENCY_MS + 1, ended_ms), OUTAGE_UNDECIDED);
    assert_int_equal(world.outage.count, 0);
    tell(&world, "!D+");
    assert_int_equal(world.outage.count, 1);
}

static void what_an_answer_says(void **state)
{
    static const struct {
        int status;
        enum fate fate;
        bool sent;
        const char *code;
        enum outage_sign sign;
    } answers[] = {
        {502, FATE_ANSWERED, true, NULL, OUTAGE_AWAY},
        {503, FATE_ANSWERED, true, NULL, OUTAGE_AWAY},
        {504, FATE_ANSWERED, true, NULL, OUTAGE_AWAY},
        {500, FATE_ANSWERED, true, NULL, OUTAGE_SILENT},
        {429, FATE_ANSWERED, true, NULL, OUTAGE_SILENT},
        {429, FATE_LOST, true, "connection_lost", OUTAGE_SILENT},
        {200, FATE_ANSWERED, true, NULL, OUTAGE_SILENT}, /* that can't be read */
        {200, FATE_LOST, true, "connection_lost", OUTAGE_AWAY},
        {0, FATE_LOST, true, "timeout", OUTAGE_AWAY},
        {0, FATE_LOST, true, "connection_lost", OUTAGE_AWAY},
        {0, FATE_UNSENT, false, "no_connection", OUTAGE_AWAY},
        {0, FATE_UNSENT, false, "no_such_host", OUTAGE_AWAY},
        {0, FATE_UNSENT, false, "tls", OUTAGE_AWAY},
        {0, FATE_UNSENT, false, "proxy", OUTAGE_AWAY},
        {0, FATE_UNSENT, true, "no_connection", OUTAGE_SILENT}, /* a refused stream */
        {0, FATE_LOST, true, "bad_answer", OUTAGE_SILENT},
        {0, FATE_LOST, true, "stopped", OUTAGE_SILENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct http_answer answer = {.status = answers[i].status,
                                     .fate = answers[i].fate,
                                     .sent = answers[i].sent,
                                     .problem_code = answers[i].code};

        assert_int_equal(outage_sign(&answer, false, false), answers[i].sign);
        assert_int_equal(outage_sign(&answer, true, false), OUTAGE_ACCEPTED);
        assert_int_equal(outage_sign(&answer, false, true), OUTAGE_BLOCKED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(probes_back_off),
        cmocka_unit_test(its_time_is_from_the_first_failure_on),
        cmocka_unit_test(whose_a_403_is),
        cmocka_unit_test(what_an_answer_says),
    };

    return cmocka_run_group_tests_name("outage", tests, NULL, NULL);
}
