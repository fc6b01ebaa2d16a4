#include "io/log.h"

#include "tempdir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *content(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

static void put(struct log *log, const char *event)
{
    log_end(log, log_begin(log, event));
}

static void test_lines(void **state)
{
    struct json_object *line;
    struct log *log;
    struct stat about;
    struct err err;
    int year;
    char rest[128];

    (void)state;
    log = log_open("run.log", &err);
    assert_non_null(log);
    line = log_begin(log, "row");
    json_object_text(line, "error_message", span_of("two\nlines"));
    log_end(log, line);
    assert_string_equal(content("run.log"), "");
    assert_true(log_flush(log, &err));
    assert_int_equal(sscanf(content("run.log"), "{\"time\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*6fZ\",%127s", &year, rest), 2);
    assert_string_equal(rest, "\"event\":\"row\",\"error_message\":\"two\\nlines\"}");
    assert_int_equal(stat("run.log", &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    put(log, "end");
    log_close(log);
    assert_non_null(strstr(content("run.log"), "\n{\"time\":"));
    assert_non_null(strstr(content("run.log"), "\"event\":\"end\"}\n"));
}

/* What a run that was killed while it wrote left behind does not spoil the next line. */
static void test_torn_line(void **state)
{
    struct err err;
    struct log *log;
    FILE *file = fopen("run.log", "w");

    (void)state;
    fputs("{\"time\":\"2026", file);
    fclose(file);
    log = log_open("run.log", &err);
    put(log, "end");
    log_close(log);
    assert_int_equal(strncmp(content("run.log"), "{\"time\":\"2026\n{\"time\":\"", 23), 0);
    log = log_open("run.log", &err);
    put(log, "end");
    log_close(log);
    assert_null(strstr(content("run.log"), "\n\n"));
}

static void test_no_log(void **state)
{
    struct err err;

    (void)state;
    assert_null(log_begin(NULL, "row"));
    log_end(NULL, NULL);
    assert_true(log_flush(NULL, &err));
    log_close(NULL);
}

static void test_not_there(void **state)
{
    struct err err;

    (void)state;
    assert_null(log_open("no/such/folder", &err));
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_non_null(strstr(err.text, "no/such/folder"));
}

/* A full disk is told once; from then on the log is silent. */
static void test_full(void **state)
{
    struct log *log;
    struct err err;

    (void)state;
    log = log_open("/dev/full", &err);
    assert_non_null(log);
    put(log, "row");
    assert_false(log_flush(log, &err));
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_non_null(strstr(err.text, "/dev/full"));
    assert_null(log_begin(log, "row"));
    assert_true(log_flush(log, &err));
    log_close(log);
}

/* Memory does not grow where nobody flushes. */
static void test_flushes_itself(void **state)
{
    struct log *log;
    struct stat about;
    struct err err;

    (void)state;
    log = log_open("run.log", &err);
    for (int i = 0; i < 10000; i++)
        put(log, "row");
    assert_int_equal(stat("run.log", &about), 0);
    assert_true(about.st_size > 100000);
    log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, tempdir_enter, tempdir_leave),
        cmocka_unit_test_setup_teardown(test_torn_line, tempdir_enter, tempdir_leave),
        cmocka_unit_test(test_no_log),
        cmocka_unit_test_setup_teardown(test_not_there, tempdir_enter, tempdir_leave),
        cmocka_unit_test(test_full),
        cmocka_unit_test_setup_teardown(test_flushes_itself, tempdir_enter, tempdir_leave),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
