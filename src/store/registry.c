#include "store/registry.h"

#include "store/local.h"
#include "store/s3/s3.h"

struct directory_options {
    const char *path;
};

static const struct option directory_table[] = {
    OPTION("path", PATH, directory_options, path, .required = true,
           .help = "folder that holds the objects; made if its parent exists"),
};

static RC directory_open(const char *name, const void *options, const struct opening *with, struct store **ret,
                         struct error *err)
{
    const struct directory_options *directory = options;
    return local_store_open(name, directory->path, with->clock, with->random, ret, err);
}

static const struct store_type directory_type = {
    .name = "directory",
    .summary = "a folder of this machine, or of a file system with working locks",
    .options = OPTION_TABLE(directory_table),
    .options_bytes = sizeof(struct directory_options),
    .open = directory_open,
};

const struct store_type *const store_types[] = {&directory_type, &s3_type, NULL};

const struct store_type *store_type_find(const char *name)
{
    for (int i = 0; store_types[i] != NULL; i++) {
        if (text_eq(store_types[i]->name, name))
            return store_types[i];
    }
    return NULL;
}
