#include "run/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { LAG = 5000 };

struct world {
    struct idset known;
    struct witness witness;
};

static struct span id_of(unsigned number)
{
    static char text[4][37];
    static unsigned next;
    char *id = text[next++ % 4];

    snprintf(id, sizeof(text[0]), "%08x-0000-4000-8000-000000000001", number);
    return span_of(id);
}

static void begin(struct world *world)
{
    idset_init(&world->known);
    witness_init(&world->witness, &world->known, LAG);
}

static void end(struct world *world)
{
    witness_release(&world->witness);
    idset_release(&world->known);
}

/* A list that is asked for at `now_ms` and shows the connectors from `first` to before `end`. */
static bool lacks(struct world *world, int64_t now_ms, unsigned first, unsigned end)
{
    witness_ask(&world->witness, now_ms);
    witness_begin(&world->witness);
    for (unsigned i = first; i < end; i++)
        assert_true(witness_see(&world->witness, id_of(i)));
    return witness_lacks(&world->witness);
}

static void nothing_known_proves_itself_by_nothing(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    assert_false(lacks(&world, 0, 0, 0));
    assert_false(witness_saw(&world.witness));
    assert_false(witness_see(&world.witness, id_of(7)));
    assert_false(witness_saw(&world.witness));
    end(&world);
}

static void what_was_made_within_the_lag_may_be_missing(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    for (unsigned i = 0; i < 10; i++)
        witness_add(&world.witness, id_of(i), i * 1000);
    assert_false(lacks(&world, 4999, 0, 0));
    assert_true(lacks(&world, 5000, 0, 0)); /* the first is 5 s old */
    assert_true(lacks(&world, 5000, 1, 10));
    assert_false(lacks(&world, 5000, 0, 1));
    assert_true(witness_saw(&world.witness));
    assert_true(lacks(&world, 9999, 0, 4));
    assert_false(lacks(&world, 9999, 0, 5));
    assert_false(lacks(&world, 9999, 0, 10));
    assert_true(lacks(&world, 99999, 0, 9));
    end(&world);
}

/* The newest hundred, without a word. */
static void a_capped_list_lacks_the_oldest(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    for (unsigned i = 0; i < 5000; i++)
        witness_add(&world.witness, id_of(i), i * 10);
    assert_true(lacks(&world, 50000, 4900, 5000));
    assert_true(lacks(&world, 50000, 1, 5000));
    assert_false(lacks(&world, 50000, 0, 5000));
    end(&world);
}

static void one_shown_twice_counts_once(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    witness_add(&world.witness, id_of(1), 0);
    witness_add(&world.witness, id_of(2), 0);
    witness_add(&world.witness, id_of(2), 9000);
    witness_ask(&world.witness, 10000);
    witness_begin(&world.witness);
    assert_true(witness_see(&world.witness, id_of(1)));
    assert_true(witness_see(&world.witness, id_of(1)));
    assert_true(witness_lacks(&world.witness));
    assert_true(witness_see(&world.witness, id_of(2)));
    assert_false(witness_lacks(&world.witness));
    end(&world);
}

/* One that is answered while the list is under way stands for no older one. */
static void what_comes_during_the_list_proves_nothing(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    witness_add(&world.witness, id_of(1), 0);
    witness_ask(&world.witness, 10000);
    witness_begin(&world.witness);
    witness_add(&world.witness, id_of(2), 10001);
    assert_true(witness_see(&world.witness, id_of(2)));
    assert_true(witness_lacks(&world.witness));
    end(&world);
}

static void only_the_young_take_memory(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    for (unsigned i = 0; i < 100000; i++)
        witness_add(&world.witness, id_of(i), i * 100);
    assert_true(world.witness.recent_cap <= 256);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_proves_itself_by_nothing),
        cmocka_unit_test(what_was_made_within_the_lag_may_be_missing),
        cmocka_unit_test(a_capped_list_lacks_the_oldest),
        cmocka_unit_test(one_shown_twice_counts_once),
        cmocka_unit_test(what_comes_during_the_list_proves_nothing),
        cmocka_unit_test(only_the_young_take_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
