/* Connections that are given by URIs: each becomes what the configuration file would hold. */
#include <ctype.h>

#include "connect/registry.h"
#include "move/config_intern.h"

enum { URI_BYTES_MAX = 8192 };

static bool is_path(const char *text)
{
    return text[0] == '/' || strncmp(text, "./", 2) == 0 || strncmp(text, "../", 3) == 0;
}

/* "sqlite:shop.db": a database that is a file needs no host, and so no "//". */
static bool is_file_of_type(const char *text)
{
    struct str scheme = {text, strcspn(text, ":")};
    for (int i = 0; text[scheme.len] == ':' && database_types[i] != NULL; i++) {
        if (str_eq(str(database_types[i]->name), scheme))
            return option_find(database_types[i]->options, "path") != NULL;
    }
    return false;
}

bool config_is_uri(const char *text) { return strstr(text, "://") != NULL || is_file_of_type(text) || is_path(text); }

enum rc config_todo_uri(const char *name, const char *or_else, struct error *err)
{
    return fail_todo(err,
                     "a folder is ./%.60s, a bucket s3://%.60s, a database's file sqlite:%.60s, a server "
                     "mysql://USER@HOST/DATABASE%s%s",
                     name, name, name, or_else != NULL ? "; or " : "", or_empty(or_else));
}

/* A URI on its way to a connection. */
struct uri {
    struct config *config;
    const char *text, *by;
    const char *type;
    struct option_table table;
    struct yaml_node *node; /* the connection's map */
    const char *prefix;
};

static struct where where_at(const struct uri *self, const char *at)
{
    return (struct where){self->by, 1, (int)(at - self->text) + 1};
}

/* ---- nodes ---- */

struct yaml_node *config_node(struct arena *arena, const char *key, const char *text, struct where at)
{
    struct yaml_node *node = arena_take(arena, sizeof(*node));
    *node = (struct yaml_node){.kind = text != NULL ? YAML_TEXT : YAML_MAP,
                               .where = at,
                               .key_where = at,
                               .key = arena_text(arena, key),
                               .text = text != NULL ? arena_text(arena, text) : ""};
    return node;
}

void config_node_add(struct yaml_node *parent, struct yaml_node *child)
{
    struct yaml_node **end = &parent->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = child;
    parent->count++;
}

/* ---- pieces ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* %XX; anything else stays, '+' too. */
static RC decode(const struct uri *self, struct str from, const char **ret, struct error *err)
{
    AUTO_RELEASE(buf) out = {0};
    for (size_t i = 0; i < from.len; i++) {
        char c = from.at[i];
        if (c == '%') {
            int high = i + 2 < from.len ? hex_digit(from.at[i + 1]) : -1;
            int low = i + 2 < from.len ? hex_digit(from.at[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                fail(err, RC_CONFIG, WHERE_FMT ": a '%%' that is not followed by two hexadecimal digits",
                     WHERE_ARG(where_at(self, from.at + i)));
                return fail_todo(err, "write %%25 for a percent sign");
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        buf_add(&out, &c, 1);
    }
    if (!str_is_utf8(buf_str(&out))) { /* names of databases and files stand in documents */
        fail(err, RC_CONFIG, WHERE_FMT ": what stands there for '%%XX' is not UTF-8",
             WHERE_ARG(where_at(self, from.at)));
        return fail_todo(err, "write the bytes of the UTF-8 form, each as %%XX");
    }
    *ret = arena_str(&self->config->arena, buf_str(&out));
    return RC_OK;
}

static RC refuse_literal_secret(const struct uri *self, const char *name, const char *at, struct error *err)
{
    fail(err, RC_CONFIG, WHERE_FMT ": the %s stands in the URI itself, where every user of this machine can read it",
         WHERE_ARG(where_at(self, at)), name);
    return fail_todo(err, "write '${VARIABLE}' there, in single quotes, or file:PATH; or leave it out: libraries find "
                          "passwords in ~/.pgpass, PGPASSWORD, ~/.my.cnf, keys where AWS's tools keep them");
}

static bool is_reference(const char *text)
{
    return strncmp(text, "${", 2) == 0 || strncmp(text, "file:", 5) == 0 || strncmp(text, "cmd:", 4) == 0;
}

/* One option; `value` as it stands in the URI. */
static RC add_option(struct uri *self, const char *name, struct str value, struct error *err)
{
    const struct option *option = option_find(self->table, name);
    const char *text = "";
    TRY(decode(self, value, &text, err));
    if (yaml_find(self->node, name) != NULL) {
        fail(err, RC_CONFIG, WHERE_FMT ": '%s' stands in the URI twice", WHERE_ARG(where_at(self, value.at)), name);
        return fail_todo(err, "leave one of the two");
    }
    if (option != NULL && option->type == OPTION_SECRET && !is_reference(text))
        return refuse_literal_secret(self, name, value.at, err);
    config_node_add(self->node, config_node(&self->config->arena, name, text, where_at(self, value.at)));
    return RC_OK;
}

/* Something stands where this type has no option for it. */
static RC refuse_piece(const struct uri *self, const char *what, const char *at, struct error *err)
{
    fail(err, RC_CONFIG, WHERE_FMT ": a connection of type '%s' has no %s", WHERE_ARG(where_at(self, at)), self->type,
         what);
    return fail_todo(err, "remove it; docs/connections.md has the options of each type");
}

static RC add_piece(struct uri *self, const char *name, struct str value, struct error *err)
{
    if (value.len == 0)
        return RC_OK;
    return option_find(self->table, name) != NULL ? add_option(self, name, value, err)
                                                  : refuse_piece(self, name, value.at, err);
}

/* "user:password@host:port", "[::1]:3306". */
static RC add_authority(struct uri *self, struct str authority, struct error *err)
{
    struct str user = {authority.at, 0}, host = authority, port = {authority.at, 0};
    for (size_t i = authority.len; i > 0 && user.len == 0; i--) {
        if (authority.at[i - 1] != '@')
            continue;
        user.len = i - 1;
        host = (struct str){authority.at + i, authority.len - i};
    }
    const char *colon = user.len > 0 ? memchr(user.at, ':', user.len) : NULL;
    if (colon != NULL) {
        TRY(add_piece(self, "password", (struct str){colon + 1, user.len - (size_t)(colon + 1 - user.at)}, err));
        user.len = (size_t)(colon - user.at);
    }
    const char *bracket = host.len > 0 && host.at[0] == '[' ? memchr(host.at, ']', host.len) : NULL;
    const char *end = bracket != NULL ? bracket + 1 : host.at;
    size_t left = host.len - (size_t)(end - host.at);
    const char *before_port = left > 0 ? memchr(end, ':', left) : NULL;
    if (before_port != NULL) {
        port = (struct str){before_port + 1, host.len - (size_t)(before_port + 1 - host.at)};
        host.len = (size_t)(before_port - host.at);
    }
    if (bracket != NULL && host.at + host.len != bracket + 1) {
        fail(err, RC_CONFIG, WHERE_FMT ": something stands behind the ']' that is no port",
             WHERE_ARG(where_at(self, bracket + 1)));
        return fail_todo(err, "write 'HOST:PORT', or '[ADDRESS]:PORT' for IPv6");
    }
    if (bracket != NULL)
        host = (struct str){host.at + 1, (size_t)(bracket - host.at) - 1};
    TRY(add_piece(self, "user", user, err));
    TRY(add_piece(self, option_find(self->table, "bucket") != NULL ? "bucket" : "host", host, err));
    return add_piece(self, "port", port, err);
}

/* `path` with its '/', if it has one: a file, a database, or what is below a bucket. */
static RC add_path(struct uri *self, struct str path, struct error *err)
{
    if (option_find(self->table, "path") != NULL)
        return add_piece(self, "path", path, err);
    if (path.len > 0 && path.at[0] == '/')
        path = (struct str){path.at + 1, path.len - 1};
    if (option_find(self->table, "bucket") != NULL)
        return decode(self, path, &self->prefix, err);
    return add_piece(self, "database", path, err);
}

static RC add_query(struct uri *self, const char *query, struct error *err)
{
    while (*query != '\0') {
        size_t len = strcspn(query, "&"), name_len = strcspn(query, "=&");
        const char *name = "";
        TRY(decode(self, (struct str){query, name_len}, &name, err));
        if (name_len == len) {
            fail(err, RC_CONFIG, WHERE_FMT ": '%.40s' has no value", WHERE_ARG(where_at(self, query)), name);
            return fail_todo(err, "write it as NAME=VALUE, or leave it out");
        }
        TRY(add_option(self, name, (struct str){query + name_len + 1, len - name_len - 1}, err));
        query += len + (query[len] == '&');
    }
    return RC_OK;
}

/* ---- the whole ---- */

static RC find_type(struct uri *self, struct str scheme, struct error *err)
{
    size_t bytes;
    bool is_folder = scheme.len == 0 || str_eq(scheme, S("file"));
    self->type = is_folder ? "directory" : arena_str(&self->config->arena, scheme);
    if (config_options_of_type(self->type, &self->table, &bytes))
        return RC_OK;
    fail(err, RC_CONFIG, WHERE_FMT ": there is no type of connection '%.40s'", WHERE_ARG(where_at(self, self->text)),
         self->type);
    return fail_todo(err, "a URI begins with mysql://, mariadb://, postgresql://, sqlite:, duckdb:, s3:// or file://");
}

static RC read_uri(struct uri *self, struct error *err)
{
    const char *at = self->text;
    const char *scheme_end = is_path(at) ? NULL : strchr(at, ':');
    TRY(find_type(self, (struct str){at, scheme_end != NULL ? (size_t)(scheme_end - at) : 0}, err));
    struct arena *arena = &self->config->arena;
    self->node = config_node(arena, "", NULL, where_at(self, at));
    config_node_add(self->node, config_node(arena, "type", self->type, where_at(self, at)));
    at = scheme_end != NULL ? scheme_end + 1 : at;
    if (strncmp(at, "//", 2) == 0) {
        size_t len = strcspn(at + 2, "/?#");
        TRY(add_authority(self, (struct str){at + 2, len}, err));
        at += 2 + len;
    }
    size_t len = strcspn(at, "?");
    TRY(add_path(self, (struct str){at, len}, err));
    return add_query(self, at[len] == '?' ? at + len + 1 : at + len, err);
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_find(map, key);
    return node != NULL ? node->text : NULL;
}

const char *config_address(const struct connection_config *connection, struct arena *arena)
{
    const struct yaml_node *node = connection->node;
    const char *type = connection->type;
    const char *path = text_of(node, "path"), *bucket = text_of(node, "bucket"), *socket = text_of(node, "socket");
    const char *user = text_of(node, "user"), *host = text_of(node, "host"), *port = text_of(node, "port");
    if (path != NULL)
        return arena_print(arena, "%s:%s", text_eq(type, "directory") ? "file" : type, path);
    if (bucket != NULL)
        return arena_print(arena, "%s://%s", type, bucket);
    bool is_six = host != NULL && strchr(host, ':') != NULL;
    return arena_print(arena, "%s://%s%s%s%s%s%s%s/%s", type, or_empty(user), user != NULL ? "@" : "",
                       is_six ? "[" : "", host != NULL ? host : or_empty(socket), is_six ? "]" : "",
                       port != NULL ? ":" : "", or_empty(port), or_empty(text_of(node, "database")));
}

/* Another URI may have the same name, and other parameters. */
static const char *free_name(const struct uri *self, const char *name)
{
    const char *free = name;
    for (int i = 2; config_connection(self->config, free) != NULL; i++)
        free = arena_print(&self->config->arena, "%s #%d", name, i);
    return free;
}

RC config_add_uri(struct config *self, const char *uri, const char *by, const char **ret_name, const char **ret_prefix,
                  struct error *err)
{
    struct uri read = {.config = self, .text = uri, .by = by, .prefix = ""};
    if (strlen(uri) > URI_BYTES_MAX) {
        fail(err, RC_CONFIG, "%s is longer than %d bytes", by, URI_BYTES_MAX);
        return fail_todo(err, "put the connection into a configuration, and give its name");
    }
    TRY(read_uri(&read, err));
    const struct connection_config plain = {.type = read.type, .node = read.node};
    read.node->key = free_name(&read, config_address(&plain, &self->arena));
    TRY(config_take_connection(self, read.node, read.type, err));
    *ret_name = read.node->key;
    *ret_prefix = read.prefix;
    return RC_OK;
}
