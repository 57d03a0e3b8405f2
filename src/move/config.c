#include "move/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "move/config_intern.h"

/* ---- names ---- */

RC config_check_name(const struct yaml_node *entry, const char *what, struct error *err)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const char *name = entry->key;
    size_t len = strlen(name);
    bool is_word = len > 0 && len <= NAME_BYTES_MAX && strspn(name, legal) == len;
    if (is_word && !text_eq(name, ".") && !text_eq(name, "..") && !text_eq(name, "none"))
        return RC_OK;
    fail(err, RC_CONFIG, WHERE_FMT ": '%.40s' cannot be the name of a %s", WHERE_ARG(entry->key_where), name, what);
    return fail_todo(err, "use at most %d letters, digits, '_', '-' and '.'; 'none' has a meaning of its own",
                     NAME_BYTES_MAX);
}

bool config_is_reserved(struct str segment)
{
    return str_eq(segment, S("watermark")) || str_eq(segment, S("completion_markers"));
}

/* "waybill.yml:12:7: " or nothing, as the beginning of a message. */
static const char *place(struct where at, char *room, size_t size)
{
    if (at.file == NULL)
        return "";
    snprintf(room, size, WHERE_FMT ": ", WHERE_ARG(at));
    return room;
}

/* ---- connections ---- */

static bool can_be(const char *type, enum role role)
{
    const struct database_type *database = database_type_find(type);
    switch (role) {
    case ROLE_SOURCE: return database != NULL && database->open_source != NULL;
    case ROLE_TARGET: return database != NULL && database->open_target != NULL;
    case ROLE_STORE: break;
    }
    return store_type_find(type) != NULL;
}

static const char *const role_names[] = {
    [ROLE_SOURCE] = "source", [ROLE_TARGET] = "target", [ROLE_STORE] = "stage's store"};

const struct connection_config *config_connection(const struct config *self, const char *name)
{
    for (int i = 0; i < self->connection_count; i++) {
        if (text_eq(self->connections[i].name, name))
            return &self->connections[i];
    }
    return NULL;
}

static const char *nearest_connection(const struct config *self, const char *name)
{
    const char **names = xcalloc((size_t)self->connection_count, sizeof(*names));
    for (int i = 0; i < self->connection_count; i++)
        names[i] = self->connections[i].name;
    const char *near = nearest_name(name, names, self->connection_count);
    free(names);
    return near;
}

RC config_find_connection(const struct config *self, const char *name, enum role role, struct where at,
                          const struct connection_config **ret, struct error *err)
{
    char room[512];
    const char *begin = place(at, room, sizeof(room));
    const struct connection_config *found = config_connection(self, name);
    if (found == NULL) {
        const char *near = nearest_connection(self, name);
        if (near == NULL)
            fail(err, RC_CONFIG, "%sthere is no connection '%s'", begin, name);
        else
            fail(err, RC_CONFIG, "%sthere is no connection '%s', did you mean '%s'?", begin, name, near);
        bool is_flag = at.file != NULL && at.file[0] == '-'; /* --source: a URI may be meant */
        return is_flag ? config_todo_uri(name, "give the name of one that there is", err)
                       : fail_todo(err, "give the name of one that there is, or add '%s' under 'connections:'", name);
    }
    if (!can_be(found->type, role)) {
        fail(err, RC_CONFIG, "%sthe connection '%s' is of type '%s', which cannot be a %s", begin, name, found->type,
             role_names[role]);
        return fail_todo(err, "give the name of another connection; 'waybill version --output json' lists the types");
    }
    *ret = found;
    return RC_OK;
}

bool config_options_of_type(const char *type, struct option_table *ret, size_t *ret_bytes)
{
    const struct database_type *database = database_type_find(type);
    const struct store_type *store = store_type_find(type);
    if (database == NULL && store == NULL)
        return false;
    *ret = database != NULL ? database->options : store->options;
    *ret_bytes = database != NULL ? database->options_bytes : store->options_bytes;
    return true;
}

enum { TYPES_MAX = 64, TYPES_TEXT = 1024 };

/* The names of all types, and as one text. */
static int all_types(const char *names[TYPES_MAX], char text[TYPES_TEXT])
{
    int count = 0, used = 0;
    for (int i = 0; database_types[i] != NULL && count < TYPES_MAX; i++)
        names[count++] = database_types[i]->name;
    for (int i = 0; store_types[i] != NULL && count < TYPES_MAX; i++)
        names[count++] = store_types[i]->name;
    for (int i = 0; i < count && used < TYPES_TEXT; i++)
        used += snprintf(text + used, (size_t)(TYPES_TEXT - used), "%s%s", i > 0 ? ", " : "", names[i]);
    return count;
}

/* `type` NULL: there is none. */
static RC no_type(const struct yaml_node *connection, const struct yaml_node *type, struct error *err)
{
    const char *names[TYPES_MAX];
    char all[TYPES_TEXT];
    int count = all_types(names, all);
    const char *near = type != NULL ? nearest_name(type->text, names, count) : NULL;
    if (type == NULL || type->kind != YAML_TEXT)
        fail(err, RC_CONFIG, WHERE_FMT ": connection '%s' lacks 'type'", WHERE_ARG(connection->key_where),
             connection->key);
    else if (near != NULL)
        fail(err, RC_CONFIG, WHERE_FMT ": there is no type '%s', did you mean '%s'?", WHERE_ARG(type->where),
             type->text, near);
    else
        fail(err, RC_CONFIG, WHERE_FMT ": there is no type '%s'", WHERE_ARG(type->where), type->text);
    return fail_todo(err, "the types are: %s", all);
}

/* A connection's options in a struct of their type. */
struct opened {
    struct option_set set;
    struct arena arena;
    void *options;
};

static void opened_release(struct opened *self)
{
    if (self->options != NULL)
        options_release_secrets(&self->set);
    free(self->options);
    arena_release(&self->arena);
}

static RC opened_init(const struct connection_config *connection, struct resolver *resolver, struct opened *ret,
                      struct error *err)
{
    struct option_table table;
    size_t bytes;
    bool is_known = config_options_of_type(connection->type, &table, &bytes);
    assert(is_known && "looked up when the connection was read");
    ret->options = xcalloc(1, bytes);
    options_init(&ret->set, table, ret->options, &ret->arena);
    const char *what = arena_print(&ret->arena, "connection '%s'", connection->name);
    TRY(options_read(&ret->set, connection->node, what, "type", resolver, err));
    return options_check_required(&ret->set, connection->where, what, err);
}

bool config_can_be_source(const struct connection_config *connection) { return can_be(connection->type, ROLE_SOURCE); }

bool config_can_be_target(const struct connection_config *connection) { return can_be(connection->type, ROLE_TARGET); }

RC config_show(const struct config *self, const char *name, struct arena *arena, const struct shown_option **ret,
               int *ret_count)
{
    AUTO_RELEASE(opened) opened = {0};
    struct error ignored; /* it was read before */
    const struct connection_config *connection = config_connection(self, name);
    if (connection == NULL || opened_init(connection, NULL, &opened, &ignored) != RC_OK)
        return RC_NOT_FOUND;
    const struct option_set *set = &opened.set;
    struct shown_option *shown = arena_take(arena, sizeof(*shown) * (size_t)(set->table.count + 1));
    *ret_count = 0;
    for (int i = 0; i < set->table.count; i++) {
        const struct option_origin *origin = &set->origins[i];
        const char *text = origin->kind == ORIGIN_DEFAULT ? set->table.options[i].preset : origin->text;
        if (text != NULL)
            shown[(*ret_count)++] = (struct shown_option){set->table.options[i].name, arena_text(arena, text),
                                                          arena_text(arena, option_origin_text(origin, arena))};
    }
    *ret = shown;
    return RC_OK;
}

static struct opening opening_of(const struct config *self, struct clock *clock, struct random *random)
{
    return (struct opening){.clock = clock,
                            .random = random,
                            .stop = self->stop,
                            .memory_bytes = self->memory_bytes,
                            .retries = self->retries};
}

RC config_open_source(struct config *self, const char *name, struct clock *clock, struct random *random,
                      struct source **ret, struct error *err)
{
    AUTO_RELEASE(opened) opened = {0};
    const struct connection_config *connection = NULL;
    const struct opening with = opening_of(self, clock, random);
    TRY(config_find_connection(self, name, ROLE_SOURCE, (struct where){0}, &connection, err));
    TRY(opened_init(connection, self->resolver, &opened, err));
    if (database_type_find(connection->type)->open_source(connection->name, opened.options, &with, ret, err) != RC_OK)
        return fail_in(err, "source '%s'", name);
    return RC_OK;
}

RC config_open_target(struct config *self, const char *name, struct clock *clock, struct random *random,
                      struct target **ret, struct error *err)
{
    AUTO_RELEASE(opened) opened = {0};
    const struct connection_config *connection = NULL;
    const struct opening with = opening_of(self, clock, random);
    TRY(config_find_connection(self, name, ROLE_TARGET, (struct where){0}, &connection, err));
    TRY(opened_init(connection, self->resolver, &opened, err));
    return database_type_find(connection->type)->open_target(connection->name, opened.options, &with, ret, err);
}

RC config_open_store(struct config *self, const char *name, struct clock *clock, struct random *random,
                     struct store **ret, struct error *err)
{
    AUTO_RELEASE(opened) opened = {0};
    const struct connection_config *connection = NULL;
    const struct opening with = opening_of(self, clock, random);
    TRY(config_find_connection(self, name, ROLE_STORE, (struct where){0}, &connection, err));
    TRY(opened_init(connection, self->resolver, &opened, err));
    return store_type_find(connection->type)->open(connection->name, opened.options, &with, ret, err);
}

RC config_take_connection(struct config *self, const struct yaml_node *node, const char *type, struct error *err)
{
    struct connection_config connection = {.name = node->key, .type = type, .where = node->key_where, .node = node};
    AUTO_RELEASE(opened) check = {0};
    if (self->connection_count == CONNECTIONS_MAX) {
        fail(err, RC_CONFIG, WHERE_FMT ": more than %d connections", WHERE_ARG(node->key_where), CONNECTIONS_MAX);
        return fail_todo(err, "keep one configuration per group of pipelines, each with the connections it uses");
    }
    TRY(opened_init(&connection, NULL, &check, err));
    self->connections[self->connection_count++] = connection;
    return RC_OK;
}

static RC add_connection(struct config *self, const struct yaml_node *node, struct error *err)
{
    TRY(config_check_name(node, "connection", err));
    const struct connection_config *first = config_connection(self, node->key);
    if (first != NULL) {
        fail(err, RC_CONFIG, WHERE_FMT ": the connection '%s' stands already at " WHERE_FMT, WHERE_ARG(node->key_where),
             node->key, WHERE_ARG(first->where));
        return fail_todo(err, "remove one of the two, or give it another name");
    }
    if (node->kind != YAML_MAP) {
        fail(err, RC_CONFIG, WHERE_FMT ": connection '%s' takes a map of options, not %s", WHERE_ARG(node->where),
             node->key, yaml_kind_name(node));
        return fail_todo(err, "write it as '%s: {type: TYPE, ...}', with the options of its type", node->key);
    }
    const struct yaml_node *type = yaml_find(node, "type");
    struct option_table table;
    size_t bytes;
    if (type == NULL || !config_options_of_type(type->text, &table, &bytes))
        return no_type(node, type, err);
    return config_take_connection(self, node, type->text, err);
}

/* ---- files ---- */

struct file_id {
    dev_t device;
    ino_t number;
    const char *path;
};

static void fd_release(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Where a file was asked for; file NULL: on the command line. */
static RC no_file(int number, const char *path, struct where from, struct error *err)
{
    char room[512];
    fail_errno(err, number, "%sthe configuration '%s' cannot be read", place(from, room, sizeof(room)), path);
    if (number == EISDIR)
        fail_todo(err, "name the file in it: '%s/waybill.yml'", path);
    else if (number == ENOENT && from.file == NULL)
        fail_todo(err, "go to the folder that has it, or name it with --config FILE or WAYBILL_CONFIG=FILE");
    else if (number == ENOENT)
        fail_todo(err, "correct the name, which is relative to this file, or remove it from 'include'");
    if (err->rc == RC_NOT_FOUND || number == EISDIR)
        err->rc = RC_CONFIG;
    return err->rc;
}

static RC check_first_time(struct config *self, const struct stat *about, const char *path, struct where from,
                           struct error *err)
{
    char room[512];
    if (self->files == NULL)
        self->files = arena_take(&self->arena, sizeof(*self->files) * INCLUDES_MAX);
    for (int i = 0; i < self->file_count; i++) {
        if (self->files[i].device == about->st_dev && self->files[i].number == about->st_ino) {
            fail(err, RC_CONFIG, "%s'%s' is included a second time (it is '%s')", place(from, room, sizeof(room)), path,
                 self->files[i].path);
            return fail_todo(err, "remove it from this 'include': each file is read once");
        }
    }
    if (self->file_count == INCLUDES_MAX) {
        fail(err, RC_CONFIG, "%smore than %d files", place(from, room, sizeof(room)), INCLUDES_MAX);
        return fail_todo(err, "put some of the included files together");
    }
    self->files[self->file_count++] = (struct file_id){about->st_dev, about->st_ino, path};
    return RC_OK;
}

static RC read_file(struct config *self, const char *path, struct where from, struct buf *out, struct error *err)
{
    __attribute__((cleanup(fd_release))) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0)
        return no_file(errno, path, from, err);
    if (S_ISDIR(about.st_mode))
        return no_file(EISDIR, path, from, err);
    TRY(check_first_time(self, &about, path, from, err));
    for (;;) {
        enum { READ_BYTES = 64 << 10 };
        buf_reserve(out, READ_BYTES);
        ssize_t got = read(fd, out->at + out->len, READ_BYTES);
        if (got < 0 && errno != EINTR)
            return no_file(errno, path, from, err);
        out->len += got > 0 ? (size_t)got : 0;
        if (got == 0 || out->len > YAML_BYTES_MAX) /* yaml_parse says that it is too large */
            return RC_OK;
    }
}

/* ---- the whole ---- */

struct top {
    const struct yaml_node *connections, *pipelines;
    struct text_list include;
};

static const struct option top_table[] = {
    OPTION("include", LIST, top, include, .help = "more configuration files, relative to this one"),
    OPTION("connections", NODE, top, connections, .help = "named endpoints"),
    OPTION("pipelines", NODE, top, pipelines, .help = "named routes"),
};

static RC check_section(const struct yaml_node *node, const char *what, struct error *err)
{
    if (node == NULL || node->kind == YAML_MAP || node->kind == YAML_EMPTY)
        return RC_OK;
    fail(err, RC_CONFIG, WHERE_FMT ": '%s' takes a map of names, not %s", WHERE_ARG(node->where), what,
         yaml_kind_name(node));
    return fail_todo(err, "write it as '%s: {NAME: {...}}'", what);
}

static RC add_connections(struct config *self, const struct yaml_node *section, struct error *err)
{
    if (section == NULL)
        return RC_OK;
    for (const struct yaml_node *node = section->first; node != NULL; node = node->next)
        TRY(add_connection(self, node, err));
    return RC_OK;
}

/* Only the names: a pipeline may use connections of a file that is read later. */
static RC add_pipelines(struct config *self, const struct yaml_node *section, struct error *err)
{
    if (section == NULL)
        return RC_OK;
    for (const struct yaml_node *node = section->first; node != NULL; node = node->next) {
        TRY(config_check_name(node, "pipeline", err));
        if (config_is_reserved(str(node->key))) {
            fail(err, RC_CONFIG, WHERE_FMT ": '%s' cannot be the name of a pipeline: other documents lie there",
                 WHERE_ARG(node->key_where), node->key);
            return fail_todo(err, "give it another name");
        }
        for (int i = 0; i < self->pipeline_count; i++) {
            if (text_eq(self->pipelines[i].name, node->key)) {
                fail(err, RC_CONFIG, WHERE_FMT ": the pipeline '%s' stands already at " WHERE_FMT,
                     WHERE_ARG(node->key_where), node->key, WHERE_ARG(self->pipelines[i].where));
                return fail_todo(err, "remove one of the two, or give it another name");
            }
        }
        if (self->pipeline_count == PIPELINES_MAX) {
            fail(err, RC_CONFIG, WHERE_FMT ": more than %d pipelines", WHERE_ARG(node->key_where), PIPELINES_MAX);
            return fail_todo(err, "keep several configurations, and name one with --config FILE");
        }
        self->pipelines[self->pipeline_count++] =
            (struct pipeline_config){.name = node->key, .where = node->key_where, .node = node};
    }
    return RC_OK;
}

static RC add_file(struct config *self, const char *path, struct where from, struct error *err);

static RC add_includes(struct config *self, const struct yaml_node *root, const struct text_list *include,
                       struct error *err)
{
    const struct yaml_node *node = yaml_find(root, "include");
    const struct yaml_node *item = node != NULL && node->kind == YAML_LIST ? node->first : node;
    for (int i = 0; i < include->count && item != NULL; i++, item = item->next) {
        const char *path = include->items[i], *slash = strrchr(item->where.file, '/');
        if (path[0] != '/' && slash != NULL)
            path = arena_print(&self->arena, "%.*s/%s", (int)(slash - item->where.file), item->where.file, path);
        TRY(add_file(self, path, item->where, err));
    }
    return RC_OK;
}

static RC add_file(struct config *self, const char *path, struct where from, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    const struct yaml_node *root = NULL;
    struct option_set set;
    struct top *top = arena_take(&self->arena, sizeof(*top));
    TRY(read_file(self, path, from, &text, err));
    TRY(yaml_parse(buf_str(&text), path, &self->arena, &root, err));
    options_init(&set, OPTION_TABLE(top_table), top, &self->arena);
    TRY(options_read(&set, root, "a configuration", NULL, self->resolver, err));
    TRY(check_section(top->connections, "connections", err));
    TRY(check_section(top->pipelines, "pipelines", err));
    TRY(add_connections(self, top->connections, err));
    TRY(add_pipelines(self, top->pipelines, err));
    return add_includes(self, root, &top->include, err);
}

static RC check_one_default(const struct config *self, struct error *err)
{
    const struct pipeline_config *first = NULL;
    for (int i = 0; i < self->pipeline_count; i++) {
        const struct pipeline_config *pipeline = &self->pipelines[i];
        if (pipeline->is_default && first != NULL) {
            fail(err, RC_CONFIG, WHERE_FMT ": the pipelines '%s' and '%s' both say 'default: true'",
                 WHERE_ARG(option_origin_of(pipeline->options, "default")->where), first->name, pipeline->name);
            return fail_todo(err, "remove it from one of the two");
        }
        if (pipeline->is_default)
            first = pipeline;
    }
    return RC_OK;
}

struct config *config_new(struct resolver *resolver)
{
    struct config *self = xcalloc(1, sizeof(*self));
    self->resolver = resolver;
    self->path = "the command line";
    self->connections = arena_take(&self->arena, sizeof(*self->connections) * CONNECTIONS_MAX);
    self->pipelines = arena_take(&self->arena, sizeof(*self->pipelines) * PIPELINES_MAX);
    return self;
}

RC config_load(const char *path, struct resolver *resolver, struct config **ret, struct error *err)
{
    AUTO(config) *self = config_new(resolver);
    self->path = arena_text(&self->arena, path != NULL ? path : "waybill.yml");
    TRY(add_file(self, self->path, (struct where){0}, err));
    for (int i = 0; i < self->pipeline_count; i++)
        TRY(pipeline_read(self, self->pipelines[i].node, NULL, NULL, 0, &self->pipelines[i], err));
    TRY(check_one_default(self, err));
    *ret = TAKE(self);
    return RC_OK;
}

void config_free(struct config *self)
{
    if (self == NULL)
        return;
    for (struct pipeline_config *picked = self->picked; picked != NULL; picked = picked->next)
        secret_release(&picked->hash_key);
    arena_release(&self->arena);
    free(self);
}

/* ---- picking a pipeline ---- */

static RC no_pipeline(const struct config *self, const char *name, struct error *err)
{
    const char **names = xcalloc((size_t)self->pipeline_count, sizeof(*names));
    AUTO_RELEASE(buf) all = {0};
    for (int i = 0; i < self->pipeline_count; i++) {
        names[i] = self->pipelines[i].name;
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = name != NULL ? nearest_name(name, names, self->pipeline_count) : NULL;
    free(names);
    if (self->pipeline_count == 0) {
        fail(err, RC_CONFIG, "'%s' has no pipelines", self->path);
        return fail_todo(
            err, "add 'pipelines: {NAME: {source: ..., stage: {store: ...}, target: ..., tables: {...}}}', or have a "
                 "configuration written: waybill init --source URI --target URI");
    }
    if (name == NULL) {
        fail(err, RC_CONFIG, "'%s' has several pipelines and none of them says 'default: true'", self->path);
        return fail_todo(err, "name one with -p: %s", all.at);
    }
    if (near != NULL)
        fail(err, RC_CONFIG, "there is no pipeline '%s', did you mean '%s'?", name, near);
    else
        fail(err, RC_CONFIG, "there is no pipeline '%s' in '%s'", name, self->path);
    return fail_todo(err, "the pipelines are: %s", all.at);
}

static const struct pipeline_config *find_pipeline(const struct config *self, const char *name)
{
    for (int i = 0; i < self->pipeline_count; i++) {
        const struct pipeline_config *pipeline = &self->pipelines[i];
        bool is_meant = pipeline->is_default || self->pipeline_count == 1;
        if (name != NULL ? text_eq(pipeline->name, name) : is_meant)
            return pipeline;
    }
    return NULL;
}

RC config_pick_pipeline(struct config *self, const char *name, const struct config_override *overrides,
                        int override_count, const struct pipeline_config **ret, struct error *err)
{
    const struct pipeline_config *checked = find_pipeline(self, name);
    if (checked == NULL)
        return no_pipeline(self, name, err);
    struct pipeline_config *picked = arena_take(&self->arena, sizeof(*picked));
    *picked = (struct pipeline_config){
        .name = checked->name, .where = checked->where, .node = checked->node, .next = self->picked};
    self->picked = picked;
    TRY(pipeline_read(self, checked->node, self->resolver, overrides, override_count, picked, err));
    *ret = picked;
    return RC_OK;
}
