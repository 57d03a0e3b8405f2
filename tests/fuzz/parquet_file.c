/* A whole Parquet file, as it comes. Its checksums are not compared (--wrap), for no damage would get past them.
 *
 * Parser: src/data/parquet/reader.c src/data/parquet/footer_reader.c src/data/parquet/page_reader.c
 * Parser: src/data/parquet/column_reader.c src/data/parquet/column_values.c src/data/parquet/element.c
 * Bytes: 8192 */
#include "fuzz.h"
#include "parquet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_parquet_read((struct str){(const char *)bytes, size});
    return 0;
}
