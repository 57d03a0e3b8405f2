#include "data/parquet/thrift.h"

#include <assert.h>

enum { SHORT_DELTA_MAX = 15, SHORT_LIST_MAX = 14, LONG_LIST = 15, VARINT_BYTES_MAX = 10 };

static void put_byte(struct thrift_writer *w, int byte) { buf_add(w->out, &(char){(char)byte}, 1); }

static void put_varint(struct thrift_writer *w, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_byte(w, (int)(value & 0x7F) | 0x80);
    put_byte(w, (int)value);
}

static void put_zigzag(struct thrift_writer *w, int64_t value)
{
    put_varint(w, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static void put_header(struct thrift_writer *w, int id, enum thrift_type type)
{
    int delta = id - w->last_id[w->depth];
    assert(delta > 0 && delta <= SHORT_DELTA_MAX && "fields are written in order");
    put_byte(w, delta << 4 | (int)type);
    w->last_id[w->depth] = id;
}

static void open_struct(struct thrift_writer *w)
{
    assert(w->depth + 1 < THRIFT_DEPTH_MAX);
    w->last_id[++w->depth] = 0;
}

void thrift_put_int(struct thrift_writer *w, int id, enum thrift_type type, int64_t value)
{
    put_header(w, id, type);
    if (type == THRIFT_I8)
        put_byte(w, (int)value);
    else
        put_zigzag(w, value);
}

void thrift_put_bool(struct thrift_writer *w, int id, bool value)
{
    put_header(w, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_put_bytes(struct thrift_writer *w, int id, struct str value)
{
    put_header(w, id, THRIFT_BINARY);
    thrift_item_bytes(w, value);
}

void thrift_put_struct(struct thrift_writer *w, int id)
{
    put_header(w, id, THRIFT_STRUCT);
    open_struct(w);
}

void thrift_put_list(struct thrift_writer *w, int id, enum thrift_type item, int64_t count)
{
    put_header(w, id, THRIFT_LIST);
    if (count <= SHORT_LIST_MAX) {
        put_byte(w, (int)count << 4 | (int)item);
        return;
    }
    put_byte(w, LONG_LIST << 4 | (int)item);
    put_varint(w, (uint64_t)count);
}

void thrift_end(struct thrift_writer *w)
{
    put_byte(w, THRIFT_STOP);
    w->depth--;
}

void thrift_item_int(struct thrift_writer *w, int64_t value) { put_zigzag(w, value); }

void thrift_item_bytes(struct thrift_writer *w, struct str value)
{
    put_varint(w, value.len);
    buf_add_str(w->out, value);
}

void thrift_item_struct(struct thrift_writer *w) { open_struct(w); }

/* The first fault stands; the reader is moved to its end, so that nothing more is read. */
static int64_t fault(struct thrift_reader *r, enum thrift_fault kind)
{
    if (r->fault == THRIFT_OK)
        r->fault = kind;
    r->at = r->end;
    return 0;
}

static int get_byte(struct thrift_reader *r) { return r->at < r->end ? *r->at++ : (int)fault(r, THRIFT_SHORT); }

static uint64_t get_varint(struct thrift_reader *r)
{
    uint64_t value = 0;
    for (int i = 0; i < VARINT_BYTES_MAX; i++) {
        int byte = get_byte(r);
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if ((byte & 0x80) == 0)
            return value;
    }
    return (uint64_t)fault(r, THRIFT_BAD);
}

static int64_t get_zigzag(struct thrift_reader *r)
{
    uint64_t value = get_varint(r);
    return (int64_t)(value >> 1 ^ (~(value & 1) + 1));
}

static void open_read(struct thrift_reader *r)
{
    if (r->depth + 1 >= THRIFT_DEPTH_MAX) {
        fault(r, THRIFT_BAD);
        return;
    }
    r->last_id[++r->depth] = 0;
}

bool thrift_next(struct thrift_reader *r, struct thrift_field *ret)
{
    int header = get_byte(r);
    if (r->fault != THRIFT_OK)
        return false;
    if (header == THRIFT_STOP) {
        r->depth--;
        return false;
    }
    int delta = header >> 4;
    int64_t id = delta != 0 ? r->last_id[r->depth] + delta : get_zigzag(r);
    if ((header & 15) > THRIFT_STRUCT || (header & 15) == THRIFT_STOP || id < INT16_MIN || id > INT16_MAX)
        fault(r, THRIFT_BAD);
    if (r->fault != THRIFT_OK)
        return false;
    r->last_id[r->depth] = (int)id;
    *ret = (struct thrift_field){.id = (int)id, .type = (enum thrift_type)(header & 15)};
    return true;
}

static struct str get_binary(struct thrift_reader *r)
{
    uint64_t len = get_varint(r);
    if (len > (uint64_t)(r->end - r->at)) {
        fault(r, THRIFT_SHORT);
        return S("");
    }
    struct str value = {(const char *)r->at, (size_t)len};
    r->at += len;
    return value;
}

/* An item takes at least one byte: a larger count is a lie, or the bytes ended too early. */
static int64_t get_list_header(struct thrift_reader *r, enum thrift_type *ret_item)
{
    int header = get_byte(r);
    uint64_t count = header >> 4 == LONG_LIST ? get_varint(r) : (uint64_t)header >> 4;
    *ret_item = (enum thrift_type)(header & 15);
    if (count > (uint64_t)(r->end - r->at))
        return fault(r, THRIFT_SHORT);
    return (int64_t)count;
}

static void skip_value(struct thrift_reader *r, enum thrift_type type);

static void skip_struct(struct thrift_reader *r)
{
    struct thrift_field field;
    open_read(r);
    while (thrift_next(r, &field))
        thrift_skip(r, field);
}

static void skip_items(struct thrift_reader *r, int64_t count, enum thrift_type item)
{
    if (r->depth + 1 >= THRIFT_DEPTH_MAX) {
        fault(r, THRIFT_BAD);
        return;
    }
    r->depth++; /* lists in lists are as deep as structs */
    for (int64_t i = 0; i < count && r->fault == THRIFT_OK; i++) {
        if (item == THRIFT_TRUE || item == THRIFT_FALSE)
            get_byte(r);
        else
            skip_value(r, item);
    }
    r->depth--;
}

static void skip_map(struct thrift_reader *r)
{
    uint64_t count = get_varint(r);
    if (count == 0)
        return;
    int types = get_byte(r);
    if (count > (uint64_t)(r->end - r->at)) {
        fault(r, THRIFT_SHORT);
        return;
    }
    for (uint64_t i = 0; i < count && r->fault == THRIFT_OK; i++) {
        skip_items(r, 1, (enum thrift_type)(types >> 4));
        skip_items(r, 1, (enum thrift_type)(types & 15));
    }
}

static void skip_bytes(struct thrift_reader *r, int count)
{
    for (int i = 0; i < count; i++)
        get_byte(r);
}

static void skip_value(struct thrift_reader *r, enum thrift_type type)
{
    enum thrift_type item;
    int64_t count;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE: break;
    case THRIFT_I8: get_byte(r); break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64: get_varint(r); break;
    case THRIFT_DOUBLE: skip_bytes(r, 8); break;
    case THRIFT_BINARY: get_binary(r); break;
    case THRIFT_LIST:
    case THRIFT_SET:
        count = get_list_header(r, &item);
        skip_items(r, count, item);
        break;
    case THRIFT_MAP: skip_map(r); break;
    case THRIFT_STRUCT: skip_struct(r); break;
    default: fault(r, THRIFT_BAD);
    }
}

void thrift_skip(struct thrift_reader *r, struct thrift_field field) { skip_value(r, field.type); }

int64_t thrift_get_int(struct thrift_reader *r, struct thrift_field field)
{
    if (field.type == THRIFT_I8)
        return (int8_t)get_byte(r);
    if (field.type == THRIFT_I16 || field.type == THRIFT_I32 || field.type == THRIFT_I64)
        return get_zigzag(r);
    return fault(r, THRIFT_BAD);
}

int thrift_get_i32(struct thrift_reader *r, struct thrift_field field)
{
    int64_t value = thrift_get_int(r, field);
    return value >= INT32_MIN && value <= INT32_MAX ? (int)value : (int)fault(r, THRIFT_BAD);
}

bool thrift_get_bool(struct thrift_reader *r, struct thrift_field field)
{
    if (field.type != THRIFT_TRUE && field.type != THRIFT_FALSE)
        fault(r, THRIFT_BAD);
    return field.type == THRIFT_TRUE;
}

struct str thrift_get_bytes(struct thrift_reader *r, struct thrift_field field)
{
    if (field.type != THRIFT_BINARY)
        fault(r, THRIFT_BAD);
    return get_binary(r);
}

void thrift_get_struct(struct thrift_reader *r, struct thrift_field field)
{
    if (field.type != THRIFT_STRUCT)
        fault(r, THRIFT_BAD);
    open_read(r);
}

int64_t thrift_get_list(struct thrift_reader *r, struct thrift_field field, enum thrift_type item)
{
    enum thrift_type found = THRIFT_STOP;
    if (field.type != THRIFT_LIST)
        return fault(r, THRIFT_BAD);
    int64_t count = get_list_header(r, &found);
    return count == 0 || found == item ? count : fault(r, THRIFT_BAD);
}

void thrift_open_item(struct thrift_reader *r) { open_read(r); }
