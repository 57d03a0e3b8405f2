#include "connect/sqlite/source_parts.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

enum { DECIMAL_DIGITS_MAX = 38, DECIMAL_TEXT = 400 };

/* ---- what a declaration says ---- */

/* "DECIMAL(10, 2)" -> 10, 2. A missing scale is 0. */
static bool declares_digits(const char *declared, int *ret_precision, int *ret_scale)
{
    char end = '\0';
    const char *open = strchr(declared, '(');
    *ret_scale = 0;
    if (open == NULL || (sscanf(open, "( %2d , %2d %c", ret_precision, ret_scale, &end) != 3 &&
                         sscanf(open, "( %2d %c", ret_precision, &end) != 2))
        return false;
    return end == ')' && *ret_precision >= 1 && *ret_precision <= DECIMAL_DIGITS_MAX && *ret_scale >= 0 &&
           *ret_scale <= *ret_precision;
}

void sqlite_column_declare(struct sqlite_column *column)
{
    static const struct {
        const char *word;
        enum promise promise;
    } promises[] = {
        {"DATE", PROMISE_DATE},       {"DATETIME", PROMISE_TIMESTAMP}, {"TIMESTAMP", PROMISE_TIMESTAMP},
        {"DECIMAL", PROMISE_DECIMAL}, {"NUMERIC", PROMISE_DECIMAL},    {"BOOLEAN", PROMISE_BOOL},
        {"BOOL", PROMISE_BOOL},
    };
    size_t len = strcspn(column->base.declared, " (");
    column->affinity = affinity_of(column->base.declared, false);
    for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
        if (strlen(promises[i].word) == len && strncasecmp(column->base.declared, promises[i].word, len) == 0)
            column->promise = promises[i].promise;
    }
    if (column->promise == PROMISE_DECIMAL &&
        !declares_digits(column->base.declared, &column->base.field.precision, &column->base.field.scale))
        column->promise = PROMISE_NONE;
}

/* ---- forms ---- */

static int form_number(const struct form *form)
{
    if (form->kind == FORM_DATE)
        return 1;
    return form->kind == FORM_TEXT ? 2 + ((form->separator == 'T') * 2 + form->z) * 7 + form->digits : 0;
}

bool form_from_number(int number, struct form *ret)
{
    int rest = number - 2;
    *ret = number < 2
               ? (struct form){.kind = FORM_DATE}
               : (struct form){
                     .kind = FORM_TEXT, .separator = rest / 14 ? 'T' : ' ', .z = rest / 7 % 2, .digits = rest % 7};
    return number > 0;
}

/* A timestamp is written back with a blank, or as T...Z where it is UTC: any other form would come back changed. */
static bool form_is_timestamp(const struct form *form)
{
    return form->kind == FORM_TEXT && (form->separator == 'T') == form->z && form->digits % 3 == 0;
}

static void set_timestamp(struct sqlite_column *column, const struct form *form)
{
    column->form = *form;
    column->base.field.type = TYPE_TIMESTAMP;
    column->base.field.unit = (enum time_unit)(form->digits / 3);
    column->base.field.utc = form->z;
}

const char *sqlite_column_source_type(const struct sqlite_column *column, struct arena *arena)
{
    char name[FORM_TEXT_MAX];
    if (column->base.field.type != TYPE_TIMESTAMP || column->form_is_open)
        return column->base.declared;
    form_name(&column->form, name);
    return arena_print(arena, "%s %s", column->base.declared, name + strlen("text "));
}

/* ---- known and overridden ---- */

void sqlite_column_override(struct sqlite_column *column)
{
    column->base.field.type = strcmp(column->base.as, "text") == 0 ? TYPE_UTF8 : TYPE_BINARY;
    column->decided = true;
}

void sqlite_column_recall(struct sqlite_column *column, const struct schema *known)
{
    int found = schema_find(known, column->base.name);
    if (found < 0 || column->decided)
        return;
    const struct field *field = &known->fields[found];
    size_t len = strlen(column->base.declared);
    bool is_same = strncmp(field->source_type, column->base.declared, len) == 0;
    const char *rest = is_same ? field->source_type + len : "";
    if (field->type == TYPE_TIMESTAMP) {
        char name[FORM_TEXT_MAX];
        struct form form;
        snprintf(name, sizeof(name), "text%s", rest);
        if (!is_same || !form_from_name(name, &form) || !form_is_timestamp(&form))
            return;
        set_timestamp(column, &form);
    } else if (!is_same || rest[0] != '\0') {
        return;
    }
    column->base.field = *field;
    if (field->type == TYPE_DATE)
        column->form = (struct form){.kind = FORM_DATE};
    column->decided = true;
}

/* ---- values ---- */

/* The shortest text that reads back as the same double; "2.0" is not "2". */
static struct str real_text(double value, char *text, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (isfinite(value) && text[strcspn(text, ".e")] == '\0')
        snprintf(text + strlen(text), size - strlen(text), ".0");
    return str(text);
}

static bool read_override(struct cell *self, const struct sqlite_column *column, sqlite3_stmt *row, int at)
{
    switch (sqlite3_column_type(row, at)) {
    case SQLITE_INTEGER:
        snprintf(self->text, sizeof(self->text), "%lld", sqlite3_column_int64(row, at));
        self->bytes = str(self->text);
        return true;
    case SQLITE_FLOAT:
        self->bytes = real_text(sqlite3_column_double(row, at), self->text, sizeof(self->text));
        return true;
    default:
        self->bytes = sqlite_column_str(row, at);
        return column->base.field.type == TYPE_BINARY ||
               (sqlite3_column_type(row, at) == SQLITE_TEXT && str_is_utf8(self->bytes));
    }
}

/* Digits, the point left out; false when there are more than `precision`, which is at most 38. */
static bool decimal_from_text(const char *text, int precision, __int128 *ret)
{
    bool negative = *text == '-';
    int digits = 0;
    __int128 value = 0;
    for (text += negative; *text != '\0'; text++) {
        if (*text == '.')
            continue;
        if (*text < '0' || *text > '9' || (digits += value != 0 || *text != '0') > precision)
            return false;
        value = value * 10 + (*text - '0');
    }
    *ret = negative ? -value : value;
    return true;
}

/* A number of SQLite is an integer or a double; it fits when the decimal reads back as the same one. */
static bool read_decimal(struct cell *self, const struct sqlite_column *column, sqlite3_stmt *row, int at)
{
    char text[DECIMAL_TEXT];
    int class = sqlite3_column_type(row, at), scale = column->base.field.scale, len;
    if (class == SQLITE_INTEGER) {
        len = snprintf(text, sizeof(text), "%lld.%0*d", sqlite3_column_int64(row, at), scale > 0 ? scale : 1, 0);
        text[scale > 0 ? len : len - 2] = '\0';
        return decimal_from_text(text, column->base.field.precision, &self->decimal);
    }
    double value = sqlite3_column_double(row, at), back;
    if (class != SQLITE_FLOAT || !isfinite(value) || fabs(value) > 1e38)
        return false;
    snprintf(text, sizeof(text), "%.*f", scale, value);
    back = strtod(text, NULL);
    return back == value && signbit(back) == signbit(value) &&
           decimal_from_text(text, column->base.field.precision, &self->decimal);
}

static bool read_stamp(struct cell *self, const struct sqlite_column *column, sqlite3_stmt *row, int at)
{
    static const int64_t unit_us[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    struct form form;
    int64_t us;
    if (sqlite3_column_type(row, at) != SQLITE_TEXT)
        return false;
    const char *text = (const char *)sqlite3_column_text(row, at);
    if (strlen(text) != (size_t)sqlite3_column_bytes(row, at) || !form_of_text(text, &form) ||
        !form_equal(&form, &column->form) || !form_parse(&form, text, &us))
        return false;
    int64_t unit = column->base.field.type == TYPE_DATE ? INT64_C(86400000000) : unit_us[column->base.field.unit];
    self->integer = us / unit; /* exact: the form has no more digits than the unit */
    return true;
}

bool cell_read(struct cell *self, const struct sqlite_column *column, sqlite3_stmt *row, int at)
{
    int class = sqlite3_column_type(row, at);
    if (column->base.as != NULL)
        return read_override(self, column, row, at);
    switch (column->base.field.type) {
    case TYPE_BOOL:
    case TYPE_INT64:
        self->integer = sqlite3_column_int64(row, at);
        return class == SQLITE_INTEGER &&
               (column->base.field.type == TYPE_INT64 || self->integer == 0 || self->integer == 1);
    case TYPE_INT16: /* of no column of SQLite */
    case TYPE_INT32:
    case TYPE_FLOAT:
    case TYPE_TIME: break;
    case TYPE_DOUBLE: self->real = sqlite3_column_double(row, at); return class == SQLITE_FLOAT;
    case TYPE_UTF8: self->bytes = sqlite_column_str(row, at); return class == SQLITE_TEXT && str_is_utf8(self->bytes);
    case TYPE_BINARY: self->bytes = sqlite_column_str(row, at); return class == SQLITE_BLOB;
    case TYPE_DATE:
    case TYPE_TIMESTAMP: return read_stamp(self, column, row, at);
    case TYPE_DECIMAL: return read_decimal(self, column, row, at);
    }
    return false;
}

void cell_put(const struct cell *self, const struct sqlite_column *column, struct batch_builder *builder, int at)
{
    switch (column->base.field.type) {
    case TYPE_BOOL: builder_bool(builder, at, self->integer != 0); return;
    case TYPE_INT64:
    case TYPE_TIMESTAMP: builder_int64(builder, at, self->integer); return;
    case TYPE_DOUBLE: builder_double(builder, at, self->real); return;
    case TYPE_UTF8:
    case TYPE_BINARY: builder_bytes(builder, at, self->bytes); return;
    case TYPE_DATE: builder_date(builder, at, (int32_t)self->integer); return;
    case TYPE_DECIMAL: builder_decimal(builder, at, self->decimal); return;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_FLOAT:
    case TYPE_TIME: assert(!"cell_read has refused it");
    }
}

/* ---- values decide ---- */

/* The column as its declaration promises it; timestamps are judged by their forms instead. */
static bool promised_column(const struct sqlite_column *column, struct sqlite_column *ret)
{
    static const enum type types[] = {
        [PROMISE_DATE] = TYPE_DATE, [PROMISE_DECIMAL] = TYPE_DECIMAL, [PROMISE_BOOL] = TYPE_BOOL};
    if (column->promise == PROMISE_NONE || column->promise == PROMISE_TIMESTAMP)
        return false;
    *ret = *column;
    ret->base.field.type = types[column->promise];
    ret->form = (struct form){.kind = FORM_DATE};
    return true;
}

void tally_add(struct tally *self, const struct sqlite_column *column, sqlite3_stmt *row, int at)
{
    struct sqlite_column promised;
    struct cell cell;
    struct form form;
    int class = sqlite3_column_type(row, at);
    self->classes[class]++;
    if (class == SQLITE_NULL)
        return;
    if (promised_column(column, &promised) && cell_read(&cell, &promised, row, at))
        self->kept_promises++;
    if (class != SQLITE_TEXT)
        return;
    struct str text = sqlite_column_str(row, at);
    bool is_stamp = text.len < CURSOR_TEXT && strlen(text.at) == text.len && form_of_text(text.at, &form);
    self->forms[is_stamp ? form_number(&form) : 0]++;
    self->not_utf8 += !is_stamp && !str_is_utf8(text);
}

/* All values; or most of them, where the others are set aside. */
static bool is_enough(const struct tally *tally, int64_t count, int64_t values)
{
    return count == values || (tally->others_go && 2 * count > values);
}

static bool keeps_promise(struct sqlite_column *column, const struct tally *tally, int64_t values)
{
    static const struct form usual = {.kind = FORM_TEXT, .separator = ' '};
    struct sqlite_column promised;
    if (column->promise == PROMISE_TIMESTAMP) {
        if (values == 0) {
            set_timestamp(column, &usual);
            column->form_is_open = true;
            return true;
        }
        for (int i = 0; i < FORMS; i++) {
            struct form form;
            if (!is_enough(tally, tally->forms[i], values) || !form_from_number(i, &form) || !form_is_timestamp(&form))
                continue;
            set_timestamp(column, &form);
            return true;
        }
        return false;
    }
    if (!promised_column(column, &promised) || !is_enough(tally, tally->kept_promises, values))
        return false;
    *column = promised;
    return true;
}

static enum rc fail_mixed(const struct sqlite_column *column, const struct tally *tally, const char *table,
                          struct error *err)
{
    static const struct {
        int class;
        const char *name;
    } classes[] = {{SQLITE_INTEGER, "INTEGER"}, {SQLITE_FLOAT, "REAL"}, {SQLITE_TEXT, "TEXT"}, {SQLITE_BLOB, "BLOB"}};
    AUTO_RELEASE(buf) counts = {0};
    AUTO_RELEASE(arena) arena = {0};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (tally->classes[classes[i].class] > 0)
            buf_addf(&counts, "%s%lld %s", counts.len ? ", " : "", (long long)tally->classes[classes[i].class],
                     classes[i].name);
    }
    fail(err, RC_DATA, "column '%s' of '%s' holds values of several storage classes: %s", column->base.name, table,
         counts.at);
    return fail_todo(
        err, "make them one in the source, or say how to take them in the table's entry: columns: {%s: {as: %s}}",
        yaml_name(&arena, column->base.name), tally->classes[SQLITE_BLOB] > 0 ? "binary" : "text");
}

static RC decide_by_class(struct sqlite_column *column, const struct tally *tally, int64_t values, const char *table,
                          struct error *err)
{
    static const enum type by_affinity[] = {[AFFINITY_INTEGER] = TYPE_INT64,
                                            [AFFINITY_REAL] = TYPE_DOUBLE,
                                            [AFFINITY_TEXT] = TYPE_UTF8,
                                            [AFFINITY_BLOB] = TYPE_BINARY,
                                            [AFFINITY_NUMERIC] = TYPE_DOUBLE};
    static const enum type by_class[] = {[SQLITE_INTEGER] = TYPE_INT64,
                                         [SQLITE_FLOAT] = TYPE_DOUBLE,
                                         [SQLITE_TEXT] = TYPE_UTF8,
                                         [SQLITE_BLOB] = TYPE_BINARY};
    if (values == 0) {
        column->base.field.type = by_affinity[column->affinity];
        return RC_OK;
    }
    for (int class = SQLITE_INTEGER; class <= SQLITE_BLOB; class ++) {
        if (!is_enough(tally, tally->classes[class], values))
            continue;
        column->base.field.type = by_class[class];
        return RC_OK;
    }
    return fail_mixed(column, tally, table, err);
}

RC sqlite_column_decide(struct sqlite_column *column, const struct tally *tally, const char *table, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    int64_t values = 0;
    for (int class = SQLITE_INTEGER; class <= SQLITE_BLOB; class ++)
        values += tally->classes[class];
    if (!keeps_promise(column, tally, values))
        TRY(decide_by_class(column, tally, values, table, err));
    if (column->base.field.type == TYPE_UTF8 && tally->not_utf8 > 0 && !tally->others_go) {
        fail(err, RC_DATA, "column '%s' of '%s': %lld of %lld texts are not valid UTF-8", column->base.name, table,
             (long long)tally->not_utf8, (long long)values);
        return fail_todo(err,
                         "mend them in the source, or take the column's bytes as they are: columns: {%s: {as: binary}}",
                         yaml_name(&arena, column->base.name));
    }
    column->decided = true;
    return RC_OK;
}

/* ---- the list ---- */

static const struct {
    const char *declared, *why;
} samples[] = {
    {"INTEGER", NULL},
    {"REAL", NULL},
    {"TEXT", "UTF-8, or it is refused: as: binary"},
    {"BLOB", NULL},
    {"NUMERIC", "INTEGER, REAL or TEXT, by what its values are"},
    {"DATE", "when every value is 'YYYY-MM-DD'; else text"},
    {"DATETIME", "when every value is of one form, 'YYYY-MM-DD HH:MM:SS[.f]' or the same with T and Z; else text"},
    {"TIMESTAMP", "as DATETIME"},
    {"DECIMAL(10,2)", "when every value has these digits; else what its values are"},
    {"BOOLEAN", "when every value is 0 or 1; else what its values are"},
};

const struct source_type *sqlite_source_types(struct arena *arena, int *ret_count)
{
    enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };
    static const struct tally nothing;
    struct source_type *types = arena_take(arena, sizeof(*types) * (SAMPLES + 1));
    for (int i = 0; i < SAMPLES; i++) {
        struct sqlite_column column = {.base = {.name = "c", .declared = samples[i].declared}};
        struct error none;
        sqlite_column_declare(&column);
        enum rc rc = sqlite_column_decide(&column, &nothing, "t", &none);
        assert(rc == RC_OK && "no value contradicts");
        column.base.field.source_type = samples[i].declared;
        types[i] = (struct source_type){samples[i].declared, column.base.field, {FIDELITY_EXACT, samples[i].why, NULL}};
    }
    types[SAMPLES] = (struct source_type){
        "values of several kinds", {0}, {FIDELITY_LOSSY, "a column has one type, and its values say which", "text"}};
    *ret_count = SAMPLES + 1;
    return types;
}
