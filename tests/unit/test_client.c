/* client: what an answer means for the run as a whole. */
#include "api/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void heed(struct client *client, int status, int64_t retry_after_ms, int64_t ended_ms)
{
    struct http_answer answer = {.status = status, .retry_after_ms = retry_after_ms, .ended_ms = ended_ms};

    client_heed(client, &answer);
}

enum { MOST_MS = 100 * 1000 };

/* Whatever they ask for: an end that the server moves on and on is none. */
static void refusals_without_end_end_the_run(void **state)
{
    struct client client = {.config.max_outage_ms = MOST_MS};

    (void)state;
    heed(&client, 429, -1, 5000);
    heed(&client, 0, -1, 6000); /* no answer says nothing */
    heed(&client, 429, 1000, 5000 + MOST_MS);
    assert_false(client_stopping(&client));
    heed(&client, 429, 1000, 5000 + MOST_MS + 1000);
    assert_int_equal(client.stop, STOP_LONG_WAIT);
    assert_string_equal(client.err.text,
                        "the server has answered every row 429 for 1m41s (--max-outage); run again later");
    assert_int_equal(client.err.code, EXIT_STOPPED);
}

static void other_answers_let_it_go_on(void **state)
{
    static const int table[] = {201, 422, 503};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct client client = {.config.max_outage_ms = MOST_MS};

        heed(&client, 429, -1, 1000);
        heed(&client, table[i], -1, 2000);
        heed(&client, 429, -1, 3000);
        heed(&client, 429, -1, 3000 + MOST_MS);
        assert_false(client_stopping(&client));
        heed(&client, 429, -1, 3000 + MOST_MS + 1);
        assert_true(client_stopping(&client));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_without_end_end_the_run),
        cmocka_unit_test(other_answers_let_it_go_on),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
