/* What must hold in a world after a run: the rows, and the invariants of docs/cases.md. */
#include <inttypes.h>

#include "state/keys.h"
#include "world/world_intern.h"

#define WRONG(...)                                                                                                     \
    do {                                                                                                               \
        buf_addf(why, __VA_ARGS__);                                                                                    \
        buf_add_str(why, S("\n"));                                                                                     \
        return false;                                                                                                  \
    } while (0)

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

static void add_times(struct buf *to, struct str line, int times)
{
    for (int i = 0; i < times; i++)
        buf_add_str(to, line);
}

/* Of a table that every waybill appends whole; rows are printed in order. */
static bool check_copies(struct looking *look, struct buf *why)
{
    AUTO_RELEASE(buf) source = {0};
    AUTO_RELEASE(buf) target = {0};
    AUTO_RELEASE(buf) expected = {0};
    world_print_source(look->world, look->table, &source);
    world_print_target(look->world, look->table, &target);
    for (const char *at = or_empty(source.at); *at != '\0'; at += strcspn(at, "\n") + 1)
        add_times(&expected, (struct str){at, strcspn(at, "\n") + 1}, look->link_count);
    if (!str_eq(buf_str(&expected), buf_str(&target)))
        WRONG("'%s' is not there %d times: source\n%s target\n%s", world_table_name(look->table), look->link_count,
              or_empty(source.at), or_empty(target.at));
    return true;
}

/* ---- S, W and T ---- */

/* Read from the documents themselves, not by the engine's own reader. */
static bool check_files(struct looking *look, const json_t *waybill, const char *id, bool loaded, struct buf *why)
{
    const json_t *files = json_object_get(waybill, "files");
    int64_t rows = 0;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        struct object_info info = {0};
        struct error err;
        const char *key = or_empty(json_text(file, "key"));
        enum rc rc = store_head(look->store, key, &info, &err);
        bool was_cleaned = rc == RC_NOT_FOUND && loaded && look->rules.cleaned;
        if (!was_cleaned && (rc != RC_OK || info.bytes != json_int(file, "bytes", -1)))
            WRONG("the file '%s' of the reachable waybill %s is gone or has another size", key, id);
        rows += json_int(file, "rows", -1);
    }
    if (rows != json_int(waybill, "rows", -1))
        WRONG("waybill %s says %" PRId64 " rows, its files have %" PRId64, id, json_int(waybill, "rows", -1), rows);
    return true;
}

/* Which no cleaner may take. */
static bool check_quarantine(struct looking *look, const json_t *waybill, const char *id, struct buf *why)
{
    const json_t *files = json_object_get(waybill, "quarantine");
    int64_t rows = 0;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        struct object_info info = {0};
        struct error err;
        const char *key = or_empty(json_text(file, "key"));
        if (store_head(look->store, key, &info, &err) != RC_OK || info.bytes != json_int(file, "bytes", -1))
            WRONG("the file '%s' of the quarantine of %s is gone or has another size", key, id);
        rows += json_int(file, "rows", -1);
    }
    if (rows != json_int(waybill, "quarantined", -1))
        WRONG("waybill %s says %" PRId64 " rows were set aside, its files have %" PRId64, id,
              json_int(waybill, "quarantined", -1), rows);
    return true;
}

static bool check_loads(struct looking *look, const struct link *link, bool loaded, struct buf *why)
{
    struct object_info info;
    struct error err;
    enum rc rc = store_head(look->store, key_beside(&look->arena, link->key, "receipt.json"), &info, &err);
    bool told = rc == RC_OK, early = !told && look->rules.anytime;
    if ((rc != RC_OK && rc != RC_NOT_FOUND) || (told != loaded && !early))
        WRONG("waybill %s has %s receipt and was%s loaded", link->id, told ? "a" : "no", loaded ? "" : " not");
    int times = look->world->real ? loaded : mem_database_loads(look->world->database, link->id);
    if (times != (loaded ? 1 : 0))
        WRONG("waybill %s was applied %d times", link->id, times);
    return true;
}

static bool check_waybill(struct looking *look, const struct link *link, bool loaded, struct buf *why)
{
    const json_t *waybill = look_json(look, link->key);
    if (waybill == NULL || json_bool(waybill, "abandoned", false) ||
        !text_eq(json_text(waybill, "waybill_id"), link->id))
        WRONG("reachable waybill %s is not sealed", link->id);
    return check_files(look, waybill, link->id, loaded, why) && check_quarantine(look, waybill, link->id, why) &&
           check_loads(look, link, loaded, why);
}

/* Newest first; T is somewhere on it, and from there on all is loaded. */
static bool check_chain(struct looking *look, struct buf *why)
{
    const struct mark_ref *newest = &scope_marks(look->scope)->extracted;
    struct link link = {.id = newest->id, .key = newest->key};
    bool loaded = false;
    while (link.id != NULL && link.id[0] != '\0' && link.key != NULL) {
        loaded = loaded || strcmp(link.id, look->t.waybill) == 0;
        if (look->link_count == LINKS_MAX)
            WRONG("the chain does not end");
        if (!check_waybill(look, &link, loaded, why))
            return false;
        const json_t *waybill = look_json(look, link.key), *prev = json_object_get(waybill, "prev");
        link.rows = text_eq(json_text(waybill, "mode"), "keys") ? 0 : json_int(waybill, "rows", 0);
        link.quarantined = json_int(waybill, "quarantined", 0);
        look->links[look->link_count++] = link;
        link = (struct link){.id = json_text(prev, "id"), .key = json_text(prev, "key")};
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

/* S.loaded never runs ahead of T. */
static bool check_loaded(struct looking *look, struct buf *why)
{
    const char *loaded = scope_marks(look->scope)->loaded.id;
    bool reached = loaded[0] == '\0', below = false;
    for (int i = 0; i < look->link_count && !reached; i++) {
        below = below || text_eq(look->links[i].id, look->t.waybill);
        reached = text_eq(look->links[i].id, loaded) && below;
    }
    if (!reached)
        WRONG("S.loaded %s is not at or behind T %s on the chain", loaded, look->t.waybill);
    return true;
}

static bool check_scope(struct looking *look, struct buf *why)
{
    const struct marks *s = scope_marks(look->scope);
    if (look->rules.anytime)
        return check_forward(look, why) && check_chain(look, why) && check_loaded(look, why);
    if (scope_lease(look->scope).held && !look->rules.leased)
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
    for (int i = 0; i < look->link_count; i++) {
        size_t folder = strlen(look->links[i].key) - strlen("waybill.json");
        if (strncmp(look->links[i].key, key, folder) == 0)
            return true;
    }
    return false;
}

/* ---- what was announced ---- */

/* Who sees completion_marker.txt finds the others beside it; they say the same, unless the close failed afterwards
 * (then there is a failure_marker.txt, too). */
static bool check_marker(struct looking *look, const char *key, struct link *told, struct buf *why)
{
    const char *table = world_table_name(look->table);
    const json_t *whole = look_json(look, key_beside(&look->arena, key, "execution_metadata.json"));
    const json_t *metrics = look_json(look, key_beside(&look->arena, key, "table_metrics.json"));
    if (whole == NULL || metrics == NULL)
        WRONG("'%s' stands alone", key);
    const char *status = json_text(json_object_get(json_object_get(whole, "table_results"), table), "status");
    struct object_info info;
    struct error err;
    bool failed_later =
        store_head(look->store, key_beside(&look->arena, key, "failure_marker.txt"), &info, &err) == RC_OK;
    if (!text_eq(status, "success") && !failed_later)
        WRONG("'%s' stands beside a result that is '%s'", key, or_empty(status));
    const json_t *more = json_object_get(json_object_get(json_object_get(whole, "waybill"), "tables"), table);
    told->rows += json_int(json_object_get(metrics, "mysql_metrics"), "rows_extracted", 0);
    told->quarantined += json_int(more, "rows_quarantined", 0);
    return true;
}

/* What was loaded was announced, at least once. */
static bool check_markers(struct looking *look, struct buf *why)
{
    const char *prefix = arena_print(&look->arena, "completion_markers/shop/%s/", world_table_name(look->table)),
               *after = NULL;
    struct link told = {0}, loaded = {0};
    struct error err;
    do {
        struct object_list page;
        if (store_list(look->store, prefix, after, &look->arena, &page, &err) != RC_OK)
            WRONG("listing: %s", err.text);
        for (int i = 0; i < page.count; i++) {
            if (strstr(page.items[i].key, "/completion_marker.txt") != NULL &&
                !check_marker(look, page.items[i].key, &told, why))
                return false;
        }
        after = page.next;
    } while (after != NULL);
    for (int i = 0; i < look->link_count; i++) {
        loaded.rows += look->links[i].rows;
        loaded.quarantined += look->links[i].quarantined;
    }
    if (look->rules.anytime || look->rules.waiting || look->world->no_target)
        return true;
    if (told.rows < loaded.rows || told.quarantined < loaded.quarantined)
        WRONG("%" PRId64 " rows of '%s' were loaded and %" PRId64 " set aside, announced %" PRId64 " and %" PRId64,
              loaded.rows, world_table_name(look->table), loaded.quarantined, told.rows, told.quarantined);
    if (loaded.quarantined < world_misfits(look->world, look->table))
        WRONG("rows of '%s' that do not fit were neither loaded nor set aside", world_table_name(look->table));
    return true;
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
    struct run_options options = self->options;
    struct table_config first = self->tables[0];
    self->options = (struct run_options){0};
    for (int i = 0; i < self->table_count; i++) {
        if (strcmp(self->tables[i].name, world_table_name(table)) == 0)
            self->tables[0] = self->tables[i];
    }
    struct world_report report = world_clean(self, false);
    self->options = options;
    self->tables[0] = first;
    if (report.rc != RC_OK)
        WRONG("s3clean orphans: %s", report.error.text);
    return true;
}

/* ---- the whole ---- */

static bool check_everything(struct looking *look, struct buf *why)
{
    const struct world_rules *rules = &look->rules;
    if (rules->anytime && (rules->lost || !scope_exists(look->scope)))
        return true;
    look->t = look_position(look);
    if (!check_scope(look, why) || !check_markers(look, why))
        return false;
    if (rules->anytime)
        return true;
    bool rows = !rules->waiting && !rules->moving && !look->world->no_target;
    if (!check_objects(look, why))
        return false;
    if (rows && rules->copies)
        return check_copies(look, why);
    return !rows || check_rows(look->world, look->table, why);
}

static bool check_table(struct world *self, enum world_table table, struct world_rules rules, struct buf *why)
{
    struct looking look;
    if (rules.zombies && !rules.anytime && !clean_orphans(self, table, why))
        return false;
    bool ok = look_begin(&look, self, table, rules, why) && check_everything(&look, why);
    look_end(&look);
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
