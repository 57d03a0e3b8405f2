#include "data/profile.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "data/text.h"

#define DAY_US INT64_C(86400000000)
enum { SECOND_US = 1000000, SCALE_US = 6 };

#define BIT(measure) (1u << (measure))
static const unsigned taken[] = {
    [TYPE_BOOL] = BIT(PROFILE_VALUES) | BIT(PROFILE_SUM),
    [TYPE_INT16] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST) | BIT(PROFILE_SUM),
    [TYPE_INT32] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST) | BIT(PROFILE_SUM),
    [TYPE_INT64] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST) | BIT(PROFILE_SUM),
    [TYPE_DECIMAL] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST) | BIT(PROFILE_SUM),
    [TYPE_FLOAT] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST),
    [TYPE_DOUBLE] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST),
    [TYPE_UTF8] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST) | BIT(PROFILE_BYTES),
    [TYPE_BINARY] = BIT(PROFILE_VALUES) | BIT(PROFILE_BYTES),
    [TYPE_DATE] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST),
    [TYPE_TIME] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST),
    [TYPE_TIMESTAMP] = BIT(PROFILE_VALUES) | BIT(PROFILE_LEAST) | BIT(PROFILE_GREATEST),
};

bool profile_takes(const struct field *field, enum profile_measure measure)
{
    return (taken[field->type] & BIT(measure)) != 0;
}

void profile_init(struct profile *self, const struct schema *schema)
{
    *self = (struct profile){.schema = schema};
    self->columns = xcalloc((size_t)schema->count + 1, sizeof(*self->columns));
    for (int i = 0; i < schema->count; i++)
        self->columns[i].known = taken[schema->fields[i].type];
}

void profile_release(struct profile *self)
{
    for (int i = 0; self->columns != NULL && i < self->schema->count; i++) {
        buf_release(&self->columns[i].least_text);
        buf_release(&self->columns[i].greatest_text);
    }
    free(self->columns);
    *self = (struct profile){0};
}

/* ---- from batches ---- */

static void add_number(struct column_profile *c, __int128 value)
{
    bool is_first = c->values == 0;
    if (is_first || value < c->numbers[PROFILE_LEAST])
        c->numbers[PROFILE_LEAST] = value;
    if (is_first || value > c->numbers[PROFILE_GREATEST])
        c->numbers[PROFILE_GREATEST] = value;
    if (__builtin_add_overflow(c->numbers[PROFILE_SUM], value, &c->numbers[PROFILE_SUM]))
        c->known &= ~BIT(PROFILE_SUM);
}

/* PostgreSQL's order, and that of nobody who disagrees: NaN is above all. */
static bool is_below(double a, double b) { return isnan(b) ? !isnan(a) : a < b; }

static void add_real(struct column_profile *c, double value)
{
    bool is_first = c->values == 0;
    if (is_first || is_below(value, c->least_real))
        c->least_real = value;
    if (is_first || is_below(c->greatest_real, value))
        c->greatest_real = value;
}

static void keep_text(struct buf *kept, struct str value)
{
    buf_reset(kept);
    buf_add_str(kept, value);
}

static void add_text(struct column_profile *c, struct str value, bool is_ordered)
{
    c->numbers[PROFILE_BYTES] += (__int128)value.len;
    if (!is_ordered)
        return;
    if (c->values == 0 || str_cmp(value, buf_str(&c->least_text)) < 0)
        keep_text(&c->least_text, value);
    if (c->values == 0 || str_cmp(value, buf_str(&c->greatest_text)) > 0)
        keep_text(&c->greatest_text, value);
}

static void add_value(struct column_profile *c, const struct batch *batch, int column, int64_t row)
{
    switch (batch->schema->fields[column].type) {
    case TYPE_BOOL: add_number(c, batch_bool(batch, column, row)); break;
    case TYPE_FLOAT: add_real(c, (double)batch_float(batch, column, row)); break;
    case TYPE_DOUBLE: add_real(c, batch_double(batch, column, row)); break;
    case TYPE_DECIMAL: add_number(c, batch_decimal(batch, column, row)); break;
    case TYPE_UTF8: add_text(c, batch_bytes(batch, column, row), true); break;
    case TYPE_BINARY: add_text(c, batch_bytes(batch, column, row), false); break;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: add_number(c, batch_integer(batch, column, row)); break;
    }
    c->values++;
}

void profile_add(struct profile *self, const struct batch *batch, const int *places)
{
    profile_add_but(self, batch, places, NULL);
}

void profile_add_but(struct profile *self, const struct batch *batch, const int *places, const bool *is_left_out)
{
    for (int i = 0; i < self->schema->count; i++) {
        int column = places != NULL ? places[i] : i;
        for (int64_t row = 0; column >= 0 && row < batch->rows; row++) {
            if (!batch_is_null(batch, column, row) && (is_left_out == NULL || !is_left_out[row]))
                add_value(&self->columns[i], batch, column, row);
        }
    }
    self->rows += batch->rows;
    for (int64_t row = 0; is_left_out != NULL && row < batch->rows; row++)
        self->rows -= is_left_out[row];
}

/* ---- from what a system says ---- */

/* Digits with so many behind the point; more of them must be zeros. */
static bool number_parse(struct str text, int scale, __int128 *ret)
{
    bool is_negative = text.len > 0 && text.at[0] == '-', has_point = false, any = false;
    __int128 value = 0;
    int left = scale;
    for (size_t i = is_negative; i < text.len; i++) {
        if (text.at[i] == '.' && !has_point) {
            has_point = true;
            continue;
        }
        int digit = text.at[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        any = true;
        if (has_point && left == 0) {
            if (digit != 0)
                return false;
            continue;
        }
        left -= has_point;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    for (; left > 0; left--) {
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    }
    *ret = is_negative ? -value : value;
    return any;
}

static bool sum_parse(struct str text, int scale, __int128 *ret)
{
    const char *colon = memchr(text.at, ':', text.len);
    __int128 high = 0, low = 0;
    if (colon == NULL)
        return number_parse(text, scale, ret);
    struct str first = {text.at, (size_t)(colon - text.at)}, second = {colon + 1, text.len - first.len - 1};
    if (!number_parse(first, 0, &high) || !number_parse(second, 0, &low))
        return false;
    return !__builtin_mul_overflow(high, (__int128)1 << 32, ret) && !__builtin_add_overflow(*ret, low, ret);
}

static bool stamp_read(const struct field *field, struct str text, __int128 *ret)
{
    char copy[STAMP_TEXT];
    int64_t us;
    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (!stamp_parse(copy, &us))
        return false;
    int64_t per = field->type == TYPE_DATE     ? DAY_US
                  : field->unit == UNIT_SECOND ? SECOND_US
                  : field->unit == UNIT_MILLI  ? 1000
                                               : 1;
    *ret = us / per;
    return us % per == 0;
}

/* '-838:59:59.000001', or seconds with a fraction. */
static bool time_read(struct str text, __int128 *ret)
{
    __int128 parts[3];
    int count = 0;
    bool is_negative = text.len > 0 && text.at[0] == '-';
    if (memchr(text.at, ':', text.len) == NULL)
        return number_parse(text, SCALE_US, ret);
    text = is_negative ? (struct str){text.at + 1, text.len - 1} : text;
    while (count < 3) {
        const char *colon = memchr(text.at, ':', text.len);
        size_t len = colon != NULL ? (size_t)(colon - text.at) : text.len;
        if (!number_parse((struct str){text.at, len}, count == 2 ? SCALE_US : 0, &parts[count]))
            return false;
        count++;
        if (colon == NULL)
            break;
        text = (struct str){colon + 1, text.len - len - 1};
    }
    if (count != 3)
        return false;
    if (parts[0] > INT64_MAX || parts[1] > INT64_MAX || parts[2] > INT64_MAX)
        return false;
    *ret = (parts[0] * 3600 + parts[1] * 60) * SECOND_US + parts[2];
    *ret = is_negative ? -*ret : *ret;
    return true;
}

static bool real_parse(const struct field *field, struct str text, double *ret)
{
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *ret = field->type == TYPE_FLOAT ? (double)strtof(copy, &end) : strtod(copy, &end);
    return *end == '\0';
}

static bool is_real(const struct field *field) { return field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE; }

static bool extreme_read(struct column_profile *c, const struct field *field, enum profile_measure measure,
                         struct str text)
{
    bool is_least = measure == PROFILE_LEAST;
    __int128 *number = &c->numbers[measure];
    if (is_real(field))
        return real_parse(field, text, is_least ? &c->least_real : &c->greatest_real);
    if (field->type == TYPE_UTF8) {
        keep_text(is_least ? &c->least_text : &c->greatest_text, text);
        return true;
    }
    if (field->type == TYPE_DATE || field->type == TYPE_TIMESTAMP)
        return stamp_read(field, text, number);
    if (field->type == TYPE_TIME)
        return time_read(text, number);
    return number_parse(text, field->type == TYPE_DECIMAL ? field->scale : 0, number);
}

void profile_tell(struct profile *self, int column, enum profile_measure measure, struct str text)
{
    struct column_profile *c = &self->columns[column];
    const struct field *field = &self->schema->fields[column];
    int64_t values = 0;
    bool is_sound = true;
    if (text.at == NULL && c->values > 0)
        c->known &= ~BIT(measure);
    if (text.at == NULL || !profile_takes(field, measure))
        return;
    if (measure == PROFILE_VALUES) {
        is_sound = str_to_int64(text, &values);
        c->values = values;
    } else if (measure == PROFILE_SUM) {
        is_sound = sum_parse(text, field->type == TYPE_DECIMAL ? field->scale : 0, &c->numbers[measure]);
    } else if (measure == PROFILE_BYTES) {
        is_sound = number_parse(text, 0, &c->numbers[measure]);
    } else {
        is_sound = extreme_read(c, field, measure, text);
    }
    c->odd |= is_sound ? 0 : BIT(measure);
}

/* ---- comparing ---- */

static bool is_equal(const struct column_profile *a, const struct column_profile *b, const struct field *field,
                     enum profile_measure measure)
{
    bool is_least = measure == PROFILE_LEAST;
    if (measure == PROFILE_VALUES)
        return a->values == b->values;
    if (measure == PROFILE_SUM || measure == PROFILE_BYTES || (!is_real(field) && field->type != TYPE_UTF8))
        return a->numbers[measure] == b->numbers[measure];
    if (field->type == TYPE_UTF8)
        return is_least ? str_eq(buf_str(&a->least_text), buf_str(&b->least_text))
                        : str_eq(buf_str(&a->greatest_text), buf_str(&b->greatest_text));
    double x = is_least ? a->least_real : a->greatest_real, y = is_least ? b->least_real : b->greatest_real;
    return x == y || (isnan(x) && isnan(y));
}

static bool differs(const struct column_profile *a, const struct column_profile *b, const struct field *field,
                    enum profile_measure measure)
{
    unsigned bit = BIT(measure);
    bool is_empty = measure != PROFILE_VALUES && a->values == 0 && b->values == 0;
    if ((a->known & b->known & bit) == 0 || is_empty)
        return false;
    return ((a->odd | b->odd) & bit) != 0 || !is_equal(a, b, field, measure);
}

static void say_difference(const struct profile_side *a, const struct profile_side *b, int column, int place,
                           enum profile_measure measure, struct buf *out)
{
    static const char *const said[] = {[PROFILE_LEAST] = "least values",
                                       [PROFILE_GREATEST] = "greatest values",
                                       [PROFILE_SUM] = "sums",
                                       [PROFILE_BYTES] = "total lengths"};
    const char *name = a->profile->schema->fields[column].name;
    if (measure == PROFILE_VALUES)
        buf_addf(out, "column '%s': %" PRId64 " NULLs in the %s, %" PRId64 " in the %s\n", name,
                 a->profile->rows - a->profile->columns[column].values, a->name,
                 b->profile->rows - b->profile->columns[place].values, b->name);
    else
        buf_addf(out, "column '%s': the %s of %s and %s differ\n", name, said[measure], a->name, b->name);
}

int profile_compare(const struct profile_side *a, const struct profile_side *b, const int *places, int lines_max,
                    struct buf *out)
{
    const struct schema *schema = a->profile->schema;
    int count = 0;
    if (a->profile->rows != b->profile->rows && ++count <= lines_max)
        buf_addf(out, "the %s has %" PRId64 " rows, the %s %" PRId64 "\n", a->name, a->profile->rows, b->name,
                 b->profile->rows);
    for (int i = 0; i < schema->count; i++) {
        int place = places != NULL ? places[i] : i;
        for (enum profile_measure measure = 0; place >= 0 && measure < PROFILE_MEASURES; measure++) {
            if (differs(&a->profile->columns[i], &b->profile->columns[place], &schema->fields[i], measure) &&
                ++count <= lines_max)
                say_difference(a, b, i, place, measure, out);
        }
    }
    return count;
}

/* ---- values of keys ---- */

static bool print_stamp(__int128 us, bool has_time, struct buf *out)
{
    char stamp[STAMP_TEXT];
    if (us < days_from_date(0, 1, 1) * DAY_US || us >= days_from_date(10000, 1, 1) * DAY_US)
        return false;
    stamp_print((int64_t)us, SCALE_US, stamp); /* 2025-09-12T14:30:22.135000Z */
    if (has_time)
        buf_addf(out, "%.10s %.15s", stamp, stamp + 11);
    else
        buf_addf(out, "%.10s", stamp);
    return true;
}

bool profile_print_value(const struct batch *batch, int column, int64_t row, struct buf *out)
{
    const struct field *field = &batch->schema->fields[column];
    int64_t per_unit = field->unit == UNIT_SECOND ? SECOND_US : field->unit == UNIT_MILLI ? 1000 : 1;
    char room[VALUE_TEXT];
    struct str text;
    switch (field->type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DECIMAL:
    case TYPE_UTF8:
        text = batch_text(batch, column, row, room);
        buf_add_str(out, text);
        return memchr(text.at, '\0', text.len) == NULL;
    case TYPE_DATE: return print_stamp((__int128)batch_date(batch, column, row) * DAY_US, false, out);
    case TYPE_TIMESTAMP: return print_stamp((__int128)batch_int64(batch, column, row) * per_unit, true, out);
    case TYPE_BOOL:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_BINARY:
    case TYPE_TIME: break;
    }
    return false;
}

void key_list_init(struct key_list *self, const struct schema *schema, const int *key, int key_count)
{
    *self = (struct key_list){.columns = key_count};
    for (int i = 0; i < key_count; i++)
        self->fields[i] = &schema->fields[key[i]];
}

void key_list_release(struct key_list *self)
{
    free(self->texts);
    arena_release(&self->arena);
    *self = (struct key_list){0};
}

void key_list_add(struct key_list *self, struct str text)
{
    int place = self->count * self->columns + self->filled;
    if ((place & (place - 1)) == 0) /* at a power of two: double */
        self->texts = xrealloc(self->texts, sizeof(*self->texts) * (size_t)(place != 0 ? 2 * place : 1));
    self->texts[place] = arena_str(&self->arena, text);
    self->filled++;
    if (self->filled == self->columns) {
        self->filled = 0;
        self->count++;
    }
}
