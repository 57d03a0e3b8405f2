#include "parquet_by_hand.h"

#include "data/parquet/thrift.h"

static void page_write(const struct page_made *page, struct buf *out)
{
    struct thrift_writer w = THRIFT_WRITER(out);
    int64_t raw_bytes = page->raw_bytes < 0 ? (int64_t)page->content.len : page->raw_bytes;
    thrift_put_int(&w, 1, THRIFT_I32, page->type);
    thrift_put_int(&w, 2, THRIFT_I32, raw_bytes);
    thrift_put_int(&w, 3, THRIFT_I32, (int64_t)page->content.len);
    thrift_put_struct(&w, page->type == PAGE_DATA ? 5 : page->type == PAGE_DICTIONARY ? 7 : 8);
    thrift_put_int(&w, 1, THRIFT_I32, page->rows);
    if (page->type == PAGE_DATA_V2) {
        thrift_put_int(&w, 2, THRIFT_I32, page->nulls);
        thrift_put_int(&w, 3, THRIFT_I32, page->rows);
        thrift_put_int(&w, 4, THRIFT_I32, page->encoding);
        thrift_put_int(&w, 5, THRIFT_I32, page->levels_bytes);
        thrift_put_int(&w, 6, THRIFT_I32, 0);
    } else {
        thrift_put_int(&w, 2, THRIFT_I32, page->encoding);
        if (page->type == PAGE_DATA)
            thrift_put_int(&w, 3, THRIFT_I32, ENCODING_RLE);
    }
    thrift_end(&w);
    thrift_end(&w);
    buf_add_str(out, page->content);
}

static void element_write(const struct type_made *type, bool optional, struct thrift_writer *w)
{
    thrift_item_struct(w);
    thrift_put_int(w, 1, THRIFT_I32, type->physical);
    if (type->length >= 0)
        thrift_put_int(w, 2, THRIFT_I32, type->length);
    thrift_put_int(w, 3, THRIFT_I32, optional ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    thrift_put_bytes(w, 4, S("c"));
    if (type->converted >= 0)
        thrift_put_int(w, 6, THRIFT_I32, type->converted);
    if (type->precision >= 0)
        thrift_put_int(w, 8, THRIFT_I32, type->precision);
    if (type->logical >= 0) {
        thrift_put_struct(w, 10);
        thrift_put_struct(w, type->logical);
        if (type->unit >= 0) {
            thrift_put_bool(w, 1, true);
            thrift_put_struct(w, 2);
            thrift_put_struct(w, type->unit);
            thrift_end(w);
            thrift_end(w);
        }
        thrift_end(w);
        thrift_end(w);
    }
    thrift_end(w);
}

void parquet_by_hand(const struct type_made *type, bool optional, enum codec_id codec, const struct page_made *pages,
                     int count, struct buf *out)
{
    int64_t rows = 0;
    buf_add_str(out, S(PARQUET_MAGIC));
    for (int i = 0; i < count; i++) {
        page_write(&pages[i], out);
        rows += pages[i].type != PAGE_DICTIONARY ? pages[i].rows : 0;
    }
    int64_t end = (int64_t)out->len;
    struct thrift_writer w = THRIFT_WRITER(out);
    thrift_put_int(&w, 1, THRIFT_I32, 1);
    thrift_put_list(&w, 2, THRIFT_STRUCT, 2);
    thrift_item_struct(&w);
    thrift_put_bytes(&w, 4, S("schema"));
    thrift_put_int(&w, 5, THRIFT_I32, 1);
    thrift_end(&w);
    element_write(type, optional, &w);
    thrift_put_int(&w, 3, THRIFT_I64, rows);
    thrift_put_list(&w, 4, THRIFT_STRUCT, 1);
    thrift_item_struct(&w);
    thrift_put_list(&w, 1, THRIFT_STRUCT, 1);
    thrift_item_struct(&w);
    thrift_put_struct(&w, 3);
    thrift_put_int(&w, 1, THRIFT_I32, type->physical);
    thrift_put_int(&w, 4, THRIFT_I32, codec);
    thrift_put_int(&w, 5, THRIFT_I64, rows);
    thrift_put_int(&w, 6, THRIFT_I64, end - PARQUET_MAGIC_BYTES);
    thrift_put_int(&w, 7, THRIFT_I64, end - PARQUET_MAGIC_BYTES);
    thrift_put_int(&w, 9, THRIFT_I64, PARQUET_MAGIC_BYTES);
    thrift_end(&w);
    thrift_end(&w);
    thrift_put_int(&w, 2, THRIFT_I64, end);
    thrift_put_int(&w, 3, THRIFT_I64, rows);
    thrift_end(&w);
    thrift_end(&w);
    uint32_t bytes = (uint32_t)((int64_t)out->len - end);
    buf_add(out, &bytes, sizeof(bytes));
    buf_add_str(out, S(PARQUET_MAGIC));
}
