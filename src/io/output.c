#include "io/output.h"

#include "base/alloc.h"
#include "base/crash.h"
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    BUFFER_BYTES = 256 * 1024,
    GZIP_WINDOW = 15 + 16, /* the largest window, in a gzip wrapper */
    GZIP_MEMORY = 8,
    NAME_TRIES = 100,
    NAME_RANDOM = 6, /* letters in a temporary name */
    COPY_BYTES = 64 * 1024,
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char temporary_end[] = ".tmp";

/* Size and checksum of bytes as they come, without a byte order mark at their start. */
struct tally {
    unsigned char head[3]; /* the first bytes, until it is known whether they are a mark */
    size_t head_len;
    uint64_t size;
    uLong crc;
};

struct output {
    char *shown;     /* in messages: the path as given, or "standard output" */
    char *target;    /* what gets replaced; NULL: a stream */
    char *temporary; /* NULL: none, or it has got its name */
    int fd;
    bool gzip;
    bool has_mode; /* the file that is replaced has a mode that is kept: */
    mode_t mode;
    bool is_whole; /* all of the temporary file is on the disk */
    z_stream deflate;
    struct tally tally;
    int (*signals)(void); /* NULL for a file */
    char *buffer;
    size_t used;
};

static void tally_count(struct tally *tally, const void *bytes, size_t len)
{
    tally->crc = crc32_z(tally->crc, bytes, len);
    tally->size += len;
}

/* Counts the held-back first bytes, unless they are a byte order mark. */
static void tally_settle_head(struct tally *tally)
{
    if (tally->head_len < sizeof(tally->head) || memcmp(tally->head, "\xEF\xBB\xBF", sizeof(tally->head)) != 0)
        tally_count(tally, tally->head, tally->head_len);
    tally->head_len = sizeof(tally->head) + 1;
}

static void tally_add(struct tally *tally, const char *bytes, size_t len)
{
    while (len > 0 && tally->head_len < sizeof(tally->head)) {
        tally->head[tally->head_len++] = (unsigned char)*bytes++;
        len--;
    }
    if (tally->head_len == sizeof(tally->head))
        tally_settle_head(tally);
    if (len > 0)
        tally_count(tally, bytes, len);
}

static void tally_finish(struct tally *tally, uint64_t *size, uint32_t *crc)
{
    if (tally->head_len <= sizeof(tally->head))
        tally_settle_head(tally);
    if (size != NULL)
        *size = tally->size;
    if (crc != NULL)
        *crc = (uint32_t)tally->crc;
}

bool output_is_stream(const char *path)
{
    struct stat status;

    if (strcmp(path, "-") == 0)
        return true;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

bool output_is_gzip(const char *path)
{
    static const char end[] = ".gz";
    size_t len = strlen(path), tail = sizeof(end) - 1;

    return len > tail && strcmp(path + len - tail, end) == 0;
}

/* `.NAME.` beside the target: how all its temporary names begin. Owned by the caller. */
static char *temporary_start(const char *target)
{
    const char *name = disk_name(target);
    struct buf start;

    buf_init(&start, SIZE_MAX / 2);
    buf_add(&start, target, (size_t)(name - target));
    buf_format(&start, ".%s.", name);
    return start.data;
}

static bool create_temporary(struct output *output, mode_t mode)
{
    char *start = temporary_start(output->target);
    size_t start_len = strlen(start);
    char *path = alloc_bytes(start_len + NAME_RANDOM + sizeof(temporary_end));

    memcpy(path, start, start_len);
    for (int tries = 0; output->fd < 0 && tries < NAME_TRIES; tries++) {
        unsigned char random[NAME_RANDOM];
        char *at = path + start_len;

        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
            break;
        for (size_t i = 0; i < NAME_RANDOM; i++)
            *at++ = letters[random[i] % 32];
        memcpy(at, temporary_end, sizeof(temporary_end));
        output->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (output->fd < 0 && errno != EEXIST)
            break;
    }
    free(start);
    if (output->fd < 0) {
        free(path);
        return false;
    }
    output->temporary = path;
    crash_point("output.create.after");
    return true;
}

static bool open_file(struct output *output, const struct output_config *config, struct err *err)
{
    struct stat old;

    output->target = disk_target(config->path, err);
    if (output->target == NULL)
        return false;
    if (stat(output->target, &old) == 0) {
        if (S_ISDIR(old.st_mode)) {
            errno = EISDIR;
            return disk_error(err, "write", output->shown);
        }
        output->has_mode = !config->secret;
        output->mode = old.st_mode & 0777;
    }
    /* Nobody may read it before the mode is what it will be. */
    if (!create_temporary(output, config->secret || output->has_mode ? 0600 : 0666))
        return disk_error(err, "create a temporary file for", output->shown);
    if (output->has_mode && fchmod(output->fd, output->mode) != 0)
        return disk_error(err, "set the mode of", output->shown);
    return true;
}

static bool open_stream(struct output *output, const char *path, struct err *err)
{
    if (strcmp(path, "-") == 0)
        output->fd = disk_stdout();
    else
        output->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return output->fd >= 0 || disk_error(err, "write to", output->shown);
}

struct output *output_open(const struct output_config *config, struct err *err)
{
    struct output *output = alloc_zeroed(1, sizeof(*output));
    bool is_stream = output_is_stream(config->path);

    output->fd = -1;
    output->shown = alloc_text(strcmp(config->path, "-") == 0 ? "standard output" : config->path);
    output->buffer = alloc_bytes(BUFFER_BYTES);
    if (is_stream ? !open_stream(output, config->path, err) : !open_file(output, config, err))
        goto fail;
    if (config->gzip && deflateInit2(&output->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                                     Z_DEFAULT_STRATEGY) != Z_OK) {
        err_set(err, EXIT_LOCAL, "cannot compress %s: out of memory", output->shown);
        goto fail;
    }
    output->gzip = config->gzip;
    output->signals = is_stream ? config->signals : NULL;
    return output;

fail:
    output_abandon(output);
    return NULL;
}

static bool flush(struct output *output, struct err *err)
{
    crash_point("output.write.before");
    crash_half_write("output.write.half", output->fd, output->buffer, output->used);
    if (!disk_write_until(output->fd, output->buffer, output->used, output->signals))
        return disk_error(err, "write", output->shown);
    crash_point("output.write.after");
    output->used = 0;
    return true;
}

static bool add_plain(struct output *output, struct span bytes, struct err *err)
{
    while (bytes.len > 0) {
        size_t room = BUFFER_BYTES - output->used, step = bytes.len < room ? bytes.len : room;

        memcpy(output->buffer + output->used, bytes.data, step);
        output->used += step;
        bytes.data += step;
        bytes.len -= step;
        if (output->used == BUFFER_BYTES && !flush(output, err))
            return false;
    }
    return true;
}

/* Compresses straight into the buffer. `how` is Z_NO_FLUSH, or Z_FINISH with the last bytes. */
static bool add_gzip(struct output *output, struct span bytes, int how, struct err *err)
{
    z_stream *deflater = &output->deflate;
    int state = Z_OK;

    do {
        /* zlib counts in unsigned int and wants a pointer to bytes that it doesn't change. */
        uInt step = bytes.len < BUFFER_BYTES ? (uInt)bytes.len : BUFFER_BYTES;

        deflater->next_in = (z_const Bytef *)bytes.data;
        deflater->avail_in = step;
        do {
            deflater->next_out = (Bytef *)output->buffer + output->used;
            deflater->avail_out = (uInt)(BUFFER_BYTES - output->used);
            state = deflate(deflater, how);
            output->used = BUFFER_BYTES - deflater->avail_out;
            if (output->used == BUFFER_BYTES && !flush(output, err))
                return false;
        } while (deflater->avail_in > 0 || (how == Z_FINISH && state != Z_STREAM_END));
        bytes.data += step;
        bytes.len -= step;
    } while (bytes.len > 0);
    return true;
}

bool output_write(struct output *output, struct span bytes, struct err *err)
{
    if (bytes.len == 0)
        return true;
    tally_add(&output->tally, bytes.data, bytes.len);
    return output->gzip ? add_gzip(output, bytes, Z_NO_FLUSH, err) : add_plain(output, bytes, err);
}

bool output_finish(struct output *output, uint64_t *size, uint32_t *crc, struct err *err)
{
    if (output->gzip && !add_gzip(output, (struct span){"", 0}, Z_FINISH, err))
        return false;
    if (output->used > 0 && !flush(output, err))
        return false;
    if (output->target != NULL) {
        crash_point("output.sync.before");
        if (!disk_sync(output->fd))
            return disk_error(err, "sync", output->shown);
        crash_point("output.sync.after");
        output->is_whole = true;
    }
    tally_finish(&output->tally, size, crc);
    return true;
}

static void free_output(struct output *output)
{
    if (output->gzip)
        deflateEnd(&output->deflate);
    if (output->fd >= 0)
        close(output->fd);
    free(output->shown);
    free(output->target);
    free(output->temporary);
    free(output->buffer);
    free(output);
}

/* A file's last error may come with its close (NFS); a stream's, where it is a file that the shell opened, too. */
static bool close_output(struct output *output, struct err *err)
{
    int fd = output->fd;

    output->fd = -1;
    if (disk_close(fd))
        return true;
    output->is_whole = false;
    return disk_error(err, "write", output->shown);
}

/* `TARGET.new`, where results are kept that could not be put in their place; another one for each try. */
static char *new_name(const char *target, int tries)
{
    struct buf path;

    buf_init(&path, SIZE_MAX / 2);
    buf_format(&path, "%s.new", target);
    if (tries > 1)
        buf_format(&path, "%d", tries);
    return path.data;
}

static bool same_bytes(int a, int b)
{
    char left[4096], right[sizeof(left)];
    ssize_t got;
    off_t at = 0;

    while ((got = disk_read_at(a, left, sizeof(left), at)) > 0) {
        if (disk_read_at(b, right, sizeof(right), at) != got || memcmp(left, right, (size_t)got) != 0)
            return false;
        at += got;
    }
    return got == 0 && disk_read_at(b, right, 1, at) == 0;
}

/* The results stand: what an earlier try has kept of them, byte for byte, is not needed any more. */
static void drop_kept(const char *target)
{
    char *kept = new_name(target, 1);
    int a = open(target, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int b = open(kept, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (a >= 0 && b >= 0 && same_bytes(a, b))
        unlink(kept);
    close(a);
    close(b);
    free(kept);
}

bool output_publish(struct output *output, struct err *err)
{
    if (!close_output(output, err))
        return false;
    if (output->target != NULL) {
        crash_point("output.rename.before");
        if (rename(output->temporary, output->target) != 0)
            return disk_error(err, "replace", output->shown);
        free(output->temporary);
        output->temporary = NULL;
        crash_point("output.rename.after");
        if (!disk_sync_folder(output->target))
            return disk_error(err, "sync the folder of", output->shown);
        crash_point("output.folder.after");
        drop_kept(output->target);
    }
    free_output(output);
    return true;
}

char *output_keep(struct output *output)
{
    struct err unheard;

    if (output->is_whole && output->fd >= 0)
        close_output(output, &unheard);
    for (int tries = 1; output->is_whole && output->temporary != NULL && tries <= NAME_TRIES; tries++) {
        char *path = new_name(output->target, tries);
        struct stat there;

        if (lstat(path, &there) != 0 && rename(output->temporary, path) == 0) {
            free(output->temporary);
            output->temporary = NULL;
            disk_sync_folder(path);
            return path;
        }
        free(path);
    }
    return NULL;
}

void output_abandon(struct output *output)
{
    if (output == NULL)
        return;
    if (output->temporary != NULL)
        unlink(output->temporary);
    free_output(output);
}

/* Whether `name` is one that create_temporary() makes after `start`, for the file or for what is kept of it (FILE~). */
static bool is_temporary(const char *name, const char *start)
{
    size_t len = strlen(start) - 1; /* without its dot */

    if (strncmp(name, start, len) != 0)
        return false;
    name += len + (name[len] == '~');
    return name[0] == '.' && strspn(name + 1, letters) == NAME_RANDOM &&
           strcmp(name + 1 + NAME_RANDOM, temporary_end) == 0;
}

void output_sweep(const char *path)
{
    struct err unheard;
    char *target = disk_target(path, &unheard);
    char *start = target != NULL ? temporary_start(target) : NULL;
    char *folder = target != NULL ? disk_folder(target) : NULL;
    DIR *listing = folder != NULL ? opendir(folder) : NULL;
    const struct dirent *entry;

    while (listing != NULL && (entry = readdir(listing)) != NULL)
        if (is_temporary(entry->d_name, disk_name(start)))
            unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing != NULL)
        closedir(listing);
    free(folder);
    free(start);
    free(target);
}

/* ---- Whether a file can be put in a place, and what was there ---- */

/* What the system says of a place before anything is tried; all 0 where nothing can be known. */
static struct statx look_at(const char *path)
{
    struct statx about = {0};

    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &about) != 0)
        about = (struct statx){0};
    return about;
}

/* A file or folder of which nothing may be taken away. */
static bool check_attributes(const char *what, const char *path, const struct statx *about, struct err *err)
{
    if ((about->stx_attributes & STATX_ATTR_IMMUTABLE) != 0)
        return err_set(err, EXIT_LOCAL,
                       "%s%s is immutable, so that no results can be put there; chattr -i takes that off", what, path);
    if ((about->stx_attributes & STATX_ATTR_APPEND) != 0)
        return err_set(err, EXIT_LOCAL,
                       "%s%s is append-only, so that no results can be put there; chattr -a takes that off", what,
                       path);
    return true;
}

/*
 * rmdir() removes no file, but the system says first whether it might (EPERM, EACCES, EROFS), and only then that it is
 * no folder (ENOTDIR): the rules for what a rename replaces are the same ones.
 */
static bool check_removable(const char *target, const struct statx *about, const struct statx *folder, struct err *err)
{
    if (rmdir(target) == 0 || (errno != EPERM && errno != EACCES && errno != EROFS && errno != EBUSY))
        return true;
    if (errno == EPERM && (folder->stx_mode & S_ISVTX) != 0 && about->stx_uid != geteuid())
        return err_set(
            err, EXIT_LOCAL,
            "%s belongs to another user (uid %lu), and in a folder with the sticky bit nobody else can replace "
            "it; run this as that user, or let the folder's owner (uid %lu) take the bit off (chmod -t)",
            target, (unsigned long)about->stx_uid, (unsigned long)folder->stx_uid);
    return disk_error(err, "replace", target);
}

static bool check_what_is_there(const char *target, struct err *err)
{
    char *path = disk_folder(target);
    struct statx about = look_at(target), folder = look_at(path);
    bool ok = check_attributes("the folder ", path, &folder, err) && check_attributes("", target, &about, err);

    free(path);
    if (ok && S_ISREG(about.stx_mode) && (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
        return err_set(err, EXIT_LOCAL,
                       "%s is mounted by itself (docker -v FILE:FILE), so that no results can be put in its place; "
                       "mount its folder, not the file",
                       target);
    return ok && (!S_ISREG(about.stx_mode) || check_removable(target, &about, &folder, err));
}

/* Puts one temporary file in the place of another, as the results will be put in theirs. */
static bool try_beside(const char *path, struct err *err)
{
    struct output *output = output_open(&(struct output_config){.path = path}, err);
    char *first;
    bool ok;

    if (output == NULL)
        return false;
    first = output->temporary;
    output->temporary = NULL;
    close(output->fd);
    output->fd = -1;
    ok = create_temporary(output, 0600) && rename(first, output->temporary) == 0 && unlink(output->temporary) == 0;
    if (!ok) {
        disk_error(err, "replace files beside", path);
        unlink(first);
    }
    free(first);
    output_abandon(output);
    return ok;
}

bool output_check_place(const char *path, struct err *err)
{
    char *target;
    bool ok;

    if (output_is_stream(path))
        return true;
    target = disk_target(path, err);
    ok = target != NULL && check_what_is_there(target, err) && try_beside(path, err);
    free(target);
    return ok;
}

static bool copy_all(int from, const char *path, struct output *output, struct err *err)
{
    char *piece = alloc_bytes(COPY_BYTES);
    ssize_t got;
    bool ok = true;

    while (ok && (got = disk_read(from, piece, COPY_BYTES)) != 0)
        ok = got > 0 ? output_write(output, (struct span){piece, (size_t)got}, err) : disk_error(err, "read", path);
    free(piece);
    return ok;
}

/* Copies the file `from`, which is open as `fd`, to `path`. */
static bool copy_file(int fd, const char *from, const char *path, bool secret, struct err *err)
{
    struct output *output = output_open(&(struct output_config){.path = path, .secret = true}, err);
    struct stat old;

    if (output == NULL)
        return false;
    if (!secret && (fstat(fd, &old) != 0 || fchmod(output->fd, old.st_mode & 0777) != 0))
        disk_error(err, "set the mode of", path);
    else if (copy_all(fd, from, output, err) && output_finish(output, NULL, NULL, err) && output_publish(output, err))
        return true;
    output_abandon(output);
    return false;
}

/* `TARGET~`. Owned by the caller. */
static char *kept_name(const char *target)
{
    struct buf name;

    buf_init(&name, SIZE_MAX / 2);
    buf_format(&name, "%s~", target);
    return name.data;
}

bool output_check_kept(const char *path, struct err *err)
{
    char *target = disk_target(path, err);
    char *kept = target != NULL ? kept_name(target) : NULL;
    bool ok = kept != NULL && output_check_place(kept, err);

    free(kept);
    free(target);
    return ok;
}

bool output_keep_replaced(const char *path, bool secret, struct err *err)
{
    char *target = disk_target(path, err);
    int fd = target != NULL ? open(target, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
    char *kept = fd >= 0 ? kept_name(target) : NULL;
    bool ok;

    if (fd >= 0)
        ok = copy_file(fd, target, kept, secret, err);
    else
        ok = target != NULL && (errno == ENOENT || disk_error(err, "read", path));
    if (fd >= 0)
        close(fd);
    free(kept);
    free(target);
    return ok;
}

bool output_put(const char *path, struct span bytes, struct err *err)
{
    struct output_config config = {.path = path};
    struct output *output = output_open(&config, err);

    if (output == NULL)
        return false;
    if (output_write(output, bytes, err) && output_finish(output, NULL, NULL, err) && output_publish(output, err))
        return true;
    output_abandon(output);
    return false;
}
