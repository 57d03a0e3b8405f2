/* W: waybills, tombstones and the chain they make, as they lie in a store; receipts are only looked for, never read.
 *
 * Parser: src/state/waybill.c:waybill_checksum_from_json,files_from_json,waybill_from_json
 * Parser: src/state/waybill.c:waybill_positions_from_json,gone_from_json,format_check,waybill_document
 * Parser: src/state/waybill.c:waybill_read,need_count
 * Parser: src/state/waybill.c:chain_add,chain_returns,link_read,chain_walk
 * Parser: src/data/schema.c:schema_from_json,field_parse_format,field_from_json,schema_add
 * Bytes: 4096 */
#include "fuzz.h"
#include "state/keys.h"
#include "state/waybill.h"
#include "world/mem_store.h"
#include "world/world_clock.h"

#define ID "01a1fdc8-9ea3-7bcc-9e53-c42a2defc351"

/* Two documents, parted by a NUL: the second lies where the first's `prev` may say. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct world_clock clock;
    AUTO_RELEASE(arena) arena = {0};
    struct error err = {0};
    struct waybill waybill = {0};
    struct chain chain = {0};
    enum waybill_state state;
    world_clock_init(&clock, 1000000, 1);
    struct mem_objects *objects = mem_objects_new(&clock.clock);
    struct store *store = mem_store_open(objects, "lake");
    mem_objects_put(objects, "a/waybill.json", fuzz_until(&in, '\0'));
    mem_objects_put(objects, "b/waybill.json", fuzz_rest(&in));
    enum rc rc = waybill_read(store, "a/waybill.json", ID, &arena, &state, &waybill, &err);
    fuzz_check(rc, &err);
    if (rc == RC_OK && state == WAYBILL_SEALED) {
        assert(waybill.schema != NULL && waybill.rows >= 0);
        json_decref(schema_to_json(waybill.schema));
        for (int i = 0; i < waybill.file_count; i++)
            assert(waybill.files[i].bytes >= 0 && waybill.files[i].rows >= 0);
        waybill_release(&waybill);
    }
    rc = chain_walk(store, (struct waybill_ref){ID, "a/waybill.json"}, "", NULL, &arena, &chain, &err);
    fuzz_check(rc, &err);
    store_free(store);
    mem_objects_free(objects);
    return 0;
}
