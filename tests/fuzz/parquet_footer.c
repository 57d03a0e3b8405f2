/* The end of a Parquet file: Thrift, schema, row groups.
 *
 * Parser: src/data/parquet/footer_reader.c src/data/parquet/element.c
 * Parser: src/data/parquet/thrift.c:thrift_next,thrift_skip,thrift_get_int,thrift_get_i32,thrift_get_bool
 * Parser: src/data/parquet/thrift.c:thrift_get_bytes,thrift_get_struct,thrift_get_list,thrift_open_item
 * Bytes: 4096 */
#include "data/parquet/footer.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct error err = {0};
    struct footer footer = {0};
    int64_t pages_end = (int64_t)fuzz_number(&in, 2) + 4;
    enum rc rc = footer_read(fuzz_rest(&in), pages_end, &footer, &err);
    fuzz_check(rc, &err);
    if (rc != RC_OK)
        return 0;
    int64_t rows = 0;
    assert(footer.rows >= 0 && footer.schema != NULL);
    for (int group = 0; group < footer.group_count; group++) {
        rows += footer.groups[group].rows;
        for (int i = 0; i < footer.schema->count; i++) {
            const struct chunk *chunk = &footer.chunks[group][i];
            assert(chunk->bytes == 0 ||
                   (chunk->offset >= 4 && chunk->bytes > 0 && chunk->bytes <= pages_end - chunk->offset));
        }
    }
    assert(rows == footer.rows);
    footer_release(&footer);
    return 0;
}
