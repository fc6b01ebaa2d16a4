/*
 * fuzz_csv: any bytes as an input file. What is read must be UTF-8, in order, within the caps; each record read again
 * by csv_at() must be the same, split by csv_split_raw() into as many cells, and libcsv alone must find the same cells.
 */
#include "io/csv_read.h"

#include "base/text.h"

#include <csv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(truth) ((truth) ? (void)0 : fail(#truth, __LINE__))

static void fail(const char *truth, int line)
{
    fprintf(stderr, "fuzz_csv.c:%d: not true: %s\n", line, truth);
    abort();
}

/* The cells that libcsv still has to find. */
struct oracle {
    const struct csv_record *record;
    size_t found;
};

static int never_blank(unsigned char byte)
{
    (void)byte;
    return 0;
}

static void same_cell(void *bytes, size_t len, void *context)
{
    struct oracle *oracle = context;

    EXPECT(oracle->found < oracle->record->count);
    EXPECT(span_equal(oracle->record->cells[oracle->found], (struct span){.data = bytes, .len = len}));
    oracle->found++;
}

static void ask_libcsv(const struct csv_record *record, char delimiter)
{
    struct oracle oracle = {.record = record};
    struct csv_parser parser;

    EXPECT(csv_init(&parser, 0) == 0);
    csv_set_delim(&parser, (unsigned char)delimiter);
    csv_set_space_func(&parser, never_blank);
    EXPECT(csv_parse(&parser, record->raw.data, record->raw.len, same_cell, NULL, &oracle) == record->raw.len);
    EXPECT(csv_fini(&parser, same_cell, NULL, &oracle) == 0);
    EXPECT(oracle.found == record->count);
    csv_free(&parser);
}

static void read_again(struct csv_reader *reader, const struct csv_record *record)
{
    struct csv_record again;
    struct err err;
    struct span *raw = malloc(record->count * sizeof(*raw));

    EXPECT(raw != NULL);
    EXPECT(csv_at(reader, record->offset, record->raw.len, record->line, &again, &err));
    EXPECT(span_equal(again.raw, record->raw));
    EXPECT(again.count == record->count);
    for (size_t i = 0; i < again.count; i++)
        EXPECT(span_equal(again.cells[i], record->cells[i]));
    EXPECT(csv_split_raw(record->raw, csv_dialect(reader)->delimiter, raw, record->count) == record->count);
    /* every byte but the delimiters is in a cell as it is written */
    EXPECT(raw[0].data == record->raw.data);
    for (size_t i = 1; i < record->count; i++)
        EXPECT(raw[i].data == raw[i - 1].data + raw[i - 1].len + 1);
    EXPECT(raw[record->count - 1].data + raw[record->count - 1].len == record->raw.data + record->raw.len);
    free(raw);
}

static void check_record(struct csv_reader *reader, const struct csv_record *record)
{
    EXPECT(record->count > 0 && record->count <= CSV_CELLS_MAX);
    EXPECT(record->raw.len > 0 && record->raw.len <= CSV_RECORD_MAX);
    EXPECT(text_utf8_error(record->raw) == record->raw.len);
    EXPECT(memchr(record->raw.data, '\0', record->raw.len) == NULL);
    ask_libcsv(record, csv_dialect(reader)->delimiter);
    read_again(reader, record);
}

static void read_all(struct source *source, char delimiter)
{
    struct csv_reader *reader = csv_reader_new(source, delimiter);
    struct csv_record record;
    struct err err = {.code = EXIT_ALL_DONE};
    enum csv_step step;
    uint64_t end = 0;
    uint32_t line = 0;

    while ((step = csv_next(reader, &record, &err)) == CSV_STEP_RECORD) {
        EXPECT(record.line > line && record.offset >= end);
        line = record.line;
        end = record.offset + record.raw.len;
        EXPECT(end <= source_info(source)->size);
        check_record(reader, &record);
    }
    EXPECT((step == CSV_STEP_FAILED) == (err.code == EXIT_INPUT));
    csv_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source *source;
    struct err err;
    char path[64];
    int fd = memfd_create("desk.csv", MFD_CLOEXEC);

    EXPECT(fd >= 0);
    EXPECT(write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (const char *delimiter = "\0;"; delimiter != NULL; delimiter = *delimiter == '\0' ? delimiter + 1 : NULL) {
        source = source_open(path, NULL, &err);
        if (source != NULL)
            read_all(source, *delimiter);
        else
            EXPECT(err.code == EXIT_INPUT);
        source_close(source);
    }
    close(fd);
    return 0;
}
