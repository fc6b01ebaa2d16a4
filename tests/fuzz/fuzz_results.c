/*
 * fuzz_results: result files as people and their spreadsheets leave them.
 *
 * An input is a CSV file. Where its header makes it a result file, the rows that can be read are written again, and
 * that file once more: the second and the third are the same, byte for byte, but for rows that are left
 * without any text, which a CSV reader passes over.
 */
#include "base/alloc.h"
#include "io/csv_read.h"
#include "io/results.h"
#include "io/source.h"
#include "model/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[4096];

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_results: %s\n", what);
    abort();
}

static void remove_file(void)
{
    unlink(path);
}

static void write_file(struct span bytes)
{
    const char *base = getenv("TMPDIR");
    FILE *file;

    if (path[0] == '\0') {
        snprintf(path, sizeof(path), "%s/connload-fuzz-XXXXXX", base != NULL ? base : "/tmp");
        check(close(mkstemp(path)) == 0, "no temporary file");
        atexit(remove_file);
    }
    file = fopen(path, "wb");
    check(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fclose(file) == 0, "no file");
}

/* Whether a row has nothing but blanks, quotes and delimiters. */
static bool is_blank_row(struct span row, char delimiter)
{
    for (size_t i = 0; i < row.len; i++)
        if (row.data[i] != delimiter && strchr(" \t\v\f\r\n\"", row.data[i]) == NULL)
            return false;
    return true;
}

static void rewrite_row(struct buf *out, const struct results_style *style, const struct csv_record *record,
                        struct err *err)
{
    struct outcome outcome;
    size_t start = out->len;

    if (!results_read(&outcome, style->header, record, path, err)) {
        check(err->code == EXIT_INPUT && strncmp(err->text, path, strlen(path)) == 0, "a refusal says no place");
        return;
    }
    check(outcome.status < STATUSES && outcome.http_status >= 0 && outcome.http_status <= 999, "nonsense was read");
    results_row(out, style, record, &outcome);
    if (is_blank_row((struct span){out->data + start, out->len - start}, style->dialect.delimiter)) {
        out->len = start;
        out->data[start] = '\0';
    }
}

/* Reads the file and appends what a run that sends nothing would write. False where it is no result file. */
static bool rewrite_rows(struct csv_reader *reader, bool bom, struct buf *out, char *delimiter)
{
    static const char *const defaults[FIELDS] = {[FIELD_TYPE] = "email", [FIELD_LABEL] = "label"};
    struct header_options options = {.file = path, .defaults = defaults};
    struct header header = {0};
    struct csv_record record;
    struct err err = {0};
    struct results_style style = {.header = &header, .bom = bom};
    struct buf notes;
    bool ok;

    if (csv_next(reader, &record, &err) != CSV_STEP_RECORD)
        return false;
    options.line = record.line;
    buf_init(&notes, 1 << 20);
    ok = header_read(&header, record.cells, record.count, &options, &notes, &err);
    buf_release(&notes);
    if (!ok)
        return false;
    style.dialect = *csv_dialect(reader);
    *delimiter = style.dialect.delimiter;
    ok = header.is_result;
    if (ok)
        results_header(out, &style, &record);
    while (ok && csv_next(reader, &record, &err) == CSV_STEP_RECORD)
        rewrite_row(out, &style, &record, &err);
    header_release(&header);
    return ok;
}

static bool rewrite(struct span bytes, struct buf *out, char *delimiter)
{
    struct csv_reader *reader;
    struct source *source;
    struct err err = {0};
    bool ok;

    write_file(bytes);
    source = source_open(path, NULL, &err);
    if (source == NULL)
        return false;
    reader = csv_reader_new(source, *delimiter);
    ok = rewrite_rows(reader, source_info(source)->bom, out, delimiter);
    csv_reader_free(reader);
    source_close(source);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf second, third;
    char delimiter = '\0';

    buf_init(&second, SIZE_MAX / 2);
    buf_init(&third, SIZE_MAX / 2);
    if (rewrite((struct span){(const char *)data, size}, &second, &delimiter)) {
        check(rewrite(buf_view(&second), &third, &delimiter), "a result file isn't one any more");
        check(span_equal(buf_view(&second), buf_view(&third)), "a result file changes when nothing is done");
    }
    buf_release(&second);
    buf_release(&third);
    return 0;
}
