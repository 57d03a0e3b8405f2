#include "connect/target.h"

#include <inttypes.h>
#include <string.h>

static const char *const mode_names[] = {[MODE_APPEND] = "append",
                                         [MODE_MERGE] = "merge",
                                         [MODE_REPLACE] = "replace",
                                         [MODE_DELETE_INSERT] = "delete_insert",
                                         [MODE_KEYS] = "keys"};

const char *mode_name(enum mode mode) { return mode_names[mode]; }

bool mode_from_name(const char *name, enum mode *ret)
{
    for (int i = 0; i < (int)(sizeof(mode_names) / sizeof(mode_names[0])); i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *ret = (enum mode)i;
            return true;
        }
    }
    return false;
}

RC target_check_features(const struct target *t, const struct target_table *table, struct error *err)
{
    const struct {
        bool is_wanted;
        enum target_feature feature;
        const char *word, *instead;
    } wants[] = {
        {table->mode == MODE_DELETE_INSERT, TARGET_DELETE_INSERT, "mode: delete_insert", "mode: merge"},
        {table->mode == MODE_KEYS, TARGET_DELETES, "delete_detection: keys", "increment: full_sync"},
        {table->swaps, TARGET_SWAP, "replace: swap", "replace: delete"},
    };
    for (size_t i = 0; i < sizeof(wants) / sizeof(*wants); i++) {
        if (!wants[i].is_wanted || (t->ops->features & wants[i].feature) != 0)
            continue;
        fail(err, RC_CONFIG, "'%s' is a target of type %s, which has no '%s'", t->name, t->ops->type, wants[i].word);
        return fail_todo(err, "use '%s' for the table '%s'", wants[i].instead, table->name);
    }
    return RC_OK;
}

/* Made anew it would have what comes from now on, and nobody would see that the rest is missing. */
RC target_check_may_be_made(const struct target_table *table, struct error *err)
{
    if (!table->was_loaded)
        return RC_OK;
    fail(err, RC_DATA, "the table '%s' is gone, and what was loaded into it would not come again", table->name);
    fail_id(err, "target-table-gone");
    return fail_todo(err, "bring it back; or read everything anew: waybill watermark reset; or, if it is to begin "
                          "with what is new: run once with --accept-target");
}

/* A few rows are no accident; a source without any row may be. */
RC target_check_deletes(const struct target_table *table, int64_t keys, int64_t doomed, int64_t rows, struct error *err)
{
    enum { ROWS_FREE = 20 };
    int64_t most = table->deletes.percent_max;
    if (most >= 100 || doomed == 0 || (keys > 0 && doomed <= ROWS_FREE) || doomed * 100 <= most * rows)
        return RC_OK;
    fail(err, RC_DATA,
         "the source has %" PRId64 " keys: %" PRId64 " of the %" PRId64 " rows of '%s' would be deleted, more than the "
         "%" PRId64 " %% of delete_max",
         keys, doomed, rows, table->name, most);
    fail_id(err, "too-many-deletes");
    return fail_todo(err, "if they are gone on purpose: run once with --allow-deletes; if not, mend the source, then "
                          "drop what is staged: waybill watermark restore --from-target");
}
