/*
 * bare_csv: reads a file with libcsv and counts its cells and rows: what `connload check` is measured against.
 *
 *   bare_csv FILE
 */
#include <csv.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

struct counts {
    unsigned long cells, rows;
};

static void count_cell(void *bytes, size_t len, void *context)
{
    struct counts *counts = context;

    (void)bytes, (void)len;
    counts->cells++;
}

static void count_row(int byte, void *context)
{
    struct counts *counts = context;

    (void)byte;
    counts->rows++;
}

int main(int argc, char **argv)
{
    static char piece[PIECE];
    struct counts counts = {0};
    struct csv_parser parser;
    ssize_t got = -1;
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    csv_init(&parser, 0);
    while (fd >= 0 && (got = read(fd, piece, sizeof(piece))) > 0)
        csv_parse(&parser, piece, (size_t)got, count_cell, count_row, &counts);
    csv_fini(&parser, count_cell, count_row, &counts);
    csv_free(&parser);
    printf("%lu rows, %lu cells\n", counts.rows, counts.cells);
    return got == 0 ? 0 : 1;
}
