#include "io/source.h"

#include "base/alloc.h"
#include "base/text.h"
#include "io/disk.h"
#include "io/scratch.h"
#include "io/sniff.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CHUNK = 1 << 16,      /* bytes that spooling reads, inflates or recodes at a time */
    UNIT = 16,            /* bytes of a character at most */
    NAME_SHOWN = 1024,    /* characters of a path in messages */
    NAME_BYTES = 1 << 16, /* the same as bytes, escapes included */
    BLOCK = 1 << 14,      /* bytes that source_at() reads at once: rows are mostly read again in order */
};
static_assert(SOURCE_PIECE % BLOCK == 0, "a piece is whole blocks, but for the last");

struct source {
    char *name;
    const char *encoding; /* that the user names; NULL = none; used while it is opened */
    int fd;               /* of the file itself, or of the spool */
    int file;             /* the file that was spooled; -1: none */
    struct source_info info;
    uint64_t start; /* where the text begins in `fd`: after a byte order mark */
    uint64_t at;    /* of the next piece */
    uint32_t crc;
    char *piece;
    uint32_t *block_crc;   /* of each BLOCK of the text that source_next() gave */
    uint64_t blocks_given; /* of them */
    char *block;           /* room for one: number `block_number`, `block_len` bytes; 0 = none */
    uint64_t block_number;
    size_t block_len;
};

/* An input on its way into the spool: bytes as read, inflated, the kind found, recoded, inspected, written. */
struct spool {
    const char *name;
    const char *encoding; /* that the user names; NULL = none */
    struct source_info *info;
    int out;
    bool begun;     /* the head is whole and its kind known */
    bool in_member; /* of gzip; false between members */
    bool recodes;   /* the text is not in UTF-8, and `recoder` is open */
    unsigned crs;   /* that the text so far ends in, 2 at most */
    uint64_t line;  /* physical line that the text so far ends on */
    uint64_t run;   /* bytes since the last line end */
    struct buf head;
    z_stream inflating;
    size_t members; /* that have ended */
    iconv_t recoder;
    size_t tail_len;
    char tail[UNIT]; /* the first bytes of a character that the next chunk ends */
    unsigned char inflated[CHUNK];
    char units[CHUNK + UNIT];
    char recoded[2 * CHUNK]; /* two bytes of UTF-16 become three of UTF-8 at most */
    bool not_utf8;           /* what is recoded can't be UTF-8 */
    bool beyond_ascii;       /* it has bytes that ASCII lacks */
    unsigned due;            /* were it UTF-8: bytes that its last character lacks yet */
};

/* ---- Spooling ---- */

static bool write_spool(const struct spool *spool, struct span text, struct err *err)
{
    return disk_write(spool->out, text.data, text.len) ||
           err_system(err,
                      "%s is copied to a temporary file in %s (TMPDIR names another folder), "
                      "and that can't be written",
                      spool->name, scratch_folder());
}

/* Counts lines, and ends early what no reader would take: bombs of NULs or of text without end. */
static bool inspect(struct spool *spool, struct span text, struct err *err)
{
    const char *nul = memchr(text.data, '\0', text.len);
    struct span good = {.data = text.data, .len = nul != NULL ? (size_t)(nul - text.data) : text.len};

    for (size_t i = 0; i < good.len; i += CHUNK) {
        struct span part = {.data = good.data + i, .len = good.len - i < CHUNK ? good.len - i : CHUNK};
        const char *lf = memrchr(part.data, '\n', part.len), *cr = memrchr(part.data, '\r', part.len);
        const char *last = cr == NULL || (lf != NULL && lf > cr) ? lf : cr;

        spool->line += (uint64_t)sniff_line_ends(part, &spool->crs);
        spool->run = last != NULL ? (uint64_t)(part.data + part.len - last) - 1 : spool->run + part.len;
        if (spool->run > SOURCE_LINE_MAX)
            return err_set(err, EXIT_INPUT,
                           "%s:%" PRIu64 ": no line end within 16 MiB, so this is no CSV; "
                           "give the sheet saved as CSV (" SNIFF_SAVE_AS ")",
                           spool->name, spool->line);
    }
    if (nul != NULL)
        return err_set(err, EXIT_INPUT, "%s:%" PRIu64 ": " SNIFF_NUL, spool->name, spool->line);
    return true;
}

static bool take_text(struct spool *spool, struct span text, struct err *err)
{
    if (spool->recodes && spool->info->size == 0 && text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        text = (struct span){text.data + 3, text.len - 3}; /* a byte order mark of that encoding */
    if (text.len == 0)
        return true;
    if (text.len > SOURCE_SPOOL_MAX - spool->info->size)
        return err_set(err, EXIT_INPUT, "%s holds more than 16 GiB of text; split it into several files", spool->name);
    if (!inspect(spool, text, err))
        return false;
    spool->info->size += text.len;
    return write_spool(spool, text, err);
}

static bool broken_text(const struct spool *spool, unsigned char byte, struct err *err)
{
    if (!spool->info->utf16)
        return err_set(err, EXIT_INPUT,
                       "%s:%" PRIu64 ": byte 0x%02X is no text in %s; give --encoding the name of what the sheet was "
                       "saved in, or save it as UTF-8 (" SNIFF_SAVE_AS ")",
                       spool->name, spool->line, byte, spool->encoding);
    return err_set(err, EXIT_INPUT,
                   "%s:%" PRIu64 ": broken UTF-16 (half a surrogate pair); "
                   "save the sheet again (" SNIFF_SAVE_AS ")",
                   spool->name, spool->line);
}

/* Whether what is recoded may be UTF-8 all along: letters of another encoding hardly ever look like it. */
static void note_utf8(struct spool *spool, struct span bytes)
{
    for (size_t i = 0; i < bytes.len && !spool->not_utf8; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];

        spool->beyond_ascii = spool->beyond_ascii || byte >= 0x80;
        if (spool->due > 0) {
            spool->not_utf8 = (byte & 0xC0) != 0x80;
            spool->due--;
        } else if (byte >= 0x80) {
            spool->not_utf8 = byte < 0xC2 || byte > 0xF4;
            spool->due = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
        }
    }
}

/* Hands on what iconv() makes of `in`, piece by piece; what it takes no more of is left. Its errno, or 0. */
static bool recode(struct spool *spool, char **in, size_t *in_left, int *failure, struct err *err)
{
    do {
        char *out = spool->recoded;
        size_t out_left = sizeof(spool->recoded);

        *failure = iconv(spool->recoder, in, in_left, &out, &out_left) == (size_t)-1 ? errno : 0;
        if (!take_text(spool, (struct span){spool->recoded, (size_t)(out - spool->recoded)}, err))
            return false;
    } while (*failure == E2BIG);
    return true;
}

/* At most CHUNK bytes that are not in UTF-8; what is left of a character stays in `tail`. */
static bool take_units(struct spool *spool, struct span bytes, struct err *err)
{
    char *in = spool->units;
    size_t in_left = spool->tail_len + bytes.len;
    int failure;

    note_utf8(spool, bytes);
    memcpy(in, spool->tail, spool->tail_len);
    memcpy(in + spool->tail_len, bytes.data, bytes.len);
    if (!recode(spool, &in, &in_left, &failure, err))
        return false;
    if ((failure != 0 && failure != EINVAL) || in_left >= UNIT)
        return broken_text(spool, (unsigned char)*in, err);
    memcpy(spool->tail, in, in_left);
    spool->tail_len = in_left;
    return true;
}

static bool take_decoded(struct spool *spool, struct span bytes, struct err *err)
{
    if (!spool->recodes)
        return take_text(spool, bytes, err);
    for (size_t i = 0; i < bytes.len; i += CHUNK) {
        struct span part = {.data = bytes.data + i, .len = bytes.len - i < CHUNK ? bytes.len - i : CHUNK};

        if (!take_units(spool, part, err))
            return false;
    }
    return true;
}

static bool open_recoder(struct spool *spool, const char *from, struct err *err)
{
    spool->recoder = iconv_open("UTF-8", from);
    spool->recodes = spool->recoder != (iconv_t)-1; // NOLINT(performance-no-int-to-ptr)
    return spool->recodes || err_system(err, "%s is in %s, and the system's iconv can't read that", spool->name, from);
}

/* The head is whole: finds its kind, and passes it on. */
static bool begin_text(struct spool *spool, struct err *err)
{
    struct span head = buf_view(&spool->head);
    enum sniff kind = sniff_head(spool->name, head, spool->encoding != NULL, err);
    size_t bom = sniff_bom(kind);
    const char *from = kind == SNIFF_UTF16LE ? "UTF-16LE" : kind == SNIFF_UTF16BE ? "UTF-16BE" : NULL;

    spool->begun = true;
    if (kind == SNIFF_REFUSED)
        return false;
    if (kind == SNIFF_GZIP)
        return err_set(err, EXIT_INPUT, "%s is compressed with gzip twice; unpack it once (gzip -d)", spool->name);
    spool->info->utf16 = from != NULL;
    if (kind == SNIFF_TEXT)
        from = spool->encoding;
    spool->info->bom = bom > 0 || from != NULL;
    if (from != NULL && !open_recoder(spool, from, err))
        return false;
    return take_decoded(spool, (struct span){.data = head.data + bom, .len = head.len - bom}, err);
}

/* Unpacked bytes: gathers the head, then passes everything on. */
static bool take_bytes(struct spool *spool, struct span bytes, struct err *err)
{
    size_t part;

    if (spool->begun)
        return take_decoded(spool, bytes, err);
    part = SNIFF_HEAD - spool->head.len;
    if (part > bytes.len)
        part = bytes.len;
    buf_add(&spool->head, bytes.data, part);
    if (spool->head.len < SNIFF_HEAD)
        return true;
    return begin_text(spool, err) &&
           take_decoded(spool, (struct span){.data = bytes.data + part, .len = bytes.len - part}, err);
}

static bool broken_gzip(const struct spool *spool, struct err *err)
{
    if (spool->members > 0 && spool->inflating.total_out == 0)
        return err_set(err, EXIT_INPUT,
                       "%s goes on after its gzip data with something else; "
                       "unpack it by hand (gzip -dc) and see that all is there",
                       spool->name);
    return err_set(err, EXIT_INPUT, "%s is damaged gzip (%s); get the file again", spool->name,
                   spool->inflating.msg != NULL ? spool->inflating.msg : "bad data");
}

/* Concatenated members are one input, as gzip(1) has it. */
static bool take_gzip(struct spool *spool, struct span bytes, struct err *err)
{
    z_stream *stream = &spool->inflating;
    int state = Z_OK;

    stream->next_in = (unsigned char *)bytes.data;
    stream->avail_in = (unsigned)bytes.len;
    do {
        if (!spool->in_member && stream->avail_in > 0) {
            inflateReset(stream);
            spool->in_member = true;
        }
        stream->next_out = spool->inflated;
        stream->avail_out = CHUNK;
        state = inflate(stream, Z_NO_FLUSH);
        if (state == Z_STREAM_END) {
            spool->in_member = false;
            spool->members++;
        } else if (state != Z_OK && state != Z_BUF_ERROR) {
            return broken_gzip(spool, err);
        }
        if (!take_bytes(spool, (struct span){(char *)spool->inflated, CHUNK - stream->avail_out}, err))
            return false;
    } while (stream->avail_in > 0 || (stream->avail_out == 0 && spool->in_member));
    return true;
}

/* The recoder may still hold the last character, in case an accent follows. */
static bool end_recoding(struct spool *spool, struct err *err)
{
    const char *encoding = spool->info->utf16 ? "UTF-16" : spool->encoding;
    int failure;

    if (spool->tail_len > 0)
        return err_set(err, EXIT_INPUT,
                       "%s:%" PRIu64
                       ": the file ends in the middle of a character of %s, so something is missing; save "
                       "the sheet again (" SNIFF_SAVE_AS ")",
                       spool->name, spool->line, encoding);
    if (!spool->info->utf16 && spool->beyond_ascii && !spool->not_utf8 && spool->due == 0)
        return err_set(err, EXIT_INPUT, "%s is in UTF-8, and its letters would be spoilt as %s; leave out --encoding",
                       spool->name, encoding);
    return recode(spool, NULL, NULL, &failure, err);
}

/* After the last byte that was read. */
static bool end_spool(struct spool *spool, struct err *err)
{
    if (spool->info->gzip && spool->in_member)
        return err_set(err, EXIT_INPUT, "%s ends in the middle of its gzip data; get the whole file", spool->name);
    if (!spool->begun && !begin_text(spool, err))
        return false;
    return !spool->recodes || end_recoding(spool, err);
}

/* From `fd` to its end. */
static bool fill_spool(struct spool *spool, int fd, struct err *err)
{
    char *chunk = alloc_bytes(CHUNK);
    ssize_t len = CHUNK;
    bool ok = true;

    for (bool first = true; ok && len == CHUNK; first = false) {
        struct span bytes = {.data = chunk};

        len = disk_read(fd, chunk, CHUNK);
        if (len < 0) {
            ok = err_system(err, "%s can't be read", spool->name);
            break;
        }
        bytes.len = (size_t)len;
        if (first)
            spool->info->gzip = spool->in_member = len >= 2 && memcmp(chunk, "\x1F\x8B", 2) == 0;
        ok = spool->info->gzip ? take_gzip(spool, bytes, err) : take_bytes(spool, bytes, err);
    }
    explicit_bzero(chunk, CHUNK);
    free(chunk);
    return ok && end_spool(spool, err);
}

static bool make_inflating(z_stream *stream, struct err *err)
{
    enum { GZIP_ONLY = 16 };

    if (inflateInit2(stream, MAX_WBITS + GZIP_ONLY) == Z_OK)
        return true;
    return err_set(err, EXIT_LOCAL, "zlib can't begin to unpack; see that it is installed whole");
}

/* Copies the input that `fd` reads into the spool, decoded, and makes that the source's file. */
static bool spool_input(struct source *source, int fd, struct err *err)
{
    struct spool *spool = alloc_zeroed(1, sizeof(*spool));
    bool ok;

    spool->name = source->name;
    spool->encoding = source->encoding;
    spool->info = &source->info;
    spool->line = 1;
    buf_init(&spool->head, SNIFF_HEAD);
    spool->out = source->fd = scratch_open(source->name, err);
    ok = source->fd >= 0 && make_inflating(&spool->inflating, err);
    if (ok) {
        ok = fill_spool(spool, fd, err);
        inflateEnd(&spool->inflating);
    }
    if (spool->recodes)
        iconv_close(spool->recoder);
    buf_wipe(&spool->head);
    explicit_bzero(spool, sizeof(*spool));
    free(spool);
    return ok;
}

/* ---- Opening ---- */

static char *shown_name(const char *path)
{
    struct buf name;

    if (strcmp(path, "-") == 0)
        return alloc_text("standard input");
    buf_init(&name, NAME_BYTES);
    text_show(&name, span_of(path), NAME_SHOWN);
    return name.data != NULL ? name.data : alloc_text("");
}

static bool refuse_open(const char *name, struct err *err)
{
    int cause = errno;

    if (cause == ENOENT || cause == ENOTDIR)
        return err_set(err, EXIT_INPUT, "%s does not exist; check the name and the folder", name);
    if (cause == EACCES || cause == EPERM)
        return err_set(err, EXIT_INPUT,
                       "%s may not be read by you; ask its owner, or change its permissions "
                       "(chmod u+r)",
                       name);
    return err_set(err, EXIT_INPUT, "%s can't be opened: %s", name, strerror(cause));
}

static bool refuse_folder(const char *name, struct err *err)
{
    return err_set(err, EXIT_INPUT, "%s is a folder; name the CSV file in it", name);
}

/* A plain UTF-8 file is read where it is. */
static bool open_plain(struct source *source, int fd, uint64_t size, enum sniff kind, struct err *err)
{
    source->fd = fd;
    source->start = sniff_bom(kind);
    source->info.bom = source->start > 0;
    source->info.size = size - source->start;
    if (source->info.size > SOURCE_TEXT_MAX)
        return err_set(err, EXIT_INPUT, "%s is larger than 1 TiB; split it into several files", source->name);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

/* A regular file with a size; its bytes say whether it can be read in place. The source keeps `fd`. */
static bool open_file(struct source *source, int fd, uint64_t size, struct err *err)
{
    char head[SNIFF_HEAD];
    ssize_t len = disk_read_at(fd, head, sizeof(head), 0);
    enum sniff kind = SNIFF_REFUSED;

    if (len < 0)
        err_system(err, "%s can't be read", source->name);
    else
        kind = sniff_head(source->name, (struct span){.data = head, .len = (size_t)len}, source->encoding != NULL, err);
    if ((kind == SNIFF_TEXT && source->encoding == NULL) || kind == SNIFF_UTF8)
        return open_plain(source, fd, size, kind, err);
    source->file = fd;
    return kind != SNIFF_REFUSED && spool_input(source, fd, err);
}

static bool open_stream(struct source *source, int fd, struct err *err)
{
    source->info.is_stdin = true;
    return spool_input(source, fd, err);
}

static bool open_path(struct source *source, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat about;
    bool ok;

    if (fd < 0)
        return refuse_open(source->name, err);
    if (fstat(fd, &about) != 0)
        ok = refuse_open(source->name, err);
    else if (S_ISDIR(about.st_mode))
        ok = refuse_folder(source->name, err);
    else if (S_ISREG(about.st_mode) && about.st_size > 0) {
        source->info.others_read = (about.st_mode & S_IROTH) != 0;
        return open_file(source, fd, (uint64_t)about.st_size, err);
    } else /* a file of the size 0 may still give bytes: those in /proc do */
        ok = open_stream(source, fd, err);
    close(fd);
    return ok;
}

/* Where standard input is closed, the spool must not take its place and be read as the input. */
static bool open_stdin(struct source *source, struct err *err)
{
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    struct stat about;

    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || fstat(STDIN_FILENO, &about) != 0)
        return err_set(err, EXIT_INPUT, "%s is closed, or can't be read; name the CSV file, or pipe it in",
                       source->name);
    if (S_ISDIR(about.st_mode))
        return refuse_folder(source->name, err);
    return open_stream(source, STDIN_FILENO, err);
}

bool source_is_utf8(const char *encoding)
{
    return text_equal_fold(span_of(encoding), span_of("utf-8")) || text_equal_fold(span_of(encoding), span_of("utf8"));
}

/* What follows a slash in a name tells iconv() to leave out what it does not know: letters would be lost unseen. */
bool source_knows(const char *encoding)
{
    iconv_t recoder;

    if (encoding[0] == '\0' || strchr(encoding, '/') != NULL)
        return false;
    recoder = iconv_open("UTF-8", encoding);
    if (recoder == (iconv_t)-1) // NOLINT(performance-no-int-to-ptr)
        return false;
    iconv_close(recoder);
    return true;
}

struct source *source_open(const char *path, const char *encoding, struct err *err)
{
    struct source *source = alloc_zeroed(1, sizeof(*source));
    bool ok;

    source->fd = source->file = -1;
    source->crc = (uint32_t)crc32(0, NULL, 0);
    source->name = shown_name(path);
    source->encoding = encoding;
    ok = strcmp(path, "-") == 0 ? open_stdin(source, err) : open_path(source, path, err);
    if (ok) {
        source->piece = alloc_bytes(SOURCE_PIECE);
        source->block = alloc_bytes(BLOCK);
        source->block_crc = alloc_zeroed((size_t)(source->info.size / BLOCK + 1), sizeof(source->block_crc[0]));
        return source;
    }
    source_close(source);
    return NULL;
}

bool source_is_stream(const char *path)
{
    struct stat about;

    return strcmp(path, "-") == 0 ||
           (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode) && !S_ISBLK(about.st_mode));
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    if (source->fd >= 0)
        close(source->fd);
    if (source->file >= 0)
        close(source->file);
    if (source->piece != NULL)
        explicit_bzero(source->piece, source->info.size < SOURCE_PIECE ? (size_t)source->info.size : SOURCE_PIECE);
    free(source->piece);
    if (source->block != NULL)
        explicit_bzero(source->block, BLOCK);
    free(source->block);
    free(source->block_crc);
    free(source->name);
    free(source);
}

/* ---- Reading ---- */

const char *source_name(const struct source *source)
{
    return source->name;
}

const struct source_info *source_info(const struct source *source)
{
    return &source->info;
}

/* Once all of it was read, rows may have been sent: then only a run over the same bytes can go on. */
static bool refuse_changed(const struct source *source, struct err *err)
{
    if (source->at < source->info.size)
        return err_set(err, EXIT_INPUT, "%s has changed while it was read; run again when nothing writes to it",
                       source->name);
    return err_set(err, EXIT_INPUT,
                   "%s has changed since it was read; put it back as it was and run the same command again",
                   source->name);
}

static bool read_text(struct source *source, uint64_t offset, void *out, size_t len, struct err *err)
{
    ssize_t got = disk_read_at(source->fd, out, len, (off_t)(source->start + offset));

    if (got < 0)
        return err_system(err, "%s can't be read", source->name);
    return (size_t)got == len || refuse_changed(source, err);
}

/*
 * Makes `block` the one of that number. The file's times would not tell whether it is what source_next() gave: tools
 * set them back, a write through a mapping may come later than its time, and they change where the text does not.
 */
static bool load_block(struct source *source, uint64_t number, struct err *err)
{
    uint64_t left = source->info.size - number * BLOCK;
    size_t len = left < BLOCK ? (size_t)left : BLOCK;

    if (source->block_len > 0 && source->block_number == number)
        return true;
    source->block_len = 0;
    if (!read_text(source, number * BLOCK, source->block, len, err))
        return false;
    if (number < source->blocks_given &&
        crc32_z(0, (const unsigned char *)source->block, len) != source->block_crc[number])
        return refuse_changed(source, err);
    source->block_number = number;
    source->block_len = len;
    return true;
}

bool source_at(struct source *source, uint64_t offset, void *out, size_t len, struct err *err)
{
    char *to = out;

    if (offset > source->info.size || len > source->info.size - offset)
        return refuse_changed(source, err);
    while (len > 0) {
        size_t from = (size_t)(offset % BLOCK), part = len < BLOCK - from ? len : BLOCK - from;

        if (!load_block(source, offset / BLOCK, err))
            return false;
        memcpy(to, source->block + from, part);
        to += part;
        offset += part;
        len -= part;
    }
    return true;
}

/* The checksum of each block, and of all so far. */
static void note_blocks(struct source *source, struct span piece)
{
    for (size_t at = 0; at < piece.len; at += BLOCK) {
        size_t len = piece.len - at < BLOCK ? piece.len - at : BLOCK;
        uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)piece.data + at, len);

        source->block_crc[source->blocks_given++] = crc;
        source->crc = (uint32_t)crc32_combine(source->crc, crc, (z_off_t)len);
    }
}

bool source_next(struct source *source, struct span *piece, struct err *err)
{
    uint64_t left = source->info.size - source->at;
    size_t len = left < SOURCE_PIECE ? (size_t)left : SOURCE_PIECE;

    if (!read_text(source, source->at, source->piece, len, err))
        return false;
    source->at += len;
    *piece = (struct span){.data = source->piece, .len = len};
    note_blocks(source, *piece);
    return true;
}

uint32_t source_crc(const struct source *source)
{
    return source->crc;
}

/* Adds `size` bytes of a file to the digest, and those from `start` on to the checksum; false with errno. */
static bool digest_bytes(int fd, struct digest *digest, uint64_t start, uint64_t size, uint32_t *crc)
{
    char *bytes = alloc_bytes(SOURCE_PIECE);
    uint64_t at = 0;
    ssize_t got = 1;

    while (at < size && got > 0) {
        size_t want = at < start ? (size_t)start : SOURCE_PIECE; /* what comes before the text is read by itself */

        got = disk_read_at(fd, bytes, size - at < want ? (size_t)(size - at) : want, (off_t)at);
        if (got <= 0)
            break;
        digest_add(digest, (struct span){bytes, (size_t)got});
        if (at >= start)
            *crc = (uint32_t)crc32_z(*crc, (const unsigned char *)bytes, (size_t)got);
        at += (uint64_t)got;
    }
    explicit_bzero(bytes, SOURCE_PIECE);
    free(bytes);
    return got >= 0;
}

bool source_sha256(const struct source *source, char hex[DIGEST_HEX], struct err *err)
{
    bool plain = source->file < 0;
    uint64_t size = plain ? source->start + source->info.size : UINT64_MAX;
    uint32_t crc = (uint32_t)crc32(0, NULL, 0);
    struct digest *digest;
    bool ok;

    if (source->info.is_stdin)
        return err_set(err, EXIT_INPUT, "%s is no file: what was read of it can't be read again", source->name);
    digest = digest_new(err);
    if (digest == NULL)
        return false;
    if (!digest_bytes(plain ? source->fd : source->file, digest, source->start, size, &crc))
        ok = err_system(err, "%s can't be read", source->name);
    else if (plain && crc != source->crc)
        ok = err_set(err, EXIT_INPUT, "%s has changed since it was read", source->name);
    else
        ok = digest_finish(digest, hex, err);
    digest_free(digest);
    return ok;
}
