#include "io/journal.h"

#include "io/record.h"
#include "tempdir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RESULTS "desk.results.csv"
#define JOURNAL RESULTS ".journal"

static struct err err;
static bool found;

static const struct journal_head head = {
    .command = "create",
    .input = "/home/desk\t1.csv",
    .input_size = 12345,
    .input_crc = 0x00C0FFEE,
    .rows = 1000,
    .plan = UINT64_C(0xFEDCBA9876543210),
    .base_url = "https://api.example.com/v1",
    .key_mark = "0123456789abcdef:01234567",
    .started_ms = 1795500000123,
};

static struct outcome created(const char *id)
{
    return (struct outcome){
        .status = STATUS_CREATED,
        .connector_id = span_of(id),
        .inbox_email = span_of("in@example.com"),
        .http_status = 201,
        .attempts = 2,
        .created_at = span_of("2026-11-24T05:30:07Z"),
    };
}

static struct journal *begin(void)
{
    struct journal *journal = journal_open(RESULTS, &found, &err);

    assert_non_null(journal);
    assert_true(journal_begin(journal, &head, &err));
    return journal;
}

static void add(struct journal *journal, uint64_t row, const char *id)
{
    struct outcome outcome = created(id);
    uint64_t place;

    assert_true(journal_outcome(journal, row, &outcome, &place, &err));
}

/* What a replay tells, as text. */
static struct buf told;

static void tell_upto(void *context, uint64_t rows)
{
    buf_format(context, "upto %ju\n", (uintmax_t)rows);
}

static void tell_clock(void *context, int64_t server_ms, int64_t wall_ms)
{
    buf_format(context, "clock %jd %jd\n", (intmax_t)server_ms, (intmax_t)wall_ms);
}

static void tell_account(void *context, struct span org_id)
{
    buf_format(context, "account %.*s\n", (int)org_id.len, org_id.data);
}

static void tell_twin(void *context, struct span connector_id)
{
    buf_format(context, "twin %.*s\n", (int)connector_id.len, connector_id.data);
}

static void tell_listed(void *context)
{
    buf_text(context, "listed\n");
}

static void tell_attempts(void *context, uint64_t row, uint32_t attempts)
{
    buf_format(context, "attempts %ju %u\n", (uintmax_t)row, attempts);
}

static void tell_outcome(void *context, uint64_t row, const struct outcome *outcome, uint64_t place)
{
    (void)place;
    buf_format(context, "row %ju %s %.*s %d\n", (uintmax_t)row, status_name(outcome->status),
               (int)outcome->connector_id.len, outcome->connector_id.data, outcome->http_status);
}

static void tell_done(void *context, uint64_t size, uint32_t crc)
{
    buf_format(context, "done %ju %x\n", (uintmax_t)size, crc);
}

static void tell_list(void *context, int64_t wall_ms)
{
    buf_format(context, "list %jd\n", (intmax_t)wall_ms);
}

static void tell_begun(void *context, int64_t timeout_ms, uint32_t concurrency, int64_t last_ms)
{
    buf_format(context, "begun %jd %u %jd\n", (intmax_t)timeout_ms, concurrency, (intmax_t)last_ms);
}

static const struct journal_visitor teller = {
    .context = &told,
    .upto = tell_upto,
    .server_clock = tell_clock,
    .account = tell_account,
    .twin = tell_twin,
    .listed = tell_listed,
    .attempts = tell_attempts,
    .outcome = tell_outcome,
    .done = tell_done,
    .list = tell_list,
    .begun = tell_begun,
};

static void assert_tells(struct journal *journal, const char *expected)
{
    buf_init(&told, 100000);
    assert_true(journal_replay(journal, &teller, &err));
    assert_string_equal(buf_view(&told).data, expected);
    buf_release(&told);
}

/* Opens what was left, expects it to be a run that tells `expected`, and closes it. */
static void assert_left(const char *expected)
{
    struct journal *journal = journal_open(RESULTS, &found, &err);

    assert_non_null(journal);
    assert_true(found);
    assert_tells(journal, expected);
    journal_close(journal);
}

static void assert_refused(const char *expected)
{
    size_t len = 0, after_len = 0;
    char *before = tempdir_read(JOURNAL, &len), *after;

    assert_null(journal_open(RESULTS, &found, &err));
    assert_int_equal(err.code, EXIT_LOCAL);
    if (strstr(err.text, expected) == NULL)
        assert_string_equal(err.text, expected);
    after = tempdir_read(JOURNAL, &after_len);
    assert_int_equal(len, after_len);
    assert_memory_equal(before, after, len);
    free(before);
    free(after);
}

static void append_bytes(const char *bytes, size_t len)
{
    FILE *file = fopen(JOURNAL, "ab");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Appends a line with its checksum. */
static void append_sealed(const char *line)
{
    struct buf record;

    buf_init(&record, RECORD_MAX * 2);
    buf_text(&record, line);
    record_seal(&record, 0);
    append_bytes(record.data, record.len);
    buf_release(&record);
}

static off_t size_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void tells_what_it_was_told(void **state)
{
    struct journal *journal = begin();

    (void)state;
    assert_false(found);
    assert_string_equal(journal_path(journal), JOURNAL);
    assert_true(journal_server_clock(journal, -1, 1795500000000, &err));
    assert_true(journal_account(journal, span_of("org\n1"), &err));
    assert_true(journal_twin(journal, span_of("t1"), &err));
    assert_true(journal_listed(journal, &err));
    assert_true(journal_list(journal, 1795500000001, &err));
    assert_true(journal_begun(journal, 30000, 16, 1795499999000, &err));
    assert_true(journal_upto(journal, 1000, &err));
    assert_true(journal_attempts(journal, 999, 3, &err));
    add(journal, 0, "a");
    add(journal, 999, "b");
    assert_true(journal_done(journal, UINT64_MAX, UINT32_MAX, &err));
    journal_close(journal);
    assert_left("clock -1 1795500000000\naccount org\n1\ntwin t1\nlisted\nlist 1795500000001\n"
                "begun 30000 16 1795499999000\nupto 1000\nattempts 999 3\n"
                "row 0 created a 201\nrow 999 created b 201\ndone 18446744073709551615 ffffffff\n");
}

static void a_person_can_read_it(void **state)
{
    static const char expected[] =
        "connload-journal 2\tcommand=create\tinput=/home/desk\\t1.csv\tinput_size=12345\tinput_crc=00c0ffee\t"
        "rows=1000\tplan=fedcba9876543210\tbase_url=https://api.example.com/v1\tkey_mark=0123456789abcdef:01234567\t"
        "started=2026-11-24T06:00:00.123Z\t";
    struct journal *journal = begin();
    size_t len;
    char *text, *line;

    (void)state;
    assert_true(journal_upto(journal, 512, &err));
    add(journal, 17, "id");
    journal_close(journal);
    text = tempdir_read(JOURNAL, &len);
    assert_memory_equal(text, expected, strlen(expected));
    line = strchr(text, '\n') + 1;
    assert_memory_equal(line, "upto\t512\t6a084383\n", 18);
    assert_memory_equal(line + 18, "row\t17\tcreated\tid\tin@example.com\t201\t\t\t2\t2026-11-24T05:30:07Z\t", 62);
    assert_int_equal(size_of(JOURNAL), (line + 18 + 62 + 9) - text);
    free(text);
}

static void keeps_the_head(void **state)
{
    struct journal *journal = begin();
    struct journal_head changed;
    const struct journal_head *got;

    (void)state;
    journal_close(journal);
    journal = journal_open(RESULTS, &found, &err);
    assert_true(found);
    got = journal_head(journal);
    assert_string_equal(got->command, head.command);
    assert_string_equal(got->input, head.input);
    assert_string_equal(got->base_url, head.base_url);
    assert_string_equal(got->key_mark, head.key_mark);
    assert_true(got->input_size == head.input_size && got->input_crc == head.input_crc && got->rows == head.rows &&
                got->plan == head.plan && got->started_ms == head.started_ms);
    add(journal, 1, "old");

    changed = *got; /* a head with the journal's own texts */
    changed.rows = 5;
    assert_true(journal_begin(journal, &changed, &err));
    assert_string_equal(journal_head(journal)->input, head.input);
    add(journal, 4, "new");
    journal_close(journal);
    assert_left("row 4 created new 201\n");
}

/* An upgrade between the crash and the run that goes on. */
static void a_journal_of_the_format_before_is_read(void **state)
{
    static const char magic[] = "connload-journal 1";
    struct journal *journal = begin();
    size_t len = 0;
    char *written;
    struct buf before;

    (void)state;
    journal_close(journal);
    written = tempdir_read(JOURNAL, &len);
    buf_init(&before, 100000);
    buf_text(&before, magic);
    buf_add(&before, written + strlen(magic), len - strlen(magic) - strlen("\t12345678\n"));
    record_seal(&before, 0);
    assert_true(tempdir_write(JOURNAL, before.data, before.len));
    journal = journal_open(RESULTS, &found, &err);
    assert_true(found);
    add(journal, 1, "a");
    journal_close(journal);
    assert_left("row 1 created a 201\n");
    buf_release(&before);
    free(written);
}

static void goes_on_where_it_was(void **state)
{
    struct journal *journal = begin();

    (void)state;
    add(journal, 1, "a");
    journal_close(journal);
    journal = journal_open(RESULTS, &found, &err);
    add(journal, 1, "b");
    journal_close(journal);
    assert_left("row 1 created a 201\nrow 1 created b 201\n");
}

static void finds_outcomes_again_wherever_they_are(void **state)
{
    enum { ROWS = 3000 };
    struct journal *journal = begin();
    static uint64_t places[ROWS];
    struct outcome outcome, again;
    char message[200], id[16];

    (void)state;
    memset(message, 'm', sizeof(message));
    for (uint32_t i = 0; i < ROWS; i++) {
        snprintf(id, sizeof(id), "id-%u", i);
        outcome = created(id);
        outcome.attempts = i;
        outcome.error_message = (struct span){message, i % sizeof(message)};
        assert_true(journal_outcome(journal, i % 1000, &outcome, &places[i], &err));
    }
    for (uint32_t step = 1; step < ROWS; step = step * 7 + 1)
        for (uint32_t i = 0, at = 0; i < ROWS; i++, at = (at + step) % ROWS) {
            snprintf(id, sizeof(id), "id-%u", at);
            assert_true(journal_outcome_at(journal, places[at], &again, &err));
            assert_true(span_equal(again.connector_id, span_of(id)));
            assert_int_equal(again.attempts, at);
            assert_int_equal(again.error_message.len, at % sizeof(message));
        }
    assert_false(journal_outcome_at(journal, places[7] + 1, &again, &err));
    assert_false(journal_outcome_at(journal, 0, &again, &err));
    assert_false(journal_outcome_at(journal, UINT64_C(1) << 39, &again, &err));
    journal_close(journal);
}

static void brings_any_text_back(void **state)
{
    static const char euro[3] = {'\xE2', '\x82', '\xAC'};
    static char all[256], most[JOURNAL_MESSAGE_MAX * 2];
    struct journal *journal = begin();
    struct outcome outcome = created("id"), again;
    uint64_t place, next;

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    for (size_t i = 0; i + 2 < sizeof(most); i += 3)
        memcpy(most + i, euro, sizeof(euro)); /* 8192 isn't a multiple of 3 */
    outcome.connector_id = outcome.inbox_email = outcome.error_code = outcome.created_at = (struct span){all, 256};
    outcome.error_message = (struct span){most, sizeof(most)};
    outcome.http_status = 70000;
    assert_true(journal_outcome(journal, 0, &outcome, &place, &err));
    memset(most, 1, sizeof(most));
    outcome.connector_id = outcome.inbox_email = outcome.error_code = outcome.created_at = outcome.error_message;
    assert_true(journal_outcome(journal, 1, &outcome, &next, &err)); /* the longest that there can be */

    for (int flushed = 0; flushed < 2; flushed++) {
        assert_true(journal_outcome_at(journal, place, &again, &err));
        assert_true(span_equal(again.connector_id, (struct span){all, 256}));
        assert_true(span_equal(again.created_at, (struct span){all, 256}));
        assert_int_equal(again.error_message.len, JOURNAL_MESSAGE_MAX / 3 * 3);
        assert_memory_equal(again.error_message.data + again.error_message.len - 3, euro, 3);
        assert_int_equal(again.http_status, 0);
        assert_true(journal_outcome_at(journal, next, &again, &err));
        assert_int_equal(again.error_message.len, JOURNAL_MESSAGE_MAX);
        assert_int_equal(again.inbox_email.len, JOURNAL_TEXT_MAX);
        assert_true(journal_flush(journal, &err));
    }
    journal_close(journal);
    journal = journal_open(RESULTS, &found, &err);
    assert_true(found);
    journal_close(journal);
}

/* Cut at every byte of its last two records: the whole ones are kept, the torn one goes, and it goes on from there. */
static void a_torn_record_is_cut_off(void **state)
{
    struct journal *journal = begin();
    off_t second, third, end;

    (void)state;
    add(journal, 1, "a");
    journal_close(journal);
    second = size_of(JOURNAL);
    append_sealed("upto\t7");
    third = size_of(JOURNAL);
    append_sealed("attempts\t7\t1");
    end = size_of(JOURNAL);
    for (off_t size = end; size >= second; size--) {
        assert_int_equal(truncate(JOURNAL, size), 0);
        assert_left(size == end     ? "row 1 created a 201\nupto 7\nattempts 7 1\n"
                    : size >= third ? "row 1 created a 201\nupto 7\n"
                                    : "row 1 created a 201\n");
        assert_int_equal(size_of(JOURNAL), size); /* reading alone changes nothing */
    }
    append_bytes("upt", 3);
    journal = journal_open(RESULTS, &found, &err);
    add(journal, 2, "b");
    journal_close(journal);
    assert_left("row 1 created a 201\nrow 2 created b 201\n");
}

static void pages_that_never_came_are_cut_off(void **state)
{
    static const char nothing[200000];
    struct journal *journal = begin();

    (void)state;
    add(journal, 1, "a");
    journal_close(journal);
    append_bytes(nothing, sizeof(nothing));
    append_bytes("1\tx\t12345678\nrow\t2", 18);
    assert_left("row 1 created a 201\n");
    append_bytes("\n", 1);
    append_sealed("upto\t5"); /* but a whole record after them is not */
    assert_refused("is damaged at byte");
}

/* A crash while the head is written: nothing was sent yet. */
static void a_torn_head_is_no_run(void **state)
{
    struct journal *journal = begin();
    off_t size;

    (void)state;
    journal_close(journal);
    for (size = size_of(JOURNAL) - 1; size >= 0; size--) {
        assert_int_equal(truncate(JOURNAL, size), 0);
        journal = journal_open(RESULTS, &found, &err);
        assert_non_null(journal);
        assert_false(found);
        assert_null(journal_head(journal));
        journal_close(journal);
    }
    assert_true(tempdir_write(JOURNAL, "\0\0\0\0", 4));
    journal = begin();
    assert_false(found);
    add(journal, 3, "c");
    journal_close(journal);
    assert_left("row 3 created c 201\n");
}

/* Each byte of the file changed in turn: never a crash, never a guess. */
static void any_changed_byte_is_noticed(void **state)
{
    struct journal *journal = begin();
    size_t len = 0, head_len;
    char *bytes, expected[64];

    (void)state;
    assert_true(journal_upto(journal, 9, &err));
    add(journal, 1, "a");
    add(journal, 2, "b");
    journal_close(journal);
    bytes = tempdir_read(JOURNAL, &len);
    head_len = (size_t)(strchr(bytes, '\n') - bytes) + 1;
    for (size_t i = 0, start = 0; i < len - 1; i++) {
        if (i > 0 && bytes[i - 1] == '\n')
            start = i;
        bytes[i] ^= 4;
        assert_true(tempdir_write(JOURNAL, bytes, len));
        snprintf(expected, sizeof(expected), "is damaged at byte %zu,", start);
        assert_refused(i < strlen("connload-journal ")                    ? "is no journal"
                       : i == strlen("connload-journal ") && head_len > 0 ? "another version"
                                                                          : expected);
        bytes[i] ^= 4;
    }
    bytes[len - 1] = 'x'; /* without its line end the last record is torn */
    assert_true(tempdir_write(JOURNAL, bytes, len));
    assert_left("upto 9\nrow 1 created a 201\n");
    free(bytes);
}

/* Records with a fitting checksum that say what can't be. */
static void well_sealed_nonsense_is_damage(void **state)
{
    static const char *const lines[] = {
        "",
        "nonsense",
        "upto",
        "upto\t",
        "upto\t1001",
        "upto\t-1",
        "upto\t+1",
        "upto\t1 ",
        "upto\t1\t2",
        "upto\t0x1",
        "upto\t99999999999999999999",
        "clock\t1",
        "clock\t1\t--1",
        "clock\t\t1",
        "account",
        "account\t\\",
        "twin\t\\q",
        "twin\t\\x1",
        "twin\t\\xZZ",
        "twin\ta\tb",
        "listed\t",
        "list\t-1",
        "list\t253402300800000",
        "begun\t30000\t16",
        "begun\t-1\t16\t0",
        "begun\t30000\t4294967296\t0",
        "begun\t30000\t16\t253402300800000",
        "attempts\t1000\t1",
        "attempts\t1\t4294967296",
        "done\t1",
        "done\t1\t4294967296",
        "row\t1\tcreated\ti\t\t201\t\t\t1",
        "row\t1000\tcreated\ti\t\t201\t\t\t1\t",
        "row\t1\tcreation\ti\t\t201\t\t\t1\t",
        "row\t1\t\ti\t\t201\t\t\t1\t",
        "row\t1\tcreated\ti\t\t1000\t\t\t1\t",
        "row\t1\tcreated\ti\t\t201\t\t\t-1\t",
        "row\t1\tcreated\ti\t\t201\t\t\t1\t\\x",
        "connload-journal 2\tcommand=create",
    };
    struct journal *journal = begin();
    off_t size;

    (void)state;
    journal_close(journal);
    size = size_of(JOURNAL);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(truncate(JOURNAL, size), 0);
        append_sealed(lines[i]);
        assert_refused("is damaged at byte");
    }
}

static void a_line_too_long_is_damage(void **state)
{
    struct journal *journal = begin();
    char *line = malloc(RECORD_MAX * 2);

    (void)state;
    assert_non_null(line);
    journal_close(journal);
    memset(line, 'x', RECORD_MAX * 2 - 1);
    memcpy(line, "twin\t", 5);
    line[RECORD_MAX * 2 - 1] = '\0';
    append_bytes(line, RECORD_MAX); /* even without its end: no record is that long */
    assert_refused("is damaged at byte");
    append_bytes(line, RECORD_MAX);
    append_bytes("\n", 1);
    assert_refused("is damaged at byte");
    free(line);
}

static void what_is_not_ours_is_left_alone(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"a,b\n1,2\n",
         JOURNAL " is no journal of connload (any more) and is left alone; move it away if it is something else of "
                 "yours, and restore it from a copy if a run was interrupted here"},
        {"connload", ""},
        {"connload-journel 1\t", "is no journal"},
        {"\n", "is no journal"},
        {"connload-journal 3\tanything\n",
         "was written by another version of connload (its format is 3, this version's "
         "is 2); finish its run with that version"},
        {"connload-journal 11\t", "its format is 11"},
        {"connload-journal one\n", "is damaged at byte 0,"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(tempdir_write(JOURNAL, cases[i].text, strlen(cases[i].text)));
        if (cases[i].expected[0] != '\0')
            assert_refused(cases[i].expected);
    }
    assert_int_equal(unlink(JOURNAL), 0);
    assert_int_equal(mkdir(JOURNAL, 0700), 0);
    assert_null(journal_open(RESULTS, &found, &err));
    assert_int_equal(rmdir(JOURNAL), 0);
    assert_int_equal(symlink("elsewhere", JOURNAL), 0);
    assert_null(journal_open(RESULTS, &found, &err));
    assert_false(tempdir_has("elsewhere"));
    assert_int_equal(unlink(JOURNAL), 0);
    assert_int_equal(mkfifo(JOURNAL, 0600), 0);
    assert_null(journal_open(RESULTS, &found, &err));
    assert_string_equal(err.text, JOURNAL " is no regular file, and so no journal; move it away");
}

static void leaves_no_file_without_a_run(void **state)
{
    struct journal *journal = journal_open(RESULTS, &found, &err);
    struct stat status;

    (void)state;
    assert_int_equal(stat(JOURNAL, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    journal_close(journal);
    journal_close(NULL);
    assert_int_equal(tempdir_count(), 0);
    assert_true(journal_remove(begin(), &err));
    assert_int_equal(tempdir_count(), 0);
    assert_null(journal_open("no/such/" RESULTS, &found, &err));
    assert_string_equal(err.text, "cannot open no/such/" JOURNAL ": No such file or directory; check the path: its "
                                  "folder must exist");
}

static void sweeps_what_a_killed_run_left(void **state)
{
    (void)state;
    assert_true(tempdir_write("." RESULTS ".abcdef.tmp", "", 0));
    journal_close(journal_open(RESULTS, &found, &err));
    assert_int_equal(tempdir_count(), 0);
}

/* Runs `work` in another process; returns its exit code. */
static int in_a_child(int (*work)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(work());
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *tried_path;

static int is_held(void)
{
    char expected[256];

    snprintf(expected, sizeof(expected),
             "another connload (pid %ld) is working on %s; wait for it, or stop it with kill %ld", (long)getppid(),
             tried_path, (long)getppid());
    return journal_open(tried_path, &found, &err) == NULL && strcmp(err.text, expected) == 0 ? 1 : 2;
}

static int is_free(void)
{
    return journal_open(tried_path, &found, &err) != NULL ? 1 : 2;
}

static void one_process_holds_it(void **state)
{
    static const char *const names[] = {RESULTS, "./" RESULTS, "link.csv", "folder/" RESULTS, "folder/link.csv"};
    struct journal *journal;

    (void)state;
    assert_int_equal(symlink(RESULTS, "link.csv"), 0);
    assert_int_equal(symlink(".", "folder"), 0);
    journal = begin();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tried_path = names[i];
        assert_int_equal(in_a_child(is_held), 1);
    }
    tried_path = "other.csv";
    assert_int_equal(in_a_child(is_free), 1);
    journal_close(journal);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tried_path = names[i];
        assert_int_equal(in_a_child(is_free), 1);
    }
    assert_true(journal_remove(begin(), &err));
    assert_int_equal(in_a_child(is_free), 1);
}

/* Adds a row's outcome, which can be read again, and a promise, which can't be made. */
static void assert_lost(struct journal *journal, uint64_t row, const char *says)
{
    struct outcome outcome = created("later"), read;
    uint64_t place;

    assert_true(journal_outcome(journal, row, &outcome, &place, &err));
    assert_true(journal_flush(journal, &err));
    assert_true(journal_outcome_at(journal, place, &read, &err));
    assert_int_equal(read.connector_id.len, 5);
    assert_false(journal_upto(journal, 512, &err));
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_non_null(strstr(err.text, says));
    assert_false(journal_is_ours(journal, &err));
    assert_false(journal_done(journal, 1, 2, &err));
}

static void a_journal_that_is_removed_is_noticed(void **state)
{
    struct journal *journal = begin();
    struct outcome read, outcome = created("before");
    uint64_t place;

    (void)state;
    assert_true(journal_is_ours(journal, &err));
    assert_true(journal_outcome(journal, 3, &outcome, &place, &err));
    assert_true(journal_upto(journal, 256, &err));
    assert_int_equal(unlink(JOURNAL), 0);
    assert_lost(journal, 4, JOURNAL " was removed or replaced");
    assert_true(journal_outcome_at(journal, place, &read, &err));
    assert_int_equal(read.connector_id.len, 6);
    assert_true(journal_remove(journal, &err));
}

static void the_journal_in_its_place_is_not_touched(void **state)
{
    struct journal *journal = begin(), *other;

    (void)state;
    assert_int_equal(unlink(JOURNAL), 0);
    other = begin();
    add(other, 1, "other");
    assert_true(journal_upto(other, 9, &err));
    assert_lost(journal, 4, "was removed or replaced");
    journal_close(journal);
    assert_true(journal_is_ours(other, &err));
    journal_close(other);
    assert_left("row 1 created other 201\nupto 9\n");
    /* nor where it is empty yet */
    journal = begin();
    assert_int_equal(unlink(JOURNAL), 0);
    other = journal_open(RESULTS, &found, &err);
    assert_true(journal_remove(journal, &err));
    assert_true(tempdir_has(JOURNAL));
    journal_close(other);
}

/* Within a process a lock is always to be had, as between hosts whose locks don't hold. */
static void a_second_writer_is_noticed(void **state)
{
    struct journal *first = begin(), *second;
    struct outcome outcome = created("early"), read;
    uint64_t place;

    (void)state;
    assert_true(journal_outcome(first, 3, &outcome, &place, &err));
    assert_true(journal_upto(first, 256, &err));
    second = journal_open(RESULTS, &found, &err);
    assert_true(found);
    assert_true(journal_list(second, 1, &err));
    assert_true(journal_flush(second, &err));
    assert_lost(first, 4, "another connload, on another machine or in another container, writes to " JOURNAL);
    assert_non_null(strstr(err.text, "work on " RESULTS " from one machine at a time"));
    assert_true(journal_outcome_at(first, place, &read, &err));
    assert_int_equal(read.connector_id.len, 5);
    assert_true(journal_is_ours(second, &err));
    assert_true(journal_remove(first, &err));
    journal_close(second);
    assert_left("row 3 created early 201\nupto 256\nlist 1\n");
}

static void whoever_comes_second_gives_way(void **state)
{
    struct journal *first = begin(), *second = journal_open(RESULTS, &found, &err);

    (void)state;
    assert_true(journal_upto(first, 256, &err));
    assert_false(journal_begin(second, &head, &err));
    assert_non_null(strstr(err.text, "another connload"));
    journal_close(second);
    assert_true(journal_is_ours(first, &err));
    journal_close(first);
    assert_left("upto 256\n");
}

/* As long as the head before, so that only its seal tells. */
static void another_head_is_noticed(void **state)
{
    struct journal *first = begin(), *second = journal_open(RESULTS, &found, &err);
    struct journal_head other = head;

    (void)state;
    other.key_mark = "fedcba9876543210:76543210";
    assert_true(journal_begin(second, &other, &err));
    assert_false(journal_upto(first, 256, &err));
    assert_non_null(strstr(err.text, "another connload"));
    assert_true(journal_upto(second, 17, &err));
    journal_close(first);
    journal_close(second);
    assert_left("upto 17\n");
}

static int hold_and_die(void)
{
    struct journal *journal = begin();

    add(journal, 5, "dead");
    journal_flush(journal, &err);
    raise(SIGKILL);
    return 0;
}

struct legacy {
    uint64_t tags[4], known, lost;
    size_t count;
    int64_t lost_ms;
    char id[64];
};

static void on_tags(void *context, uint64_t first, struct span tags)
{
    struct legacy *legacy = context;

    assert_int_equal(first, 7);
    for (; legacy->count < tags.len / JOURNAL_TAG; legacy->count++) {
        char digits[JOURNAL_TAG + 1] = "";

        memcpy(digits, tags.data + legacy->count * JOURNAL_TAG, JOURNAL_TAG);
        legacy->tags[legacy->count] = strtoull(digits, NULL, 16);
    }
}

static void on_known(void *context, uint64_t tag, struct span id)
{
    struct legacy *legacy = context;

    legacy->known = tag;
    memcpy(legacy->id, id.data, id.len);
}

static void on_lost(void *context, uint64_t tag, int64_t lost_ms)
{
    ((struct legacy *)context)->lost = tag;
    ((struct legacy *)context)->lost_ms = lost_ms;
}

static bool inherit(void *context, struct journal *journal, struct err *why)
{
    (void)context;
    return journal_known(journal, UINT64_MAX, span_of("a connector"), why) && journal_lost(journal, 5, -60, why);
}

static bool inherit_nothing(void *context, struct journal *journal, struct err *why)
{
    (void)context;
    (void)journal;
    return err_set(why, EXIT_LOCAL, "no");
}

static struct legacy replay(struct journal *journal)
{
    struct legacy legacy = {.count = 0};
    struct journal_visitor visitor = {.context = &legacy, .tags = on_tags, .known = on_known, .lost = on_lost};

    assert_true(journal_replay(journal, &visitor, &err));
    return legacy;
}

static void a_run_takes_over_from_another_as_a_whole(void **state)
{
    static const uint64_t tags[] = {1, UINT64_C(0xFEDCBA9876543210)};
    struct journal *journal = begin();
    struct legacy legacy;

    (void)state;
    assert_true(journal_tags(journal, 7, tags, 2, &err));
    add(journal, 7, "first");
    journal_close(journal);
    journal = journal_open(RESULTS, &found, &err);
    legacy = replay(journal);
    assert_int_equal(legacy.count, 2);
    assert_memory_equal(legacy.tags, tags, sizeof(tags));

    assert_false(journal_begin_after(journal, &head, inherit_nothing, NULL, &err)); /* the old one stands */
    journal_close(journal);
    journal = journal_open(RESULTS, &found, &err);
    assert_true(found);
    assert_int_equal(replay(journal).count, 2);

    assert_true(journal_begin_after(journal, &head, inherit, NULL, &err));
    add(journal, 8, "second"); /* it is its own */
    journal_close(journal);
    journal = journal_open(RESULTS, &found, &err);
    legacy = replay(journal);
    assert_int_equal(legacy.count, 0);
    assert_true(legacy.known == UINT64_MAX && legacy.lost == 5 && legacy.lost_ms == -60);
    assert_string_equal(legacy.id, "a connector");
    assert_true(journal_remove(journal, &err));
    assert_int_equal(access(JOURNAL ".next", F_OK), -1);
}

static void the_lock_dies_with_its_holder(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(hold_and_die), -1);
    assert_left("row 5 created dead 201\n");
}

/* The disk fills in the middle of a record: all later additions fail alike, what was added is still read, and the next
 * run cuts what was torn. */
static void a_failed_write_ends_all_writing(void **state)
{
    struct journal *journal = begin();
    struct rlimit old, small;
    struct outcome outcome = created("lost"), again;
    uint64_t first, last;
    char sentence[sizeof(err.text)];
    bool wrote;

    (void)state;
    assert_true(journal_outcome(journal, 1, &outcome, &first, &err));
    assert_true(journal_upto(journal, 2, &err));
    assert_true(journal_outcome(journal, 2, &outcome, &last, &err));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){(rlim_t)size_of(JOURNAL) + 10, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    wrote = journal_upto(journal, 3, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(wrote);
    assert_int_equal(err.code, EXIT_LOCAL);
    assert_string_equal(err.text,
                        "cannot write " JOURNAL ": File too large; raise the limit on file sizes (ulimit -f)");
    assert_int_equal(size_of(JOURNAL), small.rlim_cur);
    snprintf(sentence, sizeof(sentence), "%s", err.text);

    err.text[0] = '\0';
    assert_false(journal_upto(journal, 4, &err) || journal_listed(journal, &err) || journal_flush(journal, &err) ||
                 journal_outcome(journal, 3, &outcome, &first, &err) || journal_begin(journal, &head, &err));
    assert_string_equal(err.text, sentence);
    assert_true(journal_outcome_at(journal, last, &again, &err));
    assert_true(span_equal(again.connector_id, span_of("lost")));
    journal_close(journal);
    assert_int_equal(size_of(JOURNAL), small.rlim_cur);
    assert_left("row 1 created lost 201\nupto 2\n");
    journal = journal_open(RESULTS, &found, &err);
    add(journal, 2, "found");
    journal_close(journal);
    assert_left("row 1 created lost 201\nupto 2\nrow 2 created found 201\n");
}

static void a_scratch_journal_leaves_nothing(void **state)
{
    struct journal *journal;
    struct outcome outcome = created("id"), again;
    uint64_t place;

    (void)state;
    setenv("TMPDIR", ".", 1);
    journal = journal_scratch(&err);
    assert_non_null(journal);
    assert_null(journal_path(journal));
    assert_int_equal(tempdir_count(), 0);
    assert_true(journal_upto(journal, 5000000, &err));
    assert_true(journal_outcome(journal, 4999999, &outcome, &place, &err));
    assert_true(journal_outcome_at(journal, place, &again, &err));
    assert_true(journal_flush(journal, &err));
    assert_true(journal_outcome_at(journal, place, &again, &err));
    assert_int_equal(again.status, STATUS_CREATED);
    assert_true(journal_remove(journal, &err));
    journal = journal_scratch(&err);
    assert_true(journal_begin(journal, &head, &err));
    journal_close(journal);
    setenv("TMPDIR", "/no/such/folder", 1);
    assert_null(journal_scratch(&err));
    unsetenv("TMPDIR");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, tempdir_enter, tempdir_leave)
        IN_FOLDER(tells_what_it_was_told),
        IN_FOLDER(a_person_can_read_it),
        IN_FOLDER(keeps_the_head),
        IN_FOLDER(a_journal_of_the_format_before_is_read),
        IN_FOLDER(goes_on_where_it_was),
        IN_FOLDER(finds_outcomes_again_wherever_they_are),
        IN_FOLDER(brings_any_text_back),
        IN_FOLDER(a_torn_record_is_cut_off),
        IN_FOLDER(pages_that_never_came_are_cut_off),
        IN_FOLDER(a_torn_head_is_no_run),
        IN_FOLDER(any_changed_byte_is_noticed),
        IN_FOLDER(well_sealed_nonsense_is_damage),
        IN_FOLDER(a_line_too_long_is_damage),
        IN_FOLDER(what_is_not_ours_is_left_alone),
        IN_FOLDER(leaves_no_file_without_a_run),
        IN_FOLDER(sweeps_what_a_killed_run_left),
        IN_FOLDER(one_process_holds_it),
        IN_FOLDER(a_journal_that_is_removed_is_noticed),
        IN_FOLDER(the_journal_in_its_place_is_not_touched),
        IN_FOLDER(a_second_writer_is_noticed),
        IN_FOLDER(whoever_comes_second_gives_way),
        IN_FOLDER(another_head_is_noticed),
        IN_FOLDER(a_run_takes_over_from_another_as_a_whole),
        IN_FOLDER(the_lock_dies_with_its_holder),
        IN_FOLDER(a_failed_write_ends_all_writing),
        IN_FOLDER(a_scratch_journal_leaves_nothing),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
