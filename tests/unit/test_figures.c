#include "report/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tally tally;
static struct run_info info;
static struct figures *figures;

static int fresh(void **state)
{
    (void)state;
    tally_init(&tally, 1000, 0);
    info = (struct run_info){
        .command = "create", .input = "a.csv", .base_url = "https://api.example", .rates = {{500, 60000}}};
    return 0;
}

static int clean(void **state)
{
    (void)state;
    figures_free(figures);
    figures = NULL;
    return 0;
}

static bool equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const struct figure *find(const char *object, const char *name)
{
    const struct figure *figure = NULL;

    while ((figure = figures_next(figures, figure)) != NULL)
        if (figure->name != NULL && equal(figure->object, object) && equal(figure->name, name))
            return figure;
    fail_msg("no figure %s", name);
    return NULL;
}

static unsigned metrics(void)
{
    const struct figure *figure = NULL;
    unsigned count = 0;

    while ((figure = figures_next(figures, figure)) != NULL)
        count += figure->metric != NULL;
    return count;
}

/* What both files take for granted. */
static void test_the_table_is_in_order(void **state)
{
    const struct figure *figure = NULL, *before = NULL;
    const char *object = "";

    (void)state;
    for (int i = 100; i < 600; i++)
        tally.http_status[i] = 1;
    info.command = "check";
    figures = figures_new(&info, &tally);
    for (; (figure = figures_next(figures, figure)) != NULL; before = figure) {
        assert_true(figure->name != NULL || figure->metric != NULL);
        assert_true(figure->name == NULL || find(figure->object, figure->name) == figure);
        if (figure->kind == FIGURE_OBJECT)
            object = figure->name;
        assert_true(figure->object == NULL || equal(figure->object, object));
        if (figure->metric == NULL)
            continue;
        assert_memory_equal(figure->metric, "connload_run_", strlen("connload_run_"));
        assert_non_null(figure->help);
        assert_true((figure->label != NULL) == (figure->value != NULL));
        if (before != NULL && equal(before->metric, figure->metric)) {
            assert_string_equal(before->help, figure->help);
            assert_string_equal(before->label, figure->label);
            assert_string_not_equal(before->value, figure->value);
            continue;
        }
        for (const struct figure *other = NULL; (other = figures_next(figures, other)) != figure;)
            assert_false(equal(other->metric, figure->metric));
    }
}

static void test_values(void **state)
{
    (void)state;
    tally.rows = 3;
    tally.status[STATUS_CREATED] = 2;
    tally.retries = 7;
    tally.took_ms = 1500;
    tally.requests[REQUEST_LOOKUP] = 4;
    tally_answer(&tally, 429, 50000, 0);
    tally.refused = 1;
    tally.found = (struct rate){49, 2500};
    figures = figures_new(&info, &tally);
    assert_true(find("status", "created")->number == 2);
    assert_true(find("requests", "lookup")->number == 4);
    assert_true(find(NULL, "retries")->number == 7);
    assert_true(find(NULL, "duration_ms")->number == 1500);
    assert_true(find("answers", "429")->number == 1);
    assert_true(find("latency_ms", "max")->number == 50);
    assert_string_equal(find("rate", "limit")->text, "500/m");
    assert_false(find(NULL, "rate")->absent);
    assert_string_equal(find("found", "limit")->text, "49/2.5s");
    assert_true(find("found", "requests")->number == 49 && find("found", "window_ms")->number == 2500);
}

static void test_what_does_not_apply(void **state)
{
    (void)state;
    figures = figures_new(&info, &tally);
    assert_true(find(NULL, "latency_ms")->absent);
    assert_true(find(NULL, "results")->absent);
    assert_true(find(NULL, "stop")->absent);
    assert_true(find(NULL, "found")->absent);
    assert_false(find(NULL, "input")->absent);
    assert_false(find(NULL, "concurrency")->absent);
}

/* The summary has all members always; what tells of requests is no metric of a command that sends none. */
static void test_without_a_network(void **state)
{
    unsigned with;

    (void)state;
    figures = figures_new(&info, &tally);
    with = metrics();
    figures_free(figures);
    info.base_url = NULL;
    figures = figures_new(&info, &tally);
    assert_true(metrics() < with);
    assert_null(find(NULL, "retries")->metric);
    assert_non_null(find(NULL, "exit_code")->metric);
    assert_true(find(NULL, "concurrency")->absent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_table_is_in_order),
        TEST(test_values),
        TEST(test_what_does_not_apply),
        TEST(test_without_a_network),
    };

    return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
