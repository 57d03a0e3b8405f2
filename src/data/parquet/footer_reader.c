#include "data/parquet/footer.h"

#include <stdlib.h>

#include "base/arena.h"
#include "data/parquet/element.h"

/* The least bytes that these can take in a footer, so that counts are believed only as far as there are bytes. */
enum { GROUP_BYTES_MIN = 7, CHUNK_BYTES_MIN = 12 };

struct chunk_fields { /* as read; -1: not there */
    int64_t codec, values, bytes, data_offset, dictionary_offset;
    bool is_elsewhere, is_encrypted;
};

static void chunk_data_read(struct thrift_reader *r, struct thrift_field outer, struct chunk_fields *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 4: ret->codec = thrift_get_int(r, field); break;
        case 5: ret->values = thrift_get_int(r, field); break;
        case 7: ret->bytes = thrift_get_int(r, field); break;
        case 9: ret->data_offset = thrift_get_int(r, field); break;
        case 11: ret->dictionary_offset = thrift_get_int(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void chunk_read(struct thrift_reader *r, struct chunk_fields *ret)
{
    struct thrift_field field;
    *ret = (struct chunk_fields){-1, -1, -1, -1, -1, false, false};
    thrift_open_item(r);
    while (thrift_next(r, &field)) {
        ret->is_elsewhere |= field.id == 1;
        ret->is_encrypted |= field.id == 8 || field.id == 9;
        if (field.id == 3)
            chunk_data_read(r, field, ret);
        else
            thrift_skip(r, field);
    }
}

static RC chunk_check(const struct chunk_fields *fields, int64_t pages_end, struct chunk *ret, struct error *err)
{
    int64_t offset = fields->data_offset;
    if (fields->dictionary_offset > 0 && (fields->dictionary_offset < offset || offset == 0)) /* 0: no data page */
        offset = fields->dictionary_offset;
    if (fields->is_encrypted)
        return fail(err, RC_DATA, "it is encrypted, which is not read");
    if (fields->is_elsewhere)
        return fail(err, RC_DATA, "it lies in another file, which is not read");
    TRY(codec_check(fields->codec, err));
    bool is_inside = offset >= PARQUET_MAGIC_BYTES && fields->bytes >= 0 && offset <= pages_end - fields->bytes;
    if (!is_inside && fields->bytes != 0) /* some writers leave a place out where there is nothing */
        return fail(err, RC_DATA, "its %lld bytes at %lld are not inside the file", (long long)fields->bytes,
                    (long long)offset);
    *ret = (struct chunk){.offset = offset, .bytes = fields->bytes, .codec = (enum codec_id)fields->codec};
    return RC_OK;
}

struct group_fields {
    int64_t rows, raw_bytes;
    struct thrift_reader columns; /* a bookmark: the items of the list */
    int64_t column_count;
};

static void group_fields_read(struct thrift_reader *r, struct group_fields *ret)
{
    struct thrift_field field;
    *ret = (struct group_fields){.rows = -1, .raw_bytes = -1, .column_count = -1};
    thrift_open_item(r);
    while (thrift_next(r, &field)) {
        struct chunk_fields ignored;
        switch (field.id) {
        case 1:
            ret->column_count = thrift_get_list(r, field, THRIFT_STRUCT);
            ret->columns = *r;
            for (int64_t i = 0; i < ret->column_count && r->fault == THRIFT_OK; i++)
                chunk_read(r, &ignored);
            break;
        case 2: ret->raw_bytes = thrift_get_int(r, field); break;
        case 3: ret->rows = thrift_get_int(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

/* Chunks may lie in any order; one without bytes lies nowhere. */
static void group_span(struct parquet_group *group, const struct chunk *chunk)
{
    if (chunk->bytes == 0)
        return;
    bool is_first = group->bytes == 0;
    int64_t end = chunk->offset + chunk->bytes, group_end = is_first ? end : group->offset + group->bytes;
    if (is_first || chunk->offset < group->offset)
        group->offset = chunk->offset;
    group->bytes = (end > group_end ? end : group_end) - group->offset;
}

/* A row group whose thrift is sound: whether it is one of this schema, inside this file. */
static RC group_check(struct group_fields *fields, int64_t pages_end, struct footer *footer, struct error *err)
{
    int columns = footer->schema->count, i = footer->group_count;
    if (fields->rows < 0 || fields->column_count != columns || (columns > 0 && fields->raw_bytes < 0))
        return fail(err, RC_DATA, "it has %lld rows in %lld columns, the file has %d columns", (long long)fields->rows,
                    (long long)fields->column_count, columns);
    footer->groups[i] = (struct parquet_group){.rows = fields->rows, .raw_bytes = fields->raw_bytes};
    footer->chunks[i] = xcalloc((size_t)columns, sizeof(struct chunk));
    footer->group_count++;
    for (int column = 0; column < columns; column++) {
        struct chunk_fields chunk;
        chunk_read(&fields->columns, &chunk);
        const char *name = footer->schema->fields[column].name;
        if (chunk_check(&chunk, pages_end, &footer->chunks[i][column], err) != RC_OK)
            return fail_in(err, "column '%s'", name);
        if (chunk.values != fields->rows)
            return fail(err, RC_DATA, "column '%s' has %lld values, its row group %lld rows", name,
                        (long long)chunk.values, (long long)fields->rows);
        group_span(&footer->groups[i], &footer->chunks[i][column]);
    }
    return RC_OK;
}

static RC fault_check(const struct thrift_reader *r, struct error *err)
{
    if (r->fault == THRIFT_OK)
        return RC_OK;
    return fail(err, RC_DATA, "the footer is damaged: %s",
                r->fault == THRIFT_SHORT ? "it ends too early" : "it is no Parquet footer");
}

static RC groups_read(struct thrift_reader *r, struct thrift_field field, int64_t pages_end, struct footer *ret,
                      struct error *err)
{
    int64_t count = thrift_get_list(r, field, THRIFT_STRUCT);
    TRY(fault_check(r, err));
    int64_t believable = (r->end - r->at) / (GROUP_BYTES_MIN + CHUNK_BYTES_MIN * (int64_t)ret->schema->count);
    if (count > believable || ret->groups != NULL)
        return fail(err, RC_DATA, "the footer is damaged: %lld row groups do not fit into it", (long long)count);
    ret->groups = xcalloc((size_t)count, sizeof(*ret->groups));
    ret->chunks = xcalloc((size_t)count, sizeof(*ret->chunks));
    for (int64_t i = 0; i < count; i++) {
        struct group_fields fields;
        group_fields_read(r, &fields);
        TRY(fault_check(r, err));
        if (group_check(&fields, pages_end, ret, err) != RC_OK)
            return fail_in(err, "row group %lld", (long long)i + 1);
    }
    return RC_OK;
}

static RC column_name(struct str name, const struct schema *so_far, struct arena *arena, const char **ret,
                      struct error *err)
{
    if (name.len == 0 || memchr(name.at, '\0', name.len) != NULL || !str_is_utf8(name))
        return fail(err, RC_DATA, "column %d has no name that is text", so_far->count + 1);
    *ret = arena_str(arena, name);
    if (schema_find(so_far, *ret) >= 0)
        return fail(err, RC_DATA, "there are two columns with the name '%s'", *ret);
    return RC_OK;
}

static RC column_read(struct thrift_reader *r, struct footer *ret, struct arena *arena, struct error *err)
{
    struct element element;
    struct field field = {.name = NULL};
    const char *name = NULL;
    element_read(r, &element);
    TRY(fault_check(r, err));
    TRY(column_name(element.name, ret->schema, arena, &name, err));
    TRY(element_field(&element, name, &field, &ret->storages[ret->schema->count], err));
    schema_add(ret->schema, &field);
    return RC_OK;
}

static RC schema_read(struct thrift_reader *r, struct thrift_field field, struct footer *ret, struct error *err)
{
    struct element root;
    int64_t count = thrift_get_list(r, field, THRIFT_STRUCT);
    if (count > 0)
        element_read(r, &root);
    TRY(fault_check(r, err));
    if (count < 1 || count - 1 > COLUMNS_MAX || ret->storages != NULL)
        return fail(err, RC_DATA, "the file's schema has %lld columns; 0 to %d are read", (long long)count - 1,
                    COLUMNS_MAX);
    ret->storages = xcalloc((size_t)count, sizeof(*ret->storages));
    AUTO_RELEASE(arena) arena = {0};
    for (int64_t i = 1; i < count; i++)
        TRY(column_read(r, ret, &arena, err));
    if (root.children != ret->schema->count)
        return fail(err, RC_DATA, "the file's schema is nested: only flat tables are read");
    return RC_OK;
}

/* Fields may come in any order, row groups are read by the schema: so it is looked for first. */
static RC pass(struct str bytes, int wanted, int64_t pages_end, struct footer *ret, bool *ret_found, struct error *err)
{
    struct thrift_reader r = THRIFT_READER(bytes);
    struct thrift_field field;
    while (thrift_next(&r, &field)) {
        if (field.id == 8)
            return fail(err, RC_DATA, "the file is encrypted, which is not read");
        *ret_found |= field.id == wanted;
        if (field.id == 2 && wanted == 2)
            TRY(schema_read(&r, field, ret, err));
        else if (field.id == 4 && wanted == 4)
            TRY(groups_read(&r, field, pages_end, ret, err));
        else if (field.id == 3 && wanted == 2)
            ret->rows = thrift_get_int(&r, field);
        else
            thrift_skip(&r, field);
    }
    return fault_check(&r, err);
}

static RC rows_check(const struct footer *footer, struct error *err)
{
    int64_t rows = 0;
    bool overflows = false;
    for (int i = 0; i < footer->group_count; i++)
        overflows |= __builtin_add_overflow(rows, footer->groups[i].rows, &rows);
    if (overflows || rows != footer->rows)
        return fail(err, RC_DATA, "the file says %lld rows, its row groups have %lld", (long long)footer->rows,
                    (long long)rows);
    return RC_OK;
}

static int chunk_order(const void *a, const void *b)
{
    int64_t left = ((const struct chunk *)a)->offset, right = ((const struct chunk *)b)->offset;
    return (left > right) - (left < right);
}

/* No byte of the file belongs to two columns: an offset that was damaged could name another column's pages. */
static RC overlap_check(const struct footer *footer, struct error *err)
{
    size_t columns = (size_t)footer->schema->count, count = (size_t)footer->group_count * columns;
    struct chunk *all = xcalloc(count, sizeof(*all));
    for (int i = 0; i < footer->group_count; i++)
        memcpy(all + (size_t)i * columns, footer->chunks[i], columns * sizeof(*all));
    qsort(all, count, sizeof(*all), chunk_order);
    int64_t end = 0;
    bool overlaps = false;
    for (size_t i = 0; i < count; i++) {
        overlaps |= all[i].bytes != 0 && all[i].offset < end;
        end = all[i].bytes != 0 ? all[i].offset + all[i].bytes : end;
    }
    free(all);
    return overlaps ? fail(err, RC_DATA, "the footer is damaged: two column chunks overlap") : RC_OK;
}

static RC passes(struct str bytes, int64_t pages_end, struct footer *ret, struct error *err)
{
    bool has_schema = false, has_groups = false;
    TRY(pass(bytes, 2, pages_end, ret, &has_schema, err));
    TRY(pass(bytes, 4, pages_end, ret, &has_groups, err));
    if (!has_schema || !has_groups || ret->rows < 0)
        return fail(err, RC_DATA, "the footer is damaged: it lacks its schema, its rows or its row groups");
    TRY(rows_check(ret, err));
    return overlap_check(ret, err);
}

RC footer_read(struct str bytes, int64_t pages_end, struct footer *ret, struct error *err)
{
    struct footer footer = {.schema = schema_new(), .rows = -1};
    enum rc rc = passes(bytes, pages_end, &footer, err);
    if (rc == RC_OK)
        *ret = footer;
    else
        footer_release(&footer);
    return rc;
}

void footer_release(struct footer *self)
{
    for (int i = 0; i < self->group_count; i++)
        free(self->chunks[i]);
    free(self->chunks);
    free(self->groups);
    free(self->storages);
    schema_free(self->schema);
}
