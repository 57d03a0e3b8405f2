/* Names of files in a store that is a directory: of keys, and back. The input: a byte, and a name as a folder has it or
 * a key; where the byte says so, the note of a name that was cut follows in the next line.
 *
 * Parser: src/store/local_name.c:is_plain,add_byte,local_name_of,segments_next,local_path_of,hex_value,decode,is_cut
 * Parser: src/store/local_name.c:note_read,local_segment_of,note_is,local_names_known src/store/store.c:store_check_key
 * Bytes: 1200 */
#include <fcntl.h>

#include "fuzz.h"
#include "store/local_intern.h"
#include "world/folder.h"

/* The store's directory, with names/ in it; it goes when the program ends. */
static char *folder;
static void forget_folder(void) { folder_free(folder); }

static int root_of(void)
{
    if (folder == NULL) {
        folder = folder_new();
        folder_make(folder, LOCAL_HIDDEN);
        folder_make(folder, LOCAL_NAMES);
        atexit(forget_folder);
    }
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert(root >= 0);
    return root;
}

/* What a folder holds may be anybody's. */
static void fuzz_foreign(struct fuzz *in, bool top)
{
    char segment[KEY_BYTES_MAX + 1], again[LOCAL_NAME_BYTES], path[sizeof(LOCAL_NAMES) + LOCAL_NAME_BYTES];
    AUTO_FD root = root_of();
    char *name = fuzz_text(fuzz_until(in, '\n'));
    bool has_note = in->left > 0 && strlen(name) > 0 && strlen(name) < LOCAL_NAME_BYTES && strchr(name, '/') == NULL &&
                    strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    snprintf(path, sizeof(path), LOCAL_NAMES "/%s", name);
    if (has_note)
        folder_write(folder, path, fuzz_rest(in));
    if (name[0] != '\0' && strchr(name, '/') == NULL && local_segment_of(root, name, top, segment) == 0) {
        local_name_of(str(segment), top, again);
        assert(strcmp(again, name) == 0 && segment[0] != '\0');
    }
    if (has_note)
        unlinkat(root, path, 0);
    free(name);
}

/* Every key has a place, and says itself when that is read. */
static void fuzz_key(struct fuzz *in)
{
    struct local_path path;
    struct error err = {0};
    AUTO_FD root = root_of();
    char *key = fuzz_text(fuzz_rest(in));
    enum rc rc = local_path_of(key, &path, &err);
    fuzz_check(rc, &err);
    (void)local_names_known(root, rc == RC_OK ? key : "k");
    AUTO_RELEASE(buf) again = {0};
    bool top = true, is_cut = false;
    for (char *at = path.text, *next; rc == RC_OK && at != NULL; at = next, top = false) {
        char segment[KEY_BYTES_MAX + 1];
        next = strchr(at, '/');
        if (next != NULL)
            *next++ = '\0';
        is_cut |= strlen(at) == LOCAL_SEGMENT_CUT + 17;
        assert(strlen(at) <= LOCAL_SEGMENT_MAX && strcmp(at, "..") != 0 && strcmp(at, ".") != 0);
        if (!is_cut && local_segment_of(root, at, top, segment) == 0)
            buf_addf(&again, "%s%s", top ? "" : "/", segment);
    }
    if (rc == RC_OK && !is_cut)
        assert(str_eq(buf_str(&again), str(key)));
    free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    switch (fuzz_choice(&in, 3)) {
    case 0: fuzz_foreign(&in, true); break;
    case 1: fuzz_foreign(&in, false); break;
    default: fuzz_key(&in);
    }
    return 0;
}
