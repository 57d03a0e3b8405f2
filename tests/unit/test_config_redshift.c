/* What a pipeline into Redshift may say, and what others may not. */
#include "config_story.h"

#define AROUND_REDSHIFT                                                                                                \
    "connections:\n"                                                                                                   \
    "  shop: {type: sqlite, path: shop.db}\n"                                                                          \
    "  files: {type: directory, path: lake}\n"                                                                         \
    "  lake: {type: s3, bucket: lake, region: eu-west-1}\n"                                                            \
    "  old: {type: sqlite, path: dw.db}\n"                                                                             \
    "  dw: {type: redshift, host: dw.x.eu-west-1.redshift.amazonaws.com, database: dw, user: etl}\n"
#define ROUTE "pipelines: {p: {source: shop, stage: {store: lake%s}, target: %s, tables: {t: {%s}}}}\n"

static const struct pipeline_config *pipeline_of(const char *stage, const char *target, const char *table)
{
    assert_loads(arena_print(&story.arena, AROUND_REDSHIFT ROUTE, stage, target, table));
    return pick(NULL);
}

static void refused(const char *text, const char *word)
{
    struct error err = {0};
    assert_int_equal(config_story_load(text, &err), RC_CONFIG);
    if (strstr(err.text, word) == NULL)
        fail_msg("'%s' is not in '%s'", word, err.text);
}

static void table_refused(const char *target, const char *table, const char *word)
{
    refused(arena_print(&story.arena, AROUND_REDSHIFT ROUTE, "", target, table), word);
}

static void files_for_redshift_have_its_profile_unasked(void **state)
{
    assert_int_equal(pipeline_of("", "dw", "")->profile, PARQUET_REDSHIFT);
    assert_int_equal(pipeline_of("", "none", "")->profile, PARQUET_DEFAULT);
    assert_int_equal(pipeline_of(", profile: redshift", "none", "")->profile, PARQUET_REDSHIFT);
    refused(arena_print(&story.arena, AROUND_REDSHIFT ROUTE, ", profile: modern", "dw", ""), "profile 'redshift' only");
    refused(arena_print(&story.arena, AROUND_REDSHIFT ROUTE, ", compression: lz4", "dw", ""), "lz4");
}

static void a_stage_that_redshift_cannot_read_is_refused(void **state)
{
    refused(AROUND_REDSHIFT "pipelines: {p: {source: shop, stage: {store: files}, target: dw, tables: {t: {}}}}\n",
            "reads staged files from S3 by itself, and 'files' is of type 'directory'");
}

static void a_table_is_laid_out_as_it_says(void **state)
{
    const struct target_layout *layout = pipeline_of("", "dw",
                                                     "distkey: c, sortkey: [a, b], sortstyle: interleaved, "
                                                     "columns: {a: {encode: zstd}, B: {name: b, encode: raw}}")
                                             ->tables[0]
                                             .layout;
    assert_string_equal(layout->diststyle, "KEY");
    assert_string_equal(layout->distkey, "c");
    assert_int_equal(layout->sortkey_count, 2);
    assert_string_equal(layout->sortkey[1], "b");
    assert_true(layout->is_interleaved);
    assert_int_equal(layout->encode_count, 2);
    assert_string_equal(layout->encodes[1].column, "b"); /* by its name in the target */
    assert_string_equal(layout->encodes[1].encode, "raw");
    assert_null(pipeline_of("", "dw", "")->tables[0].layout);
    assert_string_equal(pipeline_of("", "dw", "diststyle: all")->tables[0].layout->diststyle, "ALL");
}

static void what_makes_no_sense_for_a_layout_is_refused(void **state)
{
    table_refused("dw", "diststyle: key", "needs a 'distkey'");
    table_refused("dw", "diststyle: even, distkey: c", "'diststyle: even' spreads rows by no 'distkey'");
    table_refused("dw", "sortstyle: compound", "needs a 'sortkey'");
    table_refused("dw", "sortkey: [a, b, c, d, e, f, g, h, i], sortstyle: interleaved", "have 8 at most");
    table_refused("dw", "columns: {a: {encode: snappy}}", "there is no encoding 'snappy'");
}

static void words_of_redshift_are_for_redshift(void **state)
{
    table_refused("old", "distkey: c", "'distkey' is for Redshift, and sqlite has no such thing");
    table_refused("old", "sortkey: c", "'sortkey' is for Redshift");
    table_refused("none", "diststyle: all", "'diststyle' is for Redshift, and 'target: none' has no such thing");
    table_refused("old", "columns: {a: {encode: zstd}}", "'encode' is for Redshift");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_CASE(files_for_redshift_have_its_profile_unasked),
        CONFIG_CASE(a_stage_that_redshift_cannot_read_is_refused),
        CONFIG_CASE(a_table_is_laid_out_as_it_says),
        CONFIG_CASE(what_makes_no_sense_for_a_layout_is_refused),
        CONFIG_CASE(words_of_redshift_are_for_redshift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
