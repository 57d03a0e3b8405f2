/* Rows of the binary protocol into a batch, exactly as decode.h puts the texts of the same values. Pure: a row is bytes
 * from a stranger, and nothing behind it is believed. https://mariadb.com/kb/en/resultset-row/ */
#pragma once

#include "connect/mysql/decode.h"
#include "connect/mysql/statement.h"

/* How a value is written, and where it goes. */
enum row_form {
    ROW_INT8,
    ROW_INT16,
    ROW_INT32,
    ROW_INT64,
    ROW_UINT8,
    ROW_UINT16,
    ROW_UINT32,
    ROW_UINT64,
    ROW_INT32_AS_IT_IS, /* into a column that is as wide */
    ROW_INT64_AS_IT_IS,
    ROW_DECIMAL_OF_INT64, /* into a decimal without scale */
    ROW_DECIMAL_OF_UINT64,
    ROW_FLOAT,
    ROW_DOUBLE,
    ROW_DATE,
    ROW_STAMP,
    ROW_TIME,
    ROW_DECIMAL, /* a length and bytes, which are those of the text protocol: decode_put makes a number of them */
    ROW_BITS,    /* the same, and no digits, whatever the bytes look like */
    ROW_TEXT,    /* the same, and they stay bytes */
};

struct row_column {
    enum row_form form;
    bool nullable;
    bool zero_is_null;  /* a zero or partial date is NULL */
    const char *misfit; /* a value that does not fit is a reject, for this reason; NULL: ROW_MISFIT */
    struct decoding decoding;
};

/* false: values that the server says it sends are not of those that this decoding takes from binary rows (an integer
 * that is taken as a text, say): the text protocol has them. Sets form and decoding. */
bool row_column_plan(struct row_column *self, const struct decoding *decoding, const struct reply_column *reply);

enum row_result {
    ROW_PUT,
    ROW_MISFIT,    /* a value has no place in its column, which is *ret_column */
    ROW_MALFORMED, /* this is no row of these columns */
};

/* `row`: the packet, with its first byte 0; WIRE_SLACK behind it may be read. After anything but ROW_PUT the builder
 * holds a row that is not whole. *zero_dates grows by the values that became NULL. */
enum row_result row_put(const struct row_column *columns, int count, struct str row, struct batch_builder *builder,
                        int *ret_column, int64_t *zero_dates);
