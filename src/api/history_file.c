#include "api/history_file.h"

#include "api/history.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "io/digest.h"
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SYNC_MS = 100,
    FOUND_MS = 900,              /* between two lines of what was found */
    KEEP_LEAST_MS = 3600 * 1000, /* for the next run, whose window may be longer */
    LOCK_TRIES = 40,
    LOCK_TRY_MS = 5,
    TEXT_MOST = 1 << 20,  /* bytes that are read: the newest */
    TEXT_WORTH = 1 << 16, /* bytes that are worth making shorter */
    PATH_MOST = 4096,
    DIGEST_LEN = DIGEST_HEX - 1,
    UNUSED_DAYS = 31,
};

void history_file_init(struct history_file *file)
{
    *file = (struct history_file){.fd = -1};
}

/* ---- The folder ---- */

static bool folder_path(struct buf *path, struct err *err)
{
    const char *state = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state != NULL && state[0] == '/')
        buf_add(path, state, strcspn(state, ":"));
    else if (xdg != NULL && xdg[0] == '/')
        buf_text(path, xdg);
    else if (home != NULL && home[0] == '/')
        buf_format(path, "%s/.local/state", home);
    else
        return err_set(err, EXIT_LOCAL, "none of STATE_DIRECTORY, XDG_STATE_HOME and HOME names a folder");
    if (!buf_text(path, "/connload"))
        return err_set(err, EXIT_LOCAL, "the state folder's name is too long");
    return true;
}

/* Makes the folder, and those that lead to it, for its owner alone; what is there stays as it is. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

/* The folder, where nobody else may put anything into it; -1. */
static int open_folder(struct err *err)
{
    struct buf path;
    struct stat status;
    int fd = -1;

    buf_init(&path, PATH_MOST);
    if (!folder_path(&path, err))
        goto out;
    make_folders(path.data);
    fd = open(path.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        disk_error(err, "open", path.data);
    } else if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        err_set(err, EXIT_LOCAL, "%s is not this user's alone", path.data);
        close(fd);
        fd = -1;
    }
out:
    buf_release(&path);
    return fd;
}

/* Files of keys that were not used for a month go. */
static void remove_unused(int folder)
{
    int fd = dup(folder);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    struct stat status;

    if (entries == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(entries)) != NULL)
        if (strlen(entry->d_name) == DIGEST_LEN && strspn(entry->d_name, "0123456789abcdef") == DIGEST_LEN &&
            fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
            time(NULL) - status.st_mtime > (time_t)UNUSED_DAYS * 24 * 3600)
            unlinkat(folder, entry->d_name, 0);
    closedir(entries);
}

/* ---- The file ---- */

static bool name_of(const char *base_url, const char *key, char name[DIGEST_HEX], struct err *err)
{
    struct digest *digest = digest_new(err);
    struct span url = span_of(base_url);
    bool done;

    while (url.len > 0 && url.data[url.len - 1] == '/')
        url.len--;
    if (digest == NULL)
        return false;
    digest_add(digest, url);
    digest_add(digest, span_of("\n"));
    digest_add(digest, span_of(key));
    done = digest_finish(digest, name, err);
    digest_free(digest);
    return done;
}

static bool open_file(struct history_file *file, int folder, const char *name, struct err *err)
{
    struct stat status;

    file->fd = openat(folder, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return disk_error(err, "open", name);
    if (fstat(file->fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink <= 1)
        return true;
    return err_set(err, EXIT_LOCAL, "%s in the state folder is no file of this user's", name);
}

static bool lock(const struct history_file *file, int how)
{
    while (flock(file->fd, how | LOCK_NB) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

/* Whoever has the lock alone lets go of it within milliseconds. */
static bool lock_shared(const struct history_file *file)
{
    struct timespec pause = {.tv_nsec = LOCK_TRY_MS * 1000L * 1000L};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (lock(file, LOCK_SH))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static int64_t size_of(const struct history_file *file)
{
    struct stat status;

    return fstat(file->fd, &status) == 0 ? status.st_size : -1;
}

/* Appends what the file holds from `offset` on, the newest TEXT_MOST bytes of it, to `history`. False with errno. */
static bool read_from(struct history_file *file, int64_t offset, struct history *history)
{
    int64_t size = size_of(file);
    char *text;
    ssize_t got;

    if (size < 0)
        return false;
    if (size < offset || size - offset > TEXT_MOST)
        offset = size > TEXT_MOST ? size - TEXT_MOST : 0;
    text = alloc_bytes((size_t)(size - offset));
    got = disk_read_at(file->fd, text, (size_t)(size - offset), offset);
    if (got > 0)
        history_read(history, (struct span){text, (size_t)got}, clock_wall_ms(), file->keep_ms);
    file->seen = offset + (got > 0 ? got : 0);
    free(text);
    return got >= 0;
}

/*
 * Writes `text` over the whole. A run that is killed on the way leaves lines twice, which holds a later run back and no
 * more. O_APPEND would take it to the end.
 */
static bool write_whole(struct history_file *file, struct span text)
{
    int flags = fcntl(file->fd, F_GETFL);
    bool done = flags >= 0 && fcntl(file->fd, F_SETFL, flags & ~O_APPEND) == 0 && lseek(file->fd, 0, SEEK_SET) == 0 &&
                disk_write(file->fd, text.data, text.len) && ftruncate(file->fd, (off_t)text.len) == 0;

    return flags >= 0 && fcntl(file->fd, F_SETFL, flags | O_APPEND) == 0 && done;
}

static void new_run(struct history_file *file)
{
    if (getrandom(&file->run, sizeof(file->run), 0) != sizeof(file->run) || file->run == 0)
        file->run = (uint32_t)clock_wall_ms() | 1;
}

/* The file made shorter, where no other run has it: every other run is over. What is in flight becomes a new run's. */
static bool rewrite(struct history_file *file, struct history *history)
{
    struct history_entry open = {.wall_ms = clock_wall_ms(), .sent = file->in_flight - file->sent + file->answered};
    struct buf text;
    bool done;

    buf_init(&text, TEXT_MOST);
    history_settle(history, file->run);
    history_write(history, open.wall_ms, &text);
    new_run(file);
    open.run = file->run;
    if (open.sent > 0)
        history_write_entry(&open, &text);
    done = !text.overflow && write_whole(file, buf_view(&text));
    file->seen = (int64_t)text.len;
    buf_release(&text);
    return done;
}

/* Makes a file that has grown shorter, where no other run has it. */
static bool make_shorter(struct history_file *file)
{
    struct history history = {0};
    bool done = true;

    if (size_of(file) <= TEXT_WORTH)
        return true;
    if (lock(file, LOCK_EX))
        done = read_from(file, 0, &history) && rewrite(file, &history);
    history_release(&history);
    return lock_shared(file) && done;
}

static bool give_up(struct history_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    return false;
}

bool history_file_open(struct history_file *file, const char *base_url, const char *key, int64_t window_ms,
                       struct rate *found, struct err *err)
{
    struct history history = {0};
    char name[DIGEST_HEX];
    int folder;
    bool done;

    history_file_init(file);
    file->keep_ms = 2 * window_ms > KEEP_LEAST_MS ? 2 * window_ms : KEEP_LEAST_MS;
    if (!name_of(base_url, key, name, err))
        return false;
    folder = open_folder(err);
    if (folder < 0)
        return false;
    remove_unused(folder);
    done = open_file(file, folder, name, err);
    close(folder);
    if (!done)
        return give_up(file);
    new_run(file);
    if (lock(file, LOCK_EX))
        done = read_from(file, 0, &history) && rewrite(file, &history);
    history_release(&history);
    done = lock_shared(file) && done && read_from(file, 0, &history);
    *found = history.found;
    history_release(&history);
    return done || (disk_error(err, "write", name), give_up(file));
}

void history_file_recall(struct history_file *file, struct pace *pace, int64_t mono_ms)
{
    struct history history = {0};

    if (file->fd < 0)
        return;
    if (read_from(file, 0, &history)) {
        file->found = history.found;
        history_settle(&history, 0);
        history_tell(&history, pace, mono_ms, clock_wall_ms());
    }
    history_release(&history);
}

void history_file_sent(struct history_file *file)
{
    file->sent++;
    file->in_flight++;
}

void history_file_answered(struct history_file *file)
{
    file->answered++;
    file->in_flight--;
}

int64_t history_file_due(const struct history_file *file)
{
    if (file->fd < 0 || (file->sent == 0 && file->answered == 0))
        return INT64_MAX;
    return file->at_once && file->sent > 0 ? file->synced_ms : file->synced_ms + SYNC_MS;
}

/* What other runs have sent since: it has its slots from now. */
static bool hear_others(struct history_file *file, struct pace *pace, int64_t mono_ms)
{
    struct history history = {0};
    bool done = true;

    if (size_of(file) > file->seen) {
        done = read_from(file, file->seen, &history);
        for (size_t i = 0; i < history.count; i++)
            if (history.entries[i].run != file->run && history.entries[i].sent > 0)
                pace_remember(pace, mono_ms, history.entries[i].sent, 0);
    }
    history_release(&history);
    return done;
}

static bool append(struct history_file *file, const struct pace *pace, int64_t mono_ms, bool last)
{
    struct history_entry entry = {clock_wall_ms(), file->run, file->sent, file->answered};
    struct rate found = pace_found(pace);
    struct buf text;
    bool done;

    buf_init(&text, TEXT_WORTH);
    if (entry.sent > 0 || entry.answered > 0)
        history_write_entry(&entry, &text);
    if (found.count > 0 && (found.count != file->found.count || found.window_ms != file->found.window_ms) &&
        (last || mono_ms - file->found_ms >= FOUND_MS)) {
        history_write_found(found, entry.wall_ms, &text);
        file->found = found;
        file->found_ms = mono_ms;
    }
    done = text.len == 0 || disk_write(file->fd, text.data, text.len);
    file->sent = file->answered = 0;
    buf_release(&text);
    return done;
}

bool history_file_sync(struct history_file *file, struct pace *pace, int64_t mono_ms, struct err *err)
{
    if (file->fd < 0 || (mono_ms < file->synced_ms + SYNC_MS && mono_ms < history_file_due(file)))
        return true;
    file->synced_ms = mono_ms;
    if (hear_others(file, pace, mono_ms) && append(file, pace, mono_ms, false) && make_shorter(file))
        return true;
    disk_error(err, "write", "the key's history");
    return give_up(file);
}

void history_file_close(struct history_file *file, struct pace *pace, int64_t mono_ms)
{
    if (file->fd >= 0 && pace != NULL)
        append(file, pace, mono_ms, true);
    give_up(file);
}
