/* The source in memory keeps a source's promises, so that what a sweep finds over it is true of the others. */
#include <stdlib.h>

#include "conform/source_suite.h"
#include "test.h"
#include "world/mem_source.h"

struct place {
    struct mem_server *server;
    struct mem_transaction *open;
};

static void *setup(void)
{
    struct place *self = xcalloc(1, sizeof(*self));
    self->server = mem_server_new();
    return self;
}

static void teardown(void *world)
{
    mem_server_free(((struct place *)world)->server);
    free(world);
}

static struct source *open_source(void *world, int page_rows)
{
    return mem_source_open(((struct place *)world)->server, "shop", page_rows);
}
static void set_now(void *world, int64_t us) { mem_server_set_now(((struct place *)world)->server, us); }

static void create(void *world, const char *table, const struct schema *schema, const char *key, const char *cursor)
{
    mem_server_table(((struct place *)world)->server, table, schema_copy(schema), key, cursor);
}

static void put(void *world, const char *table, const struct schema *schema, const char *row)
{
    struct place *self = world;
    if (self->open != NULL)
        mem_transaction_put(self->open, table, row);
    else
        mem_server_put(self->server, table, row);
}

static void delete (void *world, const char *table, const struct schema *schema, const char *key)
{
    mem_server_delete(((struct place *)world)->server, table, key);
}

static void begin(void *world) { ((struct place *)world)->open = mem_server_begin(((struct place *)world)->server); }
static void commit(void *world) { mem_transaction_commit(TAKE(((struct place *)world)->open)); }

int main(void)
{
    static const struct source_kind kind = {
        .name = "a source in memory",
        .quirks = {.counts_no_bytes = true, .trusts_requests = true},
        .setup = setup,
        .teardown = teardown,
        .open = open_source,
        .set_now = set_now,
        .create = create,
        .put = put,
        .delete = delete,
        .begin = begin,
        .commit = commit,
    };
    return source_suite_run(&kind);
}
