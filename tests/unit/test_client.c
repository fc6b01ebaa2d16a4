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

static void mute_refusals_end_the_run(void **state)
{
    struct client client = {0};

    (void)state;
    heed(&client, 429, -1, 5000);
    heed(&client, 0, -1, 6000); /* no answer says nothing */
    heed(&client, 429, -1, 5000 + CLIENT_MUTE_MOST_MS - 1);
    assert_false(client_stopping(&client));
    heed(&client, 429, -1, 5000 + CLIENT_MUTE_MOST_MS);
    assert_int_equal(client.stop, STOP_LONG_WAIT);
    assert_string_equal(client.err.text,
                        "the server has refused every row for 1m40s (429) and does not say until when; "
                        "run again later");
    assert_int_equal(client.err.code, EXIT_STOPPED);
}

static void other_answers_let_it_go_on(void **state)
{
    static const struct {
        int status;
        int64_t retry_after_ms;
    } table[] = {{201, -1}, {422, -1}, {429, 1000}, {503, -1}};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct client client = {0};

        heed(&client, 429, -1, 1000);
        heed(&client, table[i].status, table[i].retry_after_ms, 2000);
        heed(&client, 429, -1, 3000 + CLIENT_MUTE_MOST_MS);
        heed(&client, 429, -1, 3000 + 2 * CLIENT_MUTE_MOST_MS);
        assert_false(client_stopping(&client));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mute_refusals_end_the_run),
        cmocka_unit_test(other_answers_let_it_go_on),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
