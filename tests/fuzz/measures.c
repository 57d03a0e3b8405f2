/* What a database says of a column in numbers, and fingerprints as they stand in waybills. The input: which of both; a
 * type; then measures as texts or a value's bytes, or the fingerprint.
 *
 * Parser: src/data/profile.c src/data/fingerprint.c:hex_read,fingerprint_read,fingerprint_merge_text
 * Parser: src/data/fingerprint.c:is_known_version,fingerprint_check,fingerprint_print
 * Bytes: 256 */
#include "data/fingerprint.h"
#include "data/profile.h"
#include "fuzz.h"

static const char *const formats[] = {"l", "u",      "z",   "b",   "g",    "f",    "i",
                                      "s", "d:38,5", "tdD", "tDu", "tss:", "tsm:", "tsu:UTC"};

static struct schema *schema_of(struct fuzz *in)
{
    struct schema *schema = schema_new();
    struct field field = {.name = "c", .nullable = true};
    bool is_known = field_parse_format(formats[fuzz_choice(in, sizeof(formats) / sizeof(*formats))], &field);
    assert(is_known);
    schema_add(schema, &field);
    return schema;
}

/* ---- as a server says it ---- */

static void tell(struct profile *profile, struct fuzz in)
{
    profile->rows = 7;
    for (enum profile_measure measure = 0; measure < PROFILE_MEASURES; measure++) {
        struct str text = fuzz_until(&in, '\n');
        uint8_t *copy = fuzz_copy(text, 0);
        profile_tell(profile, 0, measure,
                     str_eq(text, S("NULL")) ? (struct str){0} : (struct str){(const char *)copy, text.len});
        free(copy);
    }
}

static void fuzz_told(struct fuzz *in)
{
    AUTO(schema) *schema = schema_of(in);
    AUTO_RELEASE(profile) first = {0}, second = {0};
    AUTO_RELEASE(buf) lines = {0};
    profile_init(&first, schema);
    profile_init(&second, schema);
    tell(&first, *in);
    tell(&second, *in);
    int differences = profile_compare(&(struct profile_side){"source", &first},
                                      &(struct profile_side){"target", &second}, NULL, 8, &lines);
    assert(differences == 0 || first.columns[0].odd != 0);
    assert(str_is_utf8(buf_str(&lines)));
}

/* ---- as a batch has it, and its key in SQL's words ---- */

static void put(struct batch_builder *builder, const struct field *field, __int128 number, struct str bytes)
{
    switch (field->type) {
    case TYPE_UTF8: builder_bytes(builder, 0, str_is_utf8(bytes) ? bytes : S("x")); break;
    case TYPE_BINARY: builder_bytes(builder, 0, bytes); break;
    case TYPE_BOOL: builder_bool(builder, 0, number & 1); break;
    case TYPE_INT16: builder_int16(builder, 0, (int16_t)number); break;
    case TYPE_INT32: builder_int32(builder, 0, (int32_t)number); break;
    case TYPE_DATE: builder_date(builder, 0, (int32_t)number); break;
    case TYPE_FLOAT: builder_float(builder, 0, (float)(int64_t)number / 8); break;
    case TYPE_DOUBLE: builder_double(builder, 0, (double)(int64_t)number / 8); break;
    case TYPE_DECIMAL: builder_decimal(builder, 0, number % ((__int128)10000000000 * 10000000000)); break;
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: builder_int64(builder, 0, (int64_t)number); break;
    }
}

static void fuzz_value(struct fuzz *in)
{
    AUTO(schema) *schema = schema_of(in);
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(profile) counted = {0}, told = {0};
    AUTO_RELEASE(buf) text = {0}, lines = {0};
    AUTO_RELEASE(key_list) keys = {0};
    __int128 number = (__int128)(int64_t)fuzz_number(in, 8) * (fuzz_byte(in) + 1);
    put(builder, &schema->fields[0], number, fuzz_rest(in));
    builder_end_row(builder);
    const struct batch *batch = builder_finish(builder);
    profile_init(&counted, schema);
    profile_init(&told, schema);
    profile_add(&counted, batch, NULL);
    if (!profile_print_value(batch, 0, 0, &text))
        return;
    told.rows = 1;
    profile_tell(&told, 0, PROFILE_VALUES, S("1"));
    profile_tell(&told, 0, PROFILE_LEAST, buf_str(&text));
    profile_tell(&told, 0, PROFILE_GREATEST, buf_str(&text));
    told.columns[0].known = 1u << PROFILE_VALUES | 1u << PROFILE_LEAST | 1u << PROFILE_GREATEST;
    int differences = profile_compare(&(struct profile_side){"source", &counted},
                                      &(struct profile_side){"target", &told}, NULL, 8, &lines);
    assert(differences == 0);
    key_list_init(&keys, schema, (const int[]){0}, 1);
    key_list_add(&keys, buf_str(&text));
    assert(keys.count == 1 && str_eq(str(keys.texts[0]), buf_str(&text)));
}

/* ---- as a waybill has it ---- */

static void fuzz_fingerprint(struct fuzz *in)
{
    AUTO(schema) *schema = schema_of(in);
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(fingerprint) kept = {0}, again = {0};
    struct error err = {0};
    char *text = fuzz_text(fuzz_rest(in));
    fingerprint_init(&kept, schema);
    fingerprint_init(&again, schema);
    if (fingerprint_merge_text(&kept, text)) {
        enum rc rc = fingerprint_check(&kept, text, &err);
        assert(rc == RC_OK);
        bool is_read = fingerprint_merge_text(&again, fingerprint_print(&kept, &arena));
        assert(is_read && again.rows == kept.rows && again.total == kept.total);
    } else {
        enum rc rc = fingerprint_check(&kept, text, &err);
        fuzz_check(rc, &err);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    switch (fuzz_choice(&in, 3)) {
    case 0: fuzz_told(&in); break;
    case 1: fuzz_value(&in); break;
    default: fuzz_fingerprint(&in);
    }
    return 0;
}
