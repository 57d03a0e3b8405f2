/* Rows for PostgreSQL's binary COPY: what a column's declared type means, and values of any kind into it. What goes out
 * is taken apart again: every row has its fields, every field its length.
 *
 * Parser: src/connect/postgres/rows.c src/connect/postgres/types.c
 * Bytes: 512 */
#include <endian.h>

#include "connect/postgres/rows.h"
#include "fuzz.h"

enum { ROWS_MAX = 40 };

static struct buf sent;

/* Linked in place of io/pq.h's (--wrap): there is no server.
 * NOLINTBEGIN(bugprone-reserved-identifier): the linker's name */
enum rc __wrap_pq_copy_put(struct pq *db, const void *bytes, size_t len, struct error *err);
enum rc __wrap_pq_copy_put(struct pq *db, const void *bytes, size_t len, struct error *err)
{
    buf_add(&sent, bytes, len);
    return RC_OK;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static uint32_t number_at(size_t at, size_t bytes)
{
    uint32_t number = 0;
    assert(at + bytes <= sent.len);
    for (size_t i = 0; i < bytes; i++)
        number = number << 8 | (uint8_t)sent.at[at + i];
    return number;
}

static void check_sent(int64_t rows, int fields)
{
    size_t at = 19;
    for (int64_t row = 0; row < rows; row++) {
        assert(number_at(at, 2) == (uint32_t)fields);
        at += 2;
        for (int field = 0; field < fields; field++) {
            uint32_t len = number_at(at, 4);
            at += 4 + (len == UINT32_MAX ? 0 : len);
            assert(at <= sent.len);
        }
    }
    assert(number_at(at, 2) == UINT16_MAX && at + 2 == sent.len);
}

static void put_value(struct fuzz *in, const struct field *field, struct batch_builder *builder)
{
    switch (field->type) {
    case TYPE_BOOL: builder_bool(builder, 0, fuzz_choice(in, 2) == 1); break;
    case TYPE_INT16: builder_int16(builder, 0, (int16_t)fuzz_number(in, 2)); break;
    case TYPE_INT32: builder_int32(builder, 0, (int32_t)fuzz_number(in, 4)); break;
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: builder_int64(builder, 0, (int64_t)fuzz_number(in, 8)); break;
    case TYPE_FLOAT: builder_float(builder, 0, (float)fuzz_number(in, 4)); break;
    case TYPE_DOUBLE: builder_double(builder, 0, (double)fuzz_number(in, 8)); break;
    case TYPE_DATE: builder_date(builder, 0, (int32_t)fuzz_number(in, 4)); break;
    case TYPE_DECIMAL: {
        unsigned __int128 value = (unsigned __int128)fuzz_number(in, 8) << 64 | fuzz_number(in, 8), most = 1;
        for (int i = 0; i < field->precision; i++)
            most *= 10;
        builder_decimal(builder, 0, (__int128)(value % most) * (fuzz_choice(in, 2) == 1 ? -1 : 1));
        break;
    }
    case TYPE_UTF8:
    case TYPE_BINARY: {
        struct str text = fuzz_until(in, '\n');
        bool repeated = text.len == 3 && text.at[0] == '*'; /* wider than a chunk */
        AUTO_RELEASE(buf) wide = {0};
        for (int i = 0; repeated && i < 30000; i++)
            buf_add_str(&wide, text);
        builder_bytes(builder, 0, repeated ? buf_str(&wide) : text);
    }
    }
}

static struct pg_type type_of(struct fuzz *in, const char *shown)
{
    static const int oids[] = {16,   17,   20,   21,   23,   25,   114,  142, 700,  701,  1042,
                               1043, 1082, 1083, 1114, 1184, 1186, 1700, 869, 2950, 3802, 99999};
    return (struct pg_type){.oid = oids[fuzz_choice(in, sizeof(oids) / sizeof(*oids))],
                            .modifier = (int)(int8_t)fuzz_byte(in) == -1 ? -1 : (int)fuzz_number(in, 4),
                            .category = "BNDTUSEAIX"[fuzz_choice(in, 10)],
                            .shown = shown};
}

static void write_rows(struct fuzz *in, const struct row_column *column, bool is_numbered)
{
    struct error err = {0};
    AUTO(schema) *schema = schema_new();
    schema_add(schema, column->field);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO(row_writer) *writer = row_writer_new(NULL, "t", column, 1, is_numbered);
    for (int row = 0; row < ROWS_MAX && in->left > 0; row++) {
        if (fuzz_choice(in, 8) == 7)
            builder_null(builder, 0);
        else
            put_value(in, column->field, builder);
        builder_end_row(builder);
    }
    const struct batch *batch = builder_finish(builder);
    row_writer_begin(writer);
    enum rc rc = row_writer_batch(writer, batch, &err);
    fuzz_check(rc, &err);
    if (rc != RC_OK)
        return;
    rc = row_writer_end(writer, &err);
    assert(rc == RC_OK);
    check_sent(batch->rows, 1 + is_numbered);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const formats[] = {
        "b",   "s",    "i",    "l",       "f",     "g",      "u",       "z",       "tdD",
        "tDu", "tss:", "tsm:", "tsu:UTC", "d:5,2", "d:18,0", "d:38,10", "d:38,38", "d:20,3"};
    struct fuzz in = {bytes, size};
    struct field field = {.name = "c", .source_type = "", .nullable = true};
    uint8_t flags = fuzz_byte(&in);
    bool is_known = field_parse_format(formats[fuzz_choice(&in, sizeof(formats) / sizeof(*formats))], &field);
    assert(is_known);
    char *shown = fuzz_text(fuzz_until(&in, '\n'));
    struct pg_type type = type_of(&in, shown);
    struct row_column column = {.field = &field, .fitting = pg_fit(&field, &type), .refuses_null = (flags & 2) != 0};
    assert(memchr(column.fitting.widened, '\0', sizeof(column.fitting.widened)) != NULL);
    if (column.fitting.fit != FIT_NO)
        write_rows(&in, &column, (flags & 1) != 0);
    buf_release(&sent);
    free(shown);
    return 0;
}
