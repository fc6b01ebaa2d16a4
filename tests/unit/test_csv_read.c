#include "base/alloc.h"
#include "base/hash.h"
#include "io/csv_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/connload-test-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink("desk.csv");
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static void write_sheet(struct span bytes)
{
    FILE *file = fopen("desk.csv", "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static struct source *open_sheet(struct span bytes)
{
    struct err err;
    struct source *source;

    write_sheet(bytes);
    source = source_open("desk.csv", NULL, &err);
    if (source == NULL)
        fail_msg("%s", err.text);
    return source;
}

/* `1:a|b`: the line, and the cells. */
static void show(struct buf *out, const struct csv_record *record)
{
    buf_format(out, "%u:", record->line);
    for (size_t i = 0; i < record->count; i++) {
        buf_text(out, i > 0 ? "|" : "");
        buf_span(out, record->cells[i]);
    }
}

/* The same record by csv_at(), and the same number of cells by csv_split_raw(). */
static void check_again(struct csv_reader *reader, const struct csv_record *record)
{
    struct csv_record again;
    struct err err;
    struct span *raw = alloc_zeroed(record->count + 1, sizeof(*raw));

    if (!csv_at(reader, record->offset, record->raw.len, record->line, &again, &err))
        fail_msg("%s", err.text);
    assert_true(span_equal(again.raw, record->raw));
    assert_int_equal(again.line, record->line);
    assert_int_equal(again.offset, record->offset);
    assert_int_equal(again.count, record->count);
    for (size_t i = 0; i < again.count; i++)
        assert_true(span_equal(again.cells[i], record->cells[i]));
    assert_int_equal(csv_split_raw(record->raw, csv_dialect(reader)->delimiter, raw, record->count + 1), record->count);
    free(raw);
}

/* All records, joined by ` / `; or the sentence. */
static enum csv_step read_all(struct csv_reader *reader, struct buf *out)
{
    struct csv_record record;
    struct err err;
    enum csv_step step;

    buf_text(out, ""); /* so that there is text, be it empty */
    while ((step = csv_next(reader, &record, &err)) == CSV_STEP_RECORD) {
        buf_text(out, out->len > 0 ? " / " : "");
        show(out, &record);
        check_again(reader, &record);
    }
    if (step == CSV_STEP_FAILED) {
        assert_int_equal(err.code, EXIT_INPUT);
        buf_reset(out);
        buf_text(out, err.text);
    }
    return step;
}

struct sheet {
    const char *bytes;
    const char *records;
    enum csv_newline newline;
    char wanted;    /* --delimiter */
    char delimiter; /* that is found; 0 means a comma */
    bool sep_line;
};

static void check_sheet(const struct sheet *sheet)
{
    struct source *source = open_sheet(span_of(sheet->bytes));
    struct csv_reader *reader = csv_reader_new(source, sheet->wanted);
    struct buf out;

    buf_init(&out, 1 << 20);
    if (read_all(reader, &out) != CSV_STEP_END)
        fail_msg("%s: %s", sheet->bytes, out.data);
    if (strcmp(out.data, sheet->records) != 0)
        fail_msg("%s: %s", sheet->bytes, out.data);
    assert_int_equal(csv_dialect(reader)->delimiter, sheet->delimiter != '\0' ? sheet->delimiter : ',');
    assert_int_equal(csv_dialect(reader)->newline, sheet->newline);
    assert_int_equal(csv_dialect(reader)->sep_line, sheet->sep_line);
    buf_release(&out);
    csv_reader_free(reader);
    source_close(source);
}

static const struct sheet sheets[] = {
    /* line ends */
    {.bytes = "a,b\nc,d\n", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b\nc,d", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b", .records = "1:a|b"},
    {.bytes = "a,b\r\nc,d\r\n", .records = "1:a|b / 2:c|d", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "a,b\r\nc,d\r", .records = "1:a|b / 2:c|d", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "a,b\rc,d\r", .records = "1:a|b / 2:c|d", .newline = CSV_NEWLINE_CR},
    {.bytes = "a,b\rc,d", .records = "1:a|b / 2:c|d", .newline = CSV_NEWLINE_CR},
    {.bytes = "a,b\nc,d\r\ne,f\rg,h", .records = "1:a|b / 2:c|d / 3:e|f / 4:g|h"},
    {.bytes = "\"a\"\r\n\"b\"", .records = "1:a / 2:b", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "\"a\"\r\"b\"", .records = "1:a / 2:b", .newline = CSV_NEWLINE_CR},
    {.bytes = "a,b\r\r\nc,d\r\r\n", .records = "1:a|b / 2:c|d", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "a,b\r\r\nc,d\r\n\r\r\n\"e\",f\r\r\n", .records = "1:a|b / 2:c|d / 4:e|f", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "a,\"b\r\r\nc\"\r\r\nd,e", .records = "1:a|b\r\r\nc / 3:d|e", .newline = CSV_NEWLINE_CRLF},
    /* blank lines and rows */
    {.bytes = "a,b\n\n\nc,d\n\n\n", .records = "1:a|b / 4:c|d"},
    {.bytes = "a,b\r\n\r\nc,d\r\n", .records = "1:a|b / 3:c|d", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "a,b\r\rc,d\r", .records = "1:a|b / 3:c|d", .newline = CSV_NEWLINE_CR},
    {.bytes = "\n\na,b\n", .records = "3:a|b"},
    {.bytes = "a,b\n,\n,,,\n \t \n\"\",\"\"\n\" \n\"\nc,d\n", .records = "1:a|b / 8:c|d"},
    {.bytes = ";;\n\na;b;c\n", .records = "3:a|b|c", .delimiter = ';'},
    {.bytes = "\n", .records = "", .newline = CSV_NEWLINE_LF},
    {.bytes = ",,\n,,\n", .records = ""},
    {.bytes = "a,b\n\u00A0,\n,\u200B\n\u3000,\u3164\nc,d\n", .records = "1:a|b / 5:c|d"},
    /* ragged rows */
    {.bytes = "a,b,c\nd\ne,\nf,,,,\n", .records = "1:a|b|c / 2:d / 3:e| / 4:f||||"},
    {.bytes = ",b\na,\n", .records = "1:|b / 2:a|"},
    {.bytes = "a\nb\n", .records = "1:a / 2:b"},
    /* blanks are the cell's */
    {.bytes = " a , b\t\nc, \"d\" \n", .records = "1: a | b\t / 2:c| \"d\" "},
    {.bytes = "\" a \",\"\tb\"\n", .records = "1: a |\tb"},
    /* quotes */
    {.bytes = "\"a\",\"b\"\n", .records = "1:a|b"},
    {.bytes = "\"a,b\",c\n", .records = "1:a,b|c"},
    {.bytes = "\"say \"\"hi\"\"\",c\n", .records = "1:say \"hi\"|c"},
    {.bytes = "\"\"\"\",\"\"\"\"\"\"\n", .records = "1:\"|\"\""},
    {.bytes = "a,\"\"\n\"\",b", .records = "1:a| / 2:|b"},
    {.bytes = "5\" pipe,\"6\"\" pipe\",a\"b\"\n", .records = "1:5\" pipe|6\" pipe|a\"b\""},
    {.bytes = "x,5\"\ny,6\"\n", .records = "1:x|5\" / 2:y|6\""},
    /* line breaks in cells */
    {.bytes = "a,\"b\nc\"\nd,e\n", .records = "1:a|b\nc / 3:d|e"},
    {.bytes = "a,\"b\r\nc\r\n\"\r\nd,e\r\n", .records = "1:a|b\r\nc\r\n / 4:d|e", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "\"a\rb\",\"c\r\"\n\nd,e\n", .records = "1:a\rb|c\r / 5:d|e"},
    {.bytes = "\"\n\n\",x\ny\n", .records = "1:\n\n|x / 4:y"},
    /* BOM */
    {.bytes = "\xEF\xBB\277a,b\n", .records = "1:a|b"},
    {.bytes = "\xEF\xBB\xBF\"a\",b\n", .records = "1:a|b"},
    {.bytes = "a,b\n\xEF\xBB\277c,d\n", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b\n\xEF\xBB\xBF\"c,\",d\n", .records = "1:a|b / 2:c,|d"},
    {.bytes = "a,b\n\xEF\xBB\xBF\n\xEF\xBB\xBF", .records = "1:a|b"},
    {.bytes = "a,b\nc,\xEF\xBB\277d\n", .records = "1:a|b / 2:c|\xEF\xBB\277d"},
    /* Ctrl-Z */
    {.bytes = "a,b\nc,d\n\x1A", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b\nc,d\x1A\x1A\x1A", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b\nc,\"d\"\x1A", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b\r\nc,d\r\n\x1A\r\n", .records = "1:a|b / 2:c|d", .newline = CSV_NEWLINE_CRLF},
    {.bytes = "a,b\n\x1A\xEF\xBB\xBF\"c\",d\n\x1A", .records = "1:a|b / 2:c|d"},
    {.bytes = "a,b\nc,d\x1A\n", .records = "1:a|b / 2:c|d\x1A"},
    {.bytes = "Zürich,東京\n😀,é\n", .records = "1:Zürich|東京 / 2:😀|é"},
    /* delimiters */
    {.bytes = "a;b\nc,x;d\n", .records = "1:a|b / 2:c,x|d", .delimiter = ';'},
    {.bytes = "a\tb\nc\t\n", .records = "1:a|b / 2:c|", .delimiter = '\t'},
    {.bytes = "a\t b \t\n", .records = "1:a| b |", .delimiter = '\t'},
    {.bytes = "\"a;b\",c\n", .records = "1:a;b|c"},
    {.bytes = "\"a,b,c\";d\n", .records = "1:a,b,c|d", .delimiter = ';'},
    {.bytes = "\"a\nb\";d\n", .records = "1:a\nb|d", .delimiter = ';'},
    {.bytes = "Type;Label (a, b, c, or d)\nx;y\n", .records = "1:Type|Label (a, b, c, or d) / 2:x|y", .delimiter = ';'},
    {.bytes = "share-with-org,Notes; and; more; of; them\n", .records = "1:share-with-org|Notes; and; more; of; them"},
    {.bytes = "\"type\";\"label\";\"x,y,z,u,v\"\n", .records = "1:type|label|x,y,z,u,v", .delimiter = ';'},
    {.bytes = "a,b;c,d;e\n", .records = "1:a|b;c|d;e"},
    {.bytes = "a,b\n", .records = "1:a,b", .wanted = ';', .delimiter = ';'},
    {.bytes = "a|b\n|\nc|\"d|\"\n", .records = "1:a|b / 3:c|d|", .wanted = '|', .delimiter = '|'},
    {.bytes = "a b\n\"c\" d\n", .records = "1:a|b / 2:c|d", .wanted = ' ', .delimiter = ' '},
    /* sep= */
    {.bytes = "sep=;\na;b\n", .records = "2:a|b", .delimiter = ';', .sep_line = true},
    {.bytes = "SEP=,\r\na;b,c\r\n", .records = "2:a;b|c", .newline = CSV_NEWLINE_CRLF, .sep_line = true},
    {.bytes = "\"sep=|\"\na|b\n", .records = "2:a|b", .delimiter = '|', .sep_line = true},
    {.bytes = "\xEF\xBB\xBFsep=\t\na\tb\n", .records = "2:a|b", .delimiter = '\t', .sep_line = true},
    {.bytes = "sep=;\na,b;c\n", .records = "2:a|b;c", .wanted = ',', .sep_line = true},
    {.bytes = "sep=;\n", .records = "", .delimiter = ';', .sep_line = true},
    {.bytes = "sep=;;\n", .records = "1:sep=||", .delimiter = ';'},
    {.bytes = "a\nsep=;\n", .records = "1:a / 2:sep=;"},
};

static void reads_sheets_as_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sheets) / sizeof(sheets[0]); i++)
        check_sheet(&sheets[i]);
}

struct mistake {
    struct span bytes;
    const char *sentence;
};

#define SPAN(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }
#define REMEDY "write a quote inside a cell twice (\"\") and quote the whole cell, as a spreadsheet does"
#define CLOSE "put the closing quote (\") at the end of that cell, and " REMEDY
#define MENU                                                               \
    "in Excel: File > Save As > \"CSV UTF-8 (Comma delimited) (*.csv)\"; " \
    "in LibreOffice: File > Save As… > \"Text CSV (.csv)\", Character set \"Unicode (UTF-8)\""
#define SAVE "name what it is (--encoding windows-1252), or save the sheet as UTF-8 (" MENU ")"

static const struct mistake mistakes[] = {
    {SPAN("a,b\nc,\"d\n"), "desk.csv:2: row 2: a quote opened in column B is never closed; " CLOSE},
    {SPAN("a,b\n\"c\nd\",\"e\nf,g\nh"), "desk.csv:3: row 2: a quote opened in column B is never closed; " CLOSE},
    {SPAN("a\n\""), "desk.csv:2: row 2: a quote opened in column A is never closed; " CLOSE},
    {SPAN("a\n\"b\"\"\nc"), "desk.csv:2: row 2: a quote opened in column A is never closed; " CLOSE},
    {SPAN("\"a\"|\"b\"\n"), "desk.csv:1: text follows the closing quote in column A; if cells are separated by |, add "
                            "--delimiter '|'"},
    {SPAN("a,b\nc,\"d\"e\n"), "desk.csv:2: row 2: text follows the closing quote in column B; " REMEDY},
    {SPAN("a,b\n\"c\" ,d\n"), "desk.csv:2: row 2: a blank follows the closing quote in column A; " REMEDY},
    {SPAN("a,b\n\"c,d\ne,\"f\"\n"), "desk.csv:3: row 2: text follows the closing quote in column A "
                                    "(a cell that begins on line 2, perhaps without its closing quote); " REMEDY},
    {SPAN("a,b\nc,caf\xE9\n"),
     "desk.csv:2: row 2: column B: byte 0xE9 is not UTF-8 (in Windows-1252 it would be \"é\"); " SAVE},
    {SPAN("a,b\nc,\"x,\ny\xA0\"\n"),
     "desk.csv:3: row 2: column B: byte 0xA0 is not UTF-8 (in Windows-1252 it would be \"\xC2\xA0\"); " SAVE},
    {SPAN("a\r\rb\x93x\x94"),
     "desk.csv:3: row 3: column A: byte 0x93 is not UTF-8 (it looks like Windows-1252); " SAVE},
    {SPAN("a\n\xC3\x28\n"),
     "desk.csv:2: row 2: column A: byte 0xC3 is not UTF-8 (in Windows-1252 it would be \"Ã\"); " SAVE},
    {SPAN("a\n\xED\xA0\x80\n"), "desk.csv:2: row 2: column A: byte 0xED is not UTF-8; " SAVE},
    {SPAN("\xFF\n"), "desk.csv:1: column A: byte 0xFF is not UTF-8 (in Windows-1252 it would be \"ÿ\"); " SAVE},
};

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct source *source = open_sheet(mistakes[i].bytes);
        struct csv_reader *reader = csv_reader_new(source, '\0');
        struct buf out;

        buf_init(&out, 1 << 20);
        assert_int_equal(read_all(reader, &out), CSV_STEP_FAILED);
        assert_string_equal(out.data, mistakes[i].sentence);
        buf_release(&out);
        csv_reader_free(reader);
        source_close(source);
    }
}

/* Text that is made, not written down. */
struct made {
    struct buf text;
    struct source *source;
    struct csv_reader *reader;
    struct buf out;
};

static void make(struct made *made)
{
    buf_init(&made->text, 64 << 20);
    buf_init(&made->out, 64 << 20);
}

static enum csv_step read_made(struct made *made)
{
    made->source = open_sheet(buf_view(&made->text));
    made->reader = csv_reader_new(made->source, '\0');
    return read_all(made->reader, &made->out);
}

static void unmake(struct made *made)
{
    csv_reader_free(made->reader);
    source_close(made->source);
    buf_release(&made->text);
    buf_release(&made->out);
}

/* `count` times `part`. What is there is doubled: a call for each part would take seconds. */
static void repeat(struct buf *text, const char *part, size_t count)
{
    size_t from = text->len, len = count * strlen(part);

    if (count == 0)
        return;
    assert_true(buf_reserve(text, len));
    buf_text(text, part);
    while (text->len - from < len) {
        size_t more = text->len - from;

        buf_add(text, text->data + from, more < len - more ? more : len - more);
    }
}

static void reads_a_cell_of_10_mib(void **state)
{
    static const char *const ways[][3] = {{"x,", "ab\"c", "\n"}, {"x,\"", "a\n,c", "\"\n"}, {"\"", "\"\"bc", "\"\r"}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct made made;
        struct csv_record record;
        struct err err;

        make(&made);
        buf_text(&made.text, "type,label\n");
        buf_text(&made.text, ways[i][0]);
        repeat(&made.text, ways[i][1], 10 << 18);
        buf_text(&made.text, ways[i][2]);
        buf_text(&made.text, "last,row");
        made.source = open_sheet(buf_view(&made.text));
        made.reader = csv_reader_new(made.source, '\0');
        assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_RECORD);
        assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_RECORD);
        assert_int_equal(record.cells[record.count - 1].len, i < 2 ? 10 << 20 : 3 * (10 << 18));
        check_again(made.reader, &record);
        assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_RECORD);
        assert_int_equal(record.line, i == 1 ? 3 + (10 << 18) : 3);
        assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_END);
        unmake(&made);
    }
}

static void refuses_a_record_over_16_mib(void **state)
{
    static const struct {
        const char *begin, *part, *sentence;
    } ways[] = {
        {"x,", "abcd",
         "desk.csv:2: row 2: a row of more than 16 MiB, so this is no sheet; give the sheet saved as CSV (" MENU ")"},
        {"x,\"", "ab\"\"", "desk.csv:2: row 2: a quote opened in column B is not closed within 16 MiB; " CLOSE},
        {"x,\"", "a\n,b", "desk.csv:2: row 2: a quote opened in column B is not closed within 16 MiB; " CLOSE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct made made;

        make(&made);
        buf_text(&made.text, "type,label\n");
        buf_text(&made.text, ways[i].begin);
        repeat(&made.text, ways[i].part, 5 << 20);
        assert_int_equal(read_made(&made), CSV_STEP_FAILED);
        assert_string_equal(made.out.data, ways[i].sentence);
        unmake(&made);
    }
}

static void takes_a_record_of_just_the_cap(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct made made;

        make(&made);
        repeat(&made.text, "a", CSV_RECORD_MAX + (size_t)over);
        assert_int_equal(read_made(&made), over ? CSV_STEP_FAILED : CSV_STEP_END);
        assert_int_equal(made.out.len > CSV_RECORD_MAX, !over);
        unmake(&made);
    }
}

static void takes_20000_cells_and_no_more(void **state)
{
    static const size_t counts[] = {16384, CSV_CELLS_MAX, CSV_CELLS_MAX + 1, 1000000};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        for (int quoted = 0; quoted < 2; quoted++) {
            struct made made;
            char sentence[256];

            make(&made);
            buf_text(&made.text, "a,b\n");
            repeat(&made.text, quoted ? "\"c\"," : "c,", counts[i] - 1);
            assert_int_equal(read_made(&made), counts[i] > CSV_CELLS_MAX ? CSV_STEP_FAILED : CSV_STEP_END);
            snprintf(sentence, sizeof(sentence),
                     "desk.csv:2: row 2: a row of %zu cells, more than any spreadsheet holds (16384); "
                     "split it into rows",
                     counts[i]);
            if (counts[i] > CSV_CELLS_MAX)
                assert_string_equal(made.out.data, sentence);
            unmake(&made);
        }
}

/* Rows of every length up to some pieces, so that every byte of a CRLF and of a quoted cell meets a piece's end. */
static void crosses_pieces_anywhere(void **state)
{
    enum { ROWS = 4000 };
    struct made made;
    struct csv_record record;
    struct err err;
    uint32_t line = 2;

    (void)state;
    make(&made);
    buf_text(&made.text, "type,label,x\r\n");
    for (size_t i = 0; i < ROWS; i++) {
        repeat(&made.text, "é", i % 301);
        buf_text(&made.text, i % 3 == 0 ? ",\"\"\"\r\n,\"\"\"" : ",b");
        buf_format(&made.text, ",%zu\r\n%s", i, i % 7 == 0 ? "\r\n" : "");
    }
    made.source = open_sheet(buf_view(&made.text));
    made.reader = csv_reader_new(made.source, '\0');
    assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_RECORD);
    for (size_t i = 0; i < ROWS; i++) {
        char last[16];

        assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_RECORD);
        snprintf(last, sizeof(last), "%zu", i);
        assert_int_equal(record.count, 3);
        assert_int_equal(record.cells[0].len, 2 * (i % 301));
        assert_true(span_equal(record.cells[1], span_of(i % 3 == 0 ? "\"\r\n,\"" : "b")));
        assert_true(span_equal(record.cells[2], span_of(last)));
        assert_int_equal(record.line, line);
        assert_memory_equal(record.raw.data, made.text.data + record.offset, record.raw.len);
        check_again(made.reader, &record);
        line += 1U + (i % 3 == 0) + (i % 7 == 0);
    }
    assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_END);
    assert_int_equal(csv_dialect(made.reader)->newline, CSV_NEWLINE_CRLF);
    unmake(&made);
}

static void finds_a_nul_behind_the_head(void **state)
{
    struct made made;

    (void)state;
    make(&made);
    repeat(&made.text, "type,\"label\nx\"\n", 50000);
    buf_add(&made.text, "a\nb\0c\n", 6);
    assert_int_equal(read_made(&made), CSV_STEP_FAILED);
    assert_string_equal(made.out.data, "desk.csv:100002: row 50002: a NUL byte, so this is no text but binary; "
                                       "give the sheet saved as CSV (" MENU ")");
    unmake(&made);
}

static void reads_rows_again_in_any_order(void **state)
{
    enum { ROWS = 1000 };
    struct made made;
    struct csv_record record, again;
    struct err err;
    struct {
        uint64_t offset, hash;
        size_t len;
    } rows[ROWS];

    (void)state;
    make(&made);
    for (size_t i = 0; i < ROWS; i++)
        buf_format(&made.text, i % 2 ? "row,%zu\n" : "\"row\n\",%zu\n", i * i);
    made.source = open_sheet(buf_view(&made.text));
    made.reader = csv_reader_new(made.source, '\0');
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(csv_next(made.reader, &record, &err), CSV_STEP_RECORD);
        rows[i].offset = record.offset;
        rows[i].len = record.raw.len;
        rows[i].hash = hash_span(HASH_START, record.cells[1]);
    }
    for (size_t i = 0; i < ROWS; i++) {
        size_t j = i * 379 % ROWS;

        assert_true(csv_at(made.reader, rows[j].offset, rows[j].len, 7, &again, &err));
        assert_int_equal(again.count, 2);
        assert_int_equal(hash_span(HASH_START, again.cells[1]), rows[j].hash);
        assert_int_equal(again.line, 7);
    }
    /* the record of csv_next() is untouched */
    assert_true(span_equal(record.cells[0], span_of("row")));
    assert_true(span_equal(record.cells[1], span_of("998001")));
    unmake(&made);
}

static void reads_no_row_that_has_changed(void **state)
{
    static const char *const changes[] = {"c,dEf", "c\nd,e", "\"c,de", "c,d", ""};
    struct csv_record record, again;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct source *source = open_sheet(span_of("a,b\nc,def"));
        struct csv_reader *reader = csv_reader_new(source, '\0');
        FILE *file;

        assert_int_equal(csv_next(reader, &record, &err), CSV_STEP_RECORD);
        assert_int_equal(csv_next(reader, &record, &err), CSV_STEP_RECORD);
        file = fopen("desk.csv", "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, 4, SEEK_SET), 0);
        assert_true(fputs(changes[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(truncate("desk.csv", (off_t)(4 + strlen(changes[i]))), 0);
        assert_false(csv_at(reader, record.offset, record.raw.len, record.line, &again, &err));
        assert_int_equal(err.code, EXIT_INPUT);
        assert_string_equal(
            err.text, "desk.csv has changed since it was read; put it back as it was and run the same command again");
        csv_reader_free(reader);
        source_close(source);
    }
}

static void reads_nothing_but_whole_rows(void **state)
{
    static const struct {
        const char *sheet;
        uint64_t offset;
        size_t len;
    } places[] = {{"a,b\nc,def\n", 2, 3},
                  {"a,b\rc,def\n", 2, 3},
                  {"a,b\n\"c\",d\n", 4, 2},
                  {"a,b\nc,\xC3\xA9\n", 4, 3},
                  {"a,b\nc,d\n", 4, 0}};
    struct csv_record record, again;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct source *source = open_sheet(span_of(places[i].sheet));
        struct csv_reader *reader = csv_reader_new(source, '\0');

        assert_int_equal(csv_next(reader, &record, &err), CSV_STEP_RECORD);
        assert_false(csv_at(reader, places[i].offset, places[i].len, 2, &again, &err));
        assert_int_equal(err.code, EXIT_INPUT);
        assert_string_equal(err.text, "desk.csv:2: the row has changed since it was first read; "
                                      "run again when nothing writes to the file");
        csv_reader_free(reader);
        source_close(source);
    }
}

static void splits_raw_cells(void **state)
{
    static const struct {
        const char *raw, *cells;
    } rows[] = {
        {"", "[]"},
        {"a", "[a]"},
        {"a,b,", "[a][b][]"},
        {",", "[][]"},
        {"\"a,\"\"b\"\"\", c ,\"\"", "[\"a,\"\"b\"\"\"][ c ][\"\"]"},
        {"\"a\nb\",5\"", "[\"a\nb\"][5\"]"},
        {"\"a\"x,b", "[\"a\"x][b]"}, /* never in a record: the rest is not lost */
        {"\"a,b", "[\"a,b]"},
        {"a\nb,c", "[a\nb][c]"},
    };
    struct span cells[3];
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t count = csv_split_raw(span_of(rows[i].raw), ',', cells, 3);

        buf_reset(&out);
        assert_true(count <= 3);
        for (size_t j = 0; j < count; j++)
            buf_format(&out, "[%.*s]", (int)cells[j].len, cells[j].data);
        assert_string_equal(out.data, rows[i].cells);
    }
    cells[1] = span_of("kept");
    assert_int_equal(csv_split_raw(span_of("a,b,c,d"), ',', cells, 1), 4);
    assert_int_equal(csv_split_raw(span_of("a,b,c,d"), ',', NULL, 0), 4);
    assert_true(span_equal(cells[1], span_of("kept")));
    buf_release(&out);
}

static void names_its_library(void **state)
{
    (void)state;
    assert_memory_equal(csv_version(), "libcsv 3.", 9);
    csv_reader_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_sheets_as_they_are),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(reads_a_cell_of_10_mib),
        cmocka_unit_test(refuses_a_record_over_16_mib),
        cmocka_unit_test(takes_a_record_of_just_the_cap),
        cmocka_unit_test(takes_20000_cells_and_no_more),
        cmocka_unit_test(crosses_pieces_anywhere),
        cmocka_unit_test(finds_a_nul_behind_the_head),
        cmocka_unit_test(reads_rows_again_in_any_order),
        cmocka_unit_test(reads_no_row_that_has_changed),
        cmocka_unit_test(reads_nothing_but_whole_rows),
        cmocka_unit_test(splits_raw_cells),
        cmocka_unit_test(names_its_library),
    };

    return cmocka_run_group_tests_name("csv_read", tests, enter_folder, leave_folder);
}
