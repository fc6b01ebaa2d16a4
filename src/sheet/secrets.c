#include "sheet/secrets.h"

#include "base/text.h"
#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    SHOWN = 80,          /* characters of a reference in a message */
    WHY_MAX = 1024,      /* bytes of the message */
    SHELL_MAX = 1 << 16, /* bytes of a path as a shell takes it */
};

void secrets_init(struct secrets *secrets)
{
    for (size_t i = 0; i < FIELDS; i++) {
        buf_init(&secrets->text[i], SECRET_MAX);
        buf_init(&secrets->why[i], WHY_MAX);
    }
}

void secrets_release(struct secrets *secrets)
{
    for (size_t i = 0; i < FIELDS; i++) {
        buf_wipe(&secrets->text[i]);
        buf_release(&secrets->why[i]);
    }
}

/* Reads all that is left of `fd`, at most SECRET_MAX bytes, into `out`; false with errno, EFBIG where it is longer. */
static bool read_all(int fd, struct buf *out)
{
    char piece[4096];
    ssize_t got = 0;
    bool fits = true;
    int cause;

    while (fits && (got = disk_read(fd, piece, sizeof(piece))) > 0)
        fits = buf_add(out, piece, (size_t)got);
    cause = fits ? errno : EFBIG;
    explicit_bzero(piece, sizeof(piece));
    errno = cause;
    return fits && got == 0;
}

static bool read_all_and_close(int fd, struct buf *out)
{
    bool done = read_all(fd, out);
    int cause = errno;

    close(fd);
    errno = cause;
    return done;
}

/* A secret is read whenever its row is, so that a pipe or a terminal can't give it; neither is waited for. */
static bool read_small_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat about;

    if (fd < 0)
        return false;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        return read_all_and_close(fd, out);
    close(fd);
    errno = S_ISDIR(about.st_mode) ? EISDIR : ESPIPE;
    return false;
}

static void drop_line_end(struct buf *text)
{
    if (text->len > 0 && text->data[text->len - 1] == '\n')
        text->data[--text->len] = '\0';
    if (text->len > 0 && text->data[text->len - 1] == '\r')
        text->data[--text->len] = '\0';
}

static bool from_environment(const char *name, struct buf *out, struct buf *why)
{
    const char *value = getenv(name);
    bool is_set = value != NULL && *value != '\0';

    if (is_set && buf_text(out, value))
        return true;
    buf_text(why, "the environment variable ");
    text_show(why, span_of(name), SHOWN);
    buf_text(why, is_set ? " is too long" : " is not set");
    return false;
}

static bool from_file(const char *path, struct buf *out, struct buf *why)
{
    text_show(why, span_of(path), SHOWN);
    if (!read_small_file(path, out)) {
        buf_format(why, ": %s",
                   errno == EFBIG    ? "too large for a secret"
                   : errno == ESPIPE ? "no regular file, and a secret is read more than once"
                                     : strerror(errno));
        return false;
    }
    drop_line_end(out);
    if (out->len == 0 || memchr(out->data, '\0', out->len) != NULL || text_utf8_error(buf_view(out)) < out->len) {
        buf_text(why, out->len == 0 ? " is empty" : " is not text");
        return false;
    }
    return true;
}

static bool starts_with(struct span text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

const char *secrets_scheme(struct span value)
{
    struct span trimmed = text_trim(value);

    return starts_with(trimmed, "env:") ? "env:" : starts_with(trimmed, "file:") ? "file:" : NULL;
}

/* What the reference leads to, into `out`, or why it leads nowhere, into `why`. */
static bool follow(struct span reference, const char *scheme, struct buf *out, struct buf *why)
{
    char name[4096];

    reference.data += strlen(scheme);
    reference.len -= strlen(scheme);
    if (reference.len >= sizeof(name)) {
        buf_text(why, "the reference is too long");
        return false;
    }
    memcpy(name, reference.data, reference.len);
    name[reference.len] = '\0';
    return strcmp(scheme, "env:") == 0 ? from_environment(name, out, why) : from_file(name, out, why);
}

/* The reference's name as shown in messages is what the sheet says: it tells a place, not a secret. */
static void resolve_one(struct secrets *secrets, struct row_values *values, size_t field)
{
    const char *scheme = secrets_scheme(values->value[field]);
    struct buf *out = &secrets->text[field], *why = &secrets->why[field];

    if (scheme == NULL)
        return;
    buf_reset(out);
    buf_reset(why);
    if (follow(text_trim(values->value[field]), scheme, out, why))
        values->value[field] = buf_view(out);
    else
        values->unresolved[field] = why->data;
}

void secrets_resolve(struct secrets *secrets, struct row_values *values)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (field_is_secret((enum field)i))
            resolve_one(secrets, values, i);
}

/*
 * Whether nobody learns the key by this file who could not be given it by its owner: root's or one's own, with its
 * group alone let in, as a systemd credential is, a Kubernetes secret with an fsGroup, or an administrator's own file;
 * or on a mount that can't be written to, as a container's secrets are, where its mode is the platform's and can't be
 * changed.
 */
static bool is_well_kept(const char *path, const struct stat *about)
{
    bool trusted = about->st_uid == 0 || about->st_uid == geteuid();
    struct statvfs mount;

    if ((about->st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    if (trusted && (about->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0)
        return true;
    return statvfs(path, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

/* The remedy is one that this user can follow. */
static bool refuse_key_file(const char *path, const struct stat *about, struct err *err)
{
    unsigned mode = about->st_mode & 0777U;
    struct buf shell;

    buf_init(&shell, SHELL_MAX);
    text_shell(&shell, path);
    if (about->st_uid == geteuid() || geteuid() == 0)
        err_set(err, EXIT_USAGE,
                "--api-key-file %s can be read by other users (mode %03o); make it yours alone: chmod 600 %s", path,
                mode, buf_view(&shell).data);
    else
        err_set(err, EXIT_USAGE,
                "--api-key-file %s can be read by other users (mode %03o), and is not yours to change; have it made "
                "root's or yours with mode 0440, or mounted read-only, or give the key on standard input: "
                "--api-key-file - <%s",
                path, mode, buf_view(&shell).data);
    buf_release(&shell);
    return false;
}

/* A pipe, as a shell's <(command), can be read by those alone who were given it, but for one with a name. */
static bool check_key_file(const char *path, struct err *err)
{
    struct stat about;

    if (stat(path, &about) != 0)
        return err_set(err, EXIT_USAGE,
                       "--api-key-file %s: %s; name the file that holds the key, or set BIGDATA_API_KEY instead", path,
                       strerror(errno));
    if (S_ISFIFO(about.st_mode) && about.st_uid != geteuid() && about.st_uid != 0)
        return err_set(err, EXIT_USAGE, "--api-key-file %s is another user's pipe", path);
    if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode))
        return err_set(err, EXIT_USAGE, "--api-key-file %s is neither a regular file nor a pipe", path);
    return is_well_kept(path, &about) || refuse_key_file(path, &about, err);
}

static bool read_key_file(const char *path, struct buf *key, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd;

    if (!is_stdin && !check_key_file(path, err))
        return false;
    fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || !(is_stdin ? read_all(fd, key) : read_all_and_close(fd, key)))
        return err_set(err, EXIT_USAGE, "--api-key-file %s: %s", path, strerror(errno));
    return true;
}

/* A header's value: visible ASCII (RFC 9110 section 5.5), so that no key can smuggle in a second header. */
static bool is_header_value(struct span key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~')
            return false;
    return key.len > 0 && key.len <= API_KEY_MAX;
}

/*
 * The key is taken out of the environment, and its bytes there, which /proc/PID/environ shows, are overwritten: no one
 * asks for it twice. What a secret reference names (env:NAME) is asked for with each row and stays.
 */
static void forget_variable(char *variable)
{
    if (variable == NULL)
        return;
    explicit_bzero(variable, strlen(variable));
    unsetenv("BIGDATA_API_KEY");
}

bool secrets_names_key(const char *path)
{
    const char *variable = getenv("BIGDATA_API_KEY");

    return path != NULL || (variable != NULL && *variable != '\0');
}

bool secrets_api_key(const char *path, struct buf *key, struct err *err)
{
    char *variable = getenv("BIGDATA_API_KEY");
    bool fits = true;
    struct span trimmed;

    buf_init(key, SECRET_MAX);
    if (!secrets_names_key(path))
        return err_set(err, EXIT_USAGE,
                       "no API key; set BIGDATA_API_KEY, or name a file that holds it with --api-key-file FILE");
    if (path == NULL)
        fits = buf_text(key, variable);
    forget_variable(variable);
    if (!fits)
        return err_set(err, EXIT_USAGE, "BIGDATA_API_KEY is too long to be a key");
    if (path != NULL && !read_key_file(path, key, err))
        return false;
    trimmed = text_trim(buf_view(key));
    if (!is_header_value(trimmed)) {
        buf_wipe(key);
        return err_set(err, EXIT_USAGE, "%s does not hold an API key: it needs one line of visible characters",
                       path == NULL             ? "BIGDATA_API_KEY"
                       : strcmp(path, "-") == 0 ? "standard input"
                                                : path);
    }
    memmove(key->data, trimmed.data, trimmed.len);
    key->len = trimmed.len;
    key->data[key->len] = '\0';
    return true;
}
