#include "connect/registry.h"

#include "connect/sqlite/source.h"
#include "connect/sqlite/target.h"

struct sqlite_options {
    const char *path;
};

static const struct option sqlite_table[] = {
    OPTION("path", PATH, sqlite_options, path, .required = true, .help = "file of the database"),
};

static RC sqlite_open_source(const char *name, const void *options, const struct opening *with, struct source **ret,
                             struct error *err)
{
    const struct sqlite_options *sqlite = options;
    struct sqlite_source_options how = {.clock = with->clock, .stop = with->stop};
    return sqlite_source_open(name, sqlite->path, &how, ret, err);
}

static RC sqlite_open_target(const char *name, const void *options, const struct opening *with, struct target **ret,
                             struct error *err)
{
    const struct sqlite_options *sqlite = options;
    return sqlite_target_open(name, sqlite->path, with->clock, with->stop, ret, err);
}

static const struct database_type sqlite_type = {
    .name = "sqlite",
    .summary = "a SQLite file",
    .options = OPTION_TABLE(sqlite_table),
    .options_bytes = sizeof(struct sqlite_options),
    .open_source = sqlite_open_source,
    .open_target = sqlite_open_target,
};

const struct database_type *const database_types[] = {&sqlite_type, NULL};

const struct database_type *database_type_find(const char *name)
{
    for (int i = 0; database_types[i] != NULL; i++) {
        if (text_eq(database_types[i]->name, name))
            return database_types[i];
    }
    return NULL;
}
