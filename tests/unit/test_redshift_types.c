/* What Redshift's columns hold: their declarations, and what COPY or a cast can bring into one that is there. */
#include "conform/rows.h"
#include "connect/redshift/types.h"
#include "test.h"

/* The first field, said by its source to be this; lives until the next one. */
static const struct field *field_of(const struct schema *schema, const char *source_type)
{
    static struct field field;
    field = schema->fields[0];
    field.source_type = source_type;
    return &field;
}

/* S35: 33 bytes do not go into 32. */
static void s35_a_varchar_counts_bytes(void **state)
{
    static const struct {
        const char *source, *declared;
    } cases[] = {
        {"varchar(40)", "varchar(160)"},
        {"VARCHAR(40) CHARACTER SET latin1", "varchar(160)"},
        {"char(3)", "varchar(12)"},
        {"character varying(7)", "varchar(28)"},
        {"varchar(20000)", "varchar(65535)"}, /* 80,000 bytes are more than there can be */
        {"varchar(16383)", "varchar(65532)"},
        {"text", "varchar(65535)"},
        {"tinytext", "varchar(765)"},
        {"uuid", "varchar(36)"},
        {"enum('a','it''s','bb')", "varchar(4)"},
        {"set('aa','b','cc')", "varchar(7)"},
        {"", "varchar(65535)"},
    };
    AUTO(schema) *schema = schema_of("c:u");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char declared[DECLARED_TEXT];
        redshift_declare(field_of(schema, cases[i].source), declared);
        assert_string_equal(declared, cases[i].declared);
    }
}

static void bytes_and_the_rest_are_declared(void **state)
{
    static const char *const types[] = {"b", "s", "i", "l", "f", "g", "z", "tdD", "tsu:", "tsu:UTC", "tDu", "d:38,10"};
    static const char *const declared[] = {"boolean",          "smallint",          "integer", "bigint",    "real",
                                           "double precision", "varbyte(16777216)", "date",    "timestamp", "timestamp",
                                           "bigint",           "numeric(38,10)"};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        char text[32], found[DECLARED_TEXT];
        snprintf(text, sizeof(text), "c:%s", types[i]);
        AUTO(schema) *schema = schema_of(text);
        redshift_declare(&schema->fields[0], found);
        assert_string_equal(found, declared[i]);
    }
}

static void only_pairs_that_copy_is_known_to_take_go_straight_in(void **state)
{
    enum { DIRECT, CAST, WIDER, NO };
    static const struct {
        const char *field, *source;
        struct redshift_type type;
        int expected;
    } cases[] = {
        {"c:s", "", {.name = "smallint"}, DIRECT},
        {"c:s", "", {.name = "integer"}, CAST}, /* what is annotated as 16 bits is known to go into smallint alone */
        {"c:i", "", {.name = "integer"}, DIRECT},
        {"c:i", "", {.name = "bigint"}, DIRECT},
        {"c:i", "", {.name = "smallint"}, NO},
        {"c:l", "", {.name = "integer"}, NO},
        {"c:l", "", {.name = "numeric", .precision = 19}, CAST},
        {"c:l", "", {.name = "numeric", .precision = 18}, NO},
        {"c:f", "", {.name = "double precision"}, CAST},
        {"c:g", "", {.name = "real"}, NO},
        {"c:d:10,2", "", {.name = "numeric", .precision = 10, .scale = 2}, DIRECT},
        {"c:d:10,2", "", {.name = "numeric", .precision = 12, .scale = 2}, CAST},
        {"c:d:10,2", "", {.name = "numeric", .precision = 12, .scale = 5}, NO},
        {"c:u", "varchar(10)", {.name = "character varying", .bytes = 40}, DIRECT},
        {"c:u", "varchar(10)", {.name = "character varying", .bytes = 39}, WIDER},
        {"c:u", "text", {.name = "character varying", .bytes = 39}, DIRECT}, /* how long they are, nobody says */
        {"c:u", "", {.name = "character", .bytes = 40}, NO},                 /* pads with blanks */
        {"c:u", "", {.name = "super"}, NO},
        {"c:z", "", {.name = "binary varying", .bytes = 10}, DIRECT},
        {"c:z", "", {.name = "character varying", .bytes = 10}, NO},
        {"c:tdD", "", {.name = "timestamp without time zone"}, CAST},
        {"c:tsu:", "", {.name = "timestamp without time zone"}, DIRECT},
        {"c:tsu:", "", {.name = "timestamp with time zone"}, NO},
        {"c:tsu:UTC", "", {.name = "timestamp with time zone"}, CAST},
        {"c:tDu", "", {.name = "time without time zone"}, NO},
        {"c:tDu", "", {.name = "bigint"}, DIRECT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(schema) *schema = schema_of(cases[i].field);
        struct redshift_fitting fitting = redshift_fit(field_of(schema, cases[i].source), &cases[i].type);
        int found = fitting.fit == FIT_NO ? NO : fitting.fit == FIT_WIDER ? WIDER : fitting.is_direct ? DIRECT : CAST;
        if (found != cases[i].expected)
            fail_msg("%s into %s: %d", cases[i].field, cases[i].type.name, found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s35_a_varchar_counts_bytes),
        cmocka_unit_test(bytes_and_the_rest_are_declared),
        cmocka_unit_test(only_pairs_that_copy_is_known_to_take_go_straight_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
