/* Batches on their way through: columns that stay are handed on without a copy, the others are built anew. */
#include <math.h>
#include <stdlib.h>

#include "base/yaml.h"
#include "data/shaping_parts.h"
#include "data/text.h"

struct shaping_reader {
    struct batch_reader base;
    const struct shaping *shaping;
    struct batch_reader *inner;
    struct batch_builder *builder; /* of shaping->made */
    struct ArrowArray **children;
    struct reject_list rejects;
    struct batch batch;
    struct buf masked;
};

/* ---- another type, out of a text ---- */

static bool put_bool(struct batch_builder *builder, int column, struct str text)
{
    bool is_true = str_eq(text, S("1")) || str_eq(text, S("true")) || str_eq(text, S("t"));
    if (!is_true && !str_eq(text, S("0")) && !str_eq(text, S("false")) && !str_eq(text, S("f")))
        return false;
    builder_bool(builder, column, is_true);
    return true;
}

static bool put_int64(struct batch_builder *builder, int column, struct str text)
{
    int64_t value;
    if (!str_to_int64(text, &value))
        return false;
    builder_int64(builder, column, value);
    return true;
}

static bool put_double(struct batch_builder *builder, int column, struct str text)
{
    enum { DOUBLE_TEXT = 1100 };
    char copy[DOUBLE_TEXT], *end;
    if (text.len == 0 || text.len >= sizeof(copy) || strchr("0123456789+-.", text.at[0]) == NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, &end);
    if (end != copy + text.len || !isfinite(value))
        return false;
    builder_double(builder, column, value);
    return true;
}

/* Digits that the scale has no place for must be zeros. */
static bool put_decimal(struct batch_builder *builder, int column, const struct field *field, struct str text)
{
    bool is_negative = text.len > 0 && text.at[0] == '-';
    __int128 value = 0;
    int digits = 0, behind = -1, any = 0;
    for (size_t i = is_negative; i < text.len; i++) {
        int digit = text.at[i] - '0';
        if (text.at[i] == '.' && behind < 0) {
            behind = 0;
            continue;
        }
        if (digit < 0 || digit > 9 || (behind >= field->scale && digit != 0))
            return false;
        any = 1;
        if (behind >= field->scale)
            continue;
        behind += behind >= 0;
        digits += digits > 0 || digit != 0;
        if (digits > field->precision)
            return false;
        value = value * 10 + digit;
    }
    for (behind = behind < 0 ? 0 : behind; behind < field->scale; behind++) {
        digits += digits > 0;
        if (digits > field->precision)
            return false;
        value *= 10;
    }
    if (any)
        builder_decimal(builder, column, is_negative ? -value : value);
    return any;
}

static bool put_cast(struct batch_builder *builder, int column, const struct field *field, struct str text)
{
    switch (field->type) {
    case TYPE_BOOL: return put_bool(builder, column, text);
    case TYPE_INT64: return put_int64(builder, column, text);
    case TYPE_DOUBLE: return put_double(builder, column, text);
    case TYPE_DECIMAL: return put_decimal(builder, column, field, text);
    default: break;
    }
    assert(!"a type that nothing is cast to");
    return false;
}

static enum rc fail_cast(const struct shaping_reader *self, const struct field *to, const char *from, struct error *err)
{
    char type[FORMAT_TEXT];
    AUTO_RELEASE(arena) arena = {0};
    field_type_name(to, type);
    fail(err, RC_DATA, "column '%s' of '%s' holds a value that is no %s", from, self->shaping->table, type);
    return fail_todo(err, "correct it in the source, or take the column as text: columns: {%s: {as: text}}",
                     yaml_name(&arena, from));
}

/* ---- hashes and masks ---- */

static void put_hash(struct shaping_reader *self, int column, struct str text)
{
    char hex[SHA256_HEX];
    const struct secret *key = &self->shaping->hash_key;
    if (secret_is_set(key))
        hmac_sha256_hex(str(secret_reveal(key)), text, hex);
    else
        sha256_hex(text, hex);
    builder_bytes(self->builder, column, str(hex));
}

static size_t count_characters(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return count;
}

static void put_mask(struct shaping_reader *self, int column, struct str text, bool is_partial)
{
    enum { SHOWN = 4, SHOWN_FROM = 8 };
    if (!is_partial) {
        builder_bytes(self->builder, column, S("***"));
        return;
    }
    size_t characters = count_characters(text), hidden = characters < SHOWN_FROM ? characters : characters - SHOWN;
    buf_reset(&self->masked);
    for (size_t i = 0, seen = 0; i < text.len; i++) {
        bool begins = ((unsigned char)text.at[i] & 0xC0) != 0x80;
        seen += begins;
        if (seen > hidden)
            buf_add(&self->masked, text.at + i, 1);
        else if (begins)
            buf_add_str(&self->masked, S("*"));
    }
    builder_bytes(self->builder, column, buf_str(&self->masked));
}

/* ---- batches ---- */

/* A value that was cast, and is none of its type. `staged`: of the columns as staged. */
static RC refuse_cast(struct shaping_reader *self, const struct shaped_column *column, int staged,
                      const struct batch *from, struct str text, struct error *err)
{
    const struct shaping *shaping = self->shaping;
    if (!shaping->sets_aside)
        return fail_cast(self, &shaping->made->fields[column->made], from->schema->fields[column->from].name, err);
    builder_null(self->builder, column->made);
    reject_list_add(&self->rejects, builder_rows(self->builder), staged, "a text that is none of the type wished for",
                    text);
    return RC_OK;
}

static RC make_value(struct shaping_reader *self, int staged, const struct batch *from, int64_t row, struct error *err)
{
    char room[VALUE_TEXT];
    const struct shaped_column *column = &self->shaping->columns[staged];
    if (batch_is_null(from, column->from, row)) {
        builder_null(self->builder, column->made);
        return RC_OK;
    }
    const struct field *to = &self->shaping->made->fields[column->made];
    struct str text = batch_text(from, column->from, row, room);
    if (column->by == MADE_BY_HASH)
        put_hash(self, column->made, text);
    else if (column->by == MADE_BY_MASK)
        put_mask(self, column->made, text, column->is_partial);
    else if (!put_cast(self->builder, column->made, to, text))
        return refuse_cast(self, column, staged, from, text, err);
    return RC_OK;
}

static RC make_columns(struct shaping_reader *self, const struct batch *from, const struct batch **ret,
                       struct error *err)
{
    const struct shaping *shaping = self->shaping;
    for (int64_t row = 0; row < from->rows && shaping->made->count > 0; row++) {
        for (int i = 0; i < shaping->schema->count; i++) {
            if (shaping->columns[i].made >= 0)
                TRY(make_value(self, i, from, row, err));
        }
        builder_end_row(self->builder);
    }
    *ret = builder_finish(self->builder);
    return RC_OK;
}

static size_t raw_bytes(const struct ArrowArray *column, enum type type, int64_t rows)
{
    const int32_t *offsets = column->buffers[1];
    bool is_text = type == TYPE_UTF8 || type == TYPE_BINARY;
    return column_fixed_bytes(type) * (size_t)rows + (is_text ? (size_t)(offsets[rows] - offsets[0]) : 0);
}

/* What did not fit at the source: of the columns that are staged. A value that is hashed or masked is shown to nobody.
 */
static void take_rejects(struct shaping_reader *self, const struct reject_list *found)
{
    const struct shaping *shaping = self->shaping;
    for (int i = 0; found != NULL && i < found->count; i++) {
        const struct reject *reject = &found->items[i];
        for (int staged = 0; staged < shaping->schema->count; staged++) {
            const struct shaped_column *column = &shaping->columns[staged];
            const bool is_plain = column->by == MADE_AS_IT_IS || column->by == MADE_BY_CAST;
            if (column->from == reject->column)
                reject_list_add(&self->rejects, reject->row, staged, reject->why,
                                is_plain ? reject->value : (struct str){NULL, 0});
        }
    }
    reject_list_sort(&self->rejects);
}

static const struct batch *gather(struct shaping_reader *self, const struct batch *from, const struct batch *made)
{
    const struct shaping *shaping = self->shaping;
    self->batch = (struct batch){.schema = shaping->schema, .rows = from->rows, .array = from->array};
    self->batch.array.n_children = shaping->schema->count;
    self->batch.array.children = self->children;
    for (int i = 0; i < shaping->schema->count; i++) {
        const struct shaped_column *column = &shaping->columns[i];
        self->children[i] = column->made >= 0 ? made->array.children[column->made] : from->array.children[column->from];
        self->batch.bytes += raw_bytes(self->children[i], shaping->schema->fields[i].type, from->rows);
    }
    take_rejects(self, from->rejects);
    self->batch.rejects = self->rejects.count > 0 ? &self->rejects : NULL;
    return &self->batch;
}

static RC shaping_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct shaping_reader *self = (struct shaping_reader *)base;
    const struct batch *from = NULL, *made = NULL;
    TRY(batch_reader_next(self->inner, &from, err));
    reject_list_reset(&self->rejects);
    if (from != NULL)
        TRY(make_columns(self, from, &made, err));
    *ret = from != NULL ? gather(self, from, made) : NULL;
    return RC_OK;
}

static void shaping_reader_free(struct batch_reader *base)
{
    struct shaping_reader *self = (struct shaping_reader *)base;
    batch_reader_free(self->inner);
    batch_builder_free(self->builder);
    buf_release(&self->masked);
    reject_list_release(&self->rejects);
    free(self->children);
    free(self);
}

static const struct batch_reader_ops shaping_ops = {.next = shaping_next, .free = shaping_reader_free};

struct batch_reader *shaping_reader_new(const struct shaping *shaping, struct batch_reader *inner)
{
    struct shaping_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct shaping_reader){.base = {&shaping_ops}, .shaping = shaping, .inner = inner};
    self->builder = batch_builder_new(shaping->made);
    self->children = xcalloc((size_t)shaping->schema->count, sizeof(struct ArrowArray *));
    return &self->base;
}
