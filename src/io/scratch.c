#include "io/scratch.h"

#include "base/buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LONGEST = 1 << 16 };

const char *scratch_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder != NULL && folder[0] != '\0' ? folder : "/tmp";
}

int scratch_open(const char *what, struct err *err)
{
    const char *folder = scratch_folder();
    struct buf template;
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    /* not every file system has unnamed files */
    buf_init(&template, PATH_LONGEST);
    buf_format(&template, "%s/connload-XXXXXX", folder);
    fd = template.overflow ? -1 : mkostemp(template.data, O_CLOEXEC);
    if (fd >= 0)
        unlink(template.data);
    else
        err_system(err, "%s needs a temporary file in %s (TMPDIR names another folder), and none can be made there",
                   what, folder);
    buf_release(&template);
    return fd;
}

char *scratch_name(const char *end, struct err *err)
{
    struct buf path;
    int fd;

    buf_init(&path, PATH_LONGEST);
    buf_format(&path, "%s/connload-XXXXXX%s", scratch_folder(), end);
    fd = path.overflow ? -1 : mkostemps(path.data, (int)strlen(end), O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return path.data;
    }
    err_system(err, "no file can be made in %s (TMPDIR names another folder)", scratch_folder());
    buf_release(&path);
    return NULL;
}
