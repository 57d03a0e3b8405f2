/* S57: keys of every kind are split between the readers of MySQL. */
#include "mysql_server.h"
#include "unit/split_story.h"

enum { ROWS = 100000 }; /* half of them is what InnoDB estimates at most */
static MYSQL *app;

/* `value`: of the key, for the number seq; cursors tie. */
static void split(const char *declared, const char *value)
{
    const char *const key[] = {"k"};
    server_clear(app);
    server_runf(app,
                "CREATE TABLE t (k %s NOT NULL PRIMARY KEY, at DATETIME(6) NOT NULL, note VARCHAR(40), KEY (at))"
                " CHARACTER SET utf8mb4; INSERT INTO t SELECT %s, '2024-01-01' + INTERVAL seq DIV 7 SECOND,"
                " CONCAT('note ', seq) FROM seq_1_to_%d; ANALYZE TABLE t",
                declared, value, ROWS);
    AUTO(source) *source = server_source(0);
    split_all_ways(source, "t", key, 1, ROWS);
}

static void s57_sparse_unsigned_and_negative_numbers_are_split(void **state)
{
    split("INT", "CAST(seq AS SIGNED) * 20000 - 900000000");
    split("BIGINT UNSIGNED", "IF(seq < 20000, seq, 18446744073709551615 - seq)");
}

static void s57_texts_are_split_as_their_collation_orders_them(void **state)
{
    split("VARCHAR(40) COLLATE utf8mb4_general_ci", "CONCAT(ELT(1 + seq % 4, 'a', 'B', 'c', 'D'), MD5(seq))");
}

static void s57_bytes_and_times_are_split(void **state)
{
    split("BINARY(16)", "UNHEX(MD5(seq))");
    split("DATETIME(6)", "'1999-12-31' + INTERVAL seq * 7 MICROSECOND");
}

static void s57_keys_of_several_columns_are_split(void **state)
{
    const char *const key[] = {"grp", "k"};
    server_clear(app);
    server_runf(
        app,
        "CREATE TABLE t (grp VARCHAR(9) NOT NULL, k INT NOT NULL, at DATETIME(6) NOT NULL, PRIMARY KEY (grp, k),"
        " KEY (at)); INSERT INTO t SELECT CONCAT('g', seq %% 3), seq, '2024-01-01' + INTERVAL seq SECOND FROM"
        " seq_1_to_%d; ANALYZE TABLE t",
        ROWS);
    AUTO(source) *source = server_source(0);
    split_all_ways(source, "t", key, 2, ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s57_sparse_unsigned_and_negative_numbers_are_split),
        cmocka_unit_test(s57_texts_are_split_as_their_collation_orders_them),
        cmocka_unit_test(s57_bytes_and_times_are_split),
        cmocka_unit_test(s57_keys_of_several_columns_are_split),
    };
    if (!server_enter())
        return 0;
    app = server_app();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mysql_close(app);
    server_leave();
    return failed;
}
