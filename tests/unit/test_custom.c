/* custom_sql: what is one SELECT, what stands for its placeholders, and which bounds it is given. */
#include "connect/custom.h"
#include "test.h"

static const struct custom_dialect mysql = {.has_backslashes = true, .has_hash_comments = true},
                                   postgres = {.has_dollar_quotes = true, .has_nested_comments = true},
                                   sqlite = {.has_brackets = true};

static const char *fault_of(const char *sql, const struct custom_dialect *dialect, struct error *err)
{
    *err = (struct error){0};
    return custom_check("t", sql, dialect, err) == RC_OK ? NULL : err->text;
}

static void assert_taken(const char *sql, const struct custom_dialect *dialect)
{
    struct error err;
    const char *fault = fault_of(sql, dialect, &err);
    if (fault != NULL)
        fail_msg("%s: %s", sql, fault);
}

static void assert_refused(const char *sql, const struct custom_dialect *dialect, const char *words)
{
    struct error err;
    const char *fault = fault_of(sql, dialect, &err);
    if (fault == NULL || strstr(fault, words) == NULL)
        fail_msg("%s: %s, and not %s", sql, fault != NULL ? fault : "taken", words);
    assert_int_equal(err.rc, RC_CONFIG);
}

static const char *written(const char *sql, const struct custom_dialect *dialect, struct buf *out)
{
    static const char *const instead[] = {"<L>", "<U>", "<N>"};
    custom_write(sql, dialect, instead, out);
    return out->at;
}

static void one_select_is_taken(void **state)
{
    static const char *const selects[] = {
        "SELECT 1",
        "  select a, b from t where x >= :lower and x < :upper limit :limit ;  ",
        "-- what is new\nSELECT a FROM t -- to the end",
        "/* ; DROP */ SELECT ';', \")\" FROM t",
        "SELECT (SELECT max(x) FROM u WHERE u.id = t.id) AS x FROM t",
        "WITH n AS (SELECT 1 AS a) SELECT a, replace(b, 'x', 'y') AS c, \"update\" FROM n",
        "SELECT 'it''s' FROM t",
        "SELECT 1 UNION ALL SELECT 2",
    };
    for (size_t i = 0; i < sizeof(selects) / sizeof(*selects); i++) {
        assert_taken(selects[i], &mysql);
        assert_taken(selects[i], &postgres);
        assert_taken(selects[i], &sqlite);
    }
    assert_taken("SELECT '\\'); DROP TABLE t; -- ' FROM t # )\n", &mysql);
    assert_taken("SELECT `)` FROM t", &mysql);
    assert_taken("SELECT $$ ); DROP $$, $a$ $$ ) $a$, E'\\')', a::text, $1$ FROM t", &postgres);
    assert_taken("SELECT /* /* ) */ ) */ a FROM t", &postgres);
    assert_taken("SELECT [a)] FROM t", &sqlite);
}

static void what_is_not_one_select_is_refused(void **state)
{
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"", "does not begin with SELECT"},
        {"DELETE FROM t", "does not begin with SELECT"},
        {"(SELECT 1)", "does not begin with SELECT"},
        {"SELECT 1; SELECT 2", "more than one statement"},
        {"SELECT 1; -- and\n DROP TABLE t", "more than one statement"},
        {"SELECT 1) AS x, (SELECT 2", "closed that was not opened"},
        {"SELECT 1)", "closed that was not opened"},
        {"SELECT (1", "not closed"},
        {"SELECT (1;", "not closed"},
        {"SELECT 'a", "does not end"},
        {"SELECT 1 /* a", "does not end"},
        {"SELECT a FROM t WHERE x > :from", "placeholder other than"},
        {"SELECT a FROM t WHERE x > :lowers", "placeholder other than"},
        {"SELECT a INTO u FROM t", "INTO"},
        {"WITH n AS (DELETE FROM t RETURNING 1) SELECT * FROM n", "changes something"},
        {"WITH n AS (SELECT 1) INSERT INTO t SELECT * FROM n", "changes something"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_refused(cases[i].sql, &mysql, cases[i].words);
        assert_refused(cases[i].sql, &postgres, cases[i].words);
        assert_refused(cases[i].sql, &sqlite, cases[i].words);
    }
    assert_refused("SELECT 1 /*! ) UNION (SELECT 2 */", &mysql, "executes");
    assert_refused("SELECT 1--2) UNION (SELECT 3", &mysql, "closed that was not opened");
    assert_refused("SELECT '\\'); SELECT 2", &postgres, "closed that was not opened");
    assert_refused("SELECT $a$ )", &postgres, "does not end");
}

static void placeholders_are_replaced_and_nothing_else(void **state)
{
    AUTO_RELEASE(buf) a = {0}, b = {0}, c = {0};
    assert_string_equal(
        written("SELECT ':lower', a FROM t WHERE x>=:lower AND x<:upper AND y=:lower LIMIT :limit;", &mysql, &a),
        "(SELECT ':lower', a FROM t WHERE x>=<L> AND x<<U> AND y=<L> LIMIT <N>\n)");
    assert_string_equal(written("SELECT a::text, $q$:upper$q$ FROM t -- :lower\nWHERE :upper>x", &postgres, &b),
                        "(SELECT a::text, $q$:upper$q$ FROM t -- :lower\nWHERE <U>>x\n)");
    assert_string_equal(written("SELECT 1 -- the end", &sqlite, &c), "(SELECT 1 -- the end\n)");
}

/* Whoever writes > for >= loses nothing: what is asked for is cut exactly outside of the statement. */
static void bounds_are_a_tick_wider_than_the_range(void **state)
{
    const struct form seconds = {.kind = FORM_TEXT, .separator = ' '}, millis = {.kind = FORM_EPOCH, .digits = 3};
    const struct form date = {.kind = FORM_DATE};
    char lower[CURSOR_TEXT], upper[CURSOR_TEXT];
    struct range range = {.kind = RANGE_CURSOR,
                          .lo = {.shape = POSITION_AT, .at = "2024-05-01 00:00:00"},
                          .hi = {.shape = POSITION_AT, .at = "2024-05-31 23:59:59"}};
    custom_bounds(&seconds, &range, lower, upper);
    assert_string_equal(lower, "2024-04-30 23:59:59");
    assert_string_equal(upper, "2024-06-01 00:00:00");
    range.lo = (struct position){0};
    custom_bounds(&seconds, &range, lower, upper);
    assert_string_equal(lower, "0001-01-01 00:00:00");
    range = (struct range){
        .kind = RANGE_TIME, .lo = {.shape = POSITION_AT, .at = "1000"}, .hi = {.shape = POSITION_AT, .at = "2000"}};
    custom_bounds(&millis, &range, lower, upper);
    assert_string_equal(lower, "999");
    assert_string_equal(upper, "2001");
    range = (struct range){.kind = RANGE_ALL, .hi = {.shape = POSITION_AT, .at = "2024-05-01"}};
    custom_bounds(&date, &range, lower, upper);
    assert_string_equal(lower, "0001-01-01");
    assert_string_equal(upper, "9999-12-31");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_select_is_taken),
        cmocka_unit_test(what_is_not_one_select_is_refused),
        cmocka_unit_test(placeholders_are_replaced_and_nothing_else),
        cmocka_unit_test(bounds_are_a_tick_wider_than_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
