/* The part of Thrift's compact protocol that Parquet's metadata needs
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_I8 = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
};

enum { THRIFT_DEPTH_MAX = 16 };

/* Writing: the outermost struct is open from the start; thrift_end closes the innermost one. */
struct thrift_writer {
    struct buf *out;
    int depth;
    int last_id[THRIFT_DEPTH_MAX];
};
#define THRIFT_WRITER(buffer) ((struct thrift_writer){.out = (buffer)})

void thrift_put_int(struct thrift_writer *w, int id, enum thrift_type type,
                    int64_t value); /* THRIFT_I16 .. THRIFT_I64 */
void thrift_put_bool(struct thrift_writer *w, int id, bool value);
void thrift_put_bytes(struct thrift_writer *w, int id, struct str value);
void thrift_put_struct(struct thrift_writer *w, int id); /* opens it */
void thrift_put_list(struct thrift_writer *w, int id, enum thrift_type item, int64_t count);
void thrift_end(struct thrift_writer *w);
/* The items of a list. */
void thrift_item_int(struct thrift_writer *w, int64_t value);
void thrift_item_bytes(struct thrift_writer *w, struct str value);
void thrift_item_struct(struct thrift_writer *w); /* opens it */

/* Reading never goes beyond `end`. The first fault sticks: every later call returns zero or nothing, so that a parser
 * looks once, at its end. SHORT: the bytes ended too early; BAD: they can be no such message. */
enum thrift_fault { THRIFT_OK, THRIFT_SHORT, THRIFT_BAD };
struct thrift_reader {
    const uint8_t *at, *end;
    enum thrift_fault fault;
    int depth;
    int last_id[THRIFT_DEPTH_MAX];
};
#define THRIFT_READER(bytes)                                                                                           \
    ((struct thrift_reader){.at = (const uint8_t *)(bytes).at, .end = (const uint8_t *)(bytes).at + (bytes).len})

struct thrift_field {
    int id;
    enum thrift_type type;
};

/* The next field of the innermost struct; false at its end, which closes it, and after a fault. Every field is then
 * read by one of the calls below. */
bool thrift_next(struct thrift_reader *r, struct thrift_field *ret);
void thrift_skip(struct thrift_reader *r, struct thrift_field field);
int64_t thrift_get_int(struct thrift_reader *r, struct thrift_field field);
int thrift_get_i32(struct thrift_reader *r, struct thrift_field field);
bool thrift_get_bool(struct thrift_reader *r, struct thrift_field field);
struct str thrift_get_bytes(struct thrift_reader *r, struct thrift_field field);
void thrift_get_struct(struct thrift_reader *r, struct thrift_field field); /* opens it */
/* The number of items, never more than there are bytes left; items are read by the calls below. */
int64_t thrift_get_list(struct thrift_reader *r, struct thrift_field field, enum thrift_type item);
void thrift_open_item(struct thrift_reader *r); /* a struct in a list */
