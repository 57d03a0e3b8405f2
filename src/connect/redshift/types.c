#include "connect/redshift/types.h"

#include "base/str.h"
#include "connect/redshift/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how long a text may be ---- */

/* The n of "varchar(n)". */
static int64_t number_of(const char *declared)
{
    const char *open = strchr(declared, '('), *close = open != NULL ? strchr(open, ')') : NULL;
    int64_t number = 0;
    bool is_number = close != NULL && str_to_int64((struct str){open + 1, (size_t)(close - open - 1)}, &number);
    return is_number && number > 0 ? number : 0;
}

/* Of enum('a','it''s') the longest word; of set('a','b') all of them with commas between. */
static int64_t words_bytes(const char *declared, bool is_set)
{
    int64_t longest = 0, all = 0, word = -1;
    for (const char *at = declared; *at != '\0'; at++) {
        bool is_doubled = at[0] == '\'' && at[1] == '\'' && word >= 0;
        if (*at != '\'' || is_doubled) {
            word += word >= 0 ? 1 : 0;
            at += is_doubled ? 1 : 0;
        } else if (word < 0) {
            word = 0;
        } else {
            longest = word > longest ? word : longest;
            all += word + 1;
            word = -1;
        }
    }
    return is_set ? all - 1 : longest;
}

static bool begins(const char *text, const char *word) { return strncasecmp(text, word, strlen(word)) == 0; }

/* Characters of types that are counted in characters, bytes of those that are counted in bytes; 0: it says nothing. */
static int64_t source_bytes(const char *declared)
{
    static const struct {
        const char *type;
        int64_t bytes; /* 0: as many characters as stand in parentheses; -1: as many bytes */
    } types[] = {
        {"varchar", 0},  {"char", 0},       {"nvarchar", 0},   {"nchar", 0}, {"varbinary", -1},
        {"binary", -1},  {"tinytext", 765}, {"tinyblob", 255}, /* 255 bytes of a character set whose characters may have
                                                                  three in UTF-8 */
        {"blob", 65535}, {"uuid", 36},
    };
    if (begins(declared, "enum(") || begins(declared, "set("))
        return words_bytes(declared, begins(declared, "set("));
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (!begins(declared, types[i].type))
            continue;
        if (types[i].bytes > 0)
            return types[i].bytes;
        return number_of(declared) * (types[i].bytes == 0 ? REDSHIFT_CHARACTER_BYTES : 1);
    }
    return 0;
}

/* The most bytes that the source lets a text or binary have, at most what Redshift holds; *ret_is_known: it says so
 * itself. */
static int64_t redshift_bytes_of(const struct field *field, bool *ret_is_known)
{
    int64_t most = field->type == TYPE_UTF8 ? REDSHIFT_VARCHAR_MAX : REDSHIFT_VARBYTE_MAX;
    int64_t bytes = field->made == NULL ? source_bytes(or_empty(field->source_type)) : 0;
    *ret_is_known = bytes > 0 && bytes <= most;
    return *ret_is_known ? bytes : most;
}

/* ---- new columns ---- */

void redshift_declare(const struct field *field, char ret[DECLARED_TEXT])
{
    static const char *const names[] = {
        [TYPE_BOOL] = "boolean", [TYPE_INT16] = "smallint",  [TYPE_INT32] = "integer",
        [TYPE_INT64] = "bigint", [TYPE_FLOAT] = "real",      [TYPE_DOUBLE] = "double precision",
        [TYPE_UTF8] = "varchar", [TYPE_BINARY] = "varbyte",  [TYPE_DATE] = "date",
        [TYPE_TIME] = "bigint",  [TYPE_DECIMAL] = "numeric", [TYPE_TIMESTAMP] = "timestamp",
    };
    bool is_known;
    if (field->type == TYPE_DECIMAL)
        snprintf(ret, DECLARED_TEXT, "numeric(%d,%d)", field->precision, field->scale);
    else if (field->type == TYPE_UTF8 || field->type == TYPE_BINARY)
        snprintf(ret, DECLARED_TEXT, "%s(%lld)", names[field->type], (long long)redshift_bytes_of(field, &is_known));
    else
        snprintf(ret, DECLARED_TEXT, "%s", names[field->type]);
}

void redshift_target_type(const struct field *field, struct target_type *ret)
{
    static const struct type_verdict verdicts[] = {
        [TYPE_UTF8] = {FIDELITY_EXACT, "of at most 65535 bytes, four for each character; longer texts are refused",
                       NULL},
        [TYPE_BINARY] = {FIDELITY_EXACT, "of at most 16777216 bytes; longer values are refused", NULL},
        [TYPE_TIME] = {FIDELITY_WIDENED, "microseconds, since it may have a sign and more than 24 hours", NULL},
        [TYPE_TIMESTAMP] = {FIDELITY_EXACT, NULL, NULL},
        [TYPE_DECIMAL] = {FIDELITY_EXACT, NULL, NULL},
    };
    redshift_declare(field, ret->declared);
    ret->verdict = verdicts[field->type];
    if (field->type == TYPE_TIMESTAMP && field->utc)
        ret->verdict.why = "the wall clock of UTC";
    if (field->type == TYPE_DECIMAL && field->precision == 19)
        ret->verdict.why = "of 19 digits Redshift keeps 8 bytes, and refuses what is larger";
}

/* ---- columns that are there ---- */

void redshift_type_print(const struct redshift_type *type, char ret[DECLARED_TEXT])
{
    if (strcmp(type->name, "numeric") == 0)
        snprintf(ret, DECLARED_TEXT, "numeric(%d,%d)", type->precision, type->scale);
    else if (type->bytes > 0)
        snprintf(ret, DECLARED_TEXT, "%s(%lld)", type->name, (long long)type->bytes);
    else
        snprintf(ret, DECLARED_TEXT, "%s", type->name);
}

static struct redshift_fitting direct(void) { return (struct redshift_fitting){.is_direct = true}; }
static struct redshift_fitting by_cast(void) { return (struct redshift_fitting){.is_direct = false}; }
static struct redshift_fitting no(void) { return (struct redshift_fitting){.fit = FIT_NO}; }

static bool is(const struct redshift_type *type, const char *name) { return strcmp(type->name, name) == 0; }

static struct redshift_fitting same(const struct redshift_type *type, const char *name)
{
    return is(type, name) ? direct() : no();
}

static struct redshift_fitting fit_numeric(int digits, int scale, bool is_decimal, const struct redshift_type *type)
{
    if (!is(type, "numeric"))
        return no();
    if (is_decimal && type->precision == digits && type->scale == scale)
        return direct();
    return type->scale >= scale && type->precision - type->scale >= digits - scale ? by_cast() : no();
}

/* Plain INT32 goes into integer and bigint; what is annotated as 16 bits is known to go into smallint alone. */
static struct redshift_fitting fit_integer(const struct field *field, const struct redshift_type *type)
{
    int bytes = is(type, "smallint") ? 2 : is(type, "integer") ? 4 : is(type, "bigint") ? 8 : 0;
    int needed = field->type == TYPE_INT16 ? 2 : field->type == TYPE_INT32 ? 4 : 8;
    if (bytes == 0)
        return fit_numeric(needed == 2 ? 5 : needed == 4 ? 10 : 19, 0, false, type);
    if (bytes < needed)
        return no();
    return bytes == needed || needed == 4 ? direct() : by_cast();
}

static struct redshift_fitting fit_bytes(const struct field *field, const struct redshift_type *type)
{
    struct redshift_fitting fitting = direct();
    bool is_known, is_text = field->type == TYPE_UTF8;
    int64_t needed = redshift_bytes_of(field, &is_known);
    if (!is(type, is_text ? "character varying" : "binary varying"))
        return no();
    fitting.bytes_max = type->bytes;
    if (is_text && is_known && type->bytes > 0 && needed > type->bytes) {
        fitting.fit = FIT_WIDER;
        fitting.widened_bytes = needed;
    }
    return fitting;
}

static struct redshift_fitting fit_timestamp(const struct field *field, const struct redshift_type *type)
{
    struct redshift_fitting fitting = by_cast();
    fitting.is_moment = true;
    if (is(type, "timestamp without time zone"))
        return direct();
    return is(type, "timestamp with time zone") && field->utc ? fitting : no();
}

static struct redshift_fitting fit_date(const struct redshift_type *type)
{
    return is(type, "timestamp without time zone") ? by_cast() : same(type, "date");
}

struct redshift_fitting redshift_fit(const struct field *field, const struct redshift_type *type)
{
    switch (field->type) {
    case TYPE_BOOL: return same(type, "boolean");
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: return fit_integer(field, type);
    case TYPE_FLOAT: return is(type, "double precision") ? by_cast() : same(type, "real");
    case TYPE_DOUBLE: return same(type, "double precision");
    case TYPE_UTF8:
    case TYPE_BINARY: return fit_bytes(field, type);
    case TYPE_DATE: return fit_date(type);
    case TYPE_TIME: return same(type, "bigint");
    case TYPE_TIMESTAMP: return fit_timestamp(field, type);
    case TYPE_DECIMAL: return fit_numeric(field->precision, field->scale, true, type);
    }
    abort();
}
