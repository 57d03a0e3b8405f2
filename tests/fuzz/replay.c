/* Runs a target over its corpus, and over some damage to each of its inputs that is the same every time: what a
 * fuzzer once found stays found, in every build and under every sanitizer.
 *
 * usage: fuzz_NAME FOLDER_OR_FILE... */
#include <dirent.h>
#include <stdio.h>

#include "fuzz.h"

enum { INPUT_BYTES_MAX = 1 << 20, DAMAGES = 24 };

static uint64_t chance(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A copy of its own size, as libFuzzer gives it. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = fuzz_copy((struct str){(const char *)bytes, size}, 0);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_damaged(uint8_t *bytes, size_t size)
{
    uint64_t state = 88172645463325252U + size;
    for (int i = 0; i < DAMAGES && size > 0; i++) {
        size_t at = chance(&state) % size;
        uint8_t was = bytes[at];
        switch (i % 3) {
        case 0: run(bytes, at); break;
        case 1:
            bytes[at] ^= (uint8_t)(1u << chance(&state) % 8);
            run(bytes, size);
            break;
        default: bytes[at] = (uint8_t)chance(&state); run(bytes, size);
        }
        bytes[at] = was;
    }
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one before a crash is the culprit */
    run(bytes, size);
    run_damaged(bytes, size);
    return 0;
}

static int run_folder(const char *path, int *ret_files)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort), failed = 0;
    if (count < 0) {
        ++*ret_files;
        return run_file(path);
    }
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            failed |= run_file(name);
            ++*ret_files;
        }
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0, files = 0;
    run(NULL, 0);
    for (int i = 1; i < argc; i++)
        failed |= run_folder(argv[i], &files);
    printf("%d inputs\n", files);
    return failed || files == 0;
}
