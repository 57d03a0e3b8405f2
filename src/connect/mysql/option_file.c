#include "connect/mysql/option_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PORT = 3306 };

void mysql_login_release(struct mysql_login *self) { secret_release(&self->password); }

/* ---- the file ---- */

static RC read_fd(int fd, const char *path, struct secret_buf *ret, struct error *err)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return fail_errno(err, errno, "the option file '%s' cannot be read", path);
    if ((about.st_mode & S_IWOTH) != 0) {
        fail(err, RC_CONFIG, "the option file '%s' may be written by everybody", path);
        return fail_todo(err, "chmod 600 %s", path);
    }
    secret_buf_init(ret, MYSQL_OPTION_FILE_BYTES_MAX + 1);
    ssize_t got;
    while ((got = read(fd, ret->buf.at + ret->buf.len, MYSQL_OPTION_FILE_BYTES_MAX + 1 - ret->buf.len)) > 0 ||
           (got < 0 && errno == EINTR))
        ret->buf.len += got > 0 ? (size_t)got : 0;
    if (got < 0)
        return fail_errno(err, errno, "the option file '%s' cannot be read", path);
    if (ret->buf.len > MYSQL_OPTION_FILE_BYTES_MAX)
        return fail(err, RC_CONFIG, "the option file '%s' is longer than %d bytes", path, MYSQL_OPTION_FILE_BYTES_MAX);
    return RC_OK;
}

/* *ret_is_there false: there is no such file, which only one that was asked for has to be. */
static RC read_file(const char *path, bool is_asked, struct secret_buf *ret, bool *ret_is_there, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_is_there = fd >= 0;
    if (fd < 0 && (is_asked || errno == EACCES)) {
        fail_errno(err, errno, "the option file '%s' cannot be read", path);
        err->rc = RC_CONFIG;
        return err->rc;
    }
    if (fd < 0)
        return RC_OK;
    enum rc rc = read_fd(fd, path, ret, err);
    close(fd);
    return rc;
}

/* ---- its lines ---- */

static struct str trim(struct str s)
{
    while (s.len > 0 && (unsigned char)s.at[0] <= ' ')
        s = (struct str){s.at + 1, s.len - 1};
    while (s.len > 0 && (unsigned char)s.at[s.len - 1] <= ' ')
        s.len--;
    return s;
}

static bool is_our_group(struct str line)
{
    static const char *const groups[] = {"[client]", "[client-server]", "[client-mariadb]", "[waybill]"};
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        if (str_eq(line, str(groups[i])))
            return true;
    }
    return false;
}

/* Quoted, or up to a '#'; \n \t \s and the like stand for what they do in MySQL's own files. */
static void add_value(struct str value, struct buf *out)
{
    static const char from[] = "ntrbs", to[] = "\n\t\r\b ";
    char quote = value.len > 1 && (value.at[0] == '"' || value.at[0] == '\'') ? value.at[0] : '\0';
    for (size_t i = quote != '\0'; i < value.len; i++) {
        char c = value.at[i];
        if (c == (quote != '\0' ? quote : '#'))
            break;
        if (c == '\\' && i + 1 < value.len) {
            c = value.at[++i];
            const char *known = memchr(from, c, sizeof(from) - 1);
            if (known != NULL)
                c = to[known - from];
            else if (c != '\\' && c != '"' && c != '\'' && c != '#')
                buf_add(out, "\\", 1);
        }
        buf_add(out, &c, 1);
    }
    while (quote == '\0' && out->len > 0 && (unsigned char)out->at[out->len - 1] <= ' ')
        out->len--;
}

/* Documents and messages name it. */
static RC take_text(struct str name, const char *value, struct arena *arena, const char **ret, struct error *err)
{
    if (!str_is_utf8(str(value)))
        return fail(err, RC_CONFIG, "its '" STR_FMT "' is not UTF-8", STR_ARG(name));
    *ret = arena_text(arena, value);
    return RC_OK;
}

static RC take(struct str name, const char *value, struct arena *arena, struct mysql_login *ret, struct error *err)
{
    int64_t port = 0;
    if (str_eq(name, S("password")) && strlen(value) > SECRET_BYTES_MAX)
        return fail(err, RC_CONFIG, "its password is longer than %d bytes", SECRET_BYTES_MAX);
    if (str_eq(name, S("port")) && (!str_to_int64(str(value), &port) || port < 1 || port > 65535))
        return fail(err, RC_CONFIG, "its 'port' is no port");
    if (str_eq(name, S("user")))
        return take_text(name, value, arena, &ret->user, err);
    if (str_eq(name, S("host")))
        return take_text(name, value, arena, &ret->host, err);
    if (str_eq(name, S("socket")))
        return take_text(name, value, arena, &ret->socket, err);
    if (str_eq(name, S("database")))
        return take_text(name, value, arena, &ret->database, err);
    if (str_eq(name, S("port")))
        ret->port = port;
    else if (str_eq(name, S("password")))
        secret_set(&ret->password, str(value));
    return RC_OK;
}

static RC read_lines(struct str text, struct arena *arena, struct mysql_login *ret, struct error *err)
{
    bool inside = false;
    AUTO_RELEASE(secret_buf) value = {0};
    secret_buf_init(&value, text.len + 1);
    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        struct str line = trim((struct str){text.at, len});
        text = (struct str){text.at + len + (end != NULL), text.len - len - (end != NULL)};
        const char *equals = line.len > 0 ? memchr(line.at, '=', line.len) : NULL;
        if (line.len > 0 && line.at[0] == '[')
            inside = is_our_group(line);
        if (!inside || equals == NULL || strchr("#;[!", line.at[0]) != NULL)
            continue;
        struct str name = trim((struct str){line.at, (size_t)(equals - line.at)});
        buf_reset(&value.buf);
        add_value(trim((struct str){equals + 1, line.len - (size_t)(equals + 1 - line.at)}), &value.buf);
        buf_add(&value.buf, "", 1);
        TRY(take(name, value.buf.at, arena, ret, err));
    }
    return RC_OK;
}

/* ---- both ---- */

static RC find_in_file(const struct mysql_options *options, const char *home, struct arena *arena,
                       struct mysql_login *ret, struct error *err)
{
    AUTO_RELEASE(secret_buf) text = {0};
    bool is_asked = options->defaults_file != NULL, is_there = false;
    if (!is_asked && (home == NULL || (secret_is_set(&options->password) && options->user != NULL)))
        return RC_OK;
    const char *path = is_asked ? options->defaults_file : arena_print(arena, "%s/.my.cnf", home);
    TRY(read_file(path, is_asked, &text, &is_there, err));
    if (is_there && read_lines(buf_str(&text.buf), arena, ret, err) != RC_OK)
        return fail_in(err, "the option file '%s'", path);
    if (secret_is_set(&ret->password))
        ret->password_from = arena_print(arena, "'%s'", path);
    return RC_OK;
}

RC mysql_login_find(const struct mysql_options *options, const char *(*environment)(const char *name),
                    struct arena *arena, struct mysql_login *ret, struct error *err)
{
    const char *of_environment = environment("MYSQL_PWD");
    TRY(find_in_file(options, environment("HOME"), arena, ret, err));
    if (options->host != NULL || options->socket != NULL) {
        ret->host = options->host;
        ret->socket = options->socket;
        ret->port = 0;
    } else if (ret->host != NULL) {
        ret->socket = NULL;
    }
    ret->port = options->port != 0 ? options->port : ret->port != 0 ? ret->port : PORT;
    ret->user = options->user != NULL ? options->user : ret->user;
    ret->database = options->database != NULL ? options->database : ret->database;
    if (secret_is_set(&options->password)) {
        secret_set(&ret->password, str(secret_reveal(&options->password)));
        ret->password_from = "the configuration";
    } else if (!secret_is_set(&ret->password) && of_environment != NULL && strlen(of_environment) <= SECRET_BYTES_MAX) {
        secret_set(&ret->password, str(of_environment));
        ret->password_from = "MYSQL_PWD";
    }
    if (ret->password_from == NULL)
        ret->password_from = "nowhere";
    return RC_OK;
}
