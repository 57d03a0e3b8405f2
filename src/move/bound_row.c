/* bound: the row at the mark of an `id_only` table. Its number may be given out again: SQLite does so when the row with
 * the largest one was deleted, unless the table says AUTOINCREMENT; InnoDB did so after a restart (MySQL before 8.0,
 * MariaDB before 10.2.4); and so does every table that was emptied and filled anew, or a server that was set back. The
 * rows that come instead lie behind the mark, and the first one that is seen of them is the row at the mark: it is not
 * the one that was read. It also is another one when somebody has changed it, which no `id_only` sees, so that the
 * target is wrong there. */
#include <inttypes.h>

#include "base/log.h"
#include "data/fingerprint.h"
#include "move/arrows.h"

enum { ROW_TEXT = 40 };

/* Of what is staged of it, so that nothing is told here which the stage does not have. */
static RC row_read(struct route *r, const struct range *range, char ret[ROW_TEXT], struct error *err)
{
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(fingerprint) print = {0};
    const struct batch *batch = NULL;
    TRY(source_read(r->source, r->table, range, &reader, err));
    if (r->shaping != NULL)
        reader = shaping_reader_new(r->shaping, TAKE(reader));
    fingerprint_init(&print, route_schema(r));
    do {
        TRY(batch_reader_next(reader, &batch, err));
        if (batch != NULL)
            fingerprint_add(&print, batch);
    } while (batch != NULL);
    ret[0] = '\0';
    if (print.rows > 0)
        snprintf(ret, ROW_TEXT, "1:%016" PRIx64 "%016" PRIx64, (uint64_t)(print.total >> 64), (uint64_t)print.total);
    return RC_OK;
}

/* "<number> <what it is like>"; NULL: there is no such row, or nothing can be told by its number. */
static RC row_look(struct route *r, const struct position *at, const char **ret, struct error *err)
{
    struct range range = {.kind = RANGE_KEY, .hi = *at};
    char row[ROW_TEXT];
    int64_t number;
    *ret = NULL;
    if (r->config->increment != INCREMENT_ID_ONLY || at->shape != POSITION_AFTER || at->key_count != 1 ||
        !str_to_int64(str(at->key[0]), &number) || number == INT64_MIN)
        return RC_OK;
    range.lo = (struct position){
        .shape = POSITION_AFTER, .key_count = 1, .key = {arena_print(&r->arena, "%" PRId64, number - 1)}};
    enum rc rc = row_read(r, &range, row, err);
    if (rc == RC_DATA) /* a value that does not fit: whoever reads it for good says so */
        snprintf(row, sizeof(row), "unfit");
    else
        TRY(rc);
    if (row[0] != '\0')
        *ret = arena_print(&r->arena, "%s %s", at->key[0], row);
    return RC_OK;
}

/* Before the chunk is read: one that is replaced meanwhile is told of once too often, and not never. */
RC bound_keep_row(struct route *r, struct error *err)
{
    return route_reads_aside(r) ? RC_OK : row_look(r, &r->chunk.pos_after, &r->chunk.row, err);
}

RC bound_tell_other_row(struct route *r, struct error *err)
{
    const char *kept = scope_marks(r->scope)->source_row, *row;
    const struct position *mark = &scope_marks(r->scope)->extracted.pos;
    if (kept == NULL || r->increment != INCREMENT_ID_ONLY || r->schema_changes != NULL)
        return RC_OK;
    TRY(row_look(r, mark, &row, err));
    size_t number = strcspn(kept, " ");
    if (row == NULL || strcspn(row, " ") != number || strncmp(row, kept, number) != 0 || strcmp(row, kept) == 0)
        return RC_OK;
    const char *key = r->table->schema->fields[r->table->key[0]].name;
    route_warn(
        r, arena_print(&r->arena,
                       "the row with the last '%s' that was read is another one now: either it was changed, or numbers "
                       "were given out again, and then rows are missing, too. No id_only run reads them; all anew: "
                       "waybill sync pipeline %s --full-refresh",
                       key, scope_flags(r->scope)));
    log_warn("ids.again", KV("column", key));
    return RC_OK;
}
