/* What people see: errors, tables, numbers, and a run while it goes on. */
#include "cli/print.h"
#include "cli/progress.h"
#include "test.h"

/* ---- errors, tables, numbers ---- */

static char *out, *messages;

static void print_with(enum output output, const struct error *err)
{
    size_t out_len = 0, messages_len = 0;
    struct cli cli = {.out = open_memstream(&out, &out_len), .messages = open_memstream(&messages, &messages_len)};
    cli.global.output = output;
    print_failure(&cli, err);
    fclose(cli.out);
    fclose(cli.messages);
}

static int forget(void **state)
{
    free(TAKE(out));
    free(TAKE(messages));
    return 0;
}

static void an_error_says_what_and_what_to_do(void **state)
{
    struct error err = {.rc = RC_DENIED, .text = "opening 'a\x1b[2J': denied", .todo = "ask\nsomebody"};
    print_with(OUTPUT_TEXT, &err);
    assert_string_equal(messages, "waybill: error: opening 'a\\x1b[2J': denied\n  what to do: ask\nsomebody\n"
                                  "  more: 'denied' in docs/errors.md\n");
    assert_string_equal(out, "");
}

static void with_json_an_error_is_a_document_too(void **state)
{
    struct error err;
    fail(&err, RC_BUSY, "gr\xc3\xbc\xc3");
    memcpy(err.vendor, "SQLITE_BUSY", sizeof("SQLITE_BUSY"));
    print_with(OUTPUT_JSON, &err);
    assert_string_equal(out, "{\n  \"error\": {\n    \"kind\": \"busy\",\n    \"id\": \"busy\",\n    \"exit_status\": "
                             "5,\n    \"text\": \"gr\xc3\xbc?\",\n"
                             "    \"vendor\": \"SQLITE_BUSY\"\n  }\n}\n");
    assert_string_equal(messages, "waybill: error: gr\xc3\xbc?\n  more: 'busy' in docs/errors.md\n");
}

static void a_table_is_as_wide_as_its_widest_cells(void **state)
{
    size_t len = 0;
    FILE *file = open_memstream(&out, &len);
    AUTO_RELEASE(text_table) table = {.columns = 3, .right = 1 << 1};
    static const char *const cells[] = {"table",  "rows",  "mark", "gr\xc3\xbc\xc3\x9f", "7", NULL,
                                        "orders", "12345", "x\ty"};
    for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++)
        text_table_add(&table, cells[i]);
    text_table_addf(&table, "%d", 1);
    text_table_add(&table, "");
    text_table_add(&table, "");
    text_table_print(&table, file);
    fclose(file);
    assert_string_equal(out, "table    rows  mark\n"
                             "gr\xc3\xbc\xc3\x9f        7  -\n"
                             "orders  12345  x\\x09y\n"
                             "1              \n");
}

static void numbers_are_for_people(void **state)
{
    static const struct {
        int64_t number;
        const char *count, *bytes, *time;
    } cases[] = {
        {0, "0", "0 B", "0s"},
        {59, "59", "59 B", "59s"},
        {999, "999", "999 B", "16m39s"},
        {1000, "1,000", "1.0 kB", "16m40s"},
        {9999, "9,999", "10.0 kB", "2h46m"},
        {999999, "999,999", "1.0 MB", "11d13h"},
        {-1234567, "-1,234,567", "-1234567 B", NULL},
        {INT64_MAX, "9,223,372,036,854,775,807", "9.2 EB", "106751991167300d15h"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[HUMAN_TEXT];
        human_count(cases[i].number, text);
        assert_string_equal(text, cases[i].count);
        human_bytes(cases[i].number, text);
        assert_string_equal(text, cases[i].bytes);
        if (cases[i].time != NULL) {
            human_time(cases[i].number, text);
            assert_string_equal(text, cases[i].time);
        }
    }
}

/* ---- progress ---- */

static int64_t now_ms;
static int columns, rows_of_screen, tables /* of the run */;
static struct buf screen, logged;
static int writes;

static int64_t test_now_us(struct clock *self) { return now_ms * 1000; }
static int64_t test_mono_ms(struct clock *self) { return now_ms; }
static struct clock test_clock = {.now_us = test_now_us, .mono_ms = test_mono_ms};

static void screen_write(void *context, const char *bytes, size_t len)
{
    buf_add(&screen, bytes, len);
    writes++;
}
static void screen_size(void *context, int *ret_columns, int *ret_rows)
{
    *ret_columns = columns;
    *ret_rows = rows_of_screen;
}
static int64_t screen_memory(void *context) { return 61000000; }
static const struct progress_screen test_screen = {screen_write, screen_size, screen_memory, NULL};
static void log_sink(void *context, const char *line, int len) { buf_add(&logged, line, (size_t)len); }

static int begin_progress(void **state)
{
    now_ms = 1000;
    columns = 200;
    rows_of_screen = 24;
    tables = 0;
    writes = 0;
    log_configure(&(struct log_config){.level = LOG_INFO, .clock = &test_clock, .sink = log_sink});
    return 0;
}

static int end_progress(void **state)
{
    log_configure(&(struct log_config){.level = LOG_NONE});
    buf_release(&screen);
    buf_release(&logged);
    return 0;
}

static struct progress_state moment(const char *table, int64_t rows, const char *result)
{
    return (struct progress_state){
        .table = table,
        .phase = "extract",
        .rows = rows,
        .rows_total = 4000000,
        .work = rows,
        .work_total = 4000000,
        .is_working = true,
        .bytes = rows * 10,
        .is_done = result != NULL,
        .tables = tables,
        .result = result,
    };
}

static void tell(struct progress_view *view, const char *table, int64_t rows, const char *result)
{
    struct progress_state state = moment(table, rows, result);
    progress_update(progress_of(view), &state);
}

/* Nothing of it moves any more; others go on. */
static void tell_through(struct progress_view *view, const char *table, int64_t rows, const char *result)
{
    struct progress_state state = moment(table, rows, result);
    state.phase = "announce";
    state.is_through = true;
    state.is_done = false;
    progress_update(progress_of(view), &state);
}

static void a_live_line_is_rewritten_at_most_ten_times_a_second(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    tell(view, "orders", 0, NULL);
    assert_string_equal(screen.at, "orders  extract       0s  0 rows  0/s  0 B  0 B/s  mem 61.0 MB");
    for (; now_ms < 3000; now_ms++)
        tell(view, "orders", (now_ms - 1000) * 500, NULL);
    assert_int_equal(writes, 20);
    now_ms += 100;
    buf_reset(&screen);
    tell(view, "orders", 1000000, NULL);
    assert_string_equal(screen.at, "\r\x1b[Jorders  extract       2s  1,000,000 rows  476,190/s  10.0 MB  4.8 MB/s "
                                   " mem 61.0 MB  eta 6s");
}

static void a_live_line_never_wraps(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    columns = 20;
    tell(view, "t\xc3\xa4\x1b[31mble", 0, NULL);
    assert_string_equal(screen.at, "t\xc3\xa4?[31mble  extract");
}

static void where_there_is_little_room_what_is_left_of_the_work_goes_last(void **state)
{
    static const struct {
        int columns;
        const char *line;
    } cases[] = {
        {90, "orders  extract       2s  1,000,000 rows  476,190/s  10.0 MB  mem 61.0 MB  eta 6s"},
        {80, "orders  extract       2s  1,000,000 rows  476,190/s  10.0 MB  eta 6s"},
        {60, "orders  extract       2s  1,000,000 rows  476,190/s  eta 6s"},
        {50, "orders  extract       2s  1,000,000 rows  eta 6s"},
        {42, "orders  extract       2s  1,000,000 rows"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(progress_view) *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
        columns = cases[i].columns;
        tell(view, "orders", 0, NULL);
        now_ms += 2100;
        buf_reset(&screen);
        tell(view, "orders", 1000000, NULL);
        assert_string_equal(screen.at + strlen("\r\x1b[J"), cases[i].line);
    }
}

static void of_a_long_name_the_end_is_shown(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    columns = 60;
    tell(view, "settlement.normal_delivery_detail", 0, NULL);
    assert_string_equal(screen.at, "..al_delivery_detail  extract       0s  0 rows  0/s  0 B");
    buf_reset(&screen);
    tell(view, "settlement.sch\xc3\xb6ne_bestellungen", 0, NULL);
    assert_non_null(strstr(screen.at, "\n..ch\xc3\xb6ne_bestellungen  extract"));
}

static void several_tables_have_a_line_each_and_what_is_through_stays_above(void **state)
{
    struct progress_view *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    columns = 40;
    tables = 3;
    tell(view, "a", 0, NULL);
    buf_reset(&screen);
    tell(view, "b", 0, NULL);
    assert_string_equal(screen.at, "\x1b[1A\r\x1b[Ja  extract       0s  0 rows  0/s  0 B\n"
                                   "b  extract       0s  0 rows  0/s  0 B\n0 of 3 tables through  0s  mem 61.0 MB");
    buf_reset(&screen);
    tell_through(view, "a", 10, "success");
    assert_string_equal(screen.at, "\x1b[2A\r\x1b[Ja  through       0s  10 rows  0/s\n"
                                   "b  extract       0s  0 rows  0/s  0 B\n1 of 3 tables through  0s  mem 61.0 MB");
    buf_reset(&screen);
    progress_view_log(view, "a log line\n", 11);
    assert_string_equal(screen.at, "\x1b[1A\r\x1b[Ja log line\n"
                                   "b  extract       0s  0 rows  0/s  0 B\n1 of 3 tables through  0s  mem 61.0 MB");
    buf_reset(&screen);
    tell_through(view, "b", 0, "failed");
    assert_string_equal(screen.at, "\x1b[1A\r\x1b[Jb  failed        0s  0 rows  0/s  0 B\n"
                                   "1 of 3 tables through, 1 failed  0s  me");
    buf_reset(&screen);
    tell(view, "b", 0, "failed");
    tell(view, "a", 10, "success");
    assert_string_equal(screen.at, "\r\x1b[J"); /* each has one line, and nothing live is left standing */
    buf_reset(&screen);
    progress_view_free(view);
    assert_int_equal(screen.len, 0);
}

static void a_run_that_ends_half_way_leaves_its_lines_standing(void **state)
{
    struct progress_view *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    tell(view, "a", 0, NULL);
    buf_reset(&screen);
    progress_view_free(view);
    assert_string_equal(screen.at, "\n");
}

static void rows_that_are_sent_to_the_target_are_told_while_they_are_on_their_way(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    struct progress_state s = moment("orders", 1000, NULL);
    s.work = 1400;
    progress_update(progress_of(view), &s);
    assert_non_null(strstr(screen.at, "  1,000 rows  400 sent  0/s  10.0 kB"));
}

/* Those that fit, and the count of all. */
static void more_tables_than_the_terminal_has_lines_do_not_scroll_it(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_BAR, &test_clock, &test_screen);
    char table[8];
    rows_of_screen = 10;
    tables = 40;
    for (int i = 1; i <= 40; i++) {
        snprintf(table, sizeof(table), "t%d.", i);
        buf_reset(&screen);
        tell(view, table, 0, NULL);
        now_ms += 1000;
    }
    int lines = 0;
    for (const char *at = screen.at; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 8);
    assert_non_null(strstr(screen.at, "0 of 40 tables through"));
}

static void without_a_terminal_there_is_a_log_line_every_few_seconds(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_LOG, &test_clock, &test_screen);
    tell(view, "orders", 0, NULL);
    assert_int_equal(logged.len, 0);
    now_ms += 5000;
    tell(view, "orders", 1000000, NULL);
    assert_string_equal(
        logged.at, "1970-01-01T00:00:06.000Z info  progress of=orders phase=extract rows=1000000 rows_total=4000000 "
                   "rows_per_second=200000 bytes=10000000 memory_bytes=61000000 eta_seconds=15\n");
    buf_reset(&logged);
    now_ms += 100;
    tell(view, "orders", 1000001, NULL);
    assert_int_equal(logged.len, 0);
    tell(view, "orders", 1000001, "failed");
    assert_string_equal(
        logged.at,
        "1970-01-01T00:00:06.100Z info  progress.done of=orders result=failed rows=1000001 rows_per_second=196078 "
        "bytes=10000010 memory_bytes=61000000\n");
    assert_int_equal(screen.len, 0);
}

static void with_json_every_line_is_a_document(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_JSON, &test_clock, &test_screen);
    tell(view, "orders", 0, NULL);
    now_ms += 1000;
    tell(view, "orders", 500, "success");
    assert_string_equal(
        screen.at,
        "{\"event\":\"progress\",\"table\":\"orders\",\"phase\":\"extract\",\"rows\":500,\"rows_total\":4000000,"
        "\"rows_per_second\":500,\"bytes\":5000,\"bytes_per_second\":5000,\"memory_bytes\":61000000,"
        "\"eta_seconds\":null,\"waits_for\":null,\"done\":true,\"result\":\"success\"}\n");
}

/* ---- the rest, as it is expected ---- */

/* The last "eta_seconds" that was told; -1: null. */
static int64_t told_eta(void)
{
    const char *at = screen.at, *last = "";
    while (at != NULL && (at = strstr(at, "\"eta_seconds\":")) != NULL)
        last = at += strlen("\"eta_seconds\":");
    assert_string_not_equal(last, "");
    return strncmp(last, "null", 4) == 0 ? -1 : strtoll(last, NULL, 10);
}

static struct progress_state work(const char *phase, int64_t done, int64_t total)
{
    return (struct progress_state){.table = "orders",
                                   .phase = phase,
                                   .rows = done,
                                   .rows_total = total,
                                   .work = done,
                                   .work_total = total,
                                   .is_working = text_eq(phase, "extract")};
}

/* One second later. */
static void work_on(struct progress_view *view, const char *phase, int64_t done, int64_t total)
{
    struct progress_state state = work(phase, done, total);
    now_ms += 1000;
    progress_update(progress_of(view), &state);
}

static void waits_are_no_measure_of_what_is_left(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_JSON, &test_clock, &test_screen);
    for (int i = 0; i < 600; i++)
        work_on(view, "waiting", 0, 5000);
    work_on(view, "bound", 0, 5000);
    assert_int_equal(told_eta(), -1);
    work_on(view, "extract", 0, 5000);
    work_on(view, "extract", 1000, 5000);
    assert_int_equal(told_eta(), 4);
    assert_non_null(strstr(screen.at, "\"rows_per_second\":1000,"));
}

static void what_is_left_is_expected_at_the_rate_of_late(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_JSON, &test_clock, &test_screen);
    int64_t done = 0, total = 300000;
    work_on(view, "extract", 0, total);
    for (int i = 0; i < 100; i++)
        work_on(view, "extract", done += 1000, total);
    assert_int_equal(told_eta(), 200);
    for (int i = 0; i < 300; i++)
        work_on(view, "extract", done += 100, total); /* the source has become slow */
    assert_in_range(told_eta(), 1600, 1700);
}

static void where_nothing_is_known_nothing_is_said(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_JSON, &test_clock, &test_screen);
    work_on(view, "extract", 0, 5000);
    work_on(view, "extract", 1000, -1);
    assert_int_equal(told_eta(), -1);
    work_on(view, "extract", 2000, 5000);
    assert_int_equal(told_eta(), 3);
    work_on(view, "extract", 1000, 5000); /* tried again */
    assert_in_range(told_eta(), 1, 5);
    work_on(view, "extract", 6000, 5000); /* more than were counted */
    assert_int_equal(told_eta(), -1);
}

static void none_is_silent_and_nobody_has_to_look(void **state)
{
    AUTO(progress_view) *view = progress_view_new(PROGRESS_NONE, &test_clock, &test_screen);
    tell(view, "orders", 0, NULL);
    tell(view, "orders", 5, "success");
    assert_int_equal(screen.len + logged.len, 0);
    progress_update(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test_teardown(an_error_says_what_and_what_to_do, forget),
        cmocka_unit_test_teardown(with_json_an_error_is_a_document_too, forget),
        cmocka_unit_test_teardown(a_table_is_as_wide_as_its_widest_cells, forget),
        cmocka_unit_test_teardown(numbers_are_for_people, forget),
        cmocka_unit_test_setup_teardown(a_live_line_is_rewritten_at_most_ten_times_a_second, begin_progress,
                                        end_progress),
        cmocka_unit_test_setup_teardown(a_live_line_never_wraps, begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(several_tables_have_a_line_each_and_what_is_through_stays_above, begin_progress,
                                        end_progress),
        cmocka_unit_test_setup_teardown(where_there_is_little_room_what_is_left_of_the_work_goes_last, begin_progress,
                                        end_progress),
        cmocka_unit_test_setup_teardown(of_a_long_name_the_end_is_shown, begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(a_run_that_ends_half_way_leaves_its_lines_standing, begin_progress,
                                        end_progress),
        cmocka_unit_test_setup_teardown(rows_that_are_sent_to_the_target_are_told_while_they_are_on_their_way,
                                        begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(more_tables_than_the_terminal_has_lines_do_not_scroll_it, begin_progress,
                                        end_progress),
        cmocka_unit_test_setup_teardown(without_a_terminal_there_is_a_log_line_every_few_seconds, begin_progress,
                                        end_progress),
        cmocka_unit_test_setup_teardown(with_json_every_line_is_a_document, begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(waits_are_no_measure_of_what_is_left, begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(what_is_left_is_expected_at_the_rate_of_late, begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(where_nothing_is_known_nothing_is_said, begin_progress, end_progress),
        cmocka_unit_test_setup_teardown(none_is_silent_and_nobody_has_to_look, begin_progress, end_progress),
    };
    return cmocka_run_group_tests(tests_here, NULL, NULL);
}
