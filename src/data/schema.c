#include "data/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_FIRST = 16, DECIMAL_PRECISION_MAX = 38 };

struct schema *schema_new(void) { return xcalloc(1, sizeof(struct schema)); }

/* The struct keeps no capacity: the array is as long as the next power of two. */
static void fields_grow(struct schema *self)
{
    bool is_full = self->count == 0 || (self->count >= FIELDS_FIRST && (self->count & (self->count - 1)) == 0);
    if (!is_full)
        return;
    size_t capacity = self->count == 0 ? FIELDS_FIRST : 2 * (size_t)self->count;
    self->fields = xrealloc(self->fields, capacity * sizeof(*self->fields));
}

void schema_add(struct schema *self, const struct field *field)
{
    assert(self->count < COLUMNS_MAX);
    assert(field->name != NULL && field->name[0] != '\0' && schema_find(self, field->name) < 0);
    assert(field->type != TYPE_DECIMAL || (field->precision >= 1 && field->precision <= DECIMAL_PRECISION_MAX &&
                                           field->scale >= 0 && field->scale <= field->precision));
    fields_grow(self);
    struct field *added = &self->fields[self->count++];
    *added = *field;
    added->name = xstrdup(field->name);
    added->source_type = xstrdup(or_empty(field->source_type));
    added->made = field->made != NULL ? xstrdup(field->made) : NULL;
}

struct schema *schema_copy(const struct schema *self)
{
    struct schema *copy = schema_new();
    for (int i = 0; i < self->count; i++)
        schema_add(copy, &self->fields[i]);
    return copy;
}

/* The texts are ours, const only for those who read them. */
static void text_free(const char *text) { free((void *)(uintptr_t)text); }

void schema_free(struct schema *self)
{
    if (self == NULL)
        return;
    for (int i = 0; i < self->count; i++) {
        text_free(self->fields[i].name);
        text_free(self->fields[i].source_type);
        text_free(self->fields[i].made);
    }
    free(self->fields);
    free(self);
}

int schema_find(const struct schema *self, const char *name)
{
    for (int i = 0; i < self->count; i++) {
        if (strcmp(self->fields[i].name, name) == 0)
            return i;
    }
    return -1;
}

bool field_same_type(const struct field *a, const struct field *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == TYPE_DECIMAL)
        return a->precision == b->precision && a->scale == b->scale;
    if (a->type == TYPE_TIMESTAMP)
        return a->unit == b->unit && a->utc == b->utc;
    return true;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++) {
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0 || !field_same_type(&a->fields[i], &b->fields[i]))
            return false;
    }
    return true;
}

/* The Arrow format of a type is `format`, followed by the parameters of timestamps and decimals. */
static const struct {
    const char *name, *format;
} types[] = {
    [TYPE_BOOL] = {"bool", "b"},
    [TYPE_INT16] = {"int16", "s"},
    [TYPE_INT32] = {"int32", "i"},
    [TYPE_INT64] = {"int64", "l"},
    [TYPE_FLOAT] = {"float", "f"},
    [TYPE_DOUBLE] = {"double", "g"},
    [TYPE_UTF8] = {"utf8", "u"},
    [TYPE_BINARY] = {"binary", "z"},
    [TYPE_DATE] = {"date", "tdD"},
    [TYPE_TIME] = {"time", "tDu"}, /* a duration: Arrow's times of day end after 24 hours and have no sign */
    [TYPE_TIMESTAMP] = {"timestamp", "ts"},
    [TYPE_DECIMAL] = {"decimal", "d:"},
};
enum { TYPE_COUNT = sizeof(types) / sizeof(types[0]) };

static const struct {
    const char *name;
    char letter;
} units[] = {[UNIT_SECOND] = {"s", 's'}, [UNIT_MILLI] = {"ms", 'm'}, [UNIT_MICRO] = {"us", 'u'}};
enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

void field_type_name(const struct field *field, char ret[FORMAT_TEXT])
{
    const char *name = types[field->type].name;
    if (field->type == TYPE_TIMESTAMP)
        snprintf(ret, FORMAT_TEXT, "%s(%s%s)", name, units[field->unit].name, field->utc ? ", UTC" : "");
    else if (field->type == TYPE_DECIMAL)
        snprintf(ret, FORMAT_TEXT, "%s(%d,%d)", name, field->precision, field->scale);
    else
        snprintf(ret, FORMAT_TEXT, "%s", name);
}

void field_format(const struct field *field, char ret[FORMAT_TEXT])
{
    const char *format = types[field->type].format;
    if (field->type == TYPE_TIMESTAMP)
        snprintf(ret, FORMAT_TEXT, "%s%c:%s", format, units[field->unit].letter, field->utc ? "UTC" : "");
    else if (field->type == TYPE_DECIMAL)
        snprintf(ret, FORMAT_TEXT, "%s%d,%d", format, field->precision, field->scale);
    else
        snprintf(ret, FORMAT_TEXT, "%s", format);
}

static bool parse_timestamp(const char *unit_and_zone, struct field *ret)
{
    if (unit_and_zone[0] == '\0' || unit_and_zone[1] != ':')
        return false;
    const char *zone = unit_and_zone + 2;
    bool utc = strcmp(zone, "UTC") == 0;
    if (!utc && zone[0] != '\0')
        return false;
    for (int unit = 0; unit < UNIT_COUNT; unit++) {
        if (units[unit].letter != unit_and_zone[0])
            continue;
        ret->type = TYPE_TIMESTAMP;
        ret->unit = (enum time_unit)unit;
        ret->utc = utc;
        return true;
    }
    return false;
}

static bool parse_decimal(const char *parameters, struct field *ret)
{
    const char *comma = strchr(parameters, ',');
    int64_t precision = 0, scale = 0;
    if (comma == NULL || !str_to_int64((struct str){parameters, (size_t)(comma - parameters)}, &precision) ||
        !str_to_int64(str(comma + 1), &scale))
        return false;
    if (precision < 1 || precision > DECIMAL_PRECISION_MAX || scale < 0 || scale > precision)
        return false;
    ret->type = TYPE_DECIMAL;
    ret->precision = (int)precision;
    ret->scale = (int)scale;
    return true;
}

bool field_parse_format(const char *format, struct field *ret)
{
    struct str s = str(format);
    if (str_has_prefix(s, str(types[TYPE_TIMESTAMP].format)))
        return parse_timestamp(format + strlen(types[TYPE_TIMESTAMP].format), ret);
    if (str_has_prefix(s, str(types[TYPE_DECIMAL].format)))
        return parse_decimal(format + strlen(types[TYPE_DECIMAL].format), ret);
    for (int type = 0; type < TYPE_COUNT; type++) {
        if (strcmp(types[type].format, format) != 0)
            continue;
        ret->type = (enum type)type;
        return true;
    }
    return false;
}

json_t *schema_to_json(const struct schema *self)
{
    json_t *list = json_array();
    for (int i = 0; i < self->count; i++) {
        const struct field *field = &self->fields[i];
        char format[FORMAT_TEXT];
        field_format(field, format);
        json_t *entry = json_object();
        json_put_text(entry, "name", field->name);
        json_put_text(entry, "type", format);
        json_put_text(entry, "source_type", field->source_type);
        json_put(entry, "nullable", json_boolean(field->nullable));
        if (field->made != NULL)
            json_put_text(entry, "made", field->made);
        json_array_append_new(list, entry);
    }
    return list;
}

static RC field_from_json(const json_t *json, const struct schema *so_far, struct field *ret, struct error *err)
{
    const json_t *nullable = json_object_get(json, "nullable");
    const char *format = json_text(json, "type");
    struct field field = {.name = json_text(json, "name"),
                          .source_type = json_text(json, "source_type"),
                          .made = json_text(json, "made")};
    if (field.name == NULL || field.name[0] == '\0')
        return fail(err, RC_DATA, "'name' is missing, empty or no text");
    if (schema_find(so_far, field.name) >= 0)
        return fail(err, RC_DATA, "there are two columns with the name '%s'", field.name);
    if (format == NULL || !field_parse_format(format, &field))
        return fail(err, RC_DATA, "column '%s' has the type '%s', which this program does not know", field.name,
                    or_empty(format));
    if (!json_is_boolean(nullable))
        return fail(err, RC_DATA, "column '%s': 'nullable' is missing or neither true nor false", field.name);
    field.nullable = json_is_true(nullable);
    *ret = field;
    return RC_OK;
}

RC schema_from_json(const json_t *json, struct schema **ret, struct error *err)
{
    if (!json_is_array(json))
        return fail(err, RC_DATA, "the schema is missing or not a list of columns");
    if (json_array_size(json) > COLUMNS_MAX)
        return fail(err, RC_DATA, "the schema has %zu columns, more than %d", json_array_size(json), COLUMNS_MAX);
    AUTO(schema) *schema = schema_new();
    for (size_t i = 0; i < json_array_size(json); i++) {
        struct field field = {.name = NULL};
        if (field_from_json(json_array_get(json, i), schema, &field, err) != RC_OK)
            return fail_in(err, "column %zu of the schema", i + 1);
        schema_add(schema, &field);
    }
    *ret = TAKE(schema);
    return RC_OK;
}

/* Digits before the point of the largest one; 0: no integer. */
static int integer_digits(enum type type)
{
    switch (type) {
    case TYPE_INT16: return 5;
    case TYPE_INT32: return 10;
    case TYPE_INT64: return 19;
    default: return 0;
    }
}

bool field_widens(const struct field *old, const struct field *now)
{
    int digits = integer_digits(old->type);
    if (digits > 0 && now->type == TYPE_DECIMAL)
        return now->precision - now->scale >= digits;
    if (digits > 0)
        return integer_digits(now->type) >= digits;
    if (old->type == TYPE_FLOAT)
        return now->type == TYPE_FLOAT || now->type == TYPE_DOUBLE;
    if (old->type == TYPE_DECIMAL && now->type == TYPE_DECIMAL)
        return now->scale >= old->scale && now->precision - now->scale >= old->precision - old->scale;
    if (old->type == TYPE_TIMESTAMP && now->type == TYPE_TIMESTAMP)
        return now->utc == old->utc && now->unit >= old->unit;
    return field_same_type(old, now);
}

/* A column that has another name now is gone, and one of its type is new. */
static bool may_be_renamed(const struct field *gone, const struct schema *old, const struct schema *now)
{
    for (int i = 0; i < now->count; i++) {
        if (schema_find(old, now->fields[i].name) < 0 && field_same_type(gone, &now->fields[i]))
            return true;
    }
    return false;
}

static enum schema_change field_diff(const struct field *old, const struct field *now, struct buf *out)
{
    char before[FORMAT_TEXT], after[FORMAT_TEXT];
    bool same_made = text_eq(old->made, now->made);
    if (same_made && field_same_type(old, now))
        return SCHEMA_SAME;
    field_type_name(old, before);
    field_type_name(now, after);
    buf_addf(out, "~ %s: %s%s%s -> %s%s%s\n", old->name, before, old->made != NULL ? ", " : "", or_empty(old->made),
             after, now->made != NULL ? ", " : "", or_empty(now->made));
    return same_made && field_widens(old, now) ? SCHEMA_GREW : SCHEMA_OTHER;
}

enum schema_change schema_diff(const struct schema *old, const struct schema *now, struct buf *out)
{
    enum schema_change worst = SCHEMA_SAME;
    for (int i = 0; i < old->count; i++) {
        const struct field *field = &old->fields[i];
        int found = schema_find(now, field->name);
        enum schema_change change = may_be_renamed(field, old, now) ? SCHEMA_OTHER : SCHEMA_SHRANK;
        if (found >= 0)
            change = field_diff(field, &now->fields[found], out);
        else
            buf_addf(out, "- %s\n", field->name);
        worst = change > worst ? change : worst;
    }
    for (int i = 0; i < now->count; i++) {
        char type[FORMAT_TEXT];
        if (schema_find(old, now->fields[i].name) >= 0)
            continue;
        field_type_name(&now->fields[i], type);
        buf_addf(out, "+ %s %s\n", now->fields[i].name, type);
        worst = worst == SCHEMA_SAME ? SCHEMA_GREW : worst;
    }
    return worst;
}
