/* Names and numbers of the Parquet format that we write or understand (parquet.thrift of apache/parquet-format). */
#pragma once

#define PARQUET_MAGIC           "PAR1"
#define PARQUET_MAGIC_ENCRYPTED "PARE"

/* magic, pages, footer, 4 bytes of its length, magic */
enum { PARQUET_MAGIC_BYTES = 4, PARQUET_TAIL_BYTES = 8 };

enum physical {
    PHYSICAL_BOOLEAN,
    PHYSICAL_INT32,
    PHYSICAL_INT64,
    PHYSICAL_INT96,
    PHYSICAL_FLOAT,
    PHYSICAL_DOUBLE,
    PHYSICAL_BYTE_ARRAY,
    PHYSICAL_FIXED, /* FIXED_LEN_BYTE_ARRAY */
};

enum converted { /* what readers older than logical types look at */
                 CONVERTED_UTF8 = 0,
                 CONVERTED_DECIMAL = 5,
                 CONVERTED_DATE = 6,
                 CONVERTED_TIMESTAMP_MILLIS = 9,
                 CONVERTED_TIMESTAMP_MICROS = 10,
                 CONVERTED_INT_16 = 16,
                 CONVERTED_INT_32 = 17,
                 CONVERTED_INT_64 = 18,
};

enum logical { /* the field numbers of the union LogicalType */
               LOGICAL_NONE = 0,
               LOGICAL_STRING = 1,
               LOGICAL_DECIMAL = 5,
               LOGICAL_DATE = 6,
               LOGICAL_TIMESTAMP = 8,
               LOGICAL_INTEGER = 10,
};

enum parquet_unit { PARQUET_MILLIS = 1, PARQUET_MICROS = 2, PARQUET_NANOS = 3 }; /* of the union TimeUnit */

enum repetition { REPETITION_REQUIRED, REPETITION_OPTIONAL, REPETITION_REPEATED };

enum encoding {
    ENCODING_PLAIN = 0,
    ENCODING_PLAIN_DICTIONARY = 2, /* the older name of RLE_DICTIONARY, and of PLAIN in a dictionary page */
    ENCODING_RLE = 3,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    ENCODING_RLE_DICTIONARY = 8,
};

enum codec_id { CODEC_NONE = 0, CODEC_ZSTD = 6 };

enum page_type { PAGE_DATA = 0, PAGE_INDEX = 1, PAGE_DICTIONARY = 2, PAGE_DATA_V2 = 3 };
