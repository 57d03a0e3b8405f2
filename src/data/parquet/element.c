#include "data/parquet/element.h"

/* A union of empty structs, such as TimeUnit: which one it is. */
static int read_choice(struct thrift_reader *r, struct thrift_field outer)
{
    int choice = 0;
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        choice = field.id;
        thrift_skip(r, field);
    }
    return choice;
}

static void read_decimal(struct thrift_reader *r, struct thrift_field outer, struct element *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->scale = thrift_get_i32(r, field); break;
        case 2: ret->precision = thrift_get_i32(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void read_timestamp(struct thrift_reader *r, struct thrift_field outer, struct element *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->is_utc = thrift_get_bool(r, field); break;
        case 2: ret->unit = read_choice(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void read_integer(struct thrift_reader *r, struct thrift_field outer, struct element *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->bit_width = thrift_get_i32(r, field); break;
        case 2: ret->is_signed = thrift_get_bool(r, field); break;
        default: thrift_skip(r, field);
        }
    }
}

static void read_logical(struct thrift_reader *r, struct thrift_field outer, struct element *ret)
{
    struct thrift_field field;
    thrift_get_struct(r, outer);
    while (thrift_next(r, &field)) {
        ret->logical = (enum logical)field.id;
        switch (field.id) {
        case LOGICAL_DECIMAL: read_decimal(r, field, ret); break;
        case LOGICAL_TIMESTAMP: read_timestamp(r, field, ret); break;
        case LOGICAL_INTEGER: read_integer(r, field, ret); break;
        default: thrift_skip(r, field);
        }
    }
}

void element_read(struct thrift_reader *r, struct element *ret)
{
    struct thrift_field field;
    *ret = (struct element){.name = S(""),
                            .physical = -1,
                            .length = -1,
                            .repetition = -1,
                            .children = -1,
                            .converted = -1,
                            .scale = -1,
                            .precision = -1};
    thrift_open_item(r);
    while (thrift_next(r, &field)) {
        switch (field.id) {
        case 1: ret->physical = thrift_get_i32(r, field); break;
        case 2: ret->length = thrift_get_i32(r, field); break;
        case 3: ret->repetition = thrift_get_i32(r, field); break;
        case 4: ret->name = thrift_get_bytes(r, field); break;
        case 5: ret->children = thrift_get_i32(r, field); break;
        case 6: ret->converted = thrift_get_i32(r, field); break;
        case 7: ret->scale = thrift_get_i32(r, field); break;
        case 8: ret->precision = thrift_get_i32(r, field); break;
        case 10: read_logical(r, field, ret); break;
        default: thrift_skip(r, field);
        }
    }
}

/* What a file says only in the older way is said in the newer one, so that one switch decides. */
static struct element modernised(const struct element *element)
{
    struct element e = *element;
    if (e.logical != LOGICAL_NONE)
        return e;
    switch (e.converted) {
    case -1: break;
    case CONVERTED_UTF8: e.logical = LOGICAL_STRING; break;
    case CONVERTED_DECIMAL: e.logical = LOGICAL_DECIMAL; break;
    case CONVERTED_DATE: e.logical = LOGICAL_DATE; break;
    case CONVERTED_INT_16:
    case CONVERTED_INT_32:
    case CONVERTED_INT_64:
        e.logical = LOGICAL_INTEGER;
        e.bit_width = 16 << (e.converted - CONVERTED_INT_16);
        e.is_signed = true;
        break;
    case CONVERTED_TIMESTAMP_MILLIS:
    case CONVERTED_TIMESTAMP_MICROS:
        e.logical = LOGICAL_TIMESTAMP;
        e.is_utc = true;
        e.unit = e.converted == CONVERTED_TIMESTAMP_MICROS ? PARQUET_MICROS : PARQUET_MILLIS;
        break;
    default: e.logical = (enum logical) - 1;
    }
    return e;
}

static int width_of(const struct element *e)
{
    switch (e->physical) {
    case PHYSICAL_INT32:
    case PHYSICAL_FLOAT: return 4;
    case PHYSICAL_INT64:
    case PHYSICAL_DOUBLE: return 8;
    case PHYSICAL_FIXED: return e->length;
    default: return 0;
    }
}

/* A width too small for the precision is against the format: the file's length or precision is not what it was. */
static bool decimal_of(const struct element *e, struct field *ret)
{
    int scale = e->scale < 0 ? 0 : e->scale, width = width_of(e);
    if (e->precision < 1 || e->precision > DECIMAL_PRECISION_MAX || scale > e->precision)
        return false;
    if (e->physical == PHYSICAL_DOUBLE || e->physical == PHYSICAL_FLOAT || width < decimal_bytes(e->precision) ||
        width > DECIMAL_BYTES_MAX)
        return false;
    ret->type = TYPE_DECIMAL;
    ret->precision = e->precision;
    ret->scale = scale;
    return true;
}

static bool integer_of(const struct element *e, struct field *ret)
{
    switch (e->bit_width) {
    case 16: ret->type = TYPE_INT16; return e->is_signed && e->physical == PHYSICAL_INT32;
    case 32: ret->type = TYPE_INT32; return e->is_signed && e->physical == PHYSICAL_INT32;
    case 64: ret->type = TYPE_INT64; return e->is_signed && e->physical == PHYSICAL_INT64;
    default: return false;
    }
}

static bool type_of(const struct element *e, struct field *ret)
{
    switch (e->logical) {
    case LOGICAL_NONE: {
        static const int types[] = {[PHYSICAL_BOOLEAN] = TYPE_BOOL,      [PHYSICAL_INT32] = TYPE_INT32,
                                    [PHYSICAL_INT64] = TYPE_INT64,       [PHYSICAL_INT96] = -1,
                                    [PHYSICAL_FLOAT] = TYPE_FLOAT,       [PHYSICAL_DOUBLE] = TYPE_DOUBLE,
                                    [PHYSICAL_BYTE_ARRAY] = TYPE_BINARY, [PHYSICAL_FIXED] = -1};
        if (e->physical < 0 || e->physical > PHYSICAL_FIXED || types[e->physical] < 0)
            return false;
        ret->type = (enum type)types[e->physical];
        return true;
    }
    case LOGICAL_STRING: ret->type = TYPE_UTF8; return e->physical == PHYSICAL_BYTE_ARRAY;
    case LOGICAL_DATE: ret->type = TYPE_DATE; return e->physical == PHYSICAL_INT32;
    case LOGICAL_INTEGER: return integer_of(e, ret);
    case LOGICAL_DECIMAL: return decimal_of(e, ret);
    case LOGICAL_TIMESTAMP:
        ret->type = TYPE_TIMESTAMP;
        ret->unit = e->unit == PARQUET_MICROS ? UNIT_MICRO : UNIT_MILLI;
        ret->utc = e->is_utc;
        return e->physical == PHYSICAL_INT64 && (e->unit == PARQUET_MILLIS || e->unit == PARQUET_MICROS);
    default: return false;
    }
}

RC element_field(const struct element *element, const char *name, struct field *ret, struct storage *ret_storage,
                 struct error *err)
{
    struct element e = modernised(element);
    struct field field = {.name = name, .nullable = e.repetition == REPETITION_OPTIONAL, .source_type = ""};
    if (e.children > 0 || e.repetition == REPETITION_REPEATED)
        return fail(err, RC_DATA, "column '%s' is nested: only flat tables are read", name);
    if (e.repetition != REPETITION_OPTIONAL && e.repetition != REPETITION_REQUIRED)
        return fail(err, RC_DATA, "column '%s' is neither required nor optional", name);
    if (!type_of(&e, &field))
        return fail(err, RC_DATA,
                    "column '%s' has a type that is not read (physical type %d, logical type %d, converted type %d)",
                    name, e.physical, (int)e.logical, e.converted);
    *ret_storage = (struct storage){
        .physical = (enum physical)e.physical, .width = width_of(&e), .optional = field.nullable, .multiplier = 1};
    *ret = field;
    return RC_OK;
}
