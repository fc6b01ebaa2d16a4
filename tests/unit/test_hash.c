#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t hash_two(const char *a, const char *b)
{
    return hash_finish(hash_span(hash_span(HASH_START, span_of(a)), span_of(b)));
}

static uint64_t fold(const char *text)
{
    return hash_finish(hash_span_fold(HASH_START, span_of(text)));
}

static void same_bytes_same_hash(void **state)
{
    (void)state;
    assert_int_equal(hash_two("label", "type"), hash_two("label", "type"));
    assert_int_equal(hash_span(HASH_START, span_of("")), hash_span(HASH_START, span_of(NULL)));
}

static void pieces_do_not_run_together(void **state)
{
    (void)state;
    assert_int_not_equal(hash_two("a", "bc"), hash_two("ab", "c"));
    assert_int_not_equal(hash_two("", "abc"), hash_two("abc", ""));
    assert_int_not_equal(hash_two("a", "b"), hash_two("b", "a"));
    assert_int_not_equal(hash_span(HASH_START, (struct span){"a\0", 2}), hash_span(HASH_START, span_of("a")));
}

static void fold_ignores_ascii_case(void **state)
{
    (void)state;
    assert_int_equal(fold("User@Example.COM"), fold("user@example.com"));
    assert_int_equal(fold("user"), hash_finish(hash_span(HASH_START, span_of("user"))));
    assert_int_not_equal(fold("@"), fold("`"));
    assert_int_not_equal(fold("["), fold("{"));
    assert_int_not_equal(fold("Ä"), fold("ä"));
}

/* Bytes are taken eight at a time: none is left out at any length, nor is any beyond the end read. */
static void every_byte_counts(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 40; len++) {
        char *text = malloc(len), *other = malloc(len);
        struct span one = {text, len}, two = {other, len};

        memset(text, 'm', len);
        for (size_t at = 0; at < len; at++) {
            memcpy(other, text, len);
            other[at] = 'n';
            assert_int_not_equal(hash_span(HASH_START, one), hash_span(HASH_START, two));
            assert_int_not_equal(hash_span_fold(HASH_START, one), hash_span_fold(HASH_START, two));
            other[at] = 'M';
            assert_int_not_equal(hash_span(HASH_START, one), hash_span(HASH_START, two));
            assert_int_equal(hash_span_fold(HASH_START, one), hash_span_fold(HASH_START, two));
        }
        free(text);
        free(other);
    }
}

/* Folding changes `A` to `Z` and nothing else, whatever stands beside it. */
static void fold_of_each_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool capital = byte >= 'A' && byte <= 'Z';
        char raw[9] = {(char)0xFF, 'z', (char)byte, '@', '[', '`', '{', (char)0x80, 'a'};
        char small[9] = {(char)0xFF, 'z', (char)(capital ? byte + 32 : byte), '@', '[', '`', '{', (char)0x80, 'a'};

        assert_int_equal(hash_span_fold(HASH_START, (struct span){raw, 9}),
                         hash_span(HASH_START, (struct span){small, 9}));
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* Numbered labels, as sheets have them: no two hashes equal, and the low bits, which pick a slot, spread. */
static void spreads(void **state)
{
    enum { MANY = 100000, SLOTS = 1024 };
    static uint64_t hashes[MANY];
    static int slots[SLOTS];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        char label[32];

        snprintf(label, sizeof(label), "Desk %d", i);
        hashes[i] = hash_two("email", label);
        slots[hashes[i] % SLOTS]++;
    }
    qsort(hashes, MANY, sizeof(hashes[0]), compare);
    for (int i = 1; i < MANY; i++)
        assert_int_not_equal(hashes[i - 1], hashes[i]);
    for (int i = 0; i < SLOTS; i++)
        assert_in_range(slots[i], 40, 160); /* 98 on average, 10 the standard deviation */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_same_hash),    cmocka_unit_test(pieces_do_not_run_together),
        cmocka_unit_test(fold_ignores_ascii_case), cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(fold_of_each_byte),       cmocka_unit_test(spreads),
    };

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
