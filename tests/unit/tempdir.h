/*
 * tempdir: cmocka fixtures: each test runs in an empty folder of its own, and what it made goes afterwards.
 */
#ifndef TESTS_UNIT_TEMPDIR_H
#define TESTS_UNIT_TEMPDIR_H

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tempdir_path[PATH_MAX];

static inline int tempdir_remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline int tempdir_enter(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(tempdir_path, sizeof(tempdir_path), "%s/connload-test-XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(tempdir_path) == NULL || chdir(tempdir_path) != 0;
}

static inline int tempdir_leave(void **state)
{
    (void)state;
    if (chdir("/") != 0)
        return 1;
    return nftw(tempdir_path, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file; false where that fails. */
static inline bool tempdir_write(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(bytes, 1, len, file) == len;

    return file != NULL && fclose(file) == 0 && ok;
}

/* A whole file, NUL-terminated; NULL where it can't be read. Owned by the caller. */
static inline char *tempdir_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    long size;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0) {
        rewind(file);
        bytes = malloc((size_t)size + 1);
        *len = bytes != NULL ? fread(bytes, 1, (size_t)size, file) : 0;
        if (bytes != NULL)
            bytes[*len] = '\0';
    }
    fclose(file);
    return bytes;
}

/* How many files there are in the current folder, hidden ones too. */
static inline size_t tempdir_count(void)
{
    DIR *listing = opendir(".");
    size_t count = 0;

    while (listing != NULL && readdir(listing) != NULL)
        count++;
    if (listing != NULL)
        closedir(listing);
    return count - 2;
}

static inline bool tempdir_has(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

#endif
