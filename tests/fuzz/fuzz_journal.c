/*
 * fuzz_journal: recovery from whatever bytes a journal may hold.
 *
 * The first byte of an input says what happens to the rest: `s` seals each line again (what stands after its last tab
 * becomes the checksum), so that the fields are reached; anything else leaves the bytes as they are. Then:
 *
 *   - a journal that is refused has a sentence, and its file is as it was;
 *   - one that is taken replays, finds each outcome again at its place, takes new records, and after that
 *     replays the same with the new records at its end.
 */
#include "base/hash.h"
#include "io/journal.h"
#include "io/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLACES = 256 };

static char folder[4096], results[4200], path[4300];

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_journal: %s\n", what);
    abort();
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");

    if (folder[0] != '\0')
        return;
    snprintf(folder, sizeof(folder), "%s/connload-fuzz-XXXXXX", base != NULL ? base : "/tmp");
    check(mkdtemp(folder) != NULL, "no temporary folder");
    snprintf(results, sizeof(results), "%s/desk.results.csv", folder);
    snprintf(path, sizeof(path), "%s.journal", results);
    atexit(remove_folder);
}

/* Gives each whole line the checksum that fits it. */
static void seal_lines(struct span bytes, struct buf *out)
{
    const char *stop;

    while ((stop = memchr(bytes.data, '\n', bytes.len)) != NULL) {
        size_t len = (size_t)(stop - bytes.data), start = out->len;
        const char *tab = memrchr(bytes.data, '\t', len);

        buf_add(out, bytes.data, tab != NULL ? (size_t)(tab - bytes.data) : len);
        record_seal(out, start);
        bytes.data += len + 1;
        bytes.len -= len + 1;
    }
    buf_span(out, bytes);
}

/* What a replay tells: a hash over all, the number of records, and the first places with their outcomes' hashes. */
struct told {
    uint64_t hash, records;
    uint64_t places[PLACES], outcomes[PLACES];
    size_t place_count;
};

static void tell(struct told *told, uint64_t a, uint64_t b, struct span text)
{
    told->hash = hash_span(told->hash, (struct span){(const char *)&a, sizeof(a)});
    told->hash = hash_span(told->hash, (struct span){(const char *)&b, sizeof(b)});
    told->hash = hash_span(told->hash, text);
    told->records++;
}

static void tell_upto(void *context, uint64_t rows)
{
    tell(context, 1, rows, span_of(NULL));
}

static void tell_clock(void *context, int64_t server_ms, int64_t wall_ms)
{
    tell(context, (uint64_t)server_ms, (uint64_t)wall_ms, span_of(NULL));
}

static void tell_text(void *context, struct span text)
{
    tell(context, 2, 0, text);
}

static void tell_listed(void *context)
{
    tell(context, 3, 0, span_of(NULL));
}

static void tell_attempts(void *context, uint64_t row, uint32_t attempts)
{
    tell(context, row, attempts, span_of(NULL));
}

static void tell_done(void *context, uint64_t size, uint32_t crc)
{
    tell(context, size, crc, span_of(NULL));
}

static void tell_list(void *context, int64_t wall_ms)
{
    tell(context, 4, (uint64_t)wall_ms, span_of(NULL));
}

static void tell_begun(void *context, int64_t timeout_ms, uint32_t concurrency, int64_t last_ms)
{
    tell(context, (uint64_t)timeout_ms, concurrency, span_of(NULL));
    tell(context, 5, (uint64_t)last_ms, span_of(NULL));
}

static uint64_t hash_of(const struct outcome *outcome)
{
    const struct span texts[] = {outcome->connector_id, outcome->inbox_email, outcome->error_code,
                                 outcome->error_message, outcome->created_at};
    uint64_t numbers[] = {outcome->status, (uint64_t)outcome->http_status, outcome->attempts};
    uint64_t hash = hash_span(HASH_START, (struct span){(const char *)numbers, sizeof(numbers)});

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        hash = hash_span(hash, texts[i]);
    return hash;
}

static void tell_outcome(void *context, uint64_t row, const struct outcome *outcome, uint64_t place)
{
    struct told *told = context;

    tell(told, row, hash_of(outcome), span_of(NULL));
    if (told->place_count == PLACES)
        return;
    told->places[told->place_count] = place;
    told->outcomes[told->place_count++] = hash_of(outcome);
}

static void replay(struct journal *journal, struct told *told)
{
    struct journal_visitor visitor = {
        .context = told,
        .upto = tell_upto,
        .server_clock = tell_clock,
        .account = tell_text,
        .twin = tell_text,
        .listed = tell_listed,
        .attempts = tell_attempts,
        .outcome = tell_outcome,
        .done = tell_done,
        .list = tell_list,
        .begun = tell_begun,
    };
    struct err err;

    *told = (struct told){.hash = HASH_START};
    check(journal_replay(journal, &visitor, &err), "a journal that was taken does not replay");
}

static void find_again(struct journal *journal, const struct told *told)
{
    struct outcome outcome;
    struct err err;

    for (size_t i = told->place_count; i-- > 0;) {
        check(journal_outcome_at(journal, told->places[i], &outcome, &err), "an outcome is not at its place");
        check(hash_of(&outcome) == told->outcomes[i], "another outcome is at its place");
    }
}

/* Goes on with an interrupted run, and looks at it once more. */
static void go_on(struct journal *journal)
{
    static struct told before, after;
    uint64_t rows = journal_head(journal)->rows;
    struct err err;
    bool found;

    replay(journal, &before);
    find_again(journal, &before);
    check(journal_listed(journal, &err) && journal_upto(journal, rows, &err), "a journal takes no records");
    find_again(journal, &before);
    journal_close(journal);

    tell_listed(&before);
    tell_upto(&before, rows);
    journal = journal_open(results, &found, &err);
    check(journal != NULL && found, "a journal that was continued is no longer taken");
    replay(journal, &after);
    check(before.hash == after.hash && before.records == after.records, "a continued journal tells something else");
    journal_close(journal);
}

static void write_file(struct span bytes)
{
    FILE *file = fopen(path, "wb");

    check(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fclose(file) == 0, "no file");
}

static void check_unchanged(struct span bytes)
{
    char *now = malloc(bytes.len + 1);
    FILE *file = fopen(path, "rb");

    check(file != NULL && now != NULL && fread(now, 1, bytes.len + 1, file) == bytes.len &&
              memcmp(now, bytes.data, bytes.len) == 0,
          "a refused file was changed");
    fclose(file);
    free(now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal *journal;
    struct err err = {0};
    struct buf bytes;
    bool found;

    if (size == 0)
        return 0;
    make_folder();
    buf_init(&bytes, SIZE_MAX / 2);
    if (data[0] == 's')
        seal_lines((struct span){(const char *)data + 1, size - 1}, &bytes);
    else
        buf_add(&bytes, data + 1, size - 1);
    write_file(buf_view(&bytes));
    journal = journal_open(results, &found, &err);
    if (journal == NULL) {
        check(err.code == EXIT_LOCAL && strlen(err.text) > 20, "a refusal has no sentence");
        check_unchanged(buf_view(&bytes));
    } else if (found) {
        go_on(journal);
    } else {
        journal_close(journal);
    }
    buf_release(&bytes);
    return 0;
}
