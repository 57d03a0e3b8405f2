#include "world/mem_source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "world/mem_server.h"

/* ---- the handle ---- */

struct mem_source {
    struct source base;
    struct mem_server *server;
    struct arena arena; /* of what describe gave */
    int batch_rows;
    const struct mem_row **snapshot; /* of the table that was split whole last */
    int snapshot_count;
    char address[32];
};

static struct mem_source *of(struct source *base) { return (struct mem_source *)base; }

/* One thread at a time is in the server, in whatever operation. */
struct inside {
    struct mem_server *server;
};

static struct inside enter(struct mem_server *server, const char *operation)
{
    region_enter(&server->inside);
    mem_server_before(server, operation);
    return (struct inside){server};
}

static void inside_release(struct inside *self) { region_leave(&self->server->inside); }

static RC mem_identity(struct source *base, struct arena *arena, const char **ret_id, struct error *err)
{
    AUTO_RELEASE(inside) inside = enter(of(base)->server, "identity");
    *ret_id = arena_text(arena, of(base)->server->id);
    return RC_OK;
}

static RC mem_tables(struct source *base, struct arena *arena, const char ***ret_names, int *ret_count,
                     struct error *err)
{
    struct mem_server *server = of(base)->server;
    AUTO_RELEASE(inside) inside = enter(server, "tables");
    *ret_names = arena_take(arena, sizeof(char *) * (size_t)(server->table_count + 1));
    for (int i = 0; i < server->table_count; i++)
        (*ret_names)[i] = arena_text(arena, server->tables[i].name);
    *ret_count = server->table_count;
    return RC_OK;
}

static struct form mem_form(const struct mem_table *table, int column, const char *unit)
{
    const struct field *field = &table->schema->fields[column];
    static const int digits[] = {[UNIT_SECOND] = 0, [UNIT_MILLI] = 3, [UNIT_MICRO] = 6};
    if (field->type == TYPE_INT32 || field->type == TYPE_INT64)
        return (struct form){.kind = FORM_EPOCH, .digits = text_eq(unit, "ms") ? 3 : 0};
    if (field->type == TYPE_TIMESTAMP)
        return (struct form){
            .kind = FORM_TEXT, .separator = field->utc ? 'T' : ' ', .z = field->utc, .digits = digits[field->unit]};
    if (field->type == TYPE_DATE)
        return (struct form){.kind = FORM_DATE};
    return (struct form){.kind = FORM_TEXT, .separator = ' '};
}

static int mem_column(const struct mem_table *table, const char *name)
{
    int column = schema_find(table->schema, name);
    assert(column >= 0 && "a test names columns that exist");
    return column;
}

/* Only RANGE_ALL is read of it. */
static const struct schema *without(const struct schema *all, const struct table_request *request, struct arena *arena)
{
    struct schema *schema = arena_take(arena, sizeof(*schema));
    schema->fields = arena_take(arena, sizeof(*schema->fields) * (size_t)all->count);
    for (int i = 0; i < all->count; i++) {
        bool is_excluded = false;
        for (int k = 0; k < request->excluded_count; k++)
            is_excluded |= strcmp(request->excluded[k], all->fields[i].name) == 0;
        if (!is_excluded)
            schema->fields[schema->count++] = all->fields[i];
    }
    return schema;
}

static RC mem_describe(struct source *base, const struct table_request *request, const struct table **ret,
                       struct error *err)
{
    struct mem_source *self = of(base);
    AUTO_RELEASE(inside) inside = enter(self->server, "describe");
    const struct mem_table *from = mem_server_find(self->server, request->name);
    if (from == NULL)
        return fail(err, RC_NOT_FOUND, "there is no table '%s' in '%s'", request->name, base->name);
    struct table *table = arena_take(&self->arena, sizeof(*table));
    *table = (struct table){
        .name = arena_text(&self->arena, request->name), .schema = from->schema, .cursor = -1, .cursor_indexed = true};
    table->sets_aside = request->sets_aside;
    if (request->excluded_count > 0) {
        table->schema = without(from->schema, request, &self->arena);
        for (; table->key_count < request->key_count; table->key_count++)
            table->key[table->key_count] = schema_find(table->schema, request->key[table->key_count]);
        *ret = table;
        return RC_OK;
    }
    if (request->key != NULL) {
        for (; table->key_count < request->key_count; table->key_count++)
            table->key[table->key_count] = mem_column(from, request->key[table->key_count]);
    } else {
        memcpy(table->key, from->key, sizeof(table->key));
        table->key_count = from->key_count;
    }
    if (request->cursor != NULL)
        table->cursor = mem_column(from, request->cursor);
    else if (request->wants_cursor)
        table->cursor = from->cursor;
    table->cursor_found = request->cursor == NULL && table->cursor >= 0;
    if (table->cursor < 0 && request->wants_cursor)
        return fail(err, RC_CONFIG, "'%s' has no cursor", request->name);
    if (table->cursor >= 0)
        table->form =
            request->known_form != NULL ? *request->known_form : mem_form(from, table->cursor, request->cursor_unit);
    table->cursor_ahead_us = self->server->ahead_us;
    table->cursor_repeats = self->server->repeats;
    *ret = table;
    return RC_OK;
}

static RC mem_now(struct source *base, int64_t *ret_us, struct error *err)
{
    AUTO_RELEASE(inside) inside = enter(of(base)->server, "now");
    *ret_us = of(base)->server->now_us;
    return RC_OK;
}

static RC mem_place(struct source *base, const char *kept, struct arena *arena, struct source_place *ret,
                    struct error *err)
{
    struct mem_server *server = of(base)->server;
    AUTO_RELEASE(inside) inside = enter(server, "place");
    *ret = (struct source_place){.at = arena_text(arena, server->place)};
    if (kept == NULL || server->place == NULL || strcmp(kept, server->place) == 0)
        return RC_OK;
    ret->lost = server->lost;
    ret->is_kin = server->is_kin;
    ret->is_certain = ret->lost != NULL;
    ret->has_turned = ret->lost == NULL;
    return RC_OK;
}

static RC mem_oldest_open(struct source *base, struct open_transactions *ret, struct error *err)
{
    struct mem_server *server = of(base)->server;
    AUTO_RELEASE(inside) inside = enter(server, "oldest_open");
    *ret = (struct open_transactions){.hidden = server->hidden,
                                      .any = server->shown_us != 0,
                                      .since_us = server->shown_us,
                                      .unknown = server->unknown,
                                      .unknown_text = "'shop' stands still",
                                      .unknown_todo = "start it again"};
    for (struct mem_transaction *t = server->open; t != NULL && !server->hidden; t = t->next) {
        if (!ret->any || t->since_us < ret->since_us)
            ret->since_us = t->since_us;
        ret->any = true;
    }
    return RC_OK;
}

static const char *value_text(const struct value *value, const struct field *field, struct arena *arena)
{
    AUTO_RELEASE(buf) out = {0};
    value_print(value, field, &out);
    return arena_str(arena, buf_str(&out));
}

static RC mem_ceiling(struct source *base, const struct table *table, struct arena *arena, const char **ret,
                      struct error *err)
{
    struct mem_server *server = of(base)->server;
    AUTO_RELEASE(inside) inside = enter(server, "ceiling");
    const struct mem_table *from = mem_server_find(server, table->name);
    const struct field *field = &table->schema->fields[table->key[0]];
    const struct value *largest = NULL;
    for (int i = 0; i < from->row_count; i++) {
        const struct value *value = &from->rows[i].values[table->key[0]];
        if (largest == NULL || value_compare(value, largest, field) > 0)
            largest = value;
    }
    *ret = largest != NULL ? value_text(largest, field, arena) : NULL;
    return RC_OK;
}

/* ---- ranges ---- */

/* A position as values: where a page goes on. */
struct place {
    bool has_cursor, has_key, has_number;
    struct value cursor, key[KEY_COLUMNS_MAX];
    int64_t number; /* RANGE_TIME: of the last page's last row */
};

struct span {
    const struct table *table;
    enum range_kind kind;
    struct place lo, hi;
};

static struct place place_of(const struct position *position, const struct table *table, bool with_cursor,
                             struct arena *arena)
{
    struct place place = {0};
    if (with_cursor && position->at != NULL) {
        place.has_cursor = true;
        place.cursor = value_parse(&table->schema->fields[table->cursor], str(position->at), arena);
    }
    place.has_key = position->key_count > 0;
    for (int i = 0; i < position->key_count; i++)
        place.key[i] = value_parse(&table->schema->fields[table->key[i]], str(position->key[i]), arena);
    return place;
}

static struct span span_of(const struct table *table, const struct range *range, struct arena *arena)
{
    bool timed = range_goes_by_cursor(range->kind) || range->kind == RANGE_WALK;
    return (struct span){.table = table,
                         .kind = range->kind,
                         .lo = place_of(&range->lo, table, timed, arena),
                         .hi = place_of(&range->hi, table, timed, arena)};
}

static int key_compare(const struct mem_row *row, const struct place *place, const struct table *table)
{
    for (int i = 0; i < table->key_count; i++) {
        int order = value_compare(&row->values[table->key[i]], &place->key[i], &table->schema->fields[table->key[i]]);
        if (order != 0)
            return order;
    }
    return 0;
}

/* Half-open in time: a place {at: c} lies before all rows with cursor c, {at: c, after: k} behind those up to k. */
static bool is_behind(const struct mem_row *row, const struct place *place, const struct span *span)
{
    const struct table *table = span->table;
    if (!range_goes_by_cursor(span->kind))
        return !place->has_key || key_compare(row, place, table) > 0;
    int order = value_compare(&row->values[table->cursor], &place->cursor, &table->schema->fields[table->cursor]);
    if (place->has_number)
        return order > 0 || (order == 0 && row->number > place->number);
    return order > 0 || (order == 0 && (!place->has_key || key_compare(row, place, table) > 0));
}

static bool span_holds(const struct span *span, const struct mem_row *row)
{
    const struct table *table = span->table;
    if (span->kind == RANGE_ALL || span->kind == RANGE_PART)
        return true;
    if (span->kind == RANGE_ROW)
        return key_compare(row, &span->hi, table) == 0 && !span->lo.has_key; /* one page is all of it */
    if (span->kind != RANGE_KEY && row->values[table->cursor].null != (span->kind == RANGE_NULL))
        return false;
    if (span->kind == RANGE_WALK &&
        value_compare(&row->values[table->cursor], &span->hi.cursor, &table->schema->fields[table->cursor]) >= 0)
        return false;
    bool from_start = range_goes_by_cursor(span->kind) ? !span->lo.has_cursor : !span->lo.has_key;
    bool above = from_start || is_behind(row, &span->lo, span);
    bool bounded = range_goes_by_cursor(span->kind) ? span->hi.has_cursor : span->hi.has_key;
    return above && !(bounded && is_behind(row, &span->hi, span));
}

static const struct span *sorting; /* qsort has no context; whoever sorts is inside */

static int row_order(const void *a, const void *b)
{
    const struct mem_row *x = *(const struct mem_row *const *)a, *y = *(const struct mem_row *const *)b;
    const struct table *table = sorting->table;
    if (range_goes_by_cursor(sorting->kind)) {
        int order =
            value_compare(&x->values[table->cursor], &y->values[table->cursor], &table->schema->fields[table->cursor]);
        if (order != 0)
            return order;
    }
    if (sorting->kind == RANGE_TIME)
        return (x->number > y->number) - (x->number < y->number);
    for (int i = 0; i < table->key_count; i++) {
        int order =
            value_compare(&x->values[table->key[i]], &y->values[table->key[i]], &table->schema->fields[table->key[i]]);
        if (order != 0)
            return order;
    }
    return 0;
}

static const struct mem_row **span_rows(const struct mem_server *server, const struct span *span, struct arena *arena,
                                        int *ret_count)
{
    const struct mem_table *from = mem_server_find(server, span->table->name);
    const struct mem_row **rows = arena_take(arena, sizeof(*rows) * (size_t)(from->row_count + 1));
    *ret_count = 0;
    for (int i = 0; i < from->row_count; i++) {
        if (span_holds(span, &from->rows[i]))
            rows[(*ret_count)++] = &from->rows[i];
    }
    sorting = span;
    if (*ret_count > 1 && span->kind != RANGE_ALL && span->kind != RANGE_PART)
        qsort(rows, (size_t)*ret_count, sizeof(*rows), row_order);
    return rows;
}

static RC mem_facts(struct source *base, const struct table *table, const struct range *range, struct range_facts *ret,
                    struct error *err)
{
    enum { ROW_BYTES = 64 };
    struct mem_server *server = of(base)->server;
    struct arena arena = {0};
    AUTO_RELEASE(inside) inside = enter(server, "facts");
    const struct mem_table *from = mem_server_find(server, table->name);
    struct span span = span_of(table, range, &arena);
    const bool is_counted = range_is_only_counted(range);
    int count;
    span_rows(server, &span, &arena, &count);
    *ret = (struct range_facts){.rows = count, .row_bytes = count > 0 && !is_counted ? ROW_BYTES : 0};
    for (int i = 0; i < from->row_count && table->cursor >= 0 && !is_counted; i++) {
        const struct value *cursor = &from->rows[i].values[table->cursor];
        struct form form = {0};
        ret->null_cursors += cursor->null;
        if (!cursor->null && table->schema->fields[table->cursor].type == TYPE_UTF8)
            ret->odd_cursors +=
                !form_of_text(arena_str(&arena, cursor->bytes), &form) || !form_equal(&form, &table->form);
    }
    arena_release(&arena);
    return RC_OK;
}

static struct position position_of_row(const struct mem_row *row, const struct span *span, const struct range *range,
                                       struct arena *arena)
{
    const struct table *table = span->table;
    struct position at = {.shape = range_goes_by_cursor(span->kind) ? POSITION_AT
                                   : span->kind == RANGE_WALK       ? POSITION_WALK
                                                                    : POSITION_AFTER};
    if (range_goes_by_cursor(span->kind))
        at.at = value_text(&row->values[table->cursor], &table->schema->fields[table->cursor], arena);
    else if (span->kind == RANGE_WALK)
        at.at = arena_text(arena, range->hi.at);
    for (; span->kind != RANGE_TIME && at.key_count < table->key_count; at.key_count++)
        at.key[at.key_count] =
            value_text(&row->values[table->key[at.key_count]], &table->schema->fields[table->key[at.key_count]], arena);
    return at;
}

/* The first row that is left out, where only whole groups are taken; NULL: none. */
static const struct mem_row *first_left_out(const struct mem_row **rows, int count, int64_t wanted, int column,
                                            const struct field *field)
{
    int64_t at = wanted;
    if (value_compare(&rows[at]->values[column], &rows[0]->values[column], field) > 0)
        return rows[at];
    while (at < count && value_compare(&rows[at]->values[column], &rows[0]->values[column], field) == 0)
        at++;
    return at < count ? rows[at] : NULL;
}

/* Where a piece of `rows` rows ends; false: there are no more. */
static bool cut_of(const struct mem_server *server, const struct table *table, const struct range *range, int64_t rows,
                   struct arena *arena, struct position *ret)
{
    struct span span = span_of(table, range, arena);
    int count;
    const struct mem_row **found = span_rows(server, &span, arena, &count);
    const struct mem_row *end = NULL;
    if (range->kind == RANGE_TIME && count > rows)
        end = first_left_out(found, count, rows, table->cursor, &table->schema->fields[table->cursor]);
    else if (range->kind != RANGE_ALL && count > rows)
        end = found[rows - 1];
    if (end != NULL)
        *ret = position_of_row(end, &span, range, arena);
    return end != NULL;
}

static RC mem_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                       struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    struct mem_server *server = of(base)->server;
    AUTO_RELEASE(inside) inside = enter(server, "boundary");
    *ret_is_cut = cut_of(server, table, range, rows, arena, ret_cut);
    return RC_OK;
}

/* As it is now: rows change in their place. */
static const struct mem_row **copy_rows(const struct mem_row **rows, int count, const struct schema *schema,
                                        const struct schema *all, struct arena *arena)
{
    const struct mem_row **copies = arena_take(arena, sizeof(*copies) * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        struct mem_row *copy = arena_take(arena, sizeof(*copy));
        copy->values = arena_take(arena, sizeof(*copy->values) * (size_t)schema->count);
        for (int c = 0; c < schema->count; c++)
            copy->values[c] = rows[i]->values[schema_find(all, schema->fields[c].name)];
        copies[i] = copy;
    }
    return copies;
}

enum { PIECES_OF_READER = 3 };

/* The parts' positions are numbers of rows. */
static void split_whole(struct mem_source *self, const struct table *table, int readers, struct arena *arena,
                        struct range *ret_ranges, int *ret_count)
{
    struct span span = {.table = table, .kind = RANGE_ALL};
    const int pieces = readers * PIECES_OF_READER;
    const struct mem_row **rows = span_rows(self->server, &span, &self->arena, &self->snapshot_count);
    self->snapshot = copy_rows(rows, self->snapshot_count, table->schema,
                               mem_server_find(self->server, table->name)->schema, &self->arena);
    for (int i = 0; i < pieces; i++) {
        const char *from = arena_print(arena, "%d", self->snapshot_count * i / pieces),
                   *to = arena_print(arena, "%d", self->snapshot_count * (i + 1) / pieces);
        ret_ranges[i] = (struct range){.kind = RANGE_PART,
                                       .lo = {.shape = POSITION_AFTER, .key_count = 1, .key = {from}},
                                       .hi = {.shape = POSITION_AFTER, .key_count = 1, .key = {to}}};
    }
    *ret_count = pieces;
}

static RC mem_split(struct source *base, const struct table *table, const struct range *range, int readers,
                    struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    struct mem_server *server = of(base)->server;
    AUTO_RELEASE(inside) inside = enter(server, "split");
    if (range->kind == RANGE_ALL) {
        split_whole(of(base), table, readers, arena, ret_ranges, ret_count);
        return RC_OK;
    }
    struct span span = span_of(table, range, arena);
    struct range rest = *range;
    int count, given = 0;
    const int pieces = readers * PIECES_OF_READER;
    span_rows(server, &span, arena, &count);
    for (int64_t rows = count / pieces + 1; given < pieces - 1; given++) {
        struct position cut;
        if (!cut_of(server, table, &rest, rows, arena, &cut))
            break;
        ret_ranges[given] = (struct range){rest.kind, rest.lo, cut};
        rest.lo = cut;
    }
    ret_ranges[given++] = rest;
    *ret_count = given;
    return RC_OK;
}

/* ---- reading ---- */

struct mem_reader {
    struct batch_reader base;
    struct mem_server *server;
    struct arena arena; /* the range, and where the last page ended */
    struct range range;
    struct span span;
    struct batch_builder *builder;
    int batch_rows;
    const struct mem_row **snapshot; /* RANGE_ALL: copies, taken when the reader was opened */
    int snapshot_count, snapshot_at;
};

/* It takes any bytes as a text, and gives only those that are UTF-8. */
static RC build_row(struct mem_reader *self, const struct mem_row *row, struct error *err)
{
    const struct table *table = self->span.table;
    const struct schema *schema = table->schema;
    for (int i = 0; i < schema->count; i++) {
        const struct value *value = &row->values[i];
        if (value->null || schema->fields[i].type != TYPE_UTF8 || str_is_utf8(value->bytes)) {
            value_build(value, &schema->fields[i], self->builder, i);
            continue;
        }
        if (!source_sets_aside(table, i))
            return fail(err, RC_DATA, "column '%s' of '%s' holds a text that is not UTF-8", schema->fields[i].name,
                        table->name);
        builder_null(self->builder, i);
        builder_reject(self->builder, i, "a text that is not UTF-8", value->bytes);
    }
    builder_end_row(self->builder);
    return RC_OK;
}

/* One page at a time, as many readers as there may be. */
static RC mem_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct mem_reader *self = (struct mem_reader *)base;
    struct arena scratch = {0};
    AUTO_RELEASE(inside) inside = enter(self->server, "next");
    int count = self->snapshot_count - self->snapshot_at, taken = 0;
    const struct mem_row **rows = self->snapshot != NULL ? self->snapshot + self->snapshot_at
                                                         : span_rows(self->server, &self->span, &scratch, &count);
    enum rc rc = RC_OK;
    for (; rc == RC_OK && taken < count && taken < self->batch_rows; taken++)
        rc = build_row(self, rows[taken], err);
    self->snapshot_at += taken;
    if (taken > 0 && self->snapshot == NULL) {
        struct position last = position_of_row(rows[taken - 1], &self->span, &self->range, &self->arena);
        self->span.lo = place_of(&last, self->span.table, range_goes_by_cursor(self->span.kind), &self->arena);
        self->span.lo.has_number = self->span.kind == RANGE_TIME;
        self->span.lo.number = rows[taken - 1]->number;
    }
    if (rc == RC_OK)
        *ret = taken > 0 ? builder_finish(self->builder) : NULL;
    arena_release(&scratch);
    return rc;
}

static void mem_reader_free(struct batch_reader *base)
{
    struct mem_reader *self = (struct mem_reader *)base;
    batch_builder_free(self->builder);
    arena_release(&self->arena);
    free(self);
}

static void take_snapshot(struct mem_reader *self)
{
    const struct table *table = self->span.table;
    const struct mem_row **rows = span_rows(self->server, &self->span, &self->arena, &self->snapshot_count);
    self->snapshot = copy_rows(rows, self->snapshot_count, table->schema,
                               mem_server_find(self->server, table->name)->schema, &self->arena);
}

static RC mem_read(struct source *base, const struct table *table, const struct range *range, struct batch_reader **ret,
                   struct error *err)
{
    static const struct batch_reader_ops ops = {.next = mem_next, .free = mem_reader_free};
    struct mem_source *source = of(base);
    AUTO_RELEASE(inside) inside = enter(source->server, "read");
    struct mem_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct mem_reader){
        .base.ops = &ops, .server = source->server, .range = *range, .batch_rows = source->batch_rows};
    if (range->kind == RANGE_PART) {
        self->snapshot = source->snapshot;
        self->snapshot_at = (int)strtol(range->lo.key[0], NULL, 10);
        self->snapshot_count = (int)strtol(range->hi.key[0], NULL, 10);
        self->span = (struct span){.table = table, .kind = RANGE_PART};
    } else {
        self->span = span_of(table, range, &self->arena);
    }
    self->builder = batch_builder_new(table->schema);
    if (range->kind == RANGE_ALL)
        take_snapshot(self);
    *ret = &self->base;
    return RC_OK;
}

static void mem_free(struct source *base)
{
    arena_release(&of(base)->arena);
    free(of(base));
}

struct source *mem_source_open(struct mem_server *server, const char *name, int batch_rows)
{
    static const struct source_ops ops = {
        .type = "memory",
        .identity = mem_identity,
        .tables = mem_tables,
        .describe = mem_describe,
        .now = mem_now,
        .oldest_open = mem_oldest_open,
        .ceiling = mem_ceiling,
        .facts = mem_facts,
        .boundary = mem_boundary,
        .split = mem_split,
        .read = mem_read,
        .place = mem_place,
        .free = mem_free,
    };
    struct mem_source *self = xcalloc(1, sizeof(*self));
    *self = (struct mem_source){
        .base = {.ops = &ops, .name = name, .readers_max = MEM_READERS_MAX, .shares_snapshot = true, .knows_kin = true},
        .server = server,
        .batch_rows = batch_rows > 0 ? batch_rows : 10000};
    snprintf(self->address, sizeof(self->address), "mem://%s", name);
    self->base.address = self->address;
    return &self->base;
}
