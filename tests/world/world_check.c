/* What must hold in a world after a run: the rows, and the invariants of spec/sync.md 7. */
#include <inttypes.h>
#include <stdlib.h>

#include "state/keys.h"
#include "store/local.h"
#include "world/world_intern.h"

#define WRONG(...)                                                                                                     \
    do {                                                                                                               \
        buf_addf(why, __VA_ARGS__);                                                                                    \
        buf_add_str(why, S("\n"));                                                                                     \
        return false;                                                                                                  \
    } while (0)

struct store *world_store(struct world *self)
{
    struct store *source_end = NULL, *store = NULL;
    if (!self->real)
        return mem_store_open(self->objects, "lake");
    struct source *source;
    struct target *target;
    real_open(self, &source, &target, &store);
    source_free(source);
    target_free(target);
    return store != NULL ? store : source_end;
}

void world_print_source(struct world *self, enum world_table table, struct buf *out)
{
    if (self->real)
        real_print(self, "shop.db", world_table_name(table), out);
    else
        mem_server_print(self->server, world_table_name(table), out);
}

void world_print_target(struct world *self, enum world_table table, struct buf *out)
{
    if (self->real)
        real_print(self, "dw.db", world_table_name(table), out);
    else if (mem_database_rows(self->database, world_table_name(table)) >= 0)
        mem_database_print(self->database, world_table_name(table), out);
}

/* ---- rows ---- */

static bool check_rows(struct world *self, enum world_table table, struct buf *why)
{
    AUTO_RELEASE(buf) source = {0}, target = {0};
    world_print_source(self, table, &source);
    world_print_target(self, table, &target);
    if (!str_eq(buf_str(&source), buf_str(&target)))
        WRONG("rows of '%s' differ: source\n%s target\n%s", world_table_name(table), or_empty(source.at),
              or_empty(target.at));
    return true;
}

/* ---- S, W and T ---- */

struct looking {
    struct world *world;
    enum world_table table;
    struct world_rules rules;
    struct store *store;
    struct scope *scope;
    struct arena arena;
    struct target_position t;
    struct chain chain;
};

static struct target_position position_of(struct looking *look)
{
    struct target_position t = {0};
    struct error err;
    if (!look->world->real)
        return mem_database_position(look->world->database, scope_name(look->scope));
    struct source *source;
    struct target *target;
    struct store *store;
    real_open(look->world, &source, &target, &store);
    if (target_position(target, scope_name(look->scope), &look->arena, &t, &err) != RC_OK)
        t = (struct target_position){0};
    source_free(source);
    target_free(target);
    store_free(store);
    return t;
}

static bool check_waybill(struct looking *look, const struct link *link, bool loaded, struct buf *why)
{
    struct error err;
    struct waybill waybill = {0};
    enum waybill_state state;
    bool receipt = false;
    if (waybill_read(look->store, link->key, link->id, &look->arena, &state, &waybill, &err) != RC_OK ||
        state != WAYBILL_SEALED)
        WRONG("reachable waybill %s is not sealed", link->id);
    int64_t rows = 0, files = waybill.file_count;
    bool whole = true;
    for (int i = 0; i < waybill.file_count; i++) {
        struct object_info info = {0};
        whole = whole && store_head(look->store, waybill.files[i].key, &info, &err) == RC_OK &&
                info.bytes == waybill.files[i].bytes;
        rows += waybill.files[i].rows;
    }
    int64_t expected = waybill.rows;
    waybill_release(&waybill);
    if (!whole)
        WRONG("a file of the reachable waybill %s (%" PRId64 " files) is gone or has another size", link->id, files);
    if (rows != expected)
        WRONG("waybill %s says %" PRId64 " rows, its files have %" PRId64, link->id, expected, rows);
    if (receipt_exists(look->store, link->key, &receipt, &err) != RC_OK || receipt != loaded)
        WRONG("waybill %s has %s receipt and was%s loaded", link->id, receipt ? "a" : "no", loaded ? "" : " not");
    int times = look->world->real ? loaded : mem_database_loads(look->world->database, link->id);
    if (times != (loaded ? 1 : 0))
        WRONG("waybill %s was applied %d times", link->id, times);
    return true;
}

static bool check_chain(struct looking *look, struct buf *why)
{
    const struct marks *s = scope_marks(look->scope);
    struct error err;
    struct waybill_ref newest = {s->extracted.id[0] != '\0' ? s->extracted.id : NULL, s->extracted.key};
    if (chain_walk(look->store, newest, "", NULL, &look->arena, &look->chain, &err) != RC_OK)
        WRONG("the chain is broken: %s", err.text);
    bool loaded = look->t.waybill[0] == '\0' ? false : text_eq(newest.id, look->t.waybill);
    for (int i = 0; i < look->chain.count; i++) {
        loaded = loaded || text_eq(look->chain.links[i].id, look->t.waybill);
        if (!check_waybill(look, &look->chain.links[i], loaded, why))
            return false;
    }
    if (look->t.waybill[0] != '\0' && !loaded)
        WRONG("T names %s, which is not on the chain", look->t.waybill);
    return true;
}

/* The order of positions, as far as tests make them: texts of equal length, and integers. */
static int compare_text(const char *a, const char *b)
{
    int64_t x, y;
    if (str_to_int64(str(a), &x) && str_to_int64(str(b), &y))
        return (x > y) - (x < y);
    return strcmp(a, b);
}

static int compare_positions(const struct position *a, const struct position *b)
{
    static const int rank[] = {[POSITION_NONE] = 0, [POSITION_WALK] = 1, [POSITION_AT] = 2, [POSITION_AFTER] = 2};
    if (a->shape != b->shape)
        return rank[a->shape] - rank[b->shape];
    int order = a->shape == POSITION_AT ? compare_text(a->at, b->at) : 0;
    for (int i = 0; order == 0 && i < a->key_count && i < b->key_count; i++)
        order = compare_text(a->key[i], b->key[i]);
    return order != 0 ? order : a->key_count - b->key_count;
}

static bool check_forward(struct looking *look, struct buf *why)
{
    const struct marks *s = scope_marks(look->scope);
    struct world *world = look->world;
    struct position last;
    struct error err;
    AUTO_RELEASE(buf) now = {0};
    position_print(&s->extracted.pos, &now);
    if (position_parse(world->last_pos[look->table], &look->arena, &last, &err) != RC_OK)
        WRONG("position: %s", err.text);
    if (s->epoch == world->last_epoch[look->table] && compare_positions(&s->extracted.pos, &last) < 0)
        WRONG("the mark of '%s' moved back from %s to %s", world_table_name(look->table), world->last_pos[look->table],
              or_empty(now.at));
    snprintf(world->last_pos[look->table], sizeof(world->last_pos[0]), "%s", or_empty(now.at));
    world->last_epoch[look->table] = s->epoch;
    return true;
}

static bool check_scope(struct looking *look, struct buf *why)
{
    const struct marks *s = scope_marks(look->scope);
    if (scope_lease(look->scope).held)
        WRONG("the lease of '%s' was not given", scope_name(look->scope));
    if (s->in_flight.id[0] != '\0')
        WRONG("'%s' still has %s in flight", scope_name(look->scope), s->in_flight.id);
    if (!check_forward(look, why) || !check_chain(look, why))
        return false;
    if (look->rules.waiting || look->world->no_target)
        return true;
    if (strcmp(s->loaded.id, look->t.waybill) != 0 || strcmp(s->extracted.id, look->t.waybill) != 0)
        WRONG("S.extracted %s, S.loaded %s and T %s differ", s->extracted.id, s->loaded.id, look->t.waybill);
    return true;
}

/* ---- the bucket ---- */

static bool is_reachable(const struct looking *look, const char *key)
{
    for (int i = 0; i < look->chain.count; i++) {
        size_t folder = strlen(look->chain.links[i].key) - strlen("waybill.json");
        if (strncmp(look->chain.links[i].key, key, folder) == 0)
            return true;
    }
    return false;
}

/* A tombstone may lie where nothing leads: an orphan, like what a zombie left. */
static bool check_objects(struct looking *look, struct buf *why)
{
    const char *prefix = key_table_prefix(&look->arena, "stage", "shop", world_table_name(look->table)), *after = NULL;
    struct error err;
    do {
        struct object_list page;
        if (store_list(look->store, prefix, after, &look->arena, &page, &err) != RC_OK)
            WRONG("listing: %s", err.text);
        for (int i = 0; i < page.count; i++) {
            bool tombstone = strstr(page.items[i].key, "/waybill.json") != NULL;
            if (!is_reachable(look, page.items[i].key) && !tombstone)
                WRONG("'%s' is left over", page.items[i].key);
        }
        after = page.next;
    } while (after != NULL);
    struct upload_list uploads;
    if (store_upload_list(look->store, prefix, NULL, &look->arena, &uploads, &err) != RC_OK || uploads.count != 0)
        WRONG("an unfinished upload is left over");
    return true;
}

static bool clean_orphans(struct world *self, enum world_table table, struct buf *why)
{
    struct error err;
    struct orphans orphans;
    struct run_options options = self->options;
    struct table_config first = self->tables[0];
    self->options = (struct run_options){0};
    for (int i = 0; i < self->table_count; i++) {
        if (strcmp(self->tables[i].name, world_table_name(table)) == 0)
            self->tables[0] = self->tables[i];
    }
    world_clock_move_ms(&self->clock, 1000);
    struct run *run = world_open(self, false);
    bool ok = orphans_clean(run, 0, false, &orphans, &err) == RC_OK && orphans.failed == 0;
    world_close(self, run);
    self->options = options;
    self->tables[0] = first;
    if (!ok)
        WRONG("s3clean orphans: %s", err.text);
    return true;
}

/* ---- the whole ---- */

static bool check_table(struct world *self, enum world_table table, struct world_rules rules, struct buf *why)
{
    struct error err;
    if (rules.zombies && !clean_orphans(self, table, why))
        return false;
    struct looking look = {.world = self, .table = table, .rules = rules, .store = world_store(self)};
    struct scope_world world = {.store = look.store,
                                .clock = &self->clock.clock,
                                .random = &self->random.random,
                                .host = &self->hosts.host[0],
                                .run_id = "onlooker",
                                .ttl_ms = WORLD_TTL_MS};
    look.scope = scope_new(&world, "shop", world_table_name(table));
    bool ok = scope_read(look.scope, &err) == RC_OK;
    if (ok) {
        look.t = position_of(&look);
        ok = check_scope(&look, why) && check_objects(&look, why) &&
             (rules.waiting || self->no_target || check_rows(self, table, why));
    }
    scope_free(look.scope);
    store_free(look.store);
    arena_release(&look.arena);
    return ok;
}

bool world_check(struct world *self, struct world_rules rules, struct buf *why)
{
    for (int i = 0; i < self->table_count; i++) {
        for (int t = 0; t < WORLD_TABLES; t++) {
            if (strcmp(self->tables[i].name, world_table_name((enum world_table)t)) == 0 &&
                !check_table(self, (enum world_table)t, rules, why))
                return false;
        }
    }
    if (self->log.at != NULL && strstr(self->log.at, WORLD_SECRET) != NULL)
        WRONG("a row's value stands in the log or in an error");
    return true;
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
