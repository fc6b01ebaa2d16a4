#include "model/email.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static void valid(void **state)
{
    static const char *const table[] = {
        "jane@bank.example.com",
        "a@b",
        "A.B+c_d-e@X1.Y2",
        ".jane..doe.@x",
        "!#$%&'*+/=?^_`{|}~-@x.y",
        "1@2.3",
        "x@a-b--c.d",
        "x@xn--bcher-kva.example",
        SIXTY "1234@x",                                       /* local part of 64 */
        "x@" SIXTY "123.com",                                 /* label of 63 */
        "x@" SIXTY "." SIXTY "." SIXTY "." SIXTY ".12345678", /* address of 254 */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        if (!email_is_valid(span_of(table[i])))
            fail_msg("refused: %s", table[i]);
}

static void invalid(void **state)
{
    static const char *const table[] = {
        "",
        "@",
        "jane",
        "jane@",
        "@bank.com",
        "jane@@bank.com",
        "jane@bank@com",
        "jane@.com",
        "jane@bank.",
        "jane@bank..com",
        "jane@-bank.com",
        "jane@bank-.com",
        "jane@bank.com-",
        "jane@bank_x.com",
        "jane@[127.0.0.1]",
        "jane doe@bank.com",
        " jane@bank.com",
        "jane@bank.com ",
        "jane@bank.com\n",
        "\"jane\"@bank.com",
        "jane(x)@bank.com",
        "<jane@bank.com>",
        "jane,@bank.com",
        "j:ne@bank.com",
        "j\\ne@bank.com",
        "jäne@bank.com",
        "jane@bänk.com",
        SIXTY "12345@x",                                       /* local part of 65 */
        "x@" SIXTY "1234.com",                                 /* label of 64 */
        "x@" SIXTY "." SIXTY "." SIXTY "." SIXTY ".123456789", /* address of 255 */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++)
        if (email_is_valid(span_of(table[i])))
            fail_msg("taken: %s", table[i]);
    assert_false(email_is_valid((struct span){NULL, 0}));
    assert_false(email_is_valid((struct span){"a\0@b", 4}));
    assert_false(email_is_valid((struct span){"a@b\0", 4}));
}

/* xorshift64*: the same numbers on every machine. */
static uint32_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)((*seed * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

/* The rule as the HTML standard writes it, against the matcher, on texts that are nearly addresses. */
static void as_the_standard_says(void **state)
{
    static const char rule[] = "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
                               "(\\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$";
    static const char letters[] = "aZ09@@..--_+ \xC3";
    uint64_t seed = 20261124;
    unsigned taken = 0;
    regex_t regex;

    (void)state;
    assert_int_equal(regcomp(&regex, rule, REG_EXTENDED | REG_NOSUB), 0);
    for (int i = 0; i < 200000; i++) {
        char text[16];
        size_t len = next_random(&seed) % sizeof(text);
        bool expected;

        for (size_t at = 0; at < len; at++)
            text[at] = letters[next_random(&seed) % (sizeof(letters) - 1)];
        text[len] = '\0';
        expected = regexec(&regex, text, 0, NULL, 0) == 0;
        taken += expected;
        if (email_is_valid(span_of(text)) != expected)
            fail_msg("%s %s", expected ? "refused:" : "taken:", text);
    }
    regfree(&regex);
    assert_in_range(taken, 1000, 199000); /* both answers were met */
}

/* A cell, and what is taken from it, each in brackets. */
static void splits(void **state)
{
    static const struct {
        const char *cell, *taken;
    } table[] = {
        {"", ""},
        {" ;,|\n", ""},
        {"a@b", "[a@b]"},
        {"a@b;c@d", "[a@b][c@d]"},
        {"a@b, c@d | e@f", "[a@b][c@d][e@f]"},
        {" a@b\r\nc@d\te@f ;", "[a@b][c@d][e@f]"},
        {"a@b\xC2\xA0"
         "c@d",
         "[a@b][c@d]"},
        {"\xE2\x80\x8B"
         "a@b\xEF\xBB\xBF",
         "[a@b]"},
        {"Jane <a@b>", "[Jane][<a@b>]"},
        {"jäne@b", "[jäne@b]"},
        {"a\xC2", "[a\xC2]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct span rest = span_of(table[i].cell), address;
        char taken[64];
        size_t used = 0;

        taken[0] = '\0';
        while (email_next(&rest, &address))
            used += (size_t)snprintf(taken + used, sizeof(taken) - used, "[%.*s]", (int)address.len, address.data);
        assert_string_equal(taken, table[i].taken);
        assert_int_equal(rest.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid),
        cmocka_unit_test(invalid),
        cmocka_unit_test(as_the_standard_says),
        cmocka_unit_test(splits),
    };

    return cmocka_run_group_tests_name("email", tests, NULL, NULL);
}
