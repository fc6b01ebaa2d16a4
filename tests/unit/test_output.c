#include "io/output.h"

#include "tempdir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

#include <cmocka.h>

static struct err err;

static bool write_text(struct output *output, const char *text)
{
    return output_write(output, span_of(text), &err);
}

/* Writes a whole file with `text` in it. */
static bool put(const struct output_config *config, const char *text)
{
    struct output *output = output_open(config, &err);

    if (output != NULL && write_text(output, text) && output_finish(output, NULL, NULL, &err) &&
        output_publish(output, &err))
        return true;
    output_abandon(output);
    return false;
}

static void assert_file(const char *path, const char *expected)
{
    size_t len;
    char *bytes = tempdir_read(path, &len);

    assert_non_null(bytes);
    assert_string_equal(bytes, expected);
    free(bytes);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void appears_whole_or_not_at_all(void **state)
{
    struct output_config config = {.path = "out.csv"};
    struct output *output = output_open(&config, &err);

    (void)state;
    assert_non_null(output);
    assert_true(write_text(output, "new\n"));
    assert_false(tempdir_has("out.csv"));
    assert_true(output_finish(output, NULL, NULL, &err));
    assert_false(tempdir_has("out.csv"));
    assert_true(output_publish(output, &err));
    assert_file("out.csv", "new\n");
    assert_int_equal(tempdir_count(), 1);

    output = output_open(&config, &err);
    assert_true(write_text(output, "never\n"));
    output_abandon(output);
    output_abandon(NULL);
    assert_file("out.csv", "new\n");
    assert_int_equal(tempdir_count(), 1);
}

static void keeps_the_mode_that_was_there(void **state)
{
    mode_t mask = umask(027);

    (void)state;
    assert_true(put(&(struct output_config){.path = "new"}, "x"));
    assert_int_equal(mode_of("new"), 0640);
    assert_int_equal(chmod("new", 0604), 0);
    assert_true(put(&(struct output_config){.path = "new"}, "y"));
    assert_int_equal(mode_of("new"), 0604);
    assert_true(put(&(struct output_config){.path = "new", .secret = true}, "z"));
    assert_int_equal(mode_of("new"), 0600);
    umask(mask);
}

static void is_never_readable_before_its_mode_is_set(void **state)
{
    struct output_config config = {.path = "private"};
    struct output *output;

    (void)state;
    assert_true(tempdir_write("private", "", 0));
    assert_int_equal(chmod("private", 0600), 0);
    output = output_open(&config, &err);
    assert_non_null(output);
    assert_int_equal(unlink("private"), 0);
    for (DIR *listing = opendir("."); listing != NULL; listing = NULL) {
        const struct dirent *entry;

        while ((entry = readdir(listing)) != NULL)
            if (entry->d_name[0] == '.' && entry->d_name[1] == 'p')
                assert_int_equal(mode_of(entry->d_name), 0600);
        closedir(listing);
    }
    output_abandon(output);
}

static void replaces_the_target_of_a_link(void **state)
{
    (void)state;
    assert_int_equal(mkdir("far", 0755), 0);
    assert_int_equal(symlink("far/real.csv", "one"), 0);
    assert_int_equal(symlink("one", "two"), 0);
    assert_true(put(&(struct output_config){.path = "two"}, "first"));
    assert_file("far/real.csv", "first");
    assert_true(put(&(struct output_config){.path = "one"}, "second"));
    assert_file("far/real.csv", "second");
    assert_int_equal(readlink("two", (char[8]){0}, 8), 3);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_false(put(&(struct output_config){.path = "loop"}, "x"));
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_non_null(strstr(err.text, "loop"));
}

static void says_what_is_in_the_way(void **state)
{
    static const struct {
        const char *path, *expected;
    } cases[] = {
        {"no/such/out.csv", "cannot create a temporary file for no/such/out.csv: No such file or directory; check the "
                            "path: its folder must exist"},
        {".", "cannot write .: Is a directory; name a file, not a folder"},
        {"file/out.csv", "cannot create a temporary file for file/out.csv: Not a directory; check the path: a part of "
                         "it is no folder"},
    };

    (void)state;
    assert_true(tempdir_write("file", "", 0));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(output_open(&(struct output_config){.path = cases[i].path}, &err));
        assert_int_equal(err.code, EXIT_LOCAL);
        assert_string_equal(err.text, cases[i].expected);
    }
    assert_int_equal(tempdir_count(), 1);
}

/* More than the buffer, in pieces that don't fit it, plain and compressed: the same bytes, size and checksum. */
static void writes_much_and_counts_it(void **state)
{
    enum { LINES = 100000 };

    (void)state;
    for (int gzip = 0; gzip < 2; gzip++) {
        struct output_config config = {.path = gzip ? "out.csv.gz" : "out.csv", .gzip = gzip};
        struct output *output = output_open(&config, &err);
        uint64_t size;
        uint32_t crc, again;
        gzFile file;
        char line[64], expected[64];

        assert_true(write_text(output, "\xEF\xBB"));
        assert_true(write_text(output, "\xBF"));
        for (int i = 0; i < LINES; i++) {
            snprintf(line, sizeof(line), "%d;%d\n", i, i * 7919);
            assert_true(write_text(output, line));
        }
        assert_true(output_finish(output, &size, &crc, &err));
        assert_true(output_publish(output, &err));

        file = gzopen(config.path, "rb");
        assert_int_equal(gzread(file, line, 3), 3);
        again = 0;
        for (int i = 0; i < LINES; i++) {
            snprintf(expected, sizeof(expected), "%d;%d\n", i, i * 7919);
            assert_string_equal(gzgets(file, line, sizeof(line)), expected);
            again = (uint32_t)crc32(again, (const Bytef *)line, (uInt)strlen(line));
            size -= strlen(line);
        }
        assert_int_equal(gzgetc(file), -1);
        gzclose(file);
        assert_int_equal(size, 0); /* the mark is not counted */
        assert_int_equal(crc, again);
    }
}

static void the_same_bytes_compress_to_the_same_file(void **state)
{
    size_t one_len = 0, two_len = 0;
    char *one, *two;

    (void)state;
    assert_true(put(&(struct output_config){.path = "one.gz", .gzip = true}, "the same"));
    assert_true(put(&(struct output_config){.path = "two.gz", .gzip = true}, "the same"));
    one = tempdir_read("one.gz", &one_len);
    two = tempdir_read("two.gz", &two_len);
    assert_int_equal(one_len, two_len);
    assert_memory_equal(one, two, one_len);
    assert_memory_equal(one, "\x1F\x8B\x08\0\0\0\0\0", 8);
    free(one);
    free(two);
}

static void checksums_short_files(void **state)
{
    static const struct {
        const char *bytes;
        uint64_t size;
        uint32_t crc;
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 0xE8B7BE43},
        {"\xEF\xBB\xBF", 0, 0},
        {"\xEF\xBB\xBF"
         "a",
         1, 0xE8B7BE43},
        {"\xEF\xBB", 2, 0xC48C97D8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct output *output = output_open(&(struct output_config){.path = "file"}, &err);
        uint64_t size;
        uint32_t crc;

        assert_true(write_text(output, cases[i].bytes));
        assert_true(output_finish(output, &size, &crc, &err));
        output_abandon(output);
        assert_int_equal(size, cases[i].size);
        assert_int_equal(crc, cases[i].crc);
    }
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    struct rlimit old, small;
    struct output *output;
    static char much[600000];
    bool ok;

    (void)state;
    memset(much, 'x', sizeof(much) - 1);
    assert_true(put(&(struct output_config){.path = "out.csv"}, "old"));
    output = output_open(&(struct output_config){.path = "out.csv"}, &err);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){100000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ok = write_text(output, much);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(ok);
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_string_equal(err.text, "cannot write out.csv: File too large; raise the limit on file sizes (ulimit -f)");
    output_abandon(output);
    assert_file("out.csv", "old");
    assert_int_equal(tempdir_count(), 1);
}

static void too_many_open_files(void **state)
{
    struct rlimit old, none;
    struct output *output;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    output = output_open(&(struct output_config){.path = "out.csv"}, &err);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_null(output);
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_non_null(strstr(err.text, "out.csv: Too many open files; raise the limit on them (ulimit -n)"));
}

static void writes_through_a_fifo(void **state)
{
    struct output *output;
    char got[16] = "";
    int reader;

    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_true(output_is_stream("pipe"));
    assert_true(output_is_stream("-"));
    assert_true(output_is_stream("/dev/null"));
    assert_false(output_is_stream("."));
    assert_false(output_is_stream("absent"));
    reader = open("pipe", O_RDONLY | O_NONBLOCK);
    output = output_open(&(struct output_config){.path = "pipe"}, &err);
    assert_true(write_text(output, "rows"));
    assert_true(output_finish(output, NULL, NULL, &err));
    assert_int_equal(read(reader, got, sizeof(got)), 4);
    assert_string_equal(got, "rows");
    assert_true(output_publish(output, &err));

    output = output_open(&(struct output_config){.path = "pipe"}, &err);
    close(reader);
    signal(SIGPIPE, SIG_IGN);
    assert_true(write_text(output, "rows"));
    assert_false(output_finish(output, NULL, NULL, &err));
    assert_string_equal(err.text, "cannot write pipe: Broken pipe; its reader has closed it");
    output_abandon(output);
    assert_true(tempdir_has("pipe"));
}

static void sweeps_its_own_leftovers_only(void **state)
{
    static const char *const stay[] = {
        ".out.csv.abc234.tmpx",  ".out.csv.abc23.tmp", ".out.csv.abc2345.tmp", ".out.csv.ABC234.tmp",
        ".other.csv.abc234.tmp", "out.csv.abc234.tmp", ".out.csv.tmp",         "out.csv"};

    (void)state;
    for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
        assert_true(tempdir_write(stay[i], "", 0));
    assert_true(tempdir_write(".out.csv.abc234.tmp", "", 0));
    assert_true(tempdir_write(".out.csv.zzzzzz.tmp", "", 0));
    assert_int_equal(symlink("out.csv", "name"), 0);
    output_sweep("name");
    assert_int_equal(tempdir_count(), sizeof(stay) / sizeof(stay[0]) + 1);
    for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
        assert_true(tempdir_has(stay[i]));
    output_sweep("no/such/folder/out.csv");
}

/* What output_open() makes is what output_sweep() takes away. */
static void sweeps_what_a_killed_run_leaves(void **state)
{
    struct output *output = output_open(&(struct output_config){.path = "./out.csv"}, &err);

    (void)state;
    assert_int_equal(tempdir_count(), 1);
    output_sweep("out.csv");
    assert_int_equal(tempdir_count(), 0);
    assert_true(output_finish(output, NULL, NULL, &err));
    assert_false(output_publish(output, &err));
    assert_string_equal(err.text,
                        "cannot replace ./out.csv: No such file or directory; check the path: its folder must "
                        "exist");
    output_abandon(output);
}

static void a_place_that_is_fine_is_left_as_it_was(void **state)
{
    (void)state;
    assert_true(tempdir_write("old", "old", 3));
    assert_int_equal(symlink("far", "link"), 0);
    assert_true(output_check_place("old", &err));
    assert_true(output_check_place("new", &err));
    assert_true(output_check_place("link", &err));
    assert_true(output_check_place("-", &err));
    assert_true(output_check_place("/dev/null", &err));
    assert_int_equal(tempdir_count(), 2);
    assert_file("old", "old");
    assert_false(output_check_place("no/such", &err));
    assert_false(output_check_place(".", &err));
    assert_int_equal(tempdir_count(), 2);
}

static void what_could_not_get_its_name_gets_another(void **state)
{
    struct output *output = output_open(&(struct output_config){.path = "out"}, &err);
    char *kept;

    (void)state;
    assert_true(write_text(output, "whole"));
    assert_null(output_keep(output)); /* not yet */
    assert_true(output_finish(output, NULL, NULL, &err));
    assert_true(tempdir_write("out.new", "other", 5));
    assert_int_equal(mkdir("out", 0755), 0);
    assert_false(output_publish(output, &err));
    kept = output_keep(output);
    assert_string_equal(kept, "out.new2");
    output_abandon(output);
    assert_file("out.new", "other");
    assert_file("out.new2", "whole");
    assert_int_equal(tempdir_count(), 3);
    free(kept);
}

static void keeps_what_is_replaced(void **state)
{
    (void)state;
    assert_true(output_keep_replaced("out", false, &err)); /* there is nothing */
    assert_int_equal(tempdir_count(), 0);
    assert_true(tempdir_write("out", "first", 5));
    assert_int_equal(chmod("out", 0640), 0);
    assert_true(tempdir_write("out~", "older and longer", 16));
    assert_int_equal(chmod("out~", 0666), 0);
    assert_true(output_keep_replaced("out", false, &err));
    assert_file("out~", "first");
    assert_int_equal(mode_of("out~"), 0640);
    assert_true(output_keep_replaced("out", true, &err));
    assert_int_equal(mode_of("out~"), 0600);
    assert_int_equal(tempdir_count(), 2);
    assert_int_equal(mkdir("far", 0755), 0);
    assert_true(tempdir_write("far/real", "far", 3));
    assert_int_equal(symlink("far/real", "link"), 0);
    assert_true(output_keep_replaced("link", false, &err));
    assert_file("far/real~", "far");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, tempdir_enter, tempdir_leave)
        IN_FOLDER(appears_whole_or_not_at_all),
        IN_FOLDER(keeps_the_mode_that_was_there),
        IN_FOLDER(is_never_readable_before_its_mode_is_set),
        IN_FOLDER(replaces_the_target_of_a_link),
        IN_FOLDER(says_what_is_in_the_way),
        IN_FOLDER(writes_much_and_counts_it),
        IN_FOLDER(the_same_bytes_compress_to_the_same_file),
        IN_FOLDER(checksums_short_files),
        IN_FOLDER(a_full_disk_leaves_the_old_file),
        IN_FOLDER(too_many_open_files),
        IN_FOLDER(writes_through_a_fifo),
        IN_FOLDER(a_place_that_is_fine_is_left_as_it_was),
        IN_FOLDER(what_could_not_get_its_name_gets_another),
        IN_FOLDER(keeps_what_is_replaced),
        IN_FOLDER(sweeps_its_own_leftovers_only),
        IN_FOLDER(sweeps_what_a_killed_run_leaves),
    };

    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
