/* Values as the text protocol writes them, into a batch: by hand, since each of a row's values passes here. Pure. */
#pragma once

#include "base/str.h"
#include "data/batch.h"

enum decode {
    DECODE_INTEGER, /* into TYPE_INT16, INT32, INT64 */
    DECODE_DECIMAL, /* `scale` digits behind the point, as the server always writes them */
    DECODE_REAL,    /* into TYPE_FLOAT, DOUBLE */
    DECODE_BITS,    /* big-endian bytes, into TYPE_INT64 or a decimal */
    DECODE_DATE,
    DECODE_STAMP, /* 'YYYY-MM-DD HH:MM:SS[.f]' into the field's unit */
    DECODE_TIME,  /* '[-]HHH:MM:SS[.f]' */
    DECODE_TEXT,  /* checked to be UTF-8 */
    DECODE_ENUM,  /* the same; a NUL stands for a value that the ENUM does not have */
    DECODE_BYTES,
};

struct decoding {
    enum decode kind;
    enum type type;      /* of the field */
    enum time_unit unit; /* DECODE_STAMP */
    int scale;           /* DECODE_DECIMAL */
};

/* Whether a value that decode_put refused is 0000-00-00 or lacks a year, month or day, or has too many days. */
bool decode_is_zero_date(const struct decoding *self, struct str value);

/* false: the value has no place in the column's type, and nothing was put: a zero or partial date, a text that is not
 * UTF-8, anything that the server never writes. `end`: up to here bytes may be read, which is the value's end or, much
 * faster, that of the row. `column` is of the decoding's type; of texts and bytes it gets value.len more. */
bool decode_put(const struct decoding *self, struct str value, const char *end, struct column *column, int64_t row);
