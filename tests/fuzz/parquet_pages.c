/* The pages of one column: the input says of which type, how many pages and what is in them; headers, footer and
 * compression around them are sound, so that damage gets to where values are decoded.
 *
 * Parser: src/data/parquet/page_reader.c src/data/parquet/column_reader.c src/data/parquet/column_values.c
 * Parser: src/data/parquet/plain.c:plain_read,read_int16,get_big_endian,get_narrow,read_decimals
 * Parser: src/data/parquet/codec_read.c src/data/parquet/foreign.c src/data/parquet/column_texts.c
 * Parser: src/data/parquet/delta_text.c:delta_texts_open,delta_texts_peek,delta_texts_take
 * Parser: src/data/parquet/stream_split.c:stream_split_read
 * Bytes: 2048 */
#include "data/parquet/codec.h"
#include "data/parquet/format.h"
#include "data/parquet/storage.h"
#include "fuzz.h"
#include "parquet.h"

enum { PAGES_MAX = 6, ROWS_OF_PAGE_MAX = 1 << 12 };

/* A column of our own, or one that only other writers make. */
struct column_plan {
    struct field field; /* of our own */
    const struct foreign_column {
        int physical, length, converted, precision, scale, logical; /* -1: not there */
    } * foreign;
    bool is_optional;
    enum codec_id codec;
};

static void plan_column(struct fuzz *in, struct column_plan *ret)
{
    static const char *const formats[] = {"b",   "s",    "i",       "l",     "f",      "g",       "u",      "z",
                                          "tdD", "tsm:", "tsu:UTC", "d:5,2", "d:18,0", "d:38,10", "d:20,20"};
    static const struct foreign_column foreign[] = {
        {PHYSICAL_INT96, -1, -1, -1, -1, -1},
        {PHYSICAL_INT32, -1, 11, -1, -1, -1}, /* UINT_8, UINT_16, UINT_32, UINT_64, INT_8 */
        {PHYSICAL_INT32, -1, 12, -1, -1, -1},
        {PHYSICAL_INT32, -1, 13, -1, -1, -1},
        {PHYSICAL_INT64, -1, 14, -1, -1, -1},
        {PHYSICAL_INT32, -1, 15, -1, -1, -1},
        {PHYSICAL_INT32, -1, 7, -1, -1, -1}, /* TIME_MILLIS, TIME_MICROS */
        {PHYSICAL_INT64, -1, 8, -1, -1, -1},
        {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_DECIMAL, 20, 5, -1},
        {PHYSICAL_BYTE_ARRAY, -1, CONVERTED_DECIMAL, 38, 0, -1},
        {PHYSICAL_FIXED, 12, 21, -1, -1, -1}, /* INTERVAL */
        {PHYSICAL_FIXED, 16, -1, -1, -1, LOGICAL_UUID},
        {PHYSICAL_FIXED, 2, -1, -1, -1, LOGICAL_FLOAT16},
        {PHYSICAL_FIXED, 5, -1, -1, -1, -1},
        {PHYSICAL_FIXED, 3, CONVERTED_DECIMAL, 6, 1, -1},
        {PHYSICAL_BYTE_ARRAY, -1, 4, -1, -1, -1}, /* ENUM, JSON */
        {PHYSICAL_BYTE_ARRAY, -1, 19, -1, -1, -1},
        {PHYSICAL_INT64, -1, CONVERTED_TIMESTAMP_MICROS, -1, -1, -1},
    };
    static const enum codec_id codecs[] = {CODEC_NONE, CODEC_ZSTD, CODEC_SNAPPY,
                                           CODEC_GZIP, CODEC_LZ4,  CODEC_LZ4_HADOOP};
    enum { FORMATS = sizeof(formats) / sizeof(*formats), FOREIGN = sizeof(foreign) / sizeof(*foreign) };
    uint8_t choice = fuzz_byte(in);
    int type = (choice & 0x7F) % (FORMATS + FOREIGN);
    *ret = (struct column_plan){.field = {.name = "c", .source_type = ""}, .is_optional = choice >> 7};
    ret->foreign = type >= FORMATS ? &foreign[type - FORMATS] : NULL;
    bool is_known = type >= FORMATS || field_parse_format(formats[type], &ret->field);
    assert(is_known);
    ret->field.nullable = ret->is_optional;
    ret->codec = codecs[fuzz_choice(in, sizeof(codecs) / sizeof(*codecs))];
}

struct page_plan {
    int type, encoding;
    int64_t rows;
    struct str body, levels;
    bool is_packed, lies; /* about its length */
};

static void plan_page(struct fuzz *in, const struct column_plan *column, struct page_plan *ret)
{
    static const int encodings[] = {
        ENCODING_PLAIN, ENCODING_RLE_DICTIONARY,  ENCODING_DELTA_BINARY_PACKED, ENCODING_DELTA_LENGTH_BYTE_ARRAY,
        ENCODING_RLE,   ENCODING_PLAIN_DICTIONARY};
    uint8_t flags = fuzz_byte(in);
    ret->encoding = encodings[(flags & 7) % (sizeof(encodings) / sizeof(*encodings))];
    ret->type = (flags & 0x18) == 0x18 ? PAGE_DICTIONARY : (flags & 8) != 0 ? PAGE_DATA_V2 : PAGE_DATA;
    ret->is_packed = column->codec != CODEC_NONE && column->codec != CODEC_LZ4_HADOOP && (flags & 0x20) != 0;
    ret->lies = (flags & 0xC0) == 0xC0;
    ret->rows = (int64_t)fuzz_number(in, 2) % ROWS_OF_PAGE_MAX;
    ret->levels = column->is_optional && ret->type != PAGE_DICTIONARY ? fuzz_take(in, fuzz_byte(in)) : S("");
    ret->body = fuzz_take(in, fuzz_number(in, 2) & 0x3FF);
}

/* What stands behind the header. Levels of pages v1 have their length before them. */
static void page_content(const struct page_plan *page, const struct column_plan *column, struct buf *out,
                         size_t *ret_raw_bytes)
{
    uint32_t length = (uint32_t)page->levels.len;
    bool is_v1 = page->type == PAGE_DATA && column->is_optional;
    struct str pieces[] = {{(const char *)&length, is_v1 ? sizeof(length) : 0}, page->levels, page->body};
    bool levels_apart = page->type == PAGE_DATA_V2;
    *ret_raw_bytes = pieces[0].len + pieces[1].len + pieces[2].len + (page->lies ? 3 : 0);
    for (int i = 0; i < 3 && (!page->is_packed || (levels_apart && i < 2)); i++)
        buf_add_str(out, pieces[i]);
    if (!page->is_packed)
        return;
    AUTO(compressor) *compressor = compressor_new(column->codec, 0);
    const struct str *from = levels_apart ? pieces + 2 : pieces;
    char room[8192];
    size_t len = compressor_run(compressor, from, levels_apart ? 1 : 3, room, sizeof(room));
    buf_add(out, room, len);
}

static void page_write(const struct page_plan *page, const struct column_plan *column, struct buf *out)
{
    AUTO_RELEASE(buf) content = {0};
    size_t raw_bytes = 0;
    page_content(page, column, &content, &raw_bytes);
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, page->type);
    thrift_put_int(&w, 2, THRIFT_I32, (int64_t)raw_bytes);
    thrift_put_int(&w, 3, THRIFT_I32, (int64_t)content.len);
    switch (page->type) {
    case PAGE_DATA:
        thrift_put_struct(&w, 5);
        thrift_put_int(&w, 1, THRIFT_I32, page->rows);
        thrift_put_int(&w, 2, THRIFT_I32, page->encoding);
        thrift_put_int(&w, 3, THRIFT_I32, ENCODING_RLE);
        break;
    case PAGE_DICTIONARY:
        thrift_put_struct(&w, 7);
        thrift_put_int(&w, 1, THRIFT_I32, page->rows);
        thrift_put_int(&w, 2, THRIFT_I32, page->encoding);
        break;
    default:
        thrift_put_struct(&w, 8);
        thrift_put_int(&w, 1, THRIFT_I32, page->rows);
        thrift_put_int(&w, 4, THRIFT_I32, page->encoding);
        thrift_put_int(&w, 5, THRIFT_I32, (int64_t)page->levels.len);
        thrift_put_bool(&w, 7, page->is_packed || column->codec == CODEC_NONE);
    }
    thrift_end(&w);
    thrift_end(&w);
    buf_add_str(out, buf_str(&content));
}

static void put_if(struct thrift_writer *w, int id, int value)
{
    if (value >= 0)
        thrift_put_int(w, id, THRIFT_I32, value);
}

static int element_write(const struct column_plan *column, struct thrift_writer *w)
{
    const struct foreign_column *foreign = column->foreign;
    struct profile profile;
    struct storage storage;
    profile_of(PARQUET_DEFAULT, &profile);
    if (foreign == NULL) {
        storage_of(&column->field, &profile, &storage);
        storage_write(&column->field, &storage, w);
        return storage.physical;
    }
    thrift_item_struct(w);
    thrift_put_int(w, 1, THRIFT_I32, foreign->physical);
    put_if(w, 2, foreign->length);
    thrift_put_int(w, 3, THRIFT_I32, column->is_optional ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    thrift_put_bytes(w, 4, S("c"));
    put_if(w, 6, foreign->converted);
    put_if(w, 7, foreign->scale);
    put_if(w, 8, foreign->precision);
    if (foreign->logical >= 0) {
        thrift_put_struct(w, 10);
        thrift_put_struct(w, foreign->logical);
        thrift_end(w);
        thrift_end(w);
    }
    thrift_end(w);
    return foreign->physical;
}

static void footer_of(const struct column_plan *column, int64_t rows, struct buf *out)
{
    int64_t pages = (int64_t)out->len - PARQUET_MAGIC_BYTES;
    size_t start = out->len;
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, 1);
    thrift_put_list(&w, 2, THRIFT_STRUCT, 2);
    thrift_item_struct(&w);
    thrift_put_bytes(&w, 4, S("schema"));
    thrift_put_int(&w, 5, THRIFT_I32, 1);
    thrift_end(&w);
    int physical = element_write(column, &w);
    thrift_put_int(&w, 3, THRIFT_I64, rows);
    thrift_put_list(&w, 4, THRIFT_STRUCT, 1);
    thrift_item_struct(&w);
    thrift_put_list(&w, 1, THRIFT_STRUCT, 1);
    thrift_item_struct(&w);
    thrift_put_int(&w, 2, THRIFT_I64, 0);
    thrift_put_struct(&w, 3);
    thrift_put_int(&w, 1, THRIFT_I32, physical);
    thrift_put_list(&w, 3, THRIFT_BINARY, 1);
    thrift_item_bytes(&w, S("c"));
    thrift_put_int(&w, 4, THRIFT_I32, column->codec);
    thrift_put_int(&w, 5, THRIFT_I64, rows);
    thrift_put_int(&w, 6, THRIFT_I64, pages);
    thrift_put_int(&w, 7, THRIFT_I64, pages);
    thrift_put_int(&w, 9, THRIFT_I64, PARQUET_MAGIC_BYTES);
    thrift_end(&w);
    thrift_end(&w);
    thrift_put_int(&w, 2, THRIFT_I64, pages);
    thrift_put_int(&w, 3, THRIFT_I64, rows);
    thrift_end(&w);
    thrift_end(&w);
    uint32_t bytes = (uint32_t)(out->len - start);
    buf_add(out, &bytes, sizeof(bytes));
    buf_add_str(out, S(PARQUET_MAGIC));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    AUTO_RELEASE(buf) file = {0};
    struct column_plan column;
    int64_t rows = 0;
    plan_column(&in, &column);
    buf_add_str(&file, S(PARQUET_MAGIC));
    for (int i = 0; i < PAGES_MAX && in.left > 0; i++) {
        struct page_plan page = {0};
        plan_page(&in, &column, &page);
        page_write(&page, &column, &file);
        rows += page.type != PAGE_DICTIONARY ? page.rows : 0;
    }
    footer_of(&column, rows, &file);
    fuzz_parquet_read(buf_str(&file));
    return 0;
}
