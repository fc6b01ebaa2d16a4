#include "io/digest.h"

#include "tempdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"       /* FIPS 180-2, B.1 */
#define OF_MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" /* B.3 */

static void digests_piece_by_piece_and_begins_anew(void **state)
{
    struct err err;
    struct digest *digest = digest_new(&err);
    char hex[DIGEST_HEX];

    (void)state;
    assert_true(digest_finish(digest, hex, &err));
    assert_string_equal(hex, OF_NOTHING);
    digest_add(digest, span_of("a"));
    digest_add(digest, span_of(""));
    digest_add(digest, span_of("bc"));
    assert_true(digest_finish(digest, hex, &err));
    assert_string_equal(hex, OF_ABC);
    for (int i = 0; i < 100000; i++)
        digest_add(digest, span_of("aaaaaaaaaa"));
    assert_true(digest_finish(digest, hex, &err));
    assert_string_equal(hex, OF_MILLION_A);
    digest_free(digest);
    digest_free(NULL);
}

static void digests_a_file(void **state)
{
    char hex[DIGEST_HEX], *big = malloc(1000000);
    struct err err;

    (void)state;
    assert_non_null(big);
    memset(big, 'a', 1000000);
    assert_true(tempdir_write("big", big, 1000000));
    free(big);
    assert_true(digest_file("big", hex, &err));
    assert_string_equal(hex, OF_MILLION_A);
    assert_true(tempdir_write("empty", "", 0));
    assert_true(digest_file("empty", hex, &err));
    assert_string_equal(hex, OF_NOTHING);
    assert_false(digest_file("absent", hex, &err));
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_string_equal(err.text, "cannot read absent: No such file or directory");
    assert_false(digest_file(".", hex, &err));
}

static void a_mark_is_of_its_secret_alone(void **state)
{
    char mark[DIGEST_MARK], other[DIGEST_MARK];
    struct err err;

    (void)state;
    assert_true(digest_mark("abc", "00000000000000ff", mark, &err));
    /* printf '%s' 00000000000000ffabc | sha256sum */
    assert_string_equal(mark, "00000000000000ff:459a4b11");
    assert_true(digest_mark("key", NULL, mark, &err));
    assert_true(digest_mark("key", NULL, other, &err));
    assert_int_equal(strlen(mark), DIGEST_MARK - 1);
    assert_string_not_equal(mark, other);
    assert_true(digest_mark_matches(mark, "key"));
    assert_true(digest_mark_matches(other, "key"));
    assert_false(digest_mark_matches(mark, "Key"));
    assert_false(digest_mark_matches(mark, ""));
    mark[DIGEST_MARK - 2] ^= 1;
    assert_false(digest_mark_matches(mark, "key"));
}

static void what_is_no_mark_is_nobodys(void **state)
{
    static const char *const texts[] = {
        "", "x", "0123456789abcdef", "0123456789abcdef:", "0123456789ABCDEF:00000000", "0123456789abcdef:0000000000"};
    char mark[DIGEST_MARK];
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(digest_mark_matches(texts[i], "key"));
    assert_false(digest_mark("key", "short", mark, &err));
    assert_int_equal(err.code, EXIT_LOCAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_piece_by_piece_and_begins_anew),
        cmocka_unit_test_setup_teardown(digests_a_file, tempdir_enter, tempdir_leave),
        cmocka_unit_test(a_mark_is_of_its_secret_alone),
        cmocka_unit_test(what_is_no_mark_is_nobodys),
    };

    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
