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
        ret->logical = field.id < LOGICAL_INTERVAL ? (enum logical)field.id : LOGICAL_OTHER;
        switch (field.id) {
        case LOGICAL_DECIMAL: read_decimal(r, field, ret); break;
        case LOGICAL_TIME: /* has the same fields */
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
    static const struct {
        enum logical logical;
        int bits, unit;
        bool is_signed;
    } types[] = {
        [CONVERTED_UTF8] = {LOGICAL_STRING},
        [CONVERTED_ENUM] = {LOGICAL_ENUM},
        [CONVERTED_DECIMAL] = {LOGICAL_DECIMAL},
        [CONVERTED_DATE] = {LOGICAL_DATE},
        [CONVERTED_TIME_MILLIS] = {LOGICAL_TIME, 0, PARQUET_MILLIS, false},
        [CONVERTED_TIME_MICROS] = {LOGICAL_TIME, 0, PARQUET_MICROS, false},
        [CONVERTED_TIMESTAMP_MILLIS] = {LOGICAL_TIMESTAMP, 0, PARQUET_MILLIS, false},
        [CONVERTED_TIMESTAMP_MICROS] = {LOGICAL_TIMESTAMP, 0, PARQUET_MICROS, false},
        [CONVERTED_UINT_8] = {LOGICAL_INTEGER, 8, 0, false},
        [CONVERTED_UINT_8 + 1] = {LOGICAL_INTEGER, 16, 0, false},
        [CONVERTED_UINT_8 + 2] = {LOGICAL_INTEGER, 32, 0, false},
        [CONVERTED_UINT_64] = {LOGICAL_INTEGER, 64, 0, false},
        [CONVERTED_INT_8] = {LOGICAL_INTEGER, 8, 0, true},
        [CONVERTED_INT_16] = {LOGICAL_INTEGER, 16, 0, true},
        [CONVERTED_INT_16 + 1] = {LOGICAL_INTEGER, 32, 0, true},
        [CONVERTED_INT_64] = {LOGICAL_INTEGER, 64, 0, true},
        [CONVERTED_JSON] = {LOGICAL_JSON},
        [CONVERTED_BSON] = {LOGICAL_BSON},
        [CONVERTED_INTERVAL] = {LOGICAL_INTERVAL},
    };
    enum { TYPES = sizeof(types) / sizeof(*types) };
    struct element e = *element;
    if (e.logical != LOGICAL_NONE || e.converted < 0)
        return e;
    bool is_known = e.converted < TYPES && types[e.converted].logical != LOGICAL_NONE;
    e.logical = is_known ? types[e.converted].logical : LOGICAL_OTHER;
    if (!is_known)
        return e;
    e.bit_width = types[e.converted].bits;
    e.is_signed = types[e.converted].is_signed;
    e.unit = types[e.converted].unit;
    e.is_utc = true;
    return e;
}

static int width_of(const struct element *e)
{
    switch (e->physical) {
    case PHYSICAL_INT32:
    case PHYSICAL_FLOAT: return 4;
    case PHYSICAL_INT64:
    case PHYSICAL_DOUBLE: return 8;
    case PHYSICAL_INT96: return 12;
    case PHYSICAL_FIXED: return e->length;
    default: return 0;
    }
}

static bool is_fixed(const struct element *e, int width) { return e->physical == PHYSICAL_FIXED && e->length == width; }

/* A width too small for the precision is against the format: the file's length or precision is not what it was. */
static bool decimal_of(const struct element *e, struct field *ret, struct storage *ret_storage)
{
    int scale = e->scale < 0 ? 0 : e->scale, width = width_of(e);
    bool is_text = e->physical == PHYSICAL_BYTE_ARRAY;
    if (e->precision < 1 || e->precision > DECIMAL_PRECISION_MAX || scale > e->precision)
        return false;
    if (e->physical != PHYSICAL_INT32 && e->physical != PHYSICAL_INT64 && e->physical != PHYSICAL_FIXED && !is_text)
        return false;
    if (!is_text && (width < decimal_bytes(e->precision) || width > DECIMAL_BYTES_MAX))
        return false;
    ret->type = TYPE_DECIMAL;
    ret->precision = e->precision;
    ret->scale = scale;
    ret_storage->stored = is_text ? STORED_DECIMAL_TEXT : STORED_AS_IS;
    return true;
}

/* Unsigned ones become the next wider signed type. */
static bool integer_of(const struct element *e, struct field *ret, struct storage *ret_storage)
{
    enum { UINT64_DIGITS = 20 };
    ret_storage->bits = e->bit_width;
    ret_storage->stored = e->is_signed ? STORED_AS_IS : STORED_UNSIGNED;
    switch (e->bit_width) {
    case 8: ret->type = TYPE_INT16; break;
    case 16: ret->type = e->is_signed ? TYPE_INT16 : TYPE_INT32; break;
    case 32: ret->type = e->is_signed ? TYPE_INT32 : TYPE_INT64; break;
    case 64: ret->type = e->is_signed ? TYPE_INT64 : TYPE_DECIMAL; break;
    default: return false;
    }
    if (ret->type == TYPE_DECIMAL)
        ret->precision = UINT64_DIGITS;
    return e->physical == (e->bit_width == 64 ? PHYSICAL_INT64 : PHYSICAL_INT32);
}

/* Nanoseconds are kept as microseconds, where they are whole ones. */
static bool time_of(const struct element *e, struct field *ret, struct storage *ret_storage)
{
    bool is_timestamp = e->logical == LOGICAL_TIMESTAMP;
    bool is_narrow = !is_timestamp && e->unit == PARQUET_MILLIS;
    ret->type = is_timestamp ? TYPE_TIMESTAMP : TYPE_TIME;
    if (is_timestamp) {
        ret->unit = e->unit == PARQUET_MILLIS ? UNIT_MILLI : UNIT_MICRO;
        ret->utc = e->is_utc;
    }
    ret_storage->multiplier = e->unit == PARQUET_NANOS ? 1000 : 1;
    ret_storage->stored = is_narrow ? STORED_MILLIS : STORED_AS_IS;
    return e->unit >= PARQUET_MILLIS && e->unit <= PARQUET_NANOS &&
           e->physical == (is_narrow ? PHYSICAL_INT32 : PHYSICAL_INT64);
}

/* An INT96 is an instant: Spark and Hive write it so. */
static bool plain_of(const struct element *e, struct field *ret, struct storage *ret_storage)
{
    static const enum type types[] = {
        [PHYSICAL_BOOLEAN] = TYPE_BOOL,      [PHYSICAL_INT32] = TYPE_INT32,  [PHYSICAL_INT64] = TYPE_INT64,
        [PHYSICAL_INT96] = TYPE_TIMESTAMP,   [PHYSICAL_FLOAT] = TYPE_FLOAT,  [PHYSICAL_DOUBLE] = TYPE_DOUBLE,
        [PHYSICAL_BYTE_ARRAY] = TYPE_BINARY, [PHYSICAL_FIXED] = TYPE_BINARY,
    };
    if (e->physical < 0 || e->physical > PHYSICAL_FIXED || (e->physical == PHYSICAL_FIXED && e->length < 1))
        return false;
    ret->type = types[e->physical];
    if (e->physical == PHYSICAL_INT96) {
        ret->unit = UNIT_MICRO;
        ret->utc = true;
        ret_storage->stored = STORED_INT96;
    }
    return true;
}

static bool made_of(enum type type, enum stored stored, struct field *ret, struct storage *ret_storage)
{
    ret->type = type;
    ret_storage->stored = stored;
    return true;
}

static bool type_of(const struct element *e, struct field *ret, struct storage *ret_storage)
{
    switch (e->logical) {
    case LOGICAL_NONE:
    case LOGICAL_UNKNOWN: return plain_of(e, ret, ret_storage);
    case LOGICAL_STRING:
    case LOGICAL_ENUM:
    case LOGICAL_JSON: ret->type = TYPE_UTF8; return e->physical == PHYSICAL_BYTE_ARRAY;
    case LOGICAL_BSON:
    case LOGICAL_GEOMETRY:
    case LOGICAL_GEOGRAPHY: ret->type = TYPE_BINARY; return e->physical == PHYSICAL_BYTE_ARRAY;
    case LOGICAL_DATE: ret->type = TYPE_DATE; return e->physical == PHYSICAL_INT32;
    case LOGICAL_INTEGER: return integer_of(e, ret, ret_storage);
    case LOGICAL_DECIMAL: return decimal_of(e, ret, ret_storage);
    case LOGICAL_TIME:
    case LOGICAL_TIMESTAMP: return time_of(e, ret, ret_storage);
    case LOGICAL_FLOAT16: return is_fixed(e, 2) && made_of(TYPE_FLOAT, STORED_HALF, ret, ret_storage);
    case LOGICAL_UUID: return is_fixed(e, 16) && made_of(TYPE_UTF8, STORED_UUID, ret, ret_storage);
    case LOGICAL_INTERVAL: return is_fixed(e, 12) && made_of(TYPE_UTF8, STORED_INTERVAL, ret, ret_storage);
    default: return false;
    }
}

static RC fail_type(const struct element *e, const char *name, struct error *err)
{
    if (e->logical == LOGICAL_DECIMAL)
        return fail(
            err, RC_DATA,
            "column '%s' is a decimal(%d,%d) of %d bytes in physical type %d, which is not read: up to %d digits "
            "are, and bytes that hold them",
            name, e->precision, e->scale, width_of(e), e->physical, DECIMAL_PRECISION_MAX);
    return fail(err, RC_DATA,
                "column '%s' has a type that is not read (physical type %d, logical type %d, converted type %d)", name,
                e->physical, (int)e->logical, e->converted);
}

RC element_field(const struct element *element, const char *name, struct field *ret, struct storage *ret_storage,
                 struct error *err)
{
    struct element e = modernised(element);
    struct field field = {.name = name, .nullable = e.repetition == REPETITION_OPTIONAL, .source_type = ""};
    if (e.children > 0)
        return fail(err, RC_DATA, "column '%s' is nested: only flat tables are read", name);
    if (e.repetition == REPETITION_REPEATED)
        return fail(err, RC_DATA, "column '%s' is repeated: only flat tables are read", name);
    if (e.repetition != REPETITION_OPTIONAL && e.repetition != REPETITION_REQUIRED)
        return fail(err, RC_DATA, "column '%s' is neither required nor optional", name);
    struct storage storage = {.physical = (enum physical)e.physical, .optional = field.nullable, .multiplier = 1};
    if (!type_of(&e, &field, &storage))
        return fail_type(&e, name, err);
    storage.width = width_of(&e);
    *ret_storage = storage;
    *ret = field;
    return RC_OK;
}
