/* faults: what can be ordered, and who suffers it. */
#include "sandbox/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct faults faults;
    struct err err;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    faults_init(&fixture.faults, 1, false);
    fixture.err.text[0] = '\0';
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    faults_release(&((struct fixture *)*state)->faults);
    return 0;
}

static void order(struct fixture *fixture, const char *name, const char *amount)
{
    assert_true(faults_order(&fixture->faults, name, amount, &fixture->err));
}

static void refuse(struct fixture *fixture, const char *name, const char *amount, const char *sentence)
{
    assert_false(faults_order(&fixture->faults, name, amount, &fixture->err));
    assert_int_equal(fixture->err.code, EXIT_USAGE);
    assert_non_null(strstr(fixture->err.text, sentence));
}

static const char *draw(struct fixture *fixture, enum fault_call call, bool reused, uint64_t payload)
{
    const struct fault *fault = faults_draw(&fixture->faults, call, reused, payload);

    return fault != NULL ? fault->name : "none";
}

static void nothing_ordered_nothing_suffered(void **state)
{
    for (int i = 0; i < 100; i++)
        assert_string_equal(draw(*state, CALL_CREATE, true, 5), "none");
}

static void all_of_a_call_and_no_other(void **state)
{
    order(*state, "list:drop-after", "100");
    for (int i = 0; i < 100; i++) {
        assert_string_equal(draw(*state, CALL_LIST, false, 0), "drop-after");
        assert_string_equal(draw(*state, CALL_CREATE, false, 1), "none");
        assert_string_equal(draw(*state, CALL_DELETE, false, 0), "none");
    }
}

static void a_count_ends_it(void **state)
{
    order(*state, "create:500-after", "100:3");
    for (int i = 0; i < 3; i++)
        assert_string_equal(draw(*state, CALL_CREATE, false, 1), "500-after");
    assert_string_equal(draw(*state, CALL_CREATE, false, 1), "none");
}

static void reused_needs_a_used_connection(void **state)
{
    order(*state, "drop-reused", "100%");
    assert_string_equal(draw(*state, CALL_CREATE, false, 1), "none");
    assert_string_equal(draw(*state, CALL_CREATE, true, 1), "drop-reused");
}

static void first_only_spares_the_second_post(void **state)
{
    struct fixture *fixture = *state;

    fixture->faults.first_only = true;
    order(fixture, "drop-before", "100");
    assert_string_equal(draw(fixture, CALL_CREATE, false, 11), "drop-before");
    assert_string_equal(draw(fixture, CALL_CREATE, false, 11), "none");
    assert_string_equal(draw(fixture, CALL_CREATE, false, 12), "drop-before");
    faults_forget(&fixture->faults);
    assert_string_equal(draw(fixture, CALL_CREATE, false, 11), "drop-before");
}

static int count_hits(struct fixture *fixture, const char *name, int draws)
{
    int hits = 0;

    for (int i = 0; i < draws; i++)
        hits += strcmp(draw(fixture, CALL_CREATE, true, (uint64_t)i + 1), name) == 0;
    return hits;
}

static void shares_are_kept(void **state)
{
    int hits;

    order(*state, "drop-after", "10");
    order(*state, "hang-after", "40.5");
    hits = count_hits(*state, "hang-after", 10000);
    assert_in_range(hits, 3850, 4250);
    hits = count_hits(*state, "drop-after", 10000);
    assert_in_range(hits, 880, 1120);
}

static void the_same_seed_gives_the_same_faults(void **state)
{
    struct fixture other;

    faults_init(&other.faults, 1, false);
    order(*state, "502-after", "50");
    order(&other, "502-after", "50");
    for (int i = 0; i < 200; i++)
        assert_string_equal(draw(*state, CALL_CREATE, i % 2 == 0, 1), draw(&other, CALL_CREATE, i % 2 == 0, 1));
    faults_release(&other.faults);
}

static void mistakes_have_their_sentence(void **state)
{
    refuse(*state, "drop-aftr", "5", "the faults are drop-before, drop-after");
    refuse(*state, "lists:slow", "5", "there is no fault");
    refuse(*state, "slow", "101", "percentage");
    refuse(*state, "slow", "", "percentage");
    refuse(*state, "slow", "5:x", "percentage");
    refuse(*state, "slow", "-1", "percentage");
    refuse(*state, "slow", "5x", "percentage");
    refuse(*state, "list:wrong-id-after", "5", "a list can't suffer");
    order(*state, "slow", "60");
    refuse(*state, "close", "41", "add up to more than 100 %");
    order(*state, "close", "40");
    order(*state, "list:close", "100");
}

static void orders_and_hits_are_written(void **state)
{
    struct fixture *fixture = *state;
    struct buf out;

    buf_init(&out, 4096);
    order(fixture, "drop-before", "12.5");
    order(fixture, "list:slow", "100:2");
    faults_write_orders(&fixture->faults, &out);
    assert_string_equal(out.data, "{\"drop-before\":12.5,\"list:slow\":\"100:2\"}");
    draw(fixture, CALL_LIST, false, 0);
    buf_reset(&out);
    faults_write_hits(&fixture->faults, &out);
    assert_string_equal(out.data, "{\"list:slow\":1}");
    buf_release(&out);
}

static void before_creates_nothing_and_after_does(void **state)
{
    (void)state;
    for (int i = 0; i < FAULTS; i++) {
        const struct fault *fault = faults_at(i);

        if (strstr(fault->name, "-before") != NULL)
            assert_int_equal(fault->time, FAULT_BEFORE);
        if (strstr(fault->name, "-after") != NULL)
            assert_int_equal(fault->time, FAULT_AFTER);
        if (strstr(fault->name, "-late") != NULL)
            assert_int_equal(fault->time, FAULT_LATE);
        assert_true((fault->effect == EFFECT_STATUS) == (fault->status != 0));
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_ordered_nothing_suffered),
        TEST(all_of_a_call_and_no_other),
        TEST(a_count_ends_it),
        TEST(reused_needs_a_used_connection),
        TEST(first_only_spares_the_second_post),
        TEST(shares_are_kept),
        TEST(the_same_seed_gives_the_same_faults),
        TEST(mistakes_have_their_sentence),
        TEST(orders_and_hits_are_written),
        TEST(before_creates_nothing_and_after_does),
    };

    return cmocka_run_group_tests_name("sandbox_faults", tests, NULL, NULL);
}
