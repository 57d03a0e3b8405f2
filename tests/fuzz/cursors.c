/* Cursors and positions as texts: of sources, of the target's position row, of the command line.
 *
 * Parser: src/data/form.c src/data/position.c
 * Parser: src/base/clock.c:stamp_parse,stamp_print,days_from_date,date_from_days,digits_at,uuid_is_valid
 * Bytes: 512 */
#include "base/clock.h"
#include "data/position.h"
#include "fuzz.h"

static void fuzz_stamp(const char *text)
{
    int64_t us, again;
    char stamp[STAMP_TEXT];
    struct form form;
    if (!stamp_parse(text, &us)) {
        assert(!form_of_text(text, &form));
        return;
    }
    stamp_print(us, 6, stamp);
    bool is_stamp = stamp_parse(stamp, &again);
    assert(is_stamp && again == us);
    char printed[CURSOR_TEXT], name[FORM_TEXT_MAX];
    struct form named;
    if (!form_of_text(text, &form))
        return;
    form_print(&form, us, printed);
    assert(strcmp(printed, text) == 0 && form_compare(&form, printed, text) == 0);
    form_name(&form, name);
    assert(form_from_name(name, &named) && form_equal(&form, &named));
}

static void fuzz_form(const char *name, const char *text)
{
    struct form form, again;
    char printed[CURSOR_TEXT], back[FORM_TEXT_MAX];
    int64_t us, second;
    if (!form_from_name(name, &form))
        return;
    form_name(&form, back);
    assert(strcmp(back, name) == 0 && form_from_name(back, &again) && form_equal(&form, &again));
    if (form.kind == FORM_NONE || !form_parse(&form, text, &us))
        return;
    if (form.kind != FORM_EPOCH && !(form_of_text(text, &again) && form_equal(&form, &again)))
        return; /* a time, written in another form */
    form_print(&form, us, printed);
    assert(form_parse(&form, printed, &second) && second == us);
    assert(form_compare(&form, printed, text) == 0);
}

static void fuzz_position(const char *text)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) first = {0}, second = {0};
    struct error err = {0};
    struct position pos, again;
    enum rc rc = position_parse(text, &arena, &pos, &err);
    fuzz_check(rc, &err);
    if (rc != RC_OK)
        return;
    position_print(&pos, &first);
    rc = position_parse(buf_str(&first).at, &arena, &again, &err);
    assert(rc == RC_OK && position_equal(&pos, &again));
    position_print(&again, &second);
    assert(str_eq(buf_str(&first), buf_str(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    int what = fuzz_choice(&in, 3);
    char *first = fuzz_text(fuzz_until(&in, '\n')), *second = fuzz_text(fuzz_rest(&in));
    switch (what) {
    case 0: fuzz_stamp(first); break;
    case 1: fuzz_form(first, second); break;
    default: fuzz_position(first);
    }
    (void)uuid_is_valid(first);
    free(first);
    free(second);
    return 0;
}
