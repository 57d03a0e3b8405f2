/* How a field's values rest in a Parquet file, and how the file says so in its schema.
 *
 *     bool           BOOLEAN
 *     int16          INT32 Integer(16, signed)
 *     int32, int64   INT32, INT64
 *     float, double  FLOAT, DOUBLE
 *     utf8, binary   BYTE_ARRAY, String / not annotated
 *     date           INT32 Date
 *     time           INT64, not annotated: Parquet's Time ends after 24 hours, has no sign, and readers refuse or wrap
 *                    what lies outside; only a waybill's schema tells it from int64
 *     timestamp      INT64 Timestamp(millis | micros); seconds rest as millis, for Parquet has no seconds
 *     decimal        Decimal: INT32 for a precision up to 9, INT64 up to 18, above that FIXED_LEN_BYTE_ARRAY of the
 *                    least bytes that hold the precision (Redshift refuses any other length)
 *
 * For Redshift (struct profile): all timestamps in micros, and decimals of up to 9 digits as INT64, too.
 * Annotations stand there twice, as LogicalType and as the older ConvertedType. */
#pragma once

#include "base/error.h"
#include "data/parquet/format.h"
#include "data/parquet/profile.h"
#include "data/parquet/thrift.h"
#include "data/schema.h"

enum { DECIMAL_BYTES_MAX = 16, DECIMAL_PRECISION_MAX = 38 };

/* What other writers store otherwise than we do, so that values have to be made of it. */
enum stored {
    STORED_AS_IS,
    STORED_UNSIGNED,     /* an unsigned integer of `bits`, in INT32 or INT64 */
    STORED_MILLIS,       /* a time of day, INT32 */
    STORED_INT96,        /* a timestamp: nanoseconds of the day, and the Julian day */
    STORED_HALF,         /* FLOAT16 */
    STORED_DECIMAL_TEXT, /* a decimal in BYTE_ARRAY: two's complement of any length, big-endian */
    STORED_UUID,         /* becomes text, as RFC 9562 writes it */
    STORED_INTERVAL,     /* becomes text, as ISO 8601 writes it: months, days, milliseconds */
};

struct storage {
    enum physical physical;
    int width;           /* bytes of a value in the file; 0 where it has no bytes of its own: BOOLEAN, BYTE_ARRAY */
    bool optional;       /* there may be NULLs: pages have definition levels */
    enum time_unit unit; /* timestamps: in the file */
    enum stored stored;  /* our writer has STORED_AS_IS only */
    int bits;            /* integers: that a value may have */
    int64_t multiplier;  /* timestamps: stored value = value * multiplier; 1000 for seconds in millis */
};

/* How our writer stores it. */
void storage_of(const struct field *field, const struct profile *profile, struct storage *ret);
bool decimal_fits(__int128 unscaled, int precision);
int64_t unit_ratio(enum time_unit coarse, enum time_unit fine);
int decimal_bytes(int precision); /* the least that hold it as two's complement */

/* One SchemaElement of the file, as the item of a list. */
void storage_write(const struct field *field, const struct storage *storage, struct thrift_writer *w);
