/*
 * replay: feeds the files that are named on the command line to a fuzz target, as libFuzzer would, without libFuzzer.
 * Names the file before it is fed, so that a crash names its input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file's bytes in a block of exactly their size, so that ASan sees a read past the end. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long end;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0)
        goto fail;
    rewind(file);
    *size = (size_t)end;
    data = malloc(*size);
    if ((data == NULL && *size > 0) || fread(data, 1, *size, file) != *size)
        goto fail;
    fclose(file);
    return data;

fail:
    perror(path);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t size;
        uint8_t *data = read_file(argv[i], &size);

        printf("%s\n", argv[i]);
        fflush(stdout);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    return EXIT_SUCCESS;
}
