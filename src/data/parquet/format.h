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
                 CONVERTED_ENUM = 4,
                 CONVERTED_DECIMAL = 5,
                 CONVERTED_DATE = 6,
                 CONVERTED_TIME_MILLIS = 7,
                 CONVERTED_TIME_MICROS = 8,
                 CONVERTED_TIMESTAMP_MILLIS = 9,
                 CONVERTED_TIMESTAMP_MICROS = 10,
                 CONVERTED_UINT_8 = 11,
                 CONVERTED_UINT_64 = 14,
                 CONVERTED_INT_8 = 15,
                 CONVERTED_INT_16 = 16,
                 CONVERTED_INT_64 = 18,
                 CONVERTED_JSON = 19,
                 CONVERTED_BSON = 20,
                 CONVERTED_INTERVAL = 21,
};

enum logical { /* the field numbers of the union LogicalType; INTERVAL has none there */
               LOGICAL_NONE = 0,
               LOGICAL_STRING = 1,
               LOGICAL_ENUM = 4,
               LOGICAL_DECIMAL = 5,
               LOGICAL_DATE = 6,
               LOGICAL_TIME = 7,
               LOGICAL_TIMESTAMP = 8,
               LOGICAL_INTEGER = 10,
               LOGICAL_UNKNOWN = 11, /* nothing but NULLs */
               LOGICAL_JSON = 12,
               LOGICAL_BSON = 13,
               LOGICAL_UUID = 14,
               LOGICAL_FLOAT16 = 15,
               LOGICAL_GEOMETRY = 17,
               LOGICAL_GEOGRAPHY = 18,
               LOGICAL_INTERVAL = 100,
               LOGICAL_OTHER, /* one that is not known here */
};

enum parquet_unit { PARQUET_MILLIS = 1, PARQUET_MICROS = 2, PARQUET_NANOS = 3 }; /* of the union TimeUnit */

enum repetition { REPETITION_REQUIRED, REPETITION_OPTIONAL, REPETITION_REPEATED };

enum encoding {
    ENCODING_PLAIN = 0,
    ENCODING_PLAIN_DICTIONARY = 2, /* the older name of RLE_DICTIONARY, and of PLAIN in a dictionary page */
    ENCODING_RLE = 3,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    ENCODING_DELTA_BYTE_ARRAY = 7,
    ENCODING_RLE_DICTIONARY = 8,
    ENCODING_BYTE_STREAM_SPLIT = 9,
};

enum codec_id {
    CODEC_NONE = 0,
    CODEC_SNAPPY = 1,
    CODEC_GZIP = 2,
    CODEC_LZO = 3,
    CODEC_BROTLI = 4,
    CODEC_LZ4_HADOOP = 5, /* what the format calls LZ4: blocks in the frames of Hadoop, from some writers without */
    CODEC_ZSTD = 6,
    CODEC_LZ4 = 7, /* LZ4_RAW: one block */
};

enum page_type { PAGE_DATA = 0, PAGE_INDEX = 1, PAGE_DICTIONARY = 2, PAGE_DATA_V2 = 3 };
