#include "io/scratch.h"

#include "base/buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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
