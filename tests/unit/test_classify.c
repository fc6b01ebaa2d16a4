#include "model/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A status a line: what a create's whole and half answer mean, and those of a request that can be repeated. */
static const struct {
    int status;
    enum verdict whole, half, repeatable, repeatable_half;
} statuses[] = {
    {0, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {100, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {200, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN}, /* unreadable */
    {301, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_REJECTED, VERDICT_AGAIN},
    {303, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_REJECTED, VERDICT_AGAIN},
    {307, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_REJECTED, VERDICT_AGAIN},
    {400, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED},
    {401, VERDICT_REFUSED, VERDICT_REFUSED, VERDICT_REFUSED, VERDICT_REFUSED},
    {403, VERDICT_FORBIDDEN, VERDICT_FORBIDDEN, VERDICT_FORBIDDEN, VERDICT_FORBIDDEN},
    {404, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED},
    {408, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {409, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED},
    {413, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED},
    {422, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED},
    {429, VERDICT_AGAIN, VERDICT_AGAIN, VERDICT_AGAIN, VERDICT_AGAIN},
    {499, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED, VERDICT_REJECTED},
    {500, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {501, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {502, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {504, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {599, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
    {999, VERDICT_SETTLE, VERDICT_SETTLE, VERDICT_AGAIN, VERDICT_AGAIN},
};

static void by_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        int status = statuses[i].status;

        assert_int_equal(classify_create(FATE_ANSWERED, status, false), statuses[i].whole);
        assert_int_equal(classify_create(FATE_LOST, status, false), statuses[i].half);
        assert_int_equal(classify_idempotent(FATE_ANSWERED, status, false), statuses[i].repeatable);
        assert_int_equal(classify_idempotent(FATE_LOST, status, false), statuses[i].repeatable_half);
    }
}

static void unsent_is_safe(void **state)
{
    (void)state;
    for (int status = 0; status < 600; status++) {
        assert_int_equal(classify_create(FATE_UNSENT, status, true), VERDICT_AGAIN);
        assert_int_equal(classify_idempotent(FATE_UNSENT, status, true), VERDICT_AGAIN);
    }
}

static void believed_only_whole(void **state)
{
    (void)state;
    for (int status = 200; status < 300; status++) {
        assert_int_equal(classify_create(FATE_ANSWERED, status, true), VERDICT_CREATED);
        assert_int_equal(classify_create(FATE_LOST, status, true), VERDICT_SETTLE);
        assert_int_equal(classify_idempotent(FATE_ANSWERED, status, true), VERDICT_CREATED);
        assert_int_equal(classify_idempotent(FATE_LOST, status, true), VERDICT_AGAIN);
    }
    assert_int_equal(classify_create(FATE_ANSWERED, 500, true), VERDICT_SETTLE);
    assert_int_equal(classify_create(FATE_ANSWERED, 404, true), VERDICT_REJECTED);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(verdict_name(VERDICT_CREATED), "created");
    assert_string_equal(verdict_name(VERDICT_REFUSED), "refused");
    for (enum verdict verdict = 0; verdict < VERDICTS; verdict++)
        assert_non_null(verdict_name(verdict));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_status),
        cmocka_unit_test(unsent_is_safe),
        cmocka_unit_test(believed_only_whole),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
