#include "data/parquet/storage.h"

#include <assert.h>

enum { DECIMAL_INT32_MAX = 9, DECIMAL_INT64_MAX = 18 };

static __int128 power_of_ten(int exponent)
{
    __int128 power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

bool decimal_fits(__int128 unscaled, int precision)
{
    __int128 bound = power_of_ten(precision);
    return unscaled < bound && unscaled > -bound;
}

int decimal_bytes(int precision)
{
    __int128 largest = power_of_ten(precision) - 1;
    int bytes = 1;
    while (bytes < DECIMAL_BYTES_MAX && largest >> (8 * bytes - 1) != 0)
        bytes++;
    return bytes;
}

static void decimal_storage(int precision, const struct profile *profile, struct storage *ret)
{
    if (precision <= DECIMAL_INT32_MAX && !profile->is_plain_typed) {
        ret->physical = PHYSICAL_INT32;
        ret->width = 4;
    } else if (precision <= DECIMAL_INT64_MAX) {
        ret->physical = PHYSICAL_INT64;
        ret->width = 8;
    } else {
        ret->physical = PHYSICAL_FIXED;
        ret->width = decimal_bytes(precision);
    }
}

/* Parquet has no seconds. */
static enum time_unit stored_unit(const struct field *field, const struct profile *profile)
{
    return field->unit == UNIT_MICRO || profile->is_plain_typed ? UNIT_MICRO : UNIT_MILLI;
}

int64_t unit_ratio(enum time_unit coarse, enum time_unit fine)
{
    static const int64_t per_second[] = {[UNIT_SECOND] = 1, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1000000};
    return per_second[fine] / per_second[coarse];
}

void storage_of(const struct field *field, const struct profile *profile, struct storage *ret)
{
    static const struct storage types[] = {
        [TYPE_BOOL] = {.physical = PHYSICAL_BOOLEAN},
        [TYPE_INT16] = {.physical = PHYSICAL_INT32, .width = 4, .bits = 16},
        [TYPE_INT32] = {.physical = PHYSICAL_INT32, .width = 4},
        [TYPE_INT64] = {.physical = PHYSICAL_INT64, .width = 8},
        [TYPE_FLOAT] = {.physical = PHYSICAL_FLOAT, .width = 4},
        [TYPE_DOUBLE] = {.physical = PHYSICAL_DOUBLE, .width = 8},
        [TYPE_UTF8] = {.physical = PHYSICAL_BYTE_ARRAY},
        [TYPE_BINARY] = {.physical = PHYSICAL_BYTE_ARRAY},
        [TYPE_DATE] = {.physical = PHYSICAL_INT32, .width = 4},
        [TYPE_TIME] = {.physical = PHYSICAL_INT64, .width = 8},
        [TYPE_TIMESTAMP] = {.physical = PHYSICAL_INT64, .width = 8},
        [TYPE_DECIMAL] = {.width = 0}, /* by its precision */
    };
    *ret = types[field->type];
    ret->optional = field->nullable;
    ret->multiplier = 1;
    if (field->type == TYPE_TIMESTAMP) {
        ret->unit = stored_unit(field, profile);
        ret->multiplier = unit_ratio(field->unit, ret->unit);
    }
    if (field->type == TYPE_DECIMAL)
        decimal_storage(field->precision, profile, ret);
}

static int converted_of(const struct field *field, const struct storage *storage)
{
    switch (field->type) {
    case TYPE_INT16: return CONVERTED_INT_16;
    case TYPE_UTF8: return CONVERTED_UTF8;
    case TYPE_DATE: return CONVERTED_DATE;
    case TYPE_DECIMAL: return CONVERTED_DECIMAL;
    case TYPE_TIMESTAMP: return storage->unit == UNIT_MICRO ? CONVERTED_TIMESTAMP_MICROS : CONVERTED_TIMESTAMP_MILLIS;
    default: return -1;
    }
}

static void write_empty(struct thrift_writer *w, int id)
{
    thrift_put_struct(w, id);
    thrift_end(w);
}

static void write_integer(struct thrift_writer *w, int bits)
{
    thrift_put_struct(w, LOGICAL_INTEGER);
    thrift_put_int(w, 1, THRIFT_I8, bits);
    thrift_put_bool(w, 2, true);
    thrift_end(w);
}

static void write_logical(const struct field *field, const struct storage *storage, struct thrift_writer *w)
{
    thrift_put_struct(w, 10);
    switch (field->type) {
    case TYPE_UTF8: write_empty(w, LOGICAL_STRING); break;
    case TYPE_DATE: write_empty(w, LOGICAL_DATE); break;
    case TYPE_INT16: write_integer(w, 16); break;
    case TYPE_DECIMAL:
        thrift_put_struct(w, LOGICAL_DECIMAL);
        thrift_put_int(w, 1, THRIFT_I32, field->scale);
        thrift_put_int(w, 2, THRIFT_I32, field->precision);
        thrift_end(w);
        break;
    case TYPE_TIMESTAMP:
        thrift_put_struct(w, LOGICAL_TIMESTAMP);
        thrift_put_bool(w, 1, field->utc);
        thrift_put_struct(w, 2);
        write_empty(w, storage->unit == UNIT_MICRO ? PARQUET_MICROS : PARQUET_MILLIS);
        thrift_end(w);
        thrift_end(w);
        break;
    default: assert(!"not annotated");
    }
    thrift_end(w);
}

void storage_write(const struct field *field, const struct storage *storage, struct thrift_writer *w)
{
    thrift_item_struct(w);
    thrift_put_int(w, 1, THRIFT_I32, storage->physical);
    if (storage->physical == PHYSICAL_FIXED)
        thrift_put_int(w, 2, THRIFT_I32, storage->width);
    thrift_put_int(w, 3, THRIFT_I32, storage->optional ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    thrift_put_bytes(w, 4, str(field->name));
    int converted = converted_of(field, storage);
    if (converted >= 0)
        thrift_put_int(w, 6, THRIFT_I32, converted);
    if (field->type == TYPE_DECIMAL) {
        thrift_put_int(w, 7, THRIFT_I32, field->scale);
        thrift_put_int(w, 8, THRIFT_I32, field->precision);
    }
    if (converted >= 0)
        write_logical(field, storage, w);
    thrift_end(w);
}
