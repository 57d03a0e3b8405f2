/* Columns on their way into the stage: what is renamed, cast, hashed, masked or left out, and that nothing else is. */
#include "data/shaping.h"
#include "base/hash.h"
#include "data/text.h"
#include "test.h"
#include "world/value.h"

static const struct field source_fields[] = {
    {.name = "id", .type = TYPE_INT64},
    {.name = "email", .type = TYPE_UTF8, .nullable = true, .source_type = "varchar(80)"},
    {.name = "born", .type = TYPE_DATE, .nullable = true},
    {.name = "photo", .type = TYPE_BINARY, .nullable = true},
};
enum { ID, EMAIL, BORN, PHOTO };

static struct schema *schema_of(const struct field *fields, int count)
{
    struct schema *schema = schema_new();
    for (int i = 0; i < count; i++)
        schema_add(schema, &fields[i]);
    return schema;
}

/* A reader of rows that are written as lines "1|a@b.c|2001-02-03|00ff". */
struct lines_reader {
    struct batch_reader base;
    const struct schema *schema;
    struct batch_builder *builder;
    const char *lines;
    struct arena arena;
};

static RC lines_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct lines_reader *self = (struct lines_reader *)base;
    *ret = NULL;
    if (*self->lines == '\0')
        return RC_OK;
    for (; *self->lines != '\0'; builder_end_row(self->builder)) {
        for (int i = 0; i < self->schema->count; i++) {
            size_t len = strcspn(self->lines, "|\n");
            struct value value = value_parse(&self->schema->fields[i], (struct str){self->lines, len}, &self->arena);
            value_build(&value, &self->schema->fields[i], self->builder, i);
            self->lines += len + (self->lines[len] != '\0');
        }
    }
    *ret = builder_finish(self->builder);
    return RC_OK;
}

static void lines_free(struct batch_reader *base)
{
    struct lines_reader *self = (struct lines_reader *)base;
    batch_builder_free(self->builder);
    arena_release(&self->arena);
    free(self);
}

static struct batch_reader *lines_reader(const struct schema *schema, const char *lines)
{
    static const struct batch_reader_ops ops = {.next = lines_next, .free = lines_free};
    struct lines_reader *self = xcalloc(1, sizeof(*self));
    *self =
        (struct lines_reader){.base = {&ops}, .schema = schema, .builder = batch_builder_new(schema), .lines = lines};
    return &self->base;
}

/* "name:format ..." and the rows as lines. */
struct shaped {
    struct buf schema, rows;
    struct error err;
};
static void shaped_release(struct shaped *self)
{
    buf_release(&self->schema);
    buf_release(&self->rows);
}

static enum rc shape_with(const struct schema *schema, const struct column_wish *wishes, int count, const char *key,
                          const char *lines, struct shaped *ret)
{
    AUTO(shaping) *shaping = NULL;
    AUTO(batch_reader) *reader = lines_reader(schema, lines);
    AUTO_RELEASE(arena) arena = {0};
    struct secret hash_key = {0};
    const struct batch *batch = NULL;
    secret_set(&hash_key, str(or_empty(key)));
    enum rc rc = shaping_new("people", schema, wishes, count, key != NULL ? &hash_key : NULL, &shaping, &ret->err);
    secret_release(&hash_key);
    TRY(rc);
    assert_non_null(shaping);
    reader = shaping_reader_new(shaping, reader);
    const struct schema *staged = shaping_schema(shaping);
    for (int i = 0; i < staged->count; i++) {
        char format[FORMAT_TEXT];
        field_format(&staged->fields[i], format);
        buf_addf(&ret->schema, "%s%s:%s", i > 0 ? " " : "", staged->fields[i].name, format);
    }
    for (;;) {
        TRY(batch_reader_next(reader, &batch, &ret->err));
        if (batch == NULL)
            return RC_OK;
        assert_ptr_equal(batch->schema, staged);
        for (int64_t row = 0; row < batch->rows; row++) {
            for (int i = 0; i < staged->count; i++) {
                struct value value = value_of(batch, i, row, &arena);
                buf_addf(&ret->rows, "%s", i > 0 ? "|" : "");
                value_print(&value, &staged->fields[i], &ret->rows);
            }
            buf_addf(&ret->rows, "\n");
        }
    }
}

static const char rows[] = "1|ada@example.org|1815-12-10|00ff\n2|NULL|NULL|NULL\n3||2001-02-03|\n";
#define SHAPE(wishes, key, ret) shape_with(schema, wishes, sizeof(wishes) / sizeof((wishes)[0]), key, rows, ret)

static void columns_are_renamed_and_left_out_and_the_others_stay(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .name = "e mail"},
                                                {.column = "photo", .treatment = TREAT_EXCLUDE}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO_RELEASE(shaped) shaped = {{0}};
    assert_int_equal(SHAPE(wishes, NULL, &shaped), RC_OK);
    assert_string_equal(shaped.schema.at, "id:l e mail:u born:tdD");
    assert_string_equal(shaped.rows.at, "1|ada@example.org|1815-12-10\n2|NULL|NULL\n3||2001-02-03\n");
}

#define SHA256_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void a_hash_is_of_the_values_text_and_null_stays_null(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .treatment = TREAT_HASH},
                                                {.column = "born", .treatment = TREAT_HASH},
                                                {.column = "photo", .treatment = TREAT_HASH}};
    char email[SHA256_HEX], born[SHA256_HEX], late[SHA256_HEX], photo[SHA256_HEX];
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO_RELEASE(shaped) shaped = {{0}};
    AUTO_RELEASE(buf) expected = {0};
    sha256_hex(S("ada@example.org"), email);
    sha256_hex(S("1815-12-10"), born);
    sha256_hex(S("2001-02-03"), late);
    sha256_hex(S("\x00\xff"), photo);
    assert_int_equal(SHAPE(wishes, NULL, &shaped), RC_OK);
    assert_string_equal(shaped.schema.at, "id:l email:u born:u photo:u");
    buf_addf(&expected, "1|%s|%s|%s\n2|NULL|NULL|NULL\n3|" SHA256_EMPTY "|%s|" SHA256_EMPTY "\n", email, born, photo,
             late);
    assert_string_equal(shaped.rows.at, expected.at);
}

static void a_key_makes_other_hashes_and_the_schema_tells_which_key(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .treatment = TREAT_HASH}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO(shaping) *with = NULL, *without = NULL;
    AUTO_RELEASE(shaped) shaped = {{0}};
    AUTO_RELEASE(buf) diff = {0};
    struct secret key = {0};
    struct error err;
    char plain[SHA256_HEX];
    assert_int_equal(SHAPE(wishes, "Jefe", &shaped), RC_OK);
    sha256_hex(S("ada@example.org"), plain);
    assert_null(strstr(shaped.rows.at, plain));
    secret_set(&key, S("Jefe"));
    assert_int_equal(shaping_new("people", schema, wishes, 1, &key, &with, &err), RC_OK);
    assert_int_equal(shaping_new("people", schema, wishes, 1, NULL, &without, &err), RC_OK);
    secret_release(&key);
    assert_string_equal(shaping_schema(without)->fields[EMAIL].made, "sha256");
    assert_memory_equal(shaping_schema(with)->fields[EMAIL].made, "hmac-sha256 key ", 16);
    assert_null(strstr(shaping_schema(with)->fields[EMAIL].made, "Jefe"));
    assert_int_equal(schema_diff(shaping_schema(without), shaping_schema(with), &diff), SCHEMA_OTHER);
    assert_int_equal(schema_diff(schema, shaping_schema(without), &diff), SCHEMA_OTHER); /* though both are utf8 */
}

/* RFC 4231, test case 2. */
static void an_hmac_is_that_of_the_standard(void **state)
{
    char hex[SHA256_HEX];
    hmac_sha256_hex(S("Jefe"), S("what do ya want for nothing?"), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void a_mask_shows_nothing_or_the_last_four(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .treatment = TREAT_MASK_PARTIAL},
                                                {.column = "born", .treatment = TREAT_MASK_PARTIAL},
                                                {.column = "photo", .treatment = TREAT_MASK_FULL}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO_RELEASE(shaped) shaped = {{0}};
    assert_int_equal(shape_with(schema, wishes, 3, NULL,
                                "1|ada@example.org|1815-12-10|00ff\n2|NULL|NULL|NULL\n"
                                "3|seven77|2001-02-03|\n4|\xC3\xA4"
                                "bc\xE2\x82\xAC"
                                "defg|NULL|NULL\n",
                                &shaped),
                     RC_OK);
    assert_string_equal(shaped.rows.at, "1|***********.org|******2-10|***\n2|NULL|NULL|NULL\n3|*******|******2-03|***\n"
                                        "4|****defg|NULL|NULL\n");
}

static void part_of_bytes_cannot_be_masked(void **state)
{
    static const char *const as[] = {NULL, "int64", "decimal(9,2)"}; /* which does not make a text of them */
    for (size_t i = 0; i < sizeof(as) / sizeof(*as); i++) {
        const struct column_wish wishes[] = {{.column = "photo", .as = as[i], .treatment = TREAT_MASK_PARTIAL}};
        AUTO(schema) *schema = schema_of(source_fields, 4);
        AUTO_RELEASE(shaped) shaped = {{0}};
        assert_int_equal(SHAPE(wishes, NULL, &shaped), RC_CONFIG);
        assert_non_null(strstr(shaped.err.todo, "mask: {photo: full}"));
    }
}

/* Each text as each type; NULL: refused. */
static void a_text_becomes_another_type_exactly_or_not_at_all(void **state)
{
    static const struct {
        const char *as, *text, *value;
    } casts[] = {
        {"bool", "1", "true"},
        {"bool", "0", "false"},
        {"bool", "2", NULL},
        {"bool", "-1", NULL},
        {"int64", "-9223372036854775808", "-9223372036854775808"},
        {"int64", "9223372036854775808", NULL},
        {"int64", "1.0", NULL},
        {"double", "0.1", "0.10000000000000001"},
        {"double", "-1e3", "-1000"},
        {"double", "nan", NULL},
        {"double", "1e999", NULL},
        {"decimal(5,2)", "-0.01", "-0.01"},
        {"decimal(5,2)", "999.99", "999.99"},
        {"decimal(5,2)", "1000", NULL},
        {"decimal(5,2)", "12", "12.00"},
        {"decimal(5,2)", "12.5000", "12.50"},
        {"decimal(5,2)", "12.345", NULL},
        {"decimal(5,2)", "1e2", NULL},
        {"decimal(5,2)", ".", NULL},
        {"decimal(5,2)", "", NULL},
        {"decimal(38,0)", "-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"},
        {"decimal(38,0)", "100000000000000000000000000000000000000", NULL},
        {"decimal(38,38)", "0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"},
    };
    static const struct field text = {.name = "v", .type = TYPE_UTF8};
    AUTO(schema) *schema = schema_of(&text, 1);
    for (size_t i = 0; i < sizeof(casts) / sizeof(casts[0]); i++) {
        AUTO_RELEASE(shaped) shaped = {{0}};
        const struct column_wish wish = {.column = "v", .as = casts[i].as};
        const char *lines = casts[i].text[0] != '\0' ? casts[i].text : "|";
        enum rc rc = shape_with(schema, &wish, 1, NULL, lines, &shaped);
        if (rc != (casts[i].value != NULL ? RC_OK : RC_DATA))
            fail_msg("'%s' as %s: %s", casts[i].text, casts[i].as, rc_name(rc));
        if (rc == RC_OK) {
            shaped.rows.at[shaped.rows.len - 1] = '\0';
            assert_string_equal(shaped.rows.at, casts[i].value);
        } else {
            assert_null(strstr(casts[i].text[0] != '\0' ? shaped.err.text : "", "999999")); /* no value in a message */
        }
    }
}

static void a_wish_for_no_column_is_refused(void **state)
{
    static const struct column_wish wishes[] = {{.column = "emial", .treatment = TREAT_HASH}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO_RELEASE(shaped) shaped = {{0}};
    assert_int_equal(SHAPE(wishes, NULL, &shaped), RC_CONFIG);
    assert_non_null(strstr(shaped.err.text, "no column 'emial'"));
    assert_non_null(strstr(shaped.err.todo, "its columns are: id, email, born, photo"));
}

static void two_columns_of_one_name_are_refused(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .name = "born"}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO_RELEASE(shaped) shaped = {{0}};
    assert_int_equal(SHAPE(wishes, NULL, &shaped), RC_CONFIG);
}

static void two_columns_may_change_their_names(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .name = "born"},
                                                {.column = "born", .name = "email"}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO(shaping) *shaping = NULL;
    AUTO_RELEASE(shaped) shaped = {{0}};
    struct error err;
    assert_int_equal(SHAPE(wishes, NULL, &shaped), RC_OK);
    assert_string_equal(shaped.schema.at, "id:l born:u email:tdD photo:z");
    assert_int_equal(shaping_new("people", schema, wishes, 2, NULL, &shaping, &err), RC_OK);
    AUTO(schema) *known = shaping_known(wishes, 2, shaping_schema(shaping));
    assert_true(schema_equal(known, schema));
}

/* What the source is told of the last waybill: only columns that it would recognise. */
static void the_source_knows_only_what_came_unchanged(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .treatment = TREAT_HASH},
                                                {.column = "photo", .name = "image"}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO(shaping) *shaping = NULL;
    struct error err;
    assert_int_equal(shaping_new("people", schema, wishes, 2, NULL, &shaping, &err), RC_OK);
    AUTO(schema) *known = shaping_known(wishes, 2, shaping_schema(shaping));
    assert_int_equal(known->count, 3);
    assert_int_equal(schema_find(known, "email"), -1);
    assert_true(schema_find(known, "photo") >= 0);
    assert_int_equal(shaping_column(shaping, PHOTO), PHOTO);
    assert_int_equal(shaping_column(shaping, EMAIL), -1);
    assert_int_equal(shaping_column(shaping, BORN), BORN);
}

static void wishes_that_change_nothing_cost_nothing(void **state)
{
    static const struct column_wish wishes[] = {{.column = "email", .as = "text"},
                                                {.column = "gone", .treatment = TREAT_EXCLUDE}};
    AUTO(schema) *schema = schema_of(source_fields, 4);
    AUTO(shaping) *shaping = NULL;
    struct error err;
    assert_int_equal(shaping_new("people", schema, wishes, 2, NULL, &shaping, &err), RC_OK);
    assert_null(shaping);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test(columns_are_renamed_and_left_out_and_the_others_stay),
        cmocka_unit_test(a_hash_is_of_the_values_text_and_null_stays_null),
        cmocka_unit_test(a_key_makes_other_hashes_and_the_schema_tells_which_key),
        cmocka_unit_test(an_hmac_is_that_of_the_standard),
        cmocka_unit_test(a_mask_shows_nothing_or_the_last_four),
        cmocka_unit_test(part_of_bytes_cannot_be_masked),
        cmocka_unit_test(a_text_becomes_another_type_exactly_or_not_at_all),
        cmocka_unit_test(a_wish_for_no_column_is_refused),
        cmocka_unit_test(two_columns_of_one_name_are_refused),
        cmocka_unit_test(two_columns_may_change_their_names),
        cmocka_unit_test(the_source_knows_only_what_came_unchanged),
        cmocka_unit_test(wishes_that_change_nothing_cost_nothing),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
