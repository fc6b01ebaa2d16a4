/*
 * fuzz_header: any header record, with any --map. The input is lines: the first is the header's cells, split at tabs;
 * each line after it is `FIELD=COLUMN` for a --map.
 */
#include "model/header.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_MAX = 64, MAPS_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Cuts `text` at the first `separator`; the rest, or NULL. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);

    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

static size_t read_maps(char *lines, struct header_map maps[MAPS_MAX])
{
    size_t count = 0;

    while (lines != NULL && count < MAPS_MAX) {
        char *next = cut(lines, '\n'), *column = cut(lines, '=');
        enum field field = field_named(span_of(lines));

        if (field < FIELDS && column != NULL)
            maps[count++] = (struct header_map){.field = field, .column = column};
        lines = next;
    }
    return count;
}

static void check_header(const struct header *header, size_t count)
{
    require(header->columns <= count);
    require(header_width(header) <= count);
    for (enum field field = 0; field < FIELDS; field++) {
        require(header->column[field] < (int)header->columns);
        require((header->column[field] >= 0) == (header->names[field] != NULL));
        require((header->likely[field] >= 0) == (header->likely_names[field] != NULL));
        require(header->column[field] < 0 || header->likely[field] < 0);
        for (enum field other = 0; other < field; other++)
            require(header->column[field] < 0 || header->column[field] != header->column[other]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *lines;
    struct span cells[CELLS_MAX];
    struct header_map maps[MAPS_MAX];
    const char *defaults[FIELDS] = {[FIELD_TYPE] = size % 2 == 0 ? "email" : NULL};
    struct header_options options = {.file = "f.csv", .line = 1, .maps = maps, .defaults = defaults};
    struct header header;
    struct buf notes;
    struct err err = {.code = EXIT_ALL_DONE};
    size_t count = 0;

    memcpy(text, data, size);
    text[size] = '\0';
    lines = cut(text, '\n');
    for (char *cell = text; cell != NULL && count < CELLS_MAX; count++) {
        char *next = cut(cell, '\t');

        cells[count] = span_of(cell);
        cell = next;
    }
    options.map_count = read_maps(lines, maps);
    buf_init(&notes, 1 << 20);
    if (header_read(&header, cells, count, &options, &notes, &err)) {
        require(err.code == EXIT_ALL_DONE);
        check_header(&header, count);
        header_release(&header);
    } else {
        require(err.code == EXIT_INPUT || err.code == EXIT_USAGE);
        require(strncmp(err.text, "f.csv:1: ", strlen("f.csv:1: ")) == 0);
    }
    buf_release(&notes);
    free(text);
    return 0;
}
