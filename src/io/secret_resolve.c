#include "io/secret_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "io/subprocess.h"

/* ---- ${VAR} ---- */

static bool is_name_byte(char c, bool first)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
}

static size_t name_length(const char *at)
{
    size_t len = 0;
    while (is_name_byte(at[len], len == 0))
        len++;
    return len;
}

/* Appends the variable whose name begins at `at`, after "${"; *ret_after is behind its '}'. */
static RC add_variable(const struct secret_resolver *self, const struct yaml_node *node, const char *at,
                       size_t bytes_max, struct buf *out, const char **ret_after, struct error *err)
{
    size_t len = name_length(at);
    if (len == 0 || at[len] != '}') {
        fail(err, RC_CONFIG, WHERE_FMT ": '%s': after ${ stands the name of a variable, then }", WHERE_ARG(node->where),
             or_empty(node->key));
        return fail_todo(err, "write ${NAME}; a plain $ is written $$");
    }
    AUTO_RELEASE(buf) name = {0};
    buf_add(&name, at, len);
    const char *value = self->environment(name.at);
    if (value == NULL) {
        fail(err, RC_CONFIG, WHERE_FMT ": the environment variable '%s' is not set", WHERE_ARG(node->where), name.at);
        return fail_todo(err, "export %s=..., or write the value into the file; a plain $ is written $$", name.at);
    }
    if (out->len + strlen(value) > bytes_max)
        return fail(err, RC_CONFIG, WHERE_FMT ": with '%s' filled in, longer than %zu bytes", WHERE_ARG(node->where),
                    name.at, bytes_max);
    buf_add_str(out, str(value));
    *ret_after = at + len + 1;
    return RC_OK;
}

static RC add_filled_in(const struct secret_resolver *self, const struct yaml_node *node, size_t bytes_max,
                        struct buf *out, struct error *err)
{
    for (const char *at = node->text; *at != '\0';) {
        if (strncmp(at, "${", 2) == 0) {
            TRY(add_variable(self, node, at + 2, bytes_max, out, &at, err));
            continue;
        }
        if (out->len + 1 > bytes_max)
            return fail(err, RC_CONFIG, WHERE_FMT ": longer than %zu bytes", WHERE_ARG(node->where), bytes_max);
        buf_add(out, at, 1);
        at += at[0] == '$' && at[1] == '$' ? 2 : 1;
    }
    return RC_OK;
}

static RC resolve_text(struct resolver *base, const struct yaml_node *node, struct arena *arena, const char **ret,
                       struct error *err)
{
    if (strchr(node->text, '$') == NULL) {
        *ret = node->text;
        return RC_OK;
    }
    AUTO_RELEASE(buf) out = {0};
    TRY(add_filled_in((const struct secret_resolver *)base, node, RESOLVED_BYTES_MAX, &out, err));
    if (!str_is_utf8(buf_str(&out)))
        return fail(err, RC_CONFIG, WHERE_FMT ": with its variables filled in, '%s' is not UTF-8",
                    WHERE_ARG(node->where), or_empty(node->key));
    *ret = arena_str(arena, buf_str(&out));
    return RC_OK;
}

/* ---- file: and cmd: ---- */

/* The folder of the configuration file, in the arena; "." where its name has none. */
static const char *folder_of(const char *file, struct arena *arena)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return ".";
    return slash == file ? "/" : arena_str(arena, (struct str){file, (size_t)(slash - file)});
}

static RC read_all(int fd, const char *path, struct buf *out, struct error *err)
{
    for (;;) {
        size_t room = SECRET_BYTES_MAX + 1 - out->len;
        if (room == 0)
            return fail(err, RC_CONFIG, "the file '%s' is longer than %d bytes, the most a secret may have", path,
                        SECRET_BYTES_MAX);
        ssize_t got = read(fd, out->at + out->len, room);
        if (got < 0 && errno != EINTR)
            return fail_errno(err, errno, "reading the file '%s'", path);
        if (got == 0)
            return RC_OK;
        out->len += got > 0 ? (size_t)got : 0;
    }
}

static void fd_release(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static RC add_file(const struct yaml_node *node, const char *name, struct arena *arena, struct buf *out,
                   struct error *err)
{
    const char *home = getenv("HOME"), *path = name;
    if (strncmp(name, "~/", 2) == 0 && home != NULL)
        path = arena_print(arena, "%s/%s", home, name + 2);
    else if (name[0] != '/')
        path = arena_print(arena, "%s/%s", folder_of(node->where.file, arena), name);
    __attribute__((cleanup(fd_release))) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_errno(err, errno, "opening the file '%s'", path);
        err->rc = err->rc == RC_NOT_FOUND ? RC_CONFIG : err->rc;
        return err->rc;
    }
    return read_all(fd, path, out, err);
}

static RC add_output(const struct secret_resolver *self, const struct yaml_node *node, const char *script,
                     struct arena *arena, struct buf *out, struct error *err)
{
    const char *argv[] = {"sh", "-uc", script, NULL};
    struct subprocess command = {.argv = argv,
                                 .folder = folder_of(node->where.file, arena),
                                 .deadline_ms = self->cmd_deadline_ms,
                                 .output_bytes_max = SECRET_BYTES_MAX};
    int status = 0;
    if (subprocess_run(&command, self->clock, out, &status, err) != RC_OK) {
        err->rc = err->rc == RC_DATA ? RC_CONFIG : err->rc; /* too much of it to be a secret */
        return err->rc;
    }
    if (status != 0) {
        fail(err, RC_CONFIG, "the command ended with exit status %d", status);
        return fail_todo(err, "run the command by hand to see what it says: its output is not shown here");
    }
    return RC_OK;
}

static RC add_secret(const struct secret_resolver *self, const struct yaml_node *node, struct arena *arena,
                     struct buf *out, struct error *err)
{
    bool is_file = strncmp(node->text, "file:", 5) == 0, is_command = strncmp(node->text, "cmd:", 4) == 0;
    if (!is_file && !is_command)
        return add_filled_in(self, node, SECRET_BYTES_MAX, out, err);
    if (is_command) {
        TRY(add_output(self, node, node->text + 4, arena, out, err));
    } else {
        struct yaml_node path = *node;
        path.text += 5;
        const char *name = NULL;
        TRY(resolve_text((struct resolver *)(uintptr_t)&self->resolver, &path, arena, &name, err));
        TRY(add_file(node, name, arena, out, err));
    }
    if (out->len > 0 && out->at[out->len - 1] == '\n')
        out->len--;
    return RC_OK;
}

static RC resolve_secret(struct resolver *base, const struct yaml_node *node, struct secret *ret, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(secret_buf) out = {0};
    secret_buf_init(&out, SECRET_BYTES_MAX + 8192);
    if (add_secret((const struct secret_resolver *)base, node, &arena, &out.buf, err) != RC_OK) {
        if (strncmp(node->text, "file:", 5) == 0 || strncmp(node->text, "cmd:", 4) == 0)
            return fail_in(err, WHERE_FMT ": '%s'", WHERE_ARG(node->where), or_empty(node->key));
        return err->rc;
    }
    struct str text = buf_str(&out.buf);
    if (text.len == 0)
        return fail(err, RC_CONFIG, WHERE_FMT ": '%s' is empty", WHERE_ARG(node->where), or_empty(node->key));
    if (memchr(text.at, '\0', text.len) != NULL)
        return fail(err, RC_CONFIG, WHERE_FMT ": '%s' holds a zero byte", WHERE_ARG(node->where), or_empty(node->key));
    secret_set(ret, text);
    return RC_OK;
}

static const char *from_process(const char *name) { return getenv(name); }

void secret_resolver_init(struct secret_resolver *self, struct clock *clock)
{
    *self = (struct secret_resolver){
        .resolver = {.text = resolve_text, .secret = resolve_secret},
        .clock = clock,
        .environment = from_process,
        .cmd_deadline_ms = CMD_DEADLINE_MS,
    };
}
