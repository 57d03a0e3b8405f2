#include "data/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static char *put_digits(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

/* ---- times ---- */

char *text_date(char *at, int64_t days)
{
    int64_t year;
    int month, day;
    date_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        return NULL;
    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    return put_digits(at, day, 2);
}

/* Rounds down, also before 1970. */
static int64_t divide(int64_t value, int64_t by, int64_t *ret_rest)
{
    int64_t quotient = value / by, rest = value % by;
    if (rest < 0) {
        rest += by;
        quotient--;
    }
    *ret_rest = rest;
    return quotient;
}

char *text_timestamp(char *at, int64_t value, const struct field *field)
{
    static const struct {
        int64_t per_second;
        int digits;
    } units[] = {[UNIT_SECOND] = {1, 0}, [UNIT_MILLI] = {1000, 3}, [UNIT_MICRO] = {1000000, 6}};
    int64_t fraction, second;
    int64_t days = divide(divide(value, units[field->unit].per_second, &fraction), 86400, &second);
    at = text_date(at, days);
    if (at == NULL)
        return NULL;
    *at++ = field->utc ? 'T' : ' ';
    at = put_digits(at, second / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second % 60, 2);
    if (units[field->unit].digits > 0) {
        *at++ = '.';
        at = put_digits(at, fraction, units[field->unit].digits);
    }
    if (field->utc)
        *at++ = 'Z';
    return at;
}

char *text_duration(char *at, int64_t us)
{
    enum { HOUR_SECONDS = 3600, SECOND_US = 1000000 };
    uint64_t left = us < 0 ? -(uint64_t)us : (uint64_t)us, seconds = left / SECOND_US;
    int64_t hours = (int64_t)(seconds / HOUR_SECONDS);
    int digits = 2;
    for (int64_t rest = hours / 100; rest > 0; rest /= 10)
        digits++;
    if (us < 0)
        *at++ = '-';
    at = put_digits(at, hours, digits);
    *at++ = ':';
    at = put_digits(at, (int64_t)(seconds / 60 % 60), 2);
    *at++ = ':';
    at = put_digits(at, (int64_t)(seconds % 60), 2);
    *at++ = '.';
    return put_digits(at, (int64_t)(left % SECOND_US), 6);
}

/* ---- numbers ---- */

char *text_decimal(char *at, __int128 unscaled, int scale)
{
    char reversed[48];
    int len = 0;
    unsigned __int128 left = unscaled < 0 ? -(unsigned __int128)unscaled : (unsigned __int128)unscaled;
    if (unscaled < 0)
        *at++ = '-';
    for (int digits = 0; left != 0 || digits <= scale; digits++, left /= 10) {
        if (digits == scale && scale > 0)
            reversed[len++] = '.';
        reversed[len++] = (char)('0' + (int)(left % 10));
    }
    while (len > 0)
        *at++ = reversed[--len];
    return at;
}

static char *put_real(char *at, double value, bool is_float)
{
    int len = 0;
    for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
        len = snprintf(at, VALUE_TEXT, "%.*g", digits, value);
        double back = strtod(at, NULL);
        if (is_float ? (float)back == (float)value : back == value)
            break;
    }
    return at + len;
}

/* ---- any value ---- */

static char *put_moment(char *at, const struct field *field, int64_t value)
{
    char *end = field->type == TYPE_DATE ? text_date(at, value) : text_timestamp(at, value, field);
    return end != NULL ? end : at + snprintf(at, VALUE_TEXT, "@%lld", (long long)value);
}

struct str batch_text(const struct batch *b, int column, int64_t row, char room[VALUE_TEXT])
{
    const struct field *field = &b->schema->fields[column];
    char *end = room;
    switch (field->type) {
    case TYPE_UTF8:
    case TYPE_BINARY: return batch_bytes(b, column, row);
    case TYPE_BOOL: return batch_bool(b, column, row) ? S("true") : S("false");
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: end += snprintf(room, VALUE_TEXT, "%lld", (long long)batch_integer(b, column, row)); break;
    case TYPE_FLOAT: end = put_real(room, (double)batch_float(b, column, row), true); break;
    case TYPE_DOUBLE: end = put_real(room, batch_double(b, column, row), false); break;
    case TYPE_DATE:
    case TYPE_TIMESTAMP: end = put_moment(room, field, batch_integer(b, column, row)); break;
    case TYPE_TIME: end = text_duration(room, batch_int64(b, column, row)); break;
    case TYPE_DECIMAL: end = text_decimal(room, batch_decimal(b, column, row), field->scale); break;
    }
    return (struct str){room, (size_t)(end - room)};
}
