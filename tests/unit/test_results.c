#include "io/results.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS_MAX = 32 };

#define NAMES "status,connector_id,inbox_email,http_status,error_code,error_message,attempts,created_at"

static void names_the_result_file(void **state)
{
    static const struct {
        const char *input;
        unsigned shard, count;
        const char *expected;
    } cases[] = {
        {"desk.csv", 0, 0, "desk.results.csv"},
        {"desk.csv", 1, 1, "desk.results.csv"},
        {"desk.csv.gz", 0, 0, "desk.results.csv.gz"},
        {"desk.gz", 0, 0, "desk.results.csv.gz"},
        {"desk", 0, 0, "desk.results.csv"},
        {"a.b/desk", 0, 0, "a.b/desk.results.csv"},
        {"/a/desk.tsv", 0, 0, "/a/desk.results.tsv"},
        {"Desk.TSV.gz", 0, 0, "Desk.results.tsv.gz"},
        {"desk.results.tsv", 0, 0, "desk.results.tsv"},
        {"desk.results.tsv", 1, 2, "desk.1-of-2.results.tsv"},
        {"desk.txt", 0, 0, "desk.results.csv"},
        {"desk.txt.gz", 0, 0, "desk.results.csv.gz"},
        {"Desk.CSV", 0, 0, "Desk.results.csv"},
        {"desk.dat", 0, 0, "desk.dat.results.csv"},
        {"desk.csv.txt", 0, 0, "desk.csv.results.csv"},
        {"desk.results.csv", 0, 0, "desk.results.csv"},
        {"desk.results.csv.gz", 0, 0, "desk.results.csv.gz"},
        {"desk.RESULTS.CSV", 0, 0, "desk.RESULTS.CSV"},
        {"desk.results", 0, 0, "desk.results.results.csv"},
        {".csv", 0, 0, ".csv.results.csv"},
        {".results.csv", 0, 0, ".results.results.csv"},
        {"desk.csv", 2, 4, "desk.2-of-4.results.csv"},
        {"desk.csv.gz", 4, 4, "desk.4-of-4.results.csv.gz"},
        {"desk.results.csv", 2, 4, "desk.2-of-4.results.csv"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *path = results_default_path(cases[i].input, cases[i].shard, cases[i].count);

        assert_string_equal(path, cases[i].expected);
        free(path);
    }
}

/* A header of `columns` input columns, the secrets in the second and third. */
static struct header header_of(size_t columns)
{
    struct header header = {.columns = columns};

    for (enum field field = 0; field < FIELDS; field++)
        header.column[field] = header.likely[field] = -1;
    header.column[FIELD_TYPE] = 0;
    header.column[FIELD_USER_PASSWORD] = 1;
    header.column[FIELD_SESSION_ID] = 2;
    return header;
}

static struct span cells_of_record[CELLS_MAX];

/* A record of that text; its cells are the raw ones, so that tests which read them use no quotes. */
static struct csv_record record_of(const char *raw, char delimiter)
{
    struct csv_record record = {.cells = cells_of_record, .raw = span_of(raw), .line = 7, .row = 5};

    record.count = csv_split_raw(record.raw, delimiter, cells_of_record, CELLS_MAX);
    return record;
}

static void writes_the_header_as_it_came(void **state)
{
    static const struct {
        struct csv_dialect dialect;
        bool bom;
        const char *raw, *expected;
    } cases[] = {
        {{',', CSV_NEWLINE_LF, false}, false, "a,\"b \"\"c\"\"\", d ", "a,\"b \"\"c\"\"\", d ," NAMES "\n"},
        {{',', CSV_NEWLINE_CRLF, false},
         true,
         "a,b,c",
         "\xEF\xBB\xBF"
         "a,b,c," NAMES "\r\n"},
        {{',', CSV_NEWLINE_CR, true},
         true,
         "a,b,c",
         "\xEF\xBB\xBF"
         "sep=,\ra,b,c," NAMES "\r"},
        {{',', CSV_NEWLINE_LF, false}, false, "a,b,c," NAMES, "a,b,c," NAMES "\n"},
    };
    struct header header = header_of(3);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct results_style style = {.header = &header, .dialect = cases[i].dialect, .bom = cases[i].bom};
        struct csv_record record = record_of(cases[i].raw, ',');
        struct buf out;

        buf_init(&out, 10000);
        results_header(&out, &style, &record);
        assert_string_equal(out.data, cases[i].expected);
        buf_release(&out);
    }
}

static void writes_rows(void **state)
{
    static const struct {
        const char *raw;
        enum status status;
        bool redact;
        const char *expected;
    } cases[] = {
        /* the secrets of a finished row go, also quoted ones */
        {"a;pw;id;x", STATUS_CREATED, false, "a;;;x;created;i;m;201;c;\"t;\";3;d\n"},
        {"a;\"p;\"\"w\";\"i\nd\";x", STATUS_EXISTS, false, "a;;;x;exists;i;m;201;c;\"t;\";3;d\n"},
        {"a;pw;id;x", STATUS_ARCHIVED, false, "a;;;x;archived;i;m;201;c;\"t;\";3;d\n"},
        /* those of a row that can be sent again stay, but for --redact */
        {"a;pw;id;x", STATUS_FAILED, false, "a;pw;id;x;failed;i;m;201;c;\"t;\";3;d\n"},
        {"a;pw;id;x", STATUS_UNKNOWN, true, "a;;;x;unknown;i;m;201;c;\"t;\";3;d\n"},
        /* cells as they came */
        {" a ;\"\";'x;\"y\"", STATUS_INVALID, false, " a ;\"\";'x;\"y\";invalid;i;m;201;c;\"t;\";3;d\n"},
        /* short and long rows */
        {"a", STATUS_REJECTED, false, "a;;;;rejected;i;m;201;c;\"t;\";3;d\n"},
        {"a;b;c;d;e;f", STATUS_NOT_ATTEMPTED, false, "a;b;c;d;not_attempted;i;m;201;c;\"t;\";3;d\n"},
        /* a person has emptied its status, or none was ever there: its id is not lost */
        {"a;b;c;d", STATUS_NONE, false, "a;b;c;d;;i;m;201;c;\"t;\";3;d\n"},
    };
    struct header header = header_of(4);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct results_style style = {.header = &header, .dialect = {.delimiter = ';'}, .redact = cases[i].redact};
        struct csv_record record = record_of(cases[i].raw, ';');
        struct outcome outcome = {cases[i].status, {"i", 1}, {"m", 1}, 201, {"c", 1}, {"t;", 2}, 3, {"d", 1}};
        struct buf out;

        buf_init(&out, 10000);
        results_row(&out, &style, &record, &outcome);
        assert_string_equal(out.data, cases[i].expected);
        buf_release(&out);
    }
}

static void no_spreadsheet_runs_what_a_server_sent(void **state)
{
    struct header header = header_of(3);
    struct results_style style = {.header = &header, .dialect = {.delimiter = ','}};
    struct csv_record record = record_of("a,=b,c", ',');
    struct outcome outcome = {.status = STATUS_FAILED,
                              .error_message = span_of("=cmd()"),
                              .error_code = span_of("+x"),
                              .connector_id = span_of("-1"),
                              .inbox_email = span_of("@x")};
    struct buf out;

    (void)state;
    buf_init(&out, 10000);
    results_row(&out, &style, &record, &outcome);
    assert_string_equal(out.data, "a,=b,c,failed,'-1,'@x,,'+x,'=cmd(),0,\n");
    buf_release(&out);
}

/* Whatever an outcome's texts hold: what is written can be read again, and connload reads nothing but UTF-8. */
static void writes_nothing_but_utf8(void **state)
{
    struct header header = header_of(3);
    struct results_style style = {.header = &header, .dialect = {.delimiter = ','}};
    struct csv_record record = record_of("a,b,c", ',');
    struct outcome outcome = {.status = STATUS_INVALID,
                              .error_code = span_of("c\xE2\x82"),
                              .error_message = {"=\xC3, caf\xC3\xA9 \xFF\0.", 13},
                              .created_at = span_of("\x80")};
    struct buf out;

    (void)state;
    buf_init(&out, 10000);
    results_row(&out, &style, &record, &outcome);
    assert_string_equal(out.data, "a,b,c,invalid,,,,c\xEF\xBF\xBD\xEF\xBF\xBD,\"'=\xEF\xBF\xBD, caf\xC3\xA9 "
                                  "\xEF\xBF\xBD\xEF\xBF\xBD.\",0,\xEF\xBF\xBD\n");
    buf_release(&out);
}

static void reads_rows(void **state)
{
    struct header header = header_of(3);
    struct csv_record record = record_of("a,b,c, Created ,'-id,x@y, 201,code,'=message ,3,2026", ',');
    struct outcome outcome;
    struct err err;

    (void)state;
    assert_true(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_int_equal(outcome.status, STATUS_CREATED);
    assert_true(span_equal(outcome.connector_id, span_of("-id")));
    assert_true(span_equal(outcome.inbox_email, span_of("x@y")));
    assert_int_equal(outcome.http_status, 201);
    assert_true(span_equal(outcome.error_code, span_of("code")));
    assert_true(span_equal(outcome.error_message, span_of("=message ")));
    assert_int_equal(outcome.attempts, 3);
    assert_true(span_equal(outcome.created_at, span_of("2026")));

    record = record_of("a,b", ','); /* trailing empty cells that a spreadsheet left out */
    assert_true(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_int_equal(outcome.status, STATUS_NONE);
    assert_int_equal(outcome.connector_id.len + outcome.error_message.len + outcome.created_at.len, 0);
    assert_int_equal(outcome.attempts, 0);

    record = record_of("a;b;c;created;i;m;201,00;;;1.0;d", ';'); /* as a spreadsheet writes numbers */
    assert_true(results_read(&outcome, &header, &record, "f", &err));
    assert_int_equal(outcome.http_status, 201);
    assert_int_equal(outcome.attempts, 1);
    record = record_of("a,b,c,unknown,'x,'',1e3,',',-1,", ','); /* numbers by hand, quotes that are no guard */
    assert_true(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_true(span_equal(outcome.connector_id, span_of("'x")));
    assert_true(span_equal(outcome.inbox_email, span_of("''")));
    assert_true(span_equal(outcome.error_code, span_of("'")));
    assert_int_equal(outcome.http_status, 0);
    assert_int_equal(outcome.attempts, 0);
}

/* A comma without quotes in a password moves a piece of it into the cells behind. */
static void quotes_no_cell_that_a_secret_may_have_moved_into(void **state)
{
    struct header header = header_of(3);
    struct csv_record record = record_of("a,pa55,w0rd,of-a-broker,,,,,,,", ',');
    struct outcome outcome;
    struct err err;

    (void)state;
    assert_false(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_string_equal(err.text,
                        "desk.results.csv:7: row 5: the status is none that connload writes (created, exists, updated, archived, "
                        "invalid, rejected, failed, unknown or not_attempted); put back what stood there, or empty the "
                        "cell if the account certainly has no such connector");
    record = record_of("a,pa55,w0rd,failed,of-a-broker,,,,,,", ',');
    assert_false(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_string_equal(err.text,
                        "desk.results.csv:7: row 5: the row names a connector, whose id is none, and its status is "
                        "\"failed\"; put back the id, or empty connector_id if a new connector is wanted");
}

static struct header public_header(size_t columns)
{
    struct header header = header_of(columns);

    header.column[FIELD_USER_PASSWORD] = header.column[FIELD_SESSION_ID] = -1;
    return header;
}

static void refuses_what_it_did_not_write(void **state)
{
    struct header header = public_header(3);
    struct csv_record record = record_of("a,b,c,creatd,i,,,,,,", ',');
    struct outcome outcome;
    struct err err;

    (void)state;
    assert_false(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_int_equal(err.code, EXIT_INPUT);
    assert_string_equal(
        err.text, "desk.results.csv:7: row 5: the status \"creatd\" is none that connload writes (created, exists, updated, archived, "
                  "invalid, rejected, failed, unknown or not_attempted); put back what stood there, or empty the "
                  "cell if the account certainly has no such connector");
    record = record_of("a,b,c,created,i,,,,,,,x", ',');
    assert_false(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    assert_int_equal(err.code, EXIT_INPUT);
    assert_string_equal(err.text, "desk.results.csv:7: row 5: the row has 12 cells, the header 11; a delimiter too many, or a "
                                  "cell that needs quotes around it");
}

/* A row that would be sent although it names a connector by what is no id. */
static void refuses_a_status_that_its_connector_belies(void **state)
{
    static const char *const sendable[] = {"", "failed", "rejected", "invalid", "not_attempted"};
    static const char *const kept[] = {"created", "exists", "archived", "unknown"};
    struct header header = public_header(3);
    struct outcome outcome;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(sendable) / sizeof(sendable[0]); i++) {
        struct csv_record record;
        char row[96];

        snprintf(row, sizeof(row), "a,b,c,%s,i,,,,,,", sendable[i]);
        record = record_of(row, ',');
        assert_false(results_read(&outcome, &header, &record, "desk.results.csv", &err));
        assert_int_equal(err.code, EXIT_INPUT);
        assert_non_null(strstr(err.text, "desk.results.csv:7: row 5: the row names a connector, \"i\", whose id is none, and its "
                                              "status is \""));
        snprintf(row, sizeof(row), "a,b,c,%s,0d9f1c7e-3a52-4f0e-9d5b-6b1f0a4c2e11,,,,,,", sendable[i]);
        record = record_of(row, ',');
        assert_true(results_read(&outcome, &header, &record, "desk.results.csv", &err)); /* it is looked up */
        snprintf(row, sizeof(row), "a,b,c,%s,,,,,,,", sendable[i]);
        record = record_of(row, ',');
        assert_true(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct csv_record record;
        char row[96];

        snprintf(row, sizeof(row), "a,b,c,%s,i,,,,,,", kept[i]);
        record = record_of(row, ',');
        assert_true(results_read(&outcome, &header, &record, "desk.results.csv", &err));
    }
}

/* What is read and written again any number of times stays the same. */
static void rows_are_carried_over_unchanged(void **state)
{
    static const char *const rows[] = {
        "a,b,c,unknown,'-1,'@x,500,'+x,'=cmd(),4,2026\n",
        "\"a,\",,,created,id,x@y,,,,0,\n",
        "a,b,c,,,,,,,,\n",
    };
    struct header header = header_of(3);
    struct results_style style = {.header = &header, .dialect = {.delimiter = ','}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct csv_record record = record_of(rows[i], ',');
        struct outcome outcome;
        struct buf out;
        struct err err;

        record.raw.len--;
        record.count = csv_split_raw(record.raw, ',', cells_of_record, CELLS_MAX);
        assert_true(results_read(&outcome, &header, &record, "x", &err));
        buf_init(&out, 10000);
        results_row(&out, &style, &record, &outcome);
        assert_string_equal(out.data, rows[i]);
        buf_release(&out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_result_file),
        cmocka_unit_test(writes_the_header_as_it_came),
        cmocka_unit_test(writes_rows),
        cmocka_unit_test(no_spreadsheet_runs_what_a_server_sent),
        cmocka_unit_test(writes_nothing_but_utf8),
        cmocka_unit_test(reads_rows),
        cmocka_unit_test(quotes_no_cell_that_a_secret_may_have_moved_into),
        cmocka_unit_test(refuses_what_it_did_not_write),
        cmocka_unit_test(refuses_a_status_that_its_connector_belies),
        cmocka_unit_test(rows_are_carried_over_unchanged),
    };

    return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
