#include "io/sniff.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum { COMMAND_MAX = 1 << 17 }; /* bytes of a command with a path in it */

struct magic {
    size_t at;
    const char *bytes;
    size_t len;
    const char *what; /* "NAME is …" */
};

#define BYTES(text) .bytes = (text), .len = sizeof(text) - 1
#define SAVE_SHEET " save the sheet as CSV first (" SNIFF_SAVE_AS ")"
#define SAVE ";" SAVE_SHEET
#define UNPACK(tool) "; unpack it first (" tool ") and give the CSV that comes out"

/* Files known by fixed bytes; the first that fits names the file. Zip archives are told apart by zip_kinds. */
static const struct magic magics[] = {
    {0, BYTES("%PDF-"), "a PDF document, which holds no cells; ask for the sheet behind it, saved as CSV"},
    {0, BYTES("{\\rtf"), "an RTF document; copy its table into a spreadsheet and save that as CSV (" SNIFF_SAVE_AS ")"},
    {0, BYTES("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "an old Excel workbook (.xls) or one with a password" SAVE},
    {0, BYTES("\x89PNG\r\n\x1A\n"), "a PNG image; give the sheet itself, saved as CSV"},
    {0, BYTES("\xFF\xD8\xFF"), "a JPEG image; give the sheet itself, saved as CSV"},
    {0, BYTES("GIF8"), "a GIF image; give the sheet itself, saved as CSV"},
    {0, BYTES("\3757zXZ"), "compressed with xz" UNPACK("xz -d")},
    {0, BYTES("\x28\xB5\x2F\xFD"), "compressed with zstd" UNPACK("zstd -d")},
    {0, BYTES("\x04\x22\x4D\x18"), "compressed with lz4" UNPACK("lz4 -d")},
    {4, BYTES("1AY&SY"), "compressed with bzip2" UNPACK("bzip2 -d")},
    {0, BYTES("\x1F\x9D"), "compressed with compress" UNPACK("uncompress")},
    {0, BYTES("7z\xBC\xAF\x27\x1C"), "a 7z archive" UNPACK("7z x")},
    {0, BYTES("Rar!\x1A"), "a RAR archive" UNPACK("unrar x")},
    {257, BYTES("ustar"), "a tar archive" UNPACK("tar -xf")},
    {0, BYTES("SQLite format 3"), "an SQLite database; export the table as CSV first (sqlite3 -csv -header)"},
};

static const struct magic utf32[] = {
    {0, BYTES("\xFF\xFE\0\0"), NULL},
    {0, BYTES("\0\0\xFE\xFF"), NULL},
};

#define LIBREOFFICE "a LibreOffice workbook (.ods)" SAVE
#define EXCEL "an Excel workbook (.xlsx)" SAVE
#define ZIP "a zip archive" UNPACK("unzip")
#define NUMBERS \
    "a Numbers document; save it as CSV first (in Numbers: File > Export To > CSV…, Text Encoding \"Unicode (UTF-8)\")"

/* Zip archives, by a name that their first entries have. */
static const struct magic zip_kinds[] = {
    {0, BYTES("opendocument.spreadsheet"), LIBREOFFICE},
    {0, BYTES("[Content_Types].xml"), EXCEL},
    {0, BYTES("_rels/.rels"), EXCEL},
    {0, BYTES("xl/"), EXCEL},
    {0, BYTES("Index/"), NUMBERS},
    {0, BYTES(".csv"), ZIP},
};

/* The others, by how the file's name ends, in any case. */
static const struct magic zip_names[] = {
    {0, BYTES(".xlsx"), EXCEL},      {0, BYTES(".xlsm"), EXCEL},      {0, BYTES(".xlsb"), EXCEL},
    {0, BYTES(".ods"), LIBREOFFICE}, {0, BYTES(".numbers"), NUMBERS}, {0, BYTES(".zip"), ZIP},
};

/* Text that isn't CSV, by how it begins after blanks, in any case. */
static const struct magic markups[] = {
    {0, BYTES("<!doctype"), "an HTML page (perhaps a sign-in page in place of the download); download the CSV itself"},
    {0, BYTES("<html"), "an HTML page (perhaps a sign-in page in place of the download); download the CSV itself"},
    {0, BYTES("<table"), "an HTML table; open it in a spreadsheet" SAVE},
    {0, BYTES("<?xml"), "an XML document; open it in a spreadsheet" SAVE},
};

/* How a workbook becomes CSV without a window; nothing for other kinds. */
static void add_command(struct buf *out, const char *name, const char *what)
{
    bool excel = strcmp(what, EXCEL) == 0;

    if ((!excel && strcmp(what, LIBREOFFICE) != 0) || strcmp(name, "standard input") == 0)
        return;
    buf_text(out,
             excel ? "; or, by command: xlsx2csv "
                   : "; or, by command: soffice --headless --convert-to 'csv:Text - txt - csv (StarCalc):44,34,76' ");
    text_shell(out, name);
    buf_text(out, excel ? " | connload check -" : "");
}

static enum sniff refuse(const char *name, const char *what, struct err *err)
{
    struct buf command;

    buf_init(&command, COMMAND_MAX);
    add_command(&command, name, what);
    err_set(err, EXIT_INPUT, "%s is %s%s", name, what, buf_view(&command).data);
    buf_release(&command);
    return SNIFF_REFUSED;
}

static bool begins(struct span text, const struct magic *magic)
{
    return text.len >= magic->at + magic->len && memcmp(text.data + magic->at, magic->bytes, magic->len) == 0;
}

static const char *zip_kind(const char *name, struct span head)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(zip_kinds) / sizeof(zip_kinds[0]); i++)
        if (memmem(head.data, head.len, zip_kinds[i].bytes, zip_kinds[i].len) != NULL)
            return zip_kinds[i].what;
    for (size_t i = 0; i < sizeof(zip_names) / sizeof(zip_names[0]); i++) {
        const struct magic *end = &zip_names[i];

        if (len > end->len &&
            text_equal_fold((struct span){name + len - end->len, end->len}, (struct span){end->bytes, end->len}))
            return end->what;
    }
    return "a zip archive or a workbook; save the workbook's sheet as CSV (" SNIFF_SAVE_AS
           "), or unpack the archive (unzip) and give the CSV that comes out";
}

static const char *binary_kind(const char *name, struct span head)
{
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
        if (begins(head, &magics[i]))
            return magics[i].what;
    if (head.len < 4 || (memcmp(head.data, "PK\3\4", 4) != 0 && memcmp(head.data, "PK\5\6", 4) != 0))
        return NULL;
    return zip_kind(name, head);
}

/* A header may begin with a bracket; `{"`, `[{` and the like are JSON. */
static bool is_json(struct span text)
{
    char opened = text.len > 0 ? text.data[0] : '\0';

    if (opened != '{' && opened != '[')
        return false;
    text = span_trim((struct span){.data = text.data + 1, .len = text.len - 1});
    return text.len > 0 && memchr(opened == '{' ? "\"}" : "{[\"]", text.data[0], opened == '{' ? 2 : 4) != NULL;
}

static const char *markup_kind(struct span text)
{
    text = span_trim(text);
    for (size_t i = 0; i < sizeof(markups) / sizeof(markups[0]); i++) {
        struct span start = {.data = text.data, .len = markups[i].len};

        if (text.len >= start.len && text_equal_fold(start, (struct span){markups[i].bytes, markups[i].len}))
            return markups[i].what;
    }
    if (is_json(text))
        return "JSON, not CSV; convert it first (for example with jq's @csv), or export the sheet as CSV";
    return NULL;
}

/*
 * What UTF-16 without a byte order mark is, or NULL: western text has a NUL in every other byte, nearly, and none in
 * the bytes between.
 */
static const char *utf16_kind(struct span head)
{
    size_t nuls[2] = {0, 0};

    for (size_t i = 0; i < head.len; i++)
        nuls[i % 2] += head.data[i] == '\0';
    if (nuls[0] == 0 && nuls[1] > head.len / 4)
        return "UTF-16 without a byte order mark; name it with --encoding UTF-16LE, or" SAVE_SHEET;
    if (nuls[1] == 0 && nuls[0] > head.len / 4)
        return "UTF-16 without a byte order mark; name it with --encoding UTF-16BE, or" SAVE_SHEET;
    return NULL;
}

static enum sniff mark(struct span head)
{
    if (begins(head, &(struct magic){BYTES("\xEF\xBB\xBF")}))
        return SNIFF_UTF8;
    if (begins(head, &(struct magic){BYTES("\xFF\xFE")}))
        return SNIFF_UTF16LE;
    if (begins(head, &(struct magic){BYTES("\xFE\xFF")}))
        return SNIFF_UTF16BE;
    return begins(head, &(struct magic){BYTES("\x1F\x8B")}) ? SNIFF_GZIP : SNIFF_TEXT;
}

/* A NUL behind the first line is a broken sheet, more likely than something else altogether. */
static enum sniff refuse_nul(const char *name, struct span text, const char *nul, struct err *err)
{
    unsigned crs = 0;
    int64_t line = 1 + sniff_line_ends((struct span){text.data, (size_t)(nul - text.data)}, &crs);

    if (utf16_kind(text) != NULL)
        return refuse(name, utf16_kind(text), err);
    if (line == 1)
        return refuse(name, "not text: it begins with binary data; give the sheet saved as CSV (" SNIFF_SAVE_AS ")",
                      err);
    err_set(err, EXIT_INPUT, "%s:%" PRId64 ": " SNIFF_NUL, name, line);
    return SNIFF_REFUSED;
}

static bool is_utf32(struct span head)
{
    return begins(head, &utf32[0]) || begins(head, &utf32[1]);
}

enum sniff sniff_head(const char *name, struct span head, bool is_named, struct err *err)
{
    const char *what = binary_kind(name, head), *nul;
    enum sniff kind = mark(head);
    size_t bom = sniff_bom(kind);
    struct span text = {.data = head.data + bom, .len = head.len - bom};

    if (head.len == 0)
        return refuse(name, "empty; give a CSV whose first row names the columns", err);
    if (what != NULL)
        return refuse(name, what, err);
    if (is_utf32(head))
        return is_named ? SNIFF_TEXT : refuse(name, "UTF-32; name it with --encoding UTF-32, or" SAVE_SHEET, err);
    if (text.len == 0)
        return refuse(name, "empty but for a byte order mark; give a CSV whose first row names the columns", err);
    if (kind == SNIFF_GZIP || kind == SNIFF_UTF16LE || kind == SNIFF_UTF16BE)
        return kind;
    what = markup_kind(text);
    if (what != NULL)
        return refuse(name, what, err);
    nul = memchr(text.data, '\0', text.len);
    return nul == NULL || (is_named && kind == SNIFF_TEXT) ? kind : refuse_nul(name, text, nul, err);
}

size_t sniff_bom(enum sniff kind)
{
    if (kind == SNIFF_UTF8)
        return 3;
    return kind == SNIFF_UTF16LE || kind == SNIFF_UTF16BE ? 2 : 0;
}

static unsigned crs_after(unsigned crs, char byte)
{
    return byte != '\r' ? 0 : crs < 2 ? crs + 1 : 2;
}

/* A CR counts at once; so an LF after one does not, and one after two takes back what the second counted. */
int64_t sniff_line_ends(struct span text, unsigned *crs)
{
    const char *at = text.data;
    int64_t count = 0;

    for (size_t i = 0; i < text.len && i < 2; i++) {
        count += at[i] == '\r' ? 1 : at[i] != '\n' ? 0 : 1 - (int)*crs;
        *crs = crs_after(*crs, at[i]);
    }
    for (size_t i = 2; i < text.len; i++)
        count += (at[i] == '\r') + ((at[i] == '\n') & (at[i - 1] != '\r')) -
                 ((at[i] == '\n') & (at[i - 1] == '\r') & (at[i - 2] == '\r'));
    if (text.len > 2)
        *crs = crs_after(at[text.len - 2] == '\r', at[text.len - 1]);
    return count;
}
