#include "move/audit_stage.h"

#include "move/staged.h"
#include "store/store.h"

/* Where the walk back stands; texts outlive the waybill that named them. */
struct walk {
    struct route *r;
    struct profile *profile;
    char id[UUID_TEXT], key[KEY_BYTES_MAX + 1];
    bool has_next, is_complete; /* complete: nothing of the target's is older */
    bool is_appended;           /* no waybill so far may have changed an earlier row */
    struct audit_stage found;
    int seen; /* waybills in found.since_aside so far */
};

static void go_to(struct walk *walk, const struct waybill_ref *at)
{
    walk->has_next =
        at->id != NULL && at->key != NULL && strlen(at->id) < sizeof(walk->id) && strlen(at->key) < sizeof(walk->key);
    if (!walk->has_next)
        return;
    memcpy(walk->id, at->id, strlen(at->id) + 1);
    memcpy(walk->key, at->key, strlen(at->key) + 1);
}

/* ---- one waybill ---- */

/* Which of the file's columns each of the profile's is; one of another type by now cannot be compared. */
static int *places_of(const struct schema *staged, struct profile *profile, struct arena *arena)
{
    int *places = arena_take(arena, sizeof(*places) * (size_t)(profile->schema->count + 1));
    for (int i = 0; i < profile->schema->count; i++) {
        const struct field *field = &profile->schema->fields[i];
        places[i] = schema_find(staged, field->name);
        if (places[i] < 0 || field_same_type(field, &staged->fields[places[i]]))
            continue;
        places[i] = -1;
        profile->columns[i].known = 0;
    }
    return places;
}

static RC read_file(struct walk *walk, const struct waybill_file *file, const struct schema *schema, const int *places,
                    bool *ret_is_there, struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    enum rc rc = staged_open(walk->r, file, schema, &reader, err);
    *ret_is_there = rc != RC_NOT_FOUND;
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    TRY(rc);
    for (const struct batch *batch = NULL;;) {
        TRY(run_check_stopped(walk->r->run, err));
        TRY(batch_reader_next(reader, &batch, err));
        if (batch == NULL)
            return RC_OK;
        profile_add(walk->profile, batch, places);
        walk->found.rows += batch->rows;
    }
}

static RC read_waybill(struct walk *walk, const struct waybill *waybill, struct arena *arena, struct error *err)
{
    const int *places = places_of(waybill->schema, walk->profile, arena);
    bool has_all = true, is_there = true;
    for (int i = 0; i < waybill->file_count; i++) {
        TRY(read_file(walk, &waybill->files[i], waybill->schema, places, &is_there, err));
        has_all &= is_there;
    }
    walk->found.waybills++;
    walk->found.read += has_all;
    return RC_OK;
}

/* ---- all of them ---- */

static void note(struct walk *walk, const struct waybill *waybill)
{
    struct waybill_ref *list = walk->found.since_aside;
    if ((walk->seen & (walk->seen - 1)) == 0) { /* at a power of two: double */
        list = arena_take(&walk->r->arena, sizeof(*list) * (size_t)(walk->seen > 0 ? 2 * walk->seen : 1));
        if (walk->seen > 0)
            memcpy(list, walk->found.since_aside, sizeof(*list) * (size_t)walk->seen);
        walk->found.since_aside = list;
    }
    list[walk->seen++] =
        (struct waybill_ref){arena_text(&walk->r->arena, walk->id), arena_text(&walk->r->arena, walk->key)};
    walk->found.quarantined += waybill->quarantined;
    if (waybill->quarantined > 0)
        walk->found.since_aside_count = walk->seen;
}

/* A target may have had rows before the first waybill, where that did not begin at the beginning. */
static RC step(struct walk *walk, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(waybill) waybill = {0};
    enum waybill_state state;
    TRY(waybill_read(walk->r->run->world.store, walk->key, walk->id, &arena, &state, &waybill, err));
    walk->has_next = false;
    if (state != WAYBILL_SEALED)
        return RC_OK;
    bool is_keys = strcmp(waybill.mode, mode_name(MODE_KEYS)) == 0; /* no rows: which of them were left */
    if (!is_keys)
        TRY(read_waybill(walk, &waybill, &arena, err));
    note(walk, &waybill);
    bool is_replaced = strcmp(waybill.mode, mode_name(MODE_REPLACE)) == 0;
    walk->is_appended &= is_replaced || strcmp(waybill.mode, mode_name(MODE_APPEND)) == 0;
    walk->is_complete = is_replaced || (waybill.prev.id == NULL && waybill.lo.shape == POSITION_NONE);
    if (!walk->is_complete)
        go_to(walk, &waybill.prev);
    return RC_OK;
}

/* S leads to T's waybill, which other documents only name. */
static RC find_first(struct walk *walk, const char *waybill, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct mark_ref *newest = &scope_marks(walk->r->scope)->extracted;
    const struct waybill_ref from = {newest->id[0] != '\0' ? newest->id : NULL, newest->key};
    struct chain chain;
    TRY(chain_walk(walk->r->run->world.store, from, waybill, NULL, &arena, &chain, err));
    go_to(walk, &(struct waybill_ref){waybill, chain.until_key});
    return RC_OK;
}

static enum stage_cover cover_of(const struct walk *walk, int64_t target_rows)
{
    const struct audit_stage *found = &walk->found;
    if (found->waybills == 0 || (found->read == 0 && found->rows == 0))
        return STAGE_NONE;
    if (!walk->is_complete || found->read < found->waybills)
        return STAGE_PART;
    return found->rows > target_rows && !walk->is_appended ? STAGE_UPDATES : STAGE_WHOLE;
}

RC audit_stage_read(struct route *r, const char *waybill, int64_t target_rows, struct profile *ret_profile,
                    struct audit_stage *ret, struct error *err)
{
    struct walk walk = {.r = r, .profile = ret_profile, .is_appended = true};
    TRY(find_first(&walk, waybill, err));
    while (walk.has_next)
        TRY(step(&walk, err));
    walk.found.cover = cover_of(&walk, target_rows);
    *ret = walk.found;
    return RC_OK;
}
