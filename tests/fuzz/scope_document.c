/* S, the scope document, and positions in it. What was read and is written must read the same.
 *
 * Parser: src/state/scope_json.c src/data/position.c src/base/json.c
 * Bytes: 4096 */
#include "fuzz.h"
#include "state/scope_json.h"

static void write_marks(const struct marks *marks, const struct lease *lease, struct buf *out)
{
    AUTO_JSON *doc = scope_document_new("p", "t");
    marks_to_json(doc, marks, lease, "w", "now");
    json_write(doc, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    AUTO_JSON *doc = NULL, *again = NULL;
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) first = {0}, second = {0};
    struct error err = {0};
    struct marks marks;
    struct lease lease;
    enum rc rc = json_read((struct str){(const char *)bytes, size}, "the document", &doc, &err);
    if (rc == RC_OK)
        rc = marks_from_json(doc, &arena, &marks, &lease, &err);
    fuzz_check(rc, &err);
    if (rc != RC_OK)
        return 0;
    write_marks(&marks, &lease, &first);
    rc = json_read(buf_str(&first), "what was written", &again, &err);
    assert(rc == RC_OK);
    rc = marks_from_json(again, &arena, &marks, &lease, &err);
    assert(rc == RC_OK);
    write_marks(&marks, &lease, &second);
    assert(str_eq(buf_str(&first), buf_str(&second)));
    AUTO_RELEASE(buf) text = {0};
    struct position pos;
    position_print(&marks.extracted.pos, &text);
    rc = position_parse(buf_str(&text).at, &arena, &pos, &err);
    assert(rc == RC_OK && position_equal(&pos, &marks.extracted.pos));
    return 0;
}
