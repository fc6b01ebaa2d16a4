#include "io/digest.h"

#include "base/alloc.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SALT_BYTES = 8,
    MARK_BYTES = 4,
    READ_BYTES = 256 * 1024,
};

_Static_assert(DIGEST_MARK == 2 * SALT_BYTES + 1 + 2 * MARK_BYTES + 1, "a mark is a salt, a colon, a hash and a NUL");

struct digest {
    EVP_MD_CTX *context;
    bool failed;
};

static bool no_sha256(struct err *err)
{
    return err_set(err, EXIT_LOCAL, "libcrypto cannot compute SHA-256; check its configuration (OPENSSL_CONF)");
}

static void begin(struct digest *digest)
{
    digest->failed = digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1;
}

/* Where libcrypto could not set itself up, for lack of memory, its functions don't say so, but crash (3.0). */
static bool is_set_up(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    return OSSL_LIB_CTX_get0_global_default() != NULL;
#else
    return OPENSSL_init_crypto(0, NULL) == 1;
#endif
}

struct digest *digest_new(struct err *err)
{
    struct digest *digest = alloc_zeroed(1, sizeof(*digest));

    if (is_set_up())
        digest->context = EVP_MD_CTX_new();
    begin(digest);
    if (!digest->failed)
        return digest;
    no_sha256(err);
    digest_free(digest);
    return NULL;
}

void digest_free(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

void digest_add(struct digest *digest, struct span bytes)
{
    if (!digest->failed && EVP_DigestUpdate(digest->context, bytes.data, bytes.len) != 1)
        digest->failed = true;
}

static void write_hex(char *hex, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *hex++ = digits[bytes[i] >> 4];
        *hex++ = digits[bytes[i] & 15];
    }
    *hex = '\0';
}

bool digest_finish(struct digest *digest, char hex[DIGEST_HEX], struct err *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];

    if (!digest->failed && EVP_DigestFinal_ex(digest->context, bytes, NULL) != 1)
        digest->failed = true;
    if (digest->failed)
        return no_sha256(err);
    write_hex(hex, bytes, (DIGEST_HEX - 1) / 2);
    begin(digest);
    return true;
}

/* Adds what is left of the file; false with errno. */
static bool add_file(struct digest *digest, int fd)
{
    char *bytes = alloc_bytes(READ_BYTES);
    ssize_t got;

    do {
        got = read(fd, bytes, READ_BYTES);
        if (got > 0)
            digest_add(digest, (struct span){bytes, (size_t)got});
    } while (got > 0 || (got < 0 && errno == EINTR));
    free(bytes);
    return got == 0;
}

bool digest_file(const char *path, char hex[DIGEST_HEX], struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct digest *digest = NULL;
    struct stat about;
    bool ok = false;

    if (fd < 0)
        return err_system(err, "cannot read %s", path);
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        err_set(err, EXIT_LOCAL, "%s is no regular file: what was read of it can't be read again", path);
        goto out;
    }
    digest = digest_new(err);
    if (digest == NULL)
        goto out;
    if (!add_file(digest, fd)) {
        err_system(err, "cannot read %s", path);
        goto out;
    }
    ok = digest_finish(digest, hex, err);
out:
    digest_free(digest);
    close(fd);
    return ok;
}

bool digest_mark(const char *secret, const char *salt, char mark[DIGEST_MARK], struct err *err)
{
    unsigned char random[SALT_BYTES];
    char hex[DIGEST_HEX];
    struct digest *digest;
    bool ok;

    if (salt == NULL && getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_system(err, "the system has no random numbers");
    if (salt == NULL)
        write_hex(mark, random, SALT_BYTES);
    else if (strspn(salt, "0123456789abcdef") == 2 * SALT_BYTES && salt[2 * SALT_BYTES] == '\0')
        memcpy(mark, salt, 2 * SALT_BYTES);
    else
        return err_set(err, EXIT_LOCAL, "the salt of a key's mark must be %d hex digits", 2 * SALT_BYTES);
    digest = digest_new(err);
    if (digest == NULL)
        return false;
    digest_add(digest, (struct span){mark, 2 * SALT_BYTES});
    digest_add(digest, span_of(secret));
    ok = digest_finish(digest, hex, err);
    digest_free(digest);
    if (!ok)
        return false;
    mark[2 * SALT_BYTES] = ':';
    memcpy(mark + 2 * SALT_BYTES + 1, hex, 2 * MARK_BYTES);
    mark[DIGEST_MARK - 1] = '\0';
    return true;
}

bool digest_mark_matches(const char *mark, const char *secret)
{
    char salt[2 * SALT_BYTES + 1] = "", again[DIGEST_MARK];
    struct err err;

    if (strlen(mark) != DIGEST_MARK - 1)
        return false;
    memcpy(salt, mark, 2 * SALT_BYTES);
    return digest_mark(secret, salt, again, &err) && strcmp(mark, again) == 0;
}
