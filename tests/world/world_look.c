/* How onlookers see a world: its rows, its bucket, S and T. Nothing here is counted, hit or changed. */
#include <inttypes.h>
#include <stdlib.h>

#include "world/world_intern.h"

struct store *world_store(struct world *self)
{
    return self->real ? real_open_store(self) : mem_store_open(self->objects, "lake");
}

/* Returns how many rows are not UTF-8, which are not printed. */
static int64_t print_source(struct world *self, enum world_table table, struct buf *out)
{
    AUTO_RELEASE(buf) rows = {0};
    int64_t misfits = 0;
    if (self->real)
        real_print(self, "shop.db", world_table_name(table), &rows);
    else
        mem_server_print(self->server, world_table_name(table), &rows);
    for (size_t at = 0, next; at < rows.len; at = next) {
        next = at + strcspn(rows.at + at, "\n") + 1;
        const struct str line = {rows.at + at, next - at};
        misfits += !str_is_utf8(line);
        if (str_is_utf8(line))
            buf_add_str(out, line);
    }
    return misfits;
}

void world_print_source(struct world *self, enum world_table table, struct buf *out) { print_source(self, table, out); }

int64_t world_misfits(struct world *self, enum world_table table)
{
    AUTO_RELEASE(buf) rows = {0};
    return print_source(self, table, &rows);
}

void world_print_target(struct world *self, enum world_table table, struct buf *out)
{
    if (self->real)
        real_print(self, "dw.db", world_table_name(table), out);
    else if (mem_database_rows(self->database, world_table_name(table)) >= 0)
        mem_database_print(self->database, world_table_name(table), out);
}

/* ---- documents ---- */

/* Most documents never change, and checks read them over and over: each text is parsed once. */
struct world_document {
    char *key;
    struct buf text;
    json_t *doc;
};

void world_forget_documents(struct world *self)
{
    for (int i = 0; i < self->document_count; i++) {
        free(self->documents[i].key);
        buf_release(&self->documents[i].text);
        json_decref(self->documents[i].doc);
    }
    free(self->documents);
}

static struct world_document *document_of(struct world *self, const char *key)
{
    for (int i = 0; i < self->document_count; i++) {
        if (strcmp(self->documents[i].key, key) == 0)
            return &self->documents[i];
    }
    self->documents = xrealloc(self->documents, sizeof(*self->documents) * (size_t)(self->document_count + 1));
    struct world_document *made = &self->documents[self->document_count++];
    *made = (struct world_document){.key = xstrdup(key)};
    return made;
}

const json_t *look_json(struct looking *self, const char *key)
{
    AUTO_RELEASE(buf) text = {0};
    struct error err;
    if (store_get(self->store, key, JSON_DOCUMENT_BYTES_MAX, &text, NULL, &err) != RC_OK)
        return NULL;
    struct world_document *document = document_of(self->world, key);
    if (document->doc != NULL && str_eq(buf_str(&document->text), buf_str(&text)))
        return document->doc;
    json_decref(document->doc);
    document->doc = NULL;
    buf_reset(&document->text);
    buf_add_str(&document->text, buf_str(&text));
    return json_read(buf_str(&text), key, &document->doc, &err) == RC_OK ? document->doc : NULL;
}

/* ---- S and T ---- */

bool look_begin(struct looking *self, struct world *world, enum world_table table, struct world_rules rules,
                struct buf *why)
{
    struct error err;
    *self = (struct looking){.world = world, .table = table, .rules = rules, .store = world_store(world)};
    struct scope_world scope_world = {.store = self->store,
                                      .clock = &world->clock.clock,
                                      .random = &world->random.random,
                                      .host = &world->hosts.host[0],
                                      .run_id = "onlooker",
                                      .ttl_ms = WORLD_TTL_MS};
    self->scope = scope_new(&scope_world, "shop", world_table_name(table));
    if (scope_read(self->scope, &err) == RC_OK)
        return true;
    buf_addf(why, "S cannot be read: %s\n", err.text);
    return false;
}

void look_end(struct looking *self)
{
    scope_free(self->scope);
    store_free(self->store);
    arena_release(&self->arena);
}

struct target_position look_position(struct looking *self)
{
    if (self->world->real)
        return real_position(self->world, scope_name(self->scope), &self->arena);
    return mem_database_position(self->world->database, scope_name(self->scope));
}

struct scope *world_scope(struct world *self, enum world_table table)
{
    struct error err;
    AUTO(store) *store = world_store(self);
    struct scope_world world = {.store = store,
                                .clock = &self->clock.clock,
                                .random = &self->random.random,
                                .host = &self->hosts.host[0],
                                .run_id = "onlooker",
                                .ttl_ms = WORLD_TTL_MS};
    struct scope *scope = scope_new(&world, "shop", world_table_name(table));
    if (scope_read(scope, &err) != RC_OK)
        abort();
    return scope;
}

void world_digest(struct world *self, char ret_hex[SHA256_HEX])
{
    AUTO_RELEASE(buf) all = {0};
    for (int i = 0; i < mem_objects_count(self->objects); i++) {
        struct mem_object object = mem_objects_at(self->objects, i);
        buf_addf(&all, "%s %" PRId64 "\n", object.key, object.modified_us);
        buf_add_str(&all, object.body);
    }
    buf_addf(&all, "uploads %d\n", mem_objects_uploads(self->objects));
    for (int i = 0; i < WORLD_TABLES; i++) {
        world_print_source(self, (enum world_table)i, &all);
        world_print_target(self, (enum world_table)i, &all);
        struct target_position t = mem_database_position(
            self->database, arena_print(&self->arena, "shop/%s", world_table_name((enum world_table)i)));
        buf_addf(&all, "%d %s %" PRId64 " %s\n", t.exists, t.target_id, t.token, t.waybill);
    }
    sha256_hex(buf_str(&all), ret_hex);
}
