#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/options.h"
#include "base/yaml.h"
#include "data/shaping_parts.h"

/* ---- as ---- */

static bool is_for_source(const char *as) { return strcmp(as, "text") == 0 || strcmp(as, "binary") == 0; }

static bool parse_decimal(const char *as, struct field *ret)
{
    char format[FORMAT_TEXT];
    int precision, scale, end = 0;
    if (sscanf(as, "decimal( %2d , %2d )%n", &precision, &scale, &end) != 2 || end == 0 || as[end] != '\0')
        return false;
    snprintf(format, sizeof(format), "d:%d,%d", precision, scale);
    return field_parse_format(format, ret);
}

/* Sets the type and its parameters only. */
static bool parse_as(const char *as, struct field *ret)
{
    static const struct {
        const char *word;
        enum type type;
    } words[] = {{"bool", TYPE_BOOL}, {"int64", TYPE_INT64}, {"double", TYPE_DOUBLE}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(as, words[i].word) == 0) {
            ret->type = words[i].type;
            return true;
        }
    }
    return parse_decimal(as, ret);
}

bool as_is_known(const char *as)
{
    struct field ignored;
    return is_for_source(as) || parse_as(as, &ignored);
}

const char *as_of_source(const char *as) { return as == NULL || is_for_source(as) ? as : "text"; }

/* ---- what is staged ---- */

static const struct column_wish *wish_for(const struct column_wish *wishes, int count, const char *column)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(wishes[i].column, column) == 0)
            return &wishes[i];
    }
    return NULL;
}

/* A key is told from another one by what it makes of a text that is always the same. */
static const char *hash_name(struct shaping *self)
{
    enum { KEY_ID_DIGITS = 8 };
    char hex[SHA256_HEX];
    if (!secret_is_set(&self->hash_key))
        return "sha256";
    hmac_sha256_hex(str(secret_reveal(&self->hash_key)), S("waybill hash key"), hex);
    return arena_print(&self->arena, "hmac-sha256 key %.*s", KEY_ID_DIGITS, hex);
}

/* Of what the source gives, whatever else was wished for: a mask shows its characters. */
static RC treat(struct shaping *self, const struct field *source, const struct column_wish *wish,
                struct shaped_column *column, struct field *field, struct error *err)
{
    switch (wish->treatment) {
    case TREAT_NONE:
    case TREAT_EXCLUDE: return RC_OK;
    case TREAT_HASH:
        column->by = MADE_BY_HASH;
        field->made = hash_name(self);
        break;
    case TREAT_MASK_FULL:
        column->by = MADE_BY_MASK;
        field->made = "mask full";
        break;
    case TREAT_MASK_PARTIAL:
        if (source->type == TYPE_BINARY) {
            fail(err, RC_CONFIG, "column '%s' of '%s' holds bytes, of which no part is a text", wish->column,
                 self->table);
            return fail_todo(err, "mask: {%s: full}, or hash it", yaml_name(&self->arena, wish->column));
        }
        column->by = MADE_BY_MASK;
        column->is_partial = true;
        field->made = "mask partial";
        break;
    }
    field->type = TYPE_UTF8;
    return RC_OK;
}

static RC add_column(struct shaping *self, int from, const struct field *source, const struct column_wish *wish,
                     struct error *err)
{
    struct shaped_column column = {.from = from, .made = -1};
    struct field field = *source;
    if (wish->name != NULL)
        field.name = wish->name;
    if (wish->as != NULL && parse_as(wish->as, &field))
        column.by = MADE_BY_CAST;
    TRY(treat(self, source, wish, &column, &field, err));
    if (schema_find(self->schema, field.name) >= 0) {
        fail(err, RC_CONFIG, "two columns of '%s' would have the name '%s'", self->table, field.name);
        return fail_todo(err, "give one of them another: columns: {%s: {name: ...}}",
                         yaml_name(&self->arena, wish->column));
    }
    if (column.by != MADE_AS_IT_IS) {
        column.made = self->made->count;
        schema_add(self->made, &field);
    }
    self->columns[self->schema->count] = column;
    schema_add(self->schema, &field);
    return RC_OK;
}

static RC add_columns(struct shaping *self, const struct schema *source, const struct column_wish *wishes, int count,
                      struct error *err)
{
    for (int i = 0; i < source->count; i++) {
        const struct column_wish none = {.column = source->fields[i].name};
        const struct column_wish *wish = wish_for(wishes, count, none.column);
        if (wish == NULL || wish->treatment != TREAT_EXCLUDE)
            TRY(add_column(self, i, &source->fields[i], wish != NULL ? wish : &none, err));
    }
    if (self->schema->count == 0)
        return fail(err, RC_CONFIG, "all columns of '%s' are excluded", self->table);
    return RC_OK;
}

static enum rc todo_columns(const struct schema *source, struct error *err)
{
    const char **names = xcalloc((size_t)source->count + 1, sizeof(*names));
    for (int i = 0; i < source->count; i++)
        names[i] = source->fields[i].name;
    fail_todo_names(err, "correct it under 'columns', 'hash' or 'mask'; its columns are", names, source->count);
    free(names);
    return err->rc;
}

/* A name that was mistyped must not leave a column in plain. */
static RC check_wishes(const char *table, const struct schema *source, const struct column_wish *wishes, int count,
                       struct error *err)
{
    for (int i = 0; i < count; i++) {
        if (wishes[i].treatment == TREAT_EXCLUDE || schema_find(source, wishes[i].column) >= 0)
            continue;
        fail(err, RC_CONFIG, "'%s' has no column '%s', and something is to become of it", table, wishes[i].column);
        return todo_columns(source, err);
    }
    return RC_OK;
}

static bool changes_nothing(const struct shaping *self, const struct schema *source)
{
    bool same = self->made->count == 0 && self->schema->count == source->count;
    for (int i = 0; i < source->count && same; i++)
        same = strcmp(self->schema->fields[i].name, source->fields[i].name) == 0;
    return same;
}

RC shaping_new(const char *table, const struct schema *source, const struct column_wish *wishes, int wish_count,
               const struct secret *hash_key, struct shaping **ret, struct error *err)
{
    TRY(check_wishes(table, source, wishes, wish_count, err));
    AUTO(shaping) *self = xcalloc(1, sizeof(*self));
    self->table = arena_text(&self->arena, table);
    self->schema = schema_new();
    self->made = schema_new();
    self->columns = arena_take(&self->arena, sizeof(*self->columns) * ((size_t)source->count + 1));
    if (hash_key != NULL && secret_is_set(hash_key))
        secret_set(&self->hash_key, str(secret_reveal(hash_key)));
    TRY(add_columns(self, source, wishes, wish_count, err));
    *ret = changes_nothing(self, source) ? NULL : TAKE(self);
    return RC_OK;
}

void shaping_free(struct shaping *self)
{
    if (self == NULL)
        return;
    schema_free(self->schema);
    schema_free(self->made);
    secret_release(&self->hash_key);
    arena_release(&self->arena);
    free(self);
}

void shaping_set_aside(struct shaping *self) { self->sets_aside = true; }

const struct schema *shaping_schema(const struct shaping *self) { return self->schema; }

int shaping_from(const struct shaping *self, int staged_column) { return self->columns[staged_column].from; }

int shaping_column(const struct shaping *self, int source_column)
{
    for (int i = 0; i < self->schema->count; i++) {
        if (self->columns[i].from == source_column)
            return self->columns[i].by == MADE_AS_IT_IS ? i : -1;
    }
    return -1;
}

/* ---- what was staged ---- */

static const struct column_wish *wish_named(const struct column_wish *wishes, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (wishes[i].name != NULL && strcmp(wishes[i].name, name) == 0)
            return &wishes[i];
    }
    const struct column_wish *wish = wish_for(wishes, count, name);
    return wish == NULL || wish->name == NULL ? wish : NULL;
}

struct schema *shaping_known(const struct column_wish *wishes, int wish_count, const struct schema *staged)
{
    struct schema *known = schema_new();
    for (int i = 0; i < staged->count; i++) {
        struct field field = staged->fields[i];
        const struct column_wish *wish = wish_named(wishes, wish_count, field.name);
        const char *column = wish != NULL ? wish->column : field.name;
        bool is_unchanged = field.made == NULL && (wish == NULL || (wish->treatment == TREAT_NONE && wish->as == NULL));
        if (!is_unchanged || schema_find(known, column) >= 0)
            continue;
        field.name = column;
        schema_add(known, &field);
    }
    return known;
}
