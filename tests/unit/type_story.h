/* What the values of a column are read as, by its declared type: a table `types` with an `id`, and `v`. For the sources
 * whose declarations decide. */
#pragma once

#include "connect/source.h"
#include "test.h"
#include "world/value.h"

struct type_shop {
    struct source *(*open)(void);
    void (*make)(const char *declared, const char *literals); /* "(1),(NULL)": the table, anew */
    void (*check)(struct source *source, const struct table *table,
                  const char *declared); /* of what was read; or NULL */
};
struct type_example {
    const char *declared, *as, *literals, *format, *texts; /* texts parted by | */
};

/* The values of `v`. */
static inline RC type_read(const struct type_shop *shop, const char *as, struct buf *out, char format[FORMAT_TEXT],
                           struct error *err)
{
    static const struct range everything = {.kind = RANGE_ALL};
    AUTO(source) *source = shop->open();
    AUTO(batch_reader) *reader = NULL;
    AUTO_RELEASE(arena) arena = {0};
    const struct column_override override = {"v", as};
    const struct table *table = NULL;
    const struct batch *batch = NULL;
    struct table_request request = {.name = "types", .overrides = &override, .override_count = as != NULL};
    TRY(source_describe(source, &request, &table, err));
    field_format(&table->schema->fields[1], format);
    TRY(source_read(source, table, &everything, &reader, err));
    TRY(batch_reader_next(reader, &batch, err));
    assert_non_null(batch);
    for (int64_t row = 0; row < batch->rows; row++) {
        struct value value = value_of(batch, 1, row, &arena);
        buf_add_str(out, row > 0 ? S("|") : S(""));
        value_print(&value, &table->schema->fields[1], out);
    }
    TRY(batch_reader_next(reader, &batch, err));
    assert_null(batch);
    batch_reader_free(TAKE(reader));
    if (shop->check != NULL)
        shop->check(source, table, table->schema->fields[1].source_type);
    return RC_OK;
}

#define TYPES_ARE(shop, examples) types_are(shop, examples, sizeof(examples) / sizeof((examples)[0]))
static inline void types_are(const struct type_shop *shop, const struct type_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct type_example *e = &examples[i];
        AUTO_RELEASE(buf) texts = {0};
        char format[FORMAT_TEXT];
        struct error err;
        shop->make(e->declared, e->literals);
        if (type_read(shop, e->as, &texts, format, &err) != RC_OK)
            fail_msg("%s: %s", e->declared, err.text);
        if (strcmp(texts.at, e->texts) != 0 || strcmp(format, e->format) != 0)
            print_error("%s as %s\n", e->declared, or_empty(e->as));
        assert_string_equal(format, e->format);
        assert_string_equal(texts.at, e->texts);
    }
}

/* Neither read nor changed: this rc, and these words in the text or the advice, which name the column. */
static inline void type_is_refused(const struct type_shop *shop, const char *declared, const char *literals,
                                   const char *as, enum rc rc, const char *words)
{
    AUTO_RELEASE(buf) texts = {0};
    char format[FORMAT_TEXT];
    struct error err = {0};
    shop->make(declared, literals);
    assert_int_equal(type_read(shop, as, &texts, format, &err), rc);
    if (strstr(err.text, words) == NULL && strstr(err.todo, words) == NULL)
        fail_msg("%s: '%s' is neither in '%s' nor in '%s'", declared, words, err.text, err.todo);
    assert_non_null(strstr(err.text, "'v'"));
}
