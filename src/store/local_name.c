#include <fcntl.h>
#include <stdio.h>

#include "store/local_intern.h"

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '=' || c == '-';
}

static void add_byte(char *name, size_t *len, char c, bool plain)
{
    if (plain)
        name[(*len)++] = c;
    else
        *len += (size_t)snprintf(name + *len, 4, "%%%02X", (unsigned char)c);
}

void local_name_of(struct str segment, bool top, char ret[LOCAL_NAME_BYTES])
{
    bool hidden = top && str_eq(segment, S(LOCAL_HIDDEN));
    char whole[LOCAL_PATH_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < segment.len; i++)
        add_byte(whole, &len, segment.at[i], is_plain(segment.at[i]) && !(hidden && i == 0));
    whole[len] = '\0';
    if (len > LOCAL_SEGMENT_MAX) {
        char hex[SHA256_HEX];
        sha256_hex(segment, hex);
        snprintf(whole + LOCAL_SEGMENT_CUT, sizeof(whole) - LOCAL_SEGMENT_CUT, "~%.16s", hex);
    }
    snprintf(ret, LOCAL_NAME_BYTES, "%s", whole);
}

/* The next segment of a key and its name; false at the end. */
struct segments {
    const char *at;
    bool top;
    struct str segment;
    char name[LOCAL_NAME_BYTES];
};

static bool segments_next(struct segments *self)
{
    if (*self->at == '\0')
        return false;
    const char *end = strchrnul(self->at, '/');
    self->segment = (struct str){self->at, (size_t)(end - self->at)};
    local_name_of(self->segment, self->top, self->name);
    self->at = *end == '/' ? end + 1 : end;
    self->top = false;
    return true;
}

RC local_path_of(const char *key, struct local_path *ret, struct error *err)
{
    TRY(store_check_key(key, err));
    snprintf(ret->key, sizeof(ret->key), "%s", key);
    struct segments segments = {.at = key, .top = true};
    size_t len = 0;
    while (segments_next(&segments))
        len += (size_t)snprintf(ret->text + len, sizeof(ret->text) - len, "%s%s", len != 0 ? "/" : "", segments.name);
    return RC_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(const char *name, char ret[KEY_BYTES_MAX + 1])
{
    size_t len = 0;
    for (; *name != '\0'; name++) {
        if (*name == '%') {
            int high = hex_value(name[1]), low = high >= 0 ? hex_value(name[2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return false;
            ret[len++] = (char)(high * 16 + low);
            name += 2;
        } else if (is_plain(*name)) {
            ret[len++] = *name;
        } else {
            return false;
        }
    }
    ret[len] = '\0';
    return len > 0 && str_is_utf8((struct str){ret, len});
}

static bool is_cut(const char *name)
{
    return strlen(name) == LOCAL_SEGMENT_CUT + 17 && name[LOCAL_SEGMENT_CUT] == '~';
}

/* The text that names/ has for a cut name, in `ret`. */
static int note_read(int root, const char *name, char ret[KEY_BYTES_MAX + 1])
{
    char path[sizeof(LOCAL_NAMES) + LOCAL_NAME_BYTES];
    snprintf(path, sizeof(path), LOCAL_NAMES "/%s", name);
    AUTO_FD fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    size_t len = 0;
    int number = local_read_all(fd, ret, KEY_BYTES_MAX, 0, &len);
    ret[len] = '\0';
    return number;
}

int local_segment_of(int root, const char *name, bool top, char ret[KEY_BYTES_MAX + 1])
{
    char again[LOCAL_NAME_BYTES];
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return ENOENT;
    if (strlen(name) >= LOCAL_NAME_BYTES || (top && strcmp(name, LOCAL_HIDDEN) == 0))
        return ENOENT;
    if (is_cut(name)) {
        int number = note_read(root, name, ret);
        if (number != 0)
            return number == ENOENT ? ENODATA : number;
    } else if (!decode(name, ret)) {
        return ENOENT;
    }
    local_name_of(str(ret), top, again);
    if (strcmp(again, name) == 0)
        return 0;
    return is_cut(name) ? ENODATA : ENOENT;
}

static int note_write(struct local *self, int root, const char *name, struct str segment)
{
    char staged[LOCAL_TMP_BYTES], path[sizeof(LOCAL_NAMES) + LOCAL_NAME_BYTES];
    snprintf(path, sizeof(path), LOCAL_NAMES "/%s", name);
    AUTO_FD fd = -1;
    int number = local_tmp_new(self, root, staged, &fd);
    if (number != 0)
        return number;
    number = local_write_all(fd, segment, 0);
    if (number == 0 && fsync(fd) != 0)
        number = errno;
    if (number == 0 && linkat(root, staged, root, path, 0) != 0 && errno != EEXIST)
        number = errno;
    local_tmp_remove(root, staged);
    return number;
}

static bool note_is(int root, const char *name, struct str segment)
{
    char text[KEY_BYTES_MAX + 1];
    return note_read(root, name, text) == 0 && str_eq(str(text), segment);
}

RC local_names_note(struct local *self, int root, const char *key, struct error *err)
{
    struct segments segments = {.at = key, .top = true};
    int number = 0;
    for (bool more = segments_next(&segments); more && number == 0; more = segments_next(&segments)) {
        if (!is_cut(segments.name))
            continue;
        if (!note_is(root, segments.name, segments.segment))
            number = note_write(self, root, segments.name, segments.segment);
        if (number == 0 && !note_is(root, segments.name, segments.segment))
            return fail(err, RC_CONFIG, "'%s' in store '%s' would have the file name of another key", key, self->name);
        if (number == 0)
            number = local_sync_above(root, LOCAL_NAMES "/any");
    }
    return number == 0 ? RC_OK : local_fail(self, err, number, "noting the long name of", key);
}

bool local_names_known(int root, const char *key)
{
    struct segments segments = {.at = key, .top = true};
    while (segments_next(&segments)) {
        if (is_cut(segments.name) && !note_is(root, segments.name, segments.segment))
            return false;
    }
    return true;
}
