#include "base/alloc.h"
#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define SPAN(text)               \
    {                            \
        (text), sizeof(text) - 1 \
    }
#define MENU                                                               \
    "in Excel: File > Save As > \"CSV UTF-8 (Comma delimited) (*.csv)\"; " \
    "in LibreOffice: File > Save As… > \"Text CSV (.csv)\", Character set \"Unicode (UTF-8)\""
#define XLSX(name) "; or, by command: xlsx2csv " name " | connload check -"
#define ODS(name) "; or, by command: soffice --headless --convert-to 'csv:Text - txt - csv (StarCalc):44,34,76' " name
#define SAVE_SHEET " save the sheet as CSV first (" MENU ")"
#define SAVE ";" SAVE_SHEET

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
    return chdir("/") != 0 || rmdir(folder) != 0; /* fails where a spool was left behind */
}

static void write_file(struct span bytes)
{
    FILE *file = fopen("desk.csv", "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

/* Appends `text` as one gzip member. */
static void add_gzip(struct buf *out, struct span text)
{
    z_stream stream = {0};
    uLong most;

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    most = deflateBound(&stream, text.len);
    assert_true(buf_reserve(out, most));
    stream.next_in = (unsigned char *)text.data;
    stream.avail_in = (unsigned)text.len;
    stream.next_out = (unsigned char *)out->data + out->len;
    stream.avail_out = (unsigned)most;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len += stream.total_out;
    deflateEnd(&stream);
}

/* Every byte by source_next(), and again by source_at(); the checksum. */
static void check_text(struct source *source, struct span expected)
{
    struct span piece;
    struct err err;
    char *again = alloc_bytes(expected.len);
    size_t at = 0;

    assert_int_equal(source_info(source)->size, expected.len);
    do {
        assert_true(source_next(source, &piece, &err));
        assert_true(piece.len <= SOURCE_PIECE && at + piece.len <= expected.len);
        if (piece.len > 0)
            assert_memory_equal(piece.data, expected.data + at, piece.len);
        at += piece.len;
    } while (piece.len > 0);
    assert_int_equal(at, expected.len);
    assert_int_equal(source_crc(source), crc32(0, (const unsigned char *)expected.data, (unsigned)expected.len));
    assert_true(source_at(source, 0, again, expected.len, &err));
    assert_memory_equal(again, expected.data, expected.len);
    assert_true(source_at(source, expected.len - 1, again, 1, &err));
    assert_int_equal(again[0], expected.data[expected.len - 1]);
    assert_false(source_at(source, expected.len, again, 1, &err));
    free(again);
}

static struct source *open_desk(void)
{
    struct err err;
    struct source *source = source_open("desk.csv", NULL, &err);

    if (source == NULL)
        fail_msg("%s", err.text);
    return source;
}

struct input {
    struct span bytes;
    struct span text;
    bool bom, utf16;
};

static const struct input inputs[] = {
    {SPAN("type,label\n"), SPAN("type,label\n"), false, false},
    {SPAN("t"), SPAN("t"), false, false},
    {SPAN("\xEF\xBB\xBFt,\xC3\xA9\r\n"), SPAN("t,\xC3\xA9\r\n"), true, false},
    {SPAN("\xEF\xBB\xBF\xEF\xBB\xBFt"), SPAN("\xEF\xBB\xBFt"), true, false},
    {SPAN("\xFF\xFEt\0,\0\xE9\0\r\0\n\0"), SPAN("t,\xC3\xA9\r\n"), true, true},
    {SPAN("\xFE\xFF\0t\0,\0\xE9\0\r\0\n"), SPAN("t,\xC3\xA9\r\n"), true, true},
    {SPAN("\xFF\xFE\x3D\xD8\x00\xDE,\0\xAC\x20"), SPAN("\xF0\x9F\x98\x80,\xE2\x82\xAC"), true, true},
    {SPAN("\xFE\xFF\xD8\x3D\xDE\x00\x00,"), SPAN("\xF0\x9F\x98\x80,"), true, true},
    {SPAN("caf\xE9,\xC0\x80"), SPAN("caf\xE9,\xC0\x80"), false, false}, /* the reader's to refuse: it knows the line */
    {SPAN("[desk],{type}\n"), SPAN("[desk],{type}\n"), false, false},
    {SPAN("PKW,Preis\n"), SPAN("PKW,Preis\n"), false, false},
};

static void reads_each_kind_of_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct source *source;

        write_file(inputs[i].bytes);
        source = open_desk();
        assert_string_equal(source_name(source), "desk.csv");
        assert_int_equal(source_info(source)->bom, inputs[i].bom);
        assert_int_equal(source_info(source)->utf16, inputs[i].utf16);
        assert_false(source_info(source)->gzip);
        assert_false(source_info(source)->is_stdin);
        check_text(source, inputs[i].text);
        source_close(source);
    }
}

static void unpacks_each_kind_of_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct source *source;
        struct buf packed;

        buf_init(&packed, 1 << 20);
        add_gzip(&packed, inputs[i].bytes);
        write_file(buf_view(&packed));
        source = open_desk();
        assert_int_equal(source_info(source)->bom, inputs[i].bom);
        assert_int_equal(source_info(source)->utf16, inputs[i].utf16);
        assert_true(source_info(source)->gzip);
        check_text(source, inputs[i].text);
        source_close(source);
        buf_release(&packed);
    }
}

struct refusal {
    struct span bytes;
    const char *sentence; /* after "desk.csv" */
};

static const struct refusal refusals[] = {
    {SPAN(""), " is empty; give a CSV whose first row names the columns"},
    {SPAN("\xEF\xBB\xBF"), " is empty but for a byte order mark; give a CSV whose first row names the columns"},
    {SPAN("\xFF\xFE"), " is empty but for a byte order mark; give a CSV whose first row names the columns"},
    {SPAN("PK\3\4\24\0\6\0\b\0\0\0!\0....................[Content_Types].xml"),
     " is an Excel workbook (.xlsx)" SAVE XLSX("desk.csv")},
    {SPAN("PK\3\4\24\0....................xl/workbook.xml"), " is an Excel workbook (.xlsx)" SAVE XLSX("desk.csv")},
    {SPAN("PK\3\4\24\0..mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK"),
     " is a LibreOffice workbook (.ods)" SAVE ODS("desk.csv")},
    {SPAN("PK\3\4\24\0......Index/Document.iwa"), " is a Numbers document; save it as CSV first (in Numbers: "
                                                  "File > Export To > CSV…, Text Encoding \"Unicode (UTF-8)\")"},
    {SPAN("PK\3\4\24\0......desk.csv"), " is a zip archive; unpack it first (unzip) and give the CSV that comes out"},
    {SPAN("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0"), " is an old Excel workbook (.xls) or one with a password" SAVE},
    {SPAN("%PDF-1.7\n%\xE2\xE3"),
     " is a PDF document, which holds no cells; ask for the sheet behind it, saved as CSV"},
    {SPAN("{\\rtf1\\ansi"), " is an RTF document; copy its table into a spreadsheet and save that as CSV (" MENU ")"},
    {SPAN("\x89PNG\r\n\x1A\n\0\0"), " is a PNG image; give the sheet itself, saved as CSV"},
    {SPAN("\xFF\xD8\xFF\xE0\0\x10JFIF"), " is a JPEG image; give the sheet itself, saved as CSV"},
    {SPAN("\3757zXZ\0"), " is compressed with xz; unpack it first (xz -d) and give the CSV that comes out"},
    {SPAN("\x28\xB5\x2F\xFD$"), " is compressed with zstd; unpack it first (zstd -d) and give the CSV that comes out"},
    {SPAN("BZh91AY&SY"), " is compressed with bzip2; unpack it first (bzip2 -d) and give the CSV that comes out"},
    {SPAN(" \r\n<!DOCTYPE html><html>"),
     " is an HTML page (perhaps a sign-in page in place of the download); download the CSV itself"},
    {SPAN("\xEF\xBB\xBF<HTML>"),
     " is an HTML page (perhaps a sign-in page in place of the download); download the CSV itself"},
    {SPAN("<?xml version=\"1.0\"?>"), " is an XML document; open it in a spreadsheet" SAVE},
    {SPAN("{\"results\": []}"),
     " is JSON, not CSV; convert it first (for example with jq's @csv), or export the sheet as CSV"},
    {SPAN("\n[\n  {\"type\": 1}]"),
     " is JSON, not CSV; convert it first (for example with jq's @csv), or export the sheet as CSV"},
    {SPAN("\xFF\xFE\0\0t\0\0\0"), " is UTF-32; name it with --encoding UTF-32, or" SAVE_SHEET},
    {SPAN("t\0y\0p\0e\0,\0"), " is UTF-16 without a byte order mark; name it with --encoding UTF-16LE, or" SAVE_SHEET},
    {SPAN("\0t\0y\0p\0e\0,"), " is UTF-16 without a byte order mark; name it with --encoding UTF-16BE, or" SAVE_SHEET},
    {SPAN("type,label\nx,\0\1\2"),
     ":2: a NUL byte, so this is no text but binary; give the sheet saved as CSV (" MENU ")"},
    {SPAN("type,\0label\nx"), " is not text: it begins with binary data; give the sheet saved as CSV (" MENU ")"},
    {SPAN("\177ELF\2\1\1\0"), " is not text: it begins with binary data; give the sheet saved as CSV (" MENU ")"},
};

static void expect_refused(const char *path, enum exit_code code, const char *name, const char *sentence)
{
    struct err err = {.code = EXIT_ALL_DONE};
    struct source *source = source_open(path, NULL, &err);

    assert_null(source);
    assert_int_equal(err.code, code);
    assert_memory_equal(err.text, name, strlen(name));
    assert_string_equal(err.text + strlen(name), sentence);
}

static void refuses_what_is_no_csv(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct buf packed;

        write_file(refusals[i].bytes);
        expect_refused("desk.csv", EXIT_INPUT, "desk.csv", refusals[i].sentence);
        buf_init(&packed, 1 << 20);
        add_gzip(&packed, refusals[i].bytes);
        write_file(buf_view(&packed));
        expect_refused("desk.csv", EXIT_INPUT, "desk.csv", refusals[i].sentence);
        buf_release(&packed);
    }
}

static void tells_zips_by_their_names(void **state)
{
    static const struct {
        const char *path, *sentence;
    } table[] = {
        {"book.xlsx", " is an Excel workbook (.xlsx)" SAVE XLSX("book.xlsx")},
        {"BOOK.XLSM", " is an Excel workbook (.xlsx)" SAVE XLSX("BOOK.XLSM")},
        {"book.ods", " is a LibreOffice workbook (.ods)" SAVE ODS("book.ods")},
        {"book.zip", " is a zip archive; unpack it first (unzip) and give the CSV that comes out"},
        {"book", " is a zip archive or a workbook; save the workbook's sheet as CSV (" MENU
                 "), or unpack the archive (unzip) and give the CSV that comes out"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        write_file((struct span)SPAN("PK\3\4\24\0\6\0"));
        assert_int_equal(rename("desk.csv", table[i].path), 0);
        expect_refused(table[i].path, EXIT_INPUT, table[i].path, table[i].sentence);
        assert_int_equal(unlink(table[i].path), 0);
    }
}

static void refuses_paths_that_are_no_file(void **state)
{
    (void)state;
    expect_refused(".", EXIT_INPUT, ".", " is a folder; name the CSV file in it");
    expect_refused("none.csv", EXIT_INPUT, "none.csv", " does not exist; check the name and the folder");
    write_file((struct span)SPAN("type"));
    expect_refused("desk.csv/x", EXIT_INPUT, "desk.csv/x", " does not exist; check the name and the folder");
    expect_refused("", EXIT_INPUT, "", " does not exist; check the name and the folder");
    expect_refused("none\x1B[2J.csv", EXIT_INPUT, "none\\x1B[2J.csv", " does not exist; check the name and the folder");
    expect_refused("/dev/null", EXIT_INPUT, "/dev/null", " is empty; give a CSV whose first row names the columns");
    expect_refused("/dev/zero", EXIT_INPUT, "/dev/zero",
                   " is not text: it begins with binary data; give the sheet saved as CSV (" MENU ")");
}

static void refuses_a_file_that_is_not_ours(void **state)
{
    bool root = geteuid() == 0;

    (void)state;
    write_file((struct span)SPAN("type"));
    assert_int_equal(chmod("desk.csv", 0), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    expect_refused("desk.csv", EXIT_INPUT, "desk.csv",
                   " may not be read by you; ask its owner, or change its permissions (chmod u+r)");
    if (root)
        assert_int_equal(seteuid(0), 0);
    unlink("desk.csv");
}

static void joins_gzip_members(void **state)
{
    static const char *const members[] = {"type,", "", "la", "bel\n"};
    struct source *source;
    struct buf packed;

    (void)state;
    buf_init(&packed, 1 << 20);
    for (size_t i = 0; i < 4; i++)
        add_gzip(&packed, span_of(members[i]));
    write_file(buf_view(&packed));
    source = open_desk();
    check_text(source, (struct span)SPAN("type,label\n"));
    source_close(source);
    buf_release(&packed);
}

static void refuses_broken_gzip(void **state)
{
    struct buf packed;
    size_t whole;

    (void)state;
    buf_init(&packed, 1 << 20);
    add_gzip(&packed, (struct span)SPAN("type,label\nemail,Desk\n"));
    whole = packed.len;
    for (size_t len = 2; len < whole; len++) {
        write_file((struct span){packed.data, len});
        expect_refused("desk.csv", EXIT_INPUT, "desk.csv", " ends in the middle of its gzip data; get the whole file");
    }
    for (const char *const *rest = (const char *const[]){"garbage", "x", "\x1F\x8C", NULL}; *rest != NULL; rest++) {
        packed.len = whole;
        buf_text(&packed, *rest);
        write_file(buf_view(&packed));
        expect_refused("desk.csv", EXIT_INPUT, "desk.csv",
                       strlen(*rest) == 1 ? " ends in the middle of its gzip data; get the whole file"
                                          : " goes on after its gzip data with something else; "
                                            "unpack it by hand (gzip -dc) and see that all is there");
    }
    packed.data[whole - 6] ^= 1;
    write_file((struct span){packed.data, whole});
    expect_refused("desk.csv", EXIT_INPUT, "desk.csv", " is damaged gzip (incorrect data check); get the file again");
    write_file((struct span)SPAN("\x1F\x8Btype"));
    expect_refused("desk.csv", EXIT_INPUT, "desk.csv",
                   " is damaged gzip (unknown compression method); get the file again");
    buf_release(&packed);
}

static void refuses_gzip_in_gzip(void **state)
{
    struct buf once, twice;

    (void)state;
    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    add_gzip(&once, (struct span)SPAN("type,label\n"));
    add_gzip(&twice, buf_view(&once));
    write_file(buf_view(&twice));
    expect_refused("desk.csv", EXIT_INPUT, "desk.csv", " is compressed with gzip twice; unpack it once (gzip -d)");
    buf_release(&once);
    buf_release(&twice);
}

static void refuses_broken_utf16(void **state)
{
    static const struct refusal broken[] = {
        {SPAN("\xFF\376a\0\n\0\r\0\n\0\x00\xD8x\0"),
         ":3: broken UTF-16 (half a surrogate pair); save the sheet again (" MENU ")"},
        {SPAN("\xFE\xFF\0a\0\r\xDC\x00\0x"),
         ":2: broken UTF-16 (half a surrogate pair); save the sheet again (" MENU ")"},
        {SPAN("\xFF\376a\0\n\0b"), ":2: the file ends in the middle of a character of UTF-16, so something is missing; "
                                   "save the sheet again (" MENU ")"},
        {SPAN("\xFF\376a\0\x3D\xD8"), ":1: the file ends in the middle of a character of UTF-16, so something is "
                                      "missing; save the sheet again (" MENU ")"},
        {SPAN("\xFF\376a\0\n\0\0\0b\0"),
         ":2: a NUL byte, so this is no text but binary; give the sheet saved as CSV (" MENU ")"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        write_file(broken[i].bytes);
        expect_refused("desk.csv", EXIT_INPUT, "desk.csv", broken[i].sentence);
    }
}

/* Characters of one unit and of two, so that every cut between chunks falls inside one sooner or later. */
static void recodes_long_utf16(void **state)
{
    struct buf units, text;
    struct source *source;

    (void)state;
    buf_init(&units, 8 << 20);
    buf_init(&text, 8 << 20);
    buf_add(&units, "\xFF\xFE", 2);
    for (size_t i = 0; i < 200000; i++) {
        buf_add(&units, i % 3 == 0 ? "\x3D\xD8\x00\xDE" : "\xAC\x20", i % 3 == 0 ? 4 : 2);
        buf_text(&text, i % 3 == 0 ? "\xF0\x9F\x98\x80" : "\xE2\x82\xAC");
        if (i % 1000 == 0) {
            buf_add(&units, "\r\0\n\0", 4);
            buf_text(&text, "\r\n");
        }
    }
    write_file(buf_view(&units));
    source = open_desk();
    check_text(source, buf_view(&text));
    source_close(source);
    buf_release(&units);
    buf_release(&text);
}

static void add_rows(struct buf *text, size_t rows)
{
    buf_text(text, "type,label\n");
    for (size_t i = 0; i < rows; i++)
        buf_format(text, "email,Desk %zu\n", i);
}

static void unpacks_long_text(void **state)
{
    struct buf text, packed;
    struct source *source;

    (void)state;
    buf_init(&text, 8 << 20);
    buf_init(&packed, 8 << 20);
    add_rows(&text, 100000);
    add_gzip(&packed, (struct span){text.data, text.len / 3});
    add_gzip(&packed, (struct span){text.data + text.len / 3, text.len - text.len / 3});
    write_file(buf_view(&packed));
    source = open_desk();
    check_text(source, buf_view(&text));
    source_close(source);
    buf_release(&text);
    buf_release(&packed);
}

/* Gives `bytes` to a pipe in writes of `part` bytes each, from a child; the pipe's end to read. */
static int pipe_from_child(struct span bytes, size_t part, pid_t *child)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        signal(SIGPIPE, SIG_DFL);
        for (size_t i = 0; i < bytes.len; i += part)
            if (write(ends[1], bytes.data + i, bytes.len - i < part ? bytes.len - i : part) < 0)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static void reads_standard_input(void **state)
{
    static const size_t parts[] = {1, 7, 100000};
    int kept = dup(STDIN_FILENO);
    struct buf text, packed;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_init(&packed, 1 << 20);
    add_rows(&text, 1000);
    add_gzip(&packed, buf_view(&text));
    for (size_t i = 0; i < 6; i++) {
        struct source *source;
        struct err err;
        pid_t child;
        int end = pipe_from_child(buf_view(i < 3 ? &text : &packed), parts[i % 3], &child);

        assert_int_equal(dup2(end, STDIN_FILENO), STDIN_FILENO);
        close(end);
        source = source_open("-", NULL, &err);
        assert_non_null(source);
        assert_string_equal(source_name(source), "standard input");
        assert_true(source_info(source)->is_stdin);
        assert_int_equal(source_info(source)->gzip, i >= 3);
        check_text(source, buf_view(&text));
        source_close(source);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    close(STDIN_FILENO);
    expect_refused("-", EXIT_INPUT, "standard input", " is closed, or can't be read; name the CSV file, or pipe it in");
    assert_int_equal(open(".", O_RDONLY), STDIN_FILENO);
    expect_refused("-", EXIT_INPUT, "standard input", " is a folder; name the CSV file in it");
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    close(kept);
    buf_release(&text);
    buf_release(&packed);
}

static void reads_a_fifo(void **state)
{
    struct source *source;
    pid_t child;
    int status;

    (void)state;
    unlink("desk.csv");
    assert_int_equal(mkfifo("desk.csv", 0600), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(write(open("desk.csv", O_WRONLY), "type,label\n", 11) != 11);
    source = open_desk();
    assert_true(source_info(source)->is_stdin);
    check_text(source, (struct span)SPAN("type,label\n"));
    source_close(source);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    unlink("desk.csv");
}

static void ends_bombs_early(void **state)
{
    static const struct {
        const char *part;
        size_t len;
        const char *sentence;
    } bombs[] = {
        {"\0", 1, ":2: a NUL byte, so this is no text but binary; give the sheet saved as CSV (" MENU ")"},
        {"a", 1, ":2: no line end within 16 MiB, so this is no CSV; give the sheet saved as CSV (" MENU ")"},
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf text, packed;

        buf_init(&text, 64 << 20);
        buf_init(&packed, 64 << 20);
        add_rows(&text, 0);
        buf_text(&text, "email,");
        assert_true(buf_reserve(&text, 17 << 20));
        memset(text.data + text.len, bombs[i].part[0], 17 << 20);
        if (i == 0) /* behind the head, which has its own sentence */
            memset(text.data + text.len, 'x', 5000);
        text.len += 17 << 20;
        add_gzip(&packed, buf_view(&text));
        add_gzip(&packed, (struct span)SPAN("\n")); /* cut off: nobody reads so far */
        packed.len -= 5;
        write_file(buf_view(&packed));
        expect_refused("desk.csv", EXIT_INPUT, "desk.csv", bombs[i].sentence);
        buf_release(&text);
        buf_release(&packed);
    }
}

static void refuses_more_than_1_tib(void **state)
{
    (void)state;
    write_file((struct span)SPAN("type,label\n"));
    if (truncate("desk.csv", (off_t)SOURCE_TEXT_MAX + 1) != 0)
        skip();
    /* the head is NULs as well, so it is covered with text */
    for (int fd = open("desk.csv", O_WRONLY); fd >= 0; fd = -1) {
        char head[4096];

        memset(head, 'x', sizeof(head));
        assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
        close(fd);
    }
    expect_refused("desk.csv", EXIT_INPUT, "desk.csv", " is larger than 1 TiB; split it into several files");
}

static void spools_where_tmpdir_says(void **state)
{
    (void)state;
    write_file((struct span)SPAN("\xFF\xFEt\0"));
    setenv("TMPDIR", "none", 1);
    expect_refused("desk.csv", EXIT_LOCAL, "desk.csv",
                   " needs a temporary file in none (TMPDIR names "
                   "another folder), and none can be made there: No such file or directory");
    setenv("TMPDIR", ".", 1);
    source_close(open_desk());
    setenv("TMPDIR", "", 1);
    source_close(open_desk());
    unsetenv("TMPDIR");
}

static void says_that_the_spool_is_full(void **state)
{
    struct rlimit before, small;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct buf text, packed;

    (void)state;
    buf_init(&text, 8 << 20);
    buf_init(&packed, 8 << 20);
    add_rows(&text, 10000);
    add_gzip(&packed, buf_view(&text));
    write_file(buf_view(&packed));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    expect_refused("desk.csv", EXIT_LOCAL, "desk.csv",
                   " is copied to a temporary file in /tmp (TMPDIR names another "
                   "folder), and that can't be written: File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    buf_release(&text);
    buf_release(&packed);
}

enum { SHEET = 100000 }; /* bytes, of several blocks */

/* A file that has been read once; `text` as it was then. */
static struct source *open_read_sheet(char *text)
{
    struct source *source;
    struct span piece;
    struct err err;

    for (size_t i = 0; i < SHEET; i++)
        text[i] = (char)('a' + i % 7);
    write_file((struct span){text, SHEET});
    source = open_desk();
    do
        assert_true(source_next(source, &piece, &err));
    while (piece.len > 0);
    return source;
}

/* Writes over the file where it is, and sets its times back: they prove nothing. */
static void overwrite(size_t at, const char *text)
{
    struct stat before;
    FILE *file;

    assert_int_equal(stat("desk.csv", &before), 0);
    file = fopen("desk.csv", "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(utimensat(AT_FDCWD, "desk.csv", (const struct timespec[2]){before.st_atim, before.st_mtim}, 0), 0);
}

static void expect_changed(struct source *source, uint64_t offset, size_t len)
{
    char *out = alloc_bytes(len);
    struct err err;

    assert_false(source_at(source, offset, out, len, &err));
    assert_int_equal(err.code, EXIT_INPUT);
    assert_string_equal(err.text,
                        "desk.csv has changed since it was read; put it back as it was and run the same command again");
    free(out);
}

static void expect_at(struct source *source, const char *text, uint64_t offset, size_t len)
{
    char *out = alloc_bytes(len);
    struct err err;

    assert_true(source_at(source, offset, out, len, &err));
    assert_memory_equal(out, text + offset, len);
    free(out);
}

static void reads_at_once_and_in_parts(void **state)
{
    static const size_t lens[] = {1, 2, 16383, 16384, 16385, 50000};
    char *text = alloc_bytes(SHEET);
    struct source *source = open_read_sheet(text);

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        for (size_t at = 0; at + lens[i] <= SHEET; at += 16383)
            expect_at(source, text, at, lens[i]);
    expect_at(source, text, 0, SHEET);
    expect_at(source, text, SHEET - 1, 1);
    source_close(source);
    free(text);
}

static void sees_that_a_file_has_changed(void **state)
{
    char *text = alloc_bytes(SHEET);
    struct source *source = open_read_sheet(text);

    (void)state;
    overwrite(40000, "ba");
    expect_changed(source, 40000, 2);
    expect_changed(source, 33000, 10);    /* with what is beside it: who writes there may write here */
    expect_changed(source, 10, 90000);    /* from before to behind it */
    expect_at(source, text, 90000, 1000); /* another part */
    overwrite(40000, (char[]){text[40000], text[40001], '\0'});
    expect_at(source, text, 0, SHEET); /* put back */

    overwrite(SHEET, "more");
    expect_at(source, text, 0, SHEET); /* behind what there was */
    assert_int_equal(truncate("desk.csv", 99990), 0);
    expect_at(source, text, 10, 10);
    expect_changed(source, SHEET - 1, 1);
    source_close(source);
    free(text);
}

static void keeps_a_file_whose_name_went(void **state)
{
    char *text = alloc_bytes(SHEET);
    struct source *source = open_read_sheet(text);

    (void)state;
    assert_int_equal(rename("desk.csv", "old.csv"), 0);
    write_file((struct span)SPAN("type,label\n"));
    expect_at(source, text, 0, SHEET);
    assert_int_equal(unlink("old.csv"), 0);
    expect_at(source, text, 50000, 1000);
    source_close(source);
    free(text);
}

static void sees_that_a_file_is_cut_while_it_is_read(void **state)
{
    struct source *source;
    struct span piece;
    struct err err;
    char byte;

    (void)state;
    write_file((struct span)SPAN("type,label\n"));
    source = open_desk();
    assert_int_equal(truncate("desk.csv", 5), 0);
    assert_false(source_at(source, 5, &byte, 1, &err));
    assert_int_equal(err.code, EXIT_INPUT);
    assert_string_equal(err.text, "desk.csv has changed while it was read; run again when nothing writes to it");
    assert_false(source_next(source, &piece, &err));
    assert_int_equal(err.code, EXIT_INPUT);
    assert_string_equal(err.text, "desk.csv has changed while it was read; run again when nothing writes to it");
    source_close(source);
}

/* Reads all of the text, and compares the checksum of the file, as sha256sum(1) says it. */
static void assert_sha256(struct source *source, const char *expected)
{
    char hex[DIGEST_HEX];
    struct span piece;
    struct err err;

    do
        assert_true(source_next(source, &piece, &err));
    while (piece.len > 0);
    assert_true(source_sha256(source, hex, &err));
    assert_string_equal(hex, expected);
}

static void knows_the_checksum_of_what_was_read(void **state)
{
    static const char plain[] = "6800c892016244cf261bf21c9ede5f21ea6f22c677cc7e877bbc4e168e4f58f3";
    static const char marked[] = "b4d253ed19cc394dbde860d1d6f8face69043f266b9ecb668ef55ad11680ea8e";
    static const char utf16[] = "9234fbd8d9d8ff55248ce18bde41392633fbf774f2e611f5f81b13d774c413b4";
    char hex[DIGEST_HEX];
    struct source *source;
    struct err err;

    (void)state;
    write_file((struct span)SPAN("type,label\n"));
    source = open_desk();
    assert_int_equal(unlink("desk.csv"), 0);
    write_file((struct span)SPAN("somebody else's\n"));
    assert_sha256(source, plain);
    source_close(source);

    write_file((struct span)SPAN("\xEF\xBB\xBFtype,label\n"));
    source = open_desk();
    assert_sha256(source, marked);
    write_file((struct span)SPAN("\xEF\xBB\xBFtype,label\nemail,A\n"));
    assert_sha256(source, marked);
    write_file((struct span)SPAN("\xEF\xBB\xBFtype,LABEL\n"));
    assert_false(source_sha256(source, hex, &err));
    assert_string_equal(err.text, "desk.csv has changed since it was read");
    source_close(source);

    write_file((struct span)SPAN("\xFF\xFEt\0y\0p\0e\0,\0l\0a\0b\0e\0l\0\n\0"));
    source = open_desk();
    assert_int_equal(unlink("desk.csv"), 0);
    assert_sha256(source, utf16);
    source_close(source);
}

static void closes_nothing(void **state)
{
    (void)state;
    source_close(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_kind_of_text),
        cmocka_unit_test(unpacks_each_kind_of_text),
        cmocka_unit_test(refuses_what_is_no_csv),
        cmocka_unit_test(tells_zips_by_their_names),
        cmocka_unit_test(refuses_paths_that_are_no_file),
        cmocka_unit_test(refuses_a_file_that_is_not_ours),
        cmocka_unit_test(joins_gzip_members),
        cmocka_unit_test(refuses_broken_gzip),
        cmocka_unit_test(refuses_gzip_in_gzip),
        cmocka_unit_test(refuses_broken_utf16),
        cmocka_unit_test(recodes_long_utf16),
        cmocka_unit_test(unpacks_long_text),
        cmocka_unit_test(reads_standard_input),
        cmocka_unit_test(reads_a_fifo),
        cmocka_unit_test(ends_bombs_early),
        cmocka_unit_test(refuses_more_than_1_tib),
        cmocka_unit_test(spools_where_tmpdir_says),
        cmocka_unit_test(says_that_the_spool_is_full),
        cmocka_unit_test(reads_at_once_and_in_parts),
        cmocka_unit_test(sees_that_a_file_has_changed),
        cmocka_unit_test(keeps_a_file_whose_name_went),
        cmocka_unit_test(sees_that_a_file_is_cut_while_it_is_read),
        cmocka_unit_test(knows_the_checksum_of_what_was_read),
        cmocka_unit_test(closes_nothing),
    };

    return cmocka_run_group_tests_name("source", tests, enter_folder, leave_folder);
}
