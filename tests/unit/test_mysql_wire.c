/* Packets, statements and rows of MySQL's protocol as bytes: cut, parted, lying, out of order. What a real server sends
 * is told in test_source_mysql*.c. */
#include <errmsg.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mysql_answer.h"
#include "test.h"

static atomic_int stop;
static const struct opening with = {.stop = &stop};
static const struct mysql_settings settings = {.name = "shop", .read_ms = 5000, .with = &with};

/* ---- an answer of rows, read to its end ---- */

struct seen {
    int64_t rows, sum;
    struct error err;
};

static RC read_rows(struct statement *statement, struct seen *seen, struct error *err)
{
    struct row_column columns[2];
    AUTO(batch_builder) *builder = batch_builder_new(answer_schema());
    bool is_refused = false, is_row = true;
    int column;
    int64_t zero_dates = 0;
    answer_columns(columns);
    TRY(statement_read_head(statement, &is_refused, err));
    assert_false(is_refused);
    for (struct str row; is_row; seen->rows += is_row) {
        TRY(statement_next(statement, &is_row, &row, err));
        if (!is_row)
            break;
        if (statement->column_count != 2 || row_put(columns, 2, row, builder, &column, &zero_dates) != ROW_PUT)
            return wire_fail_malformed(&statement->wire, err);
        const struct batch *batch = builder_finish(builder);
        seen->sum += batch_is_null(batch, 0, 0) ? 0 : batch_int64(batch, 0, 0);
    }
    return RC_OK;
}

static enum rc read_bytes(struct str bytes, bool ends_with_ok, struct seen *seen)
{
    struct mysql_session session = {.settings = &settings};
    AUTO_RELEASE(statement) statement;
    *seen = (struct seen){0};
    statement_init_bytes(&statement, &session, bytes);
    statement.ends_with_ok = ends_with_ok;
    enum rc rc = read_rows(&statement, seen, &seen->err);
    assert_int_equal(session.is_broken, rc != RC_OK && seen->err.rc == RC_UNAVAILABLE &&
                                            strtol(seen->err.vendor, NULL, 10) >= CR_MIN_ERROR);
    return rc;
}

static void three_rows(struct answer *answer)
{
    answer_head(answer);
    for (int id = 1; id <= 3; id++)
        answer_row(answer, id, S("some text"));
}

static void whole(struct answer *answer)
{
    three_rows(answer);
    answer_end(answer, 2);
}

static void rows_are_read_to_the_end_that_the_server_says(void **state)
{
    for (int ends_with_ok = 0; ends_with_ok <= 1; ends_with_ok++) {
        AUTO_RELEASE(answer) answer = {.ends_with_ok = ends_with_ok};
        struct seen seen;
        whole(&answer);
        assert_int_equal(read_bytes(buf_str(&answer.bytes), ends_with_ok, &seen), RC_OK);
        assert_int_equal(seen.rows, 3);
        assert_int_equal(seen.sum, 6);
    }
}

/* S61. */
static void s61_a_stream_that_is_cut_at_any_byte_is_never_an_end(void **state)
{
    for (int ends_with_ok = 0; ends_with_ok <= 1; ends_with_ok++) {
        AUTO_RELEASE(answer) answer = {.ends_with_ok = ends_with_ok};
        whole(&answer);
        for (size_t len = 0; len < answer.bytes.len; len++) {
            struct seen seen;
            assert_int_equal(read_bytes((struct str){answer.bytes.at, len}, ends_with_ok, &seen), RC_UNAVAILABLE);
            assert_string_equal(seen.err.vendor, "2013");
        }
    }
}

static bool refuses(const struct answer *answer, enum rc rc, const char *vendor)
{
    struct seen seen;
    enum rc got = read_bytes(buf_str(&answer->bytes), answer->ends_with_ok, &seen);
    if (got != rc || strcmp(seen.err.vendor, vendor) != 0)
        print_error("%s, %s: %s\n", rc_name(got), seen.err.vendor, seen.err.text);
    return got == rc && strcmp(seen.err.vendor, vendor) == 0;
}

static void an_end_of_another_form_is_none(void **state)
{
    AUTO_RELEASE(answer) short_end = {.ends_with_ok = true}, long_end = {0}, more = {0}, stranger = {0};
    three_rows(&short_end);
    answer_eof(&short_end);
    assert_true(refuses(&short_end, RC_UNAVAILABLE, "2027"));
    three_rows(&long_end);
    answer_packet(&long_end, S("\xfe\0\0\x02\0\0\0"));
    assert_true(refuses(&long_end, RC_UNAVAILABLE, "2027"));
    three_rows(&more);
    answer_end(&more, 8); /* another result would follow, and be taken for the answer to the next command */
    assert_true(refuses(&more, RC_UNAVAILABLE, "2027"));
    three_rows(&stranger);
    answer_packet(&stranger, S("\x01"));
    assert_true(refuses(&stranger, RC_UNAVAILABLE, "2027"));
}

static void packets_out_of_order_are_refused(void **state)
{
    AUTO_RELEASE(answer) missing = {0}, twice = {0};
    answer_head(&missing);
    answer_row(&missing, 1, S("x"));
    missing.number++;
    answer_end(&missing, 2);
    assert_true(refuses(&missing, RC_UNAVAILABLE, "2013"));
    answer_head(&twice);
    answer_row(&twice, 1, S("x"));
    twice.number--;
    answer_row(&twice, 1, S("x"));
    answer_end(&twice, 2);
    assert_true(refuses(&twice, RC_UNAVAILABLE, "2013"));
}

static void an_error_between_rows_is_the_servers(void **state)
{
    static const struct {
        unsigned code;
        enum rc rc;
    } errors[] = {{ER_QUERY_INTERRUPTED, RC_UNAVAILABLE},
                  {ER_CONNECTION_KILLED, RC_UNAVAILABLE},
                  {ER_LOCK_DEADLOCK, RC_BUSY},
                  {ER_TABLEACCESS_DENIED_ERROR, RC_DENIED}};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        AUTO_RELEASE(answer) answer = {0};
        struct mysql_session session = {.settings = &settings};
        AUTO_RELEASE(statement) statement;
        struct seen seen = {0};
        three_rows(&answer);
        answer_error(&answer, errors[i].code, "what it says");
        statement_init_bytes(&statement, &session, buf_str(&answer.bytes));
        assert_int_equal(read_rows(&statement, &seen, &seen.err), errors[i].rc);
        assert_int_equal(strtol(seen.err.vendor, NULL, 10), errors[i].code);
        assert_non_null(strstr(seen.err.text, "what it says"));
        assert_int_equal(seen.rows, 3);
        assert_int_equal(session.is_broken, errors[i].code == ER_CONNECTION_KILLED);
    }
}

/* MariaDB tells how far a long statement has come by an error that is none. */
static void reports_of_progress_are_no_errors(void **state)
{
    AUTO_RELEASE(answer) answer = {0};
    struct seen seen;
    answer_error(&answer, 0xffff, "1 of 9");
    three_rows(&answer);
    answer_error(&answer, 0xffff, "2 of 9");
    answer_error(&answer, 0xffff, "3 of 9");
    answer_row(&answer, 4, S("x"));
    answer_error(&answer, 0xffff, "4 of 9");
    answer_end(&answer, 2);
    assert_int_equal(read_bytes(buf_str(&answer.bytes), false, &seen), RC_OK);
    assert_int_equal(seen.rows, 4);
}

/* Every byte is every other byte once: an error, or rows; never a byte that is not there (the sanitizers look). */
static void no_byte_that_lies_is_believed(void **state)
{
    AUTO_RELEASE(answer) answer = {0};
    whole(&answer);
    AUTO_RELEASE(buf) bytes = {0};
    buf_add_str(&bytes, buf_str(&answer.bytes));
    for (size_t i = 0; i < bytes.len; i++) {
        for (int byte = 0; byte < 256; byte++) {
            struct seen seen;
            bytes.at[i] = (char)byte;
            enum rc rc = read_bytes(buf_str(&bytes), false, &seen);
            assert_true(rc != RC_OK || seen.rows <= 3);
        }
        bytes.at[i] = answer.bytes.at[i];
    }
}

/* ---- long packets ---- */

static void packets_of_several_pieces_are_joined(void **state)
{
    static const size_t lens[] = {WIRE_PIECE_MAX - 1, WIRE_PIECE_MAX, WIRE_PIECE_MAX + 1, 2 * WIRE_PIECE_MAX};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct mysql_session session = {.settings = &settings};
        AUTO_RELEASE(answer) answer = {0};
        AUTO_RELEASE(wire) wire = {0};
        AUTO_RELEASE(buf) payload = {0};
        struct str packet;
        struct error err;
        buf_reserve(&payload, lens[i]);
        for (payload.len = 0; payload.len < lens[i]; payload.len++)
            payload.at[payload.len] = (char)(payload.len * 7 % 251);
        answer_packet(&answer, buf_str(&payload));
        answer_packet(&answer, S("behind"));
        wire_init_bytes(&wire, &session, buf_str(&answer.bytes));
        assert_int_equal(wire_next(&wire, &packet, &err), RC_OK);
        assert_int_equal(packet.len, lens[i]);
        assert_memory_equal(packet.at, payload.at, lens[i]);
        assert_int_equal(wire_next(&wire, &packet, &err), RC_OK);
        assert_true(str_eq(packet, S("behind")));
    }
}

static void a_row_beyond_the_limit_is_refused_before_it_is_held(void **state)
{
    struct mysql_session session = {.settings = &settings};
    AUTO_RELEASE(answer) answer = {0};
    AUTO_RELEASE(wire) wire = {0};
    AUTO_RELEASE(buf) payload = {0};
    struct str packet;
    struct error err = {0};
    buf_reserve(&payload, MYSQL_ROW_BYTES_MAX + 1);
    memset(payload.at, 'x', MYSQL_ROW_BYTES_MAX + 1);
    payload.len = MYSQL_ROW_BYTES_MAX + 1;
    answer_packet(&answer, buf_str(&payload));
    wire_init_bytes(&wire, &session, buf_str(&answer.bytes));
    assert_int_equal(wire_next(&wire, &packet, &err), RC_DATA);
    assert_non_null(strstr(err.todo, "96 MiB"));
    assert_true(session.is_broken);
}

/* ---- over a socket ---- */

struct server {
    int fd;
    struct str first, second; /* what it sends, with a moment between */
    pthread_t thread;
};

static void *serve(void *context)
{
    struct server *self = context;
    assert_int_equal(write(self->fd, self->first.at, self->first.len), self->first.len);
    usleep(1000);
    assert_int_equal(write(self->fd, self->second.at, self->second.len), self->second.len);
    return NULL;
}

static void socket_pair(int ret[2]) { assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ret), 0); }

static void it_does_not_matter_where_the_stream_is_parted(void **state)
{
    AUTO_RELEASE(answer) answer = {0};
    whole(&answer);
    for (size_t cut = 0; cut <= answer.bytes.len; cut++) {
        struct mysql_session session = {.settings = &settings};
        AUTO_RELEASE(statement) statement;
        struct seen seen = {0};
        int fds[2];
        socket_pair(fds);
        struct server server = {
            .fd = fds[1], .first = {answer.bytes.at, cut}, .second = {answer.bytes.at + cut, answer.bytes.len - cut}};
        statement_init(&statement, &session, fds[0]);
        statement.wire.number = 1;
        pthread_create(&server.thread, NULL, serve, &server);
        assert_int_equal(read_rows(&statement, &seen, &seen.err), RC_OK);
        pthread_join(server.thread, NULL);
        assert_int_equal(seen.sum, 6);
        close(fds[0]);
        close(fds[1]);
    }
}

static void a_silent_server_is_given_up_in_time(void **state)
{
    struct mysql_settings impatient = settings;
    struct mysql_session session = {.settings = &impatient};
    AUTO_RELEASE(wire) wire = {0};
    struct str packet;
    struct error err = {0};
    int fds[2];
    impatient.read_ms = 50;
    socket_pair(fds);
    wire_init(&wire, &session, fds[0]);
    assert_int_equal(wire_next(&wire, &packet, &err), RC_UNAVAILABLE);
    assert_non_null(strstr(err.text, "silent"));
    assert_true(session.is_broken);
    impatient.read_ms = 60000;
    stop = SIGTERM;
    assert_int_equal(wire_next(&wire, &packet, &err), RC_TERMINATED);
    stop = 0;
    close(fds[0]);
    close(fds[1]);
}

/* ---- statements ---- */

struct exchange {
    struct mysql_session session;
    struct statement statement;
    int fds[2];
};

/* The server has answered before it is asked, which is all the same to the client. */
static void exchange_init(struct exchange *self, const struct answer *first, const struct answer *second)
{
    *self = (struct exchange){.session = {.settings = &settings}};
    socket_pair(self->fds);
    statement_init(&self->statement, &self->session, self->fds[0]);
    assert_int_equal(write(self->fds[1], first->bytes.at, first->bytes.len), first->bytes.len);
    if (second != NULL)
        assert_int_equal(write(self->fds[1], second->bytes.at, second->bytes.len), second->bytes.len);
}

static void exchange_release(struct exchange *self)
{
    statement_release(&self->statement);
    close(self->fds[0]);
    close(self->fds[1]);
}

static void a_statement_is_prepared_executed_and_closed(void **state)
{
    static const char expected[] = "\x1d\0\0\0\x16" SOURCE_READS "SELECT 1"
                                   "\x0a\0\0\0\x17\x07\0\0\0\0\x01\0\0\0"
                                   "\x05\0\0\0\x19\x07\0\0\0";
    AUTO_RELEASE(answer) prepared = {0}, executed = {0};
    AUTO_RELEASE(exchange) x;
    struct error err;
    struct str row;
    bool is_refused = false, is_row = false;
    char sent[sizeof(expected)];
    answer_prepared(&prepared, 7, 2);
    answer_definition(&prepared, MYSQL_TYPE_LONGLONG, UNSIGNED_FLAG, false);
    answer_definition(&prepared, MYSQL_TYPE_JSON, 0, true);
    answer_eof(&prepared);
    answer_packet(&executed, S("\x02\0")); /* definitions as before: they do not come again */
    answer_eof(&executed);
    answer_row(&executed, 5, S("x"));
    answer_end(&executed, 2);
    exchange_init(&x, &prepared, &executed);
    assert_int_equal(statement_prepare(&x.statement, S("SELECT 1"), &is_refused, &err), RC_OK);
    assert_int_equal(statement_execute(&x.statement, &is_refused, &err), RC_OK);
    assert_false(is_refused);
    assert_int_equal(x.statement.column_count, 2);
    assert_true(x.statement.columns[0].type == MYSQL_TYPE_LONGLONG && x.statement.columns[0].is_unsigned);
    assert_true(x.statement.columns[1].type == MYSQL_TYPE_JSON && !x.statement.columns[1].is_unsigned);
    assert_int_equal(statement_next(&x.statement, &is_row, &row, &err), RC_OK);
    assert_true(is_row);
    assert_int_equal(statement_next(&x.statement, &is_row, &row, &err), RC_OK);
    assert_false(is_row);
    assert_int_equal(statement_close(&x.statement, &err), RC_OK);
    assert_int_equal(recv(x.fds[1], sent, sizeof(sent), MSG_DONTWAIT), sizeof(expected) - 1);
    assert_memory_equal(sent, expected, sizeof(expected) - 1);
}

static void who_cannot_prepare_is_asked_in_text(void **state)
{
    static const unsigned refusals[] = {ER_UNSUPPORTED_PS, ER_MAX_PREPARED_STMT_COUNT_REACHED, ER_UNKNOWN_COM_ERROR};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        AUTO_RELEASE(answer) answer = {0};
        AUTO_RELEASE(exchange) x;
        struct error err;
        bool is_refused = false;
        answer_error(&answer, refusals[i], "no");
        exchange_init(&x, &answer, NULL);
        assert_int_equal(statement_prepare(&x.statement, S("SELECT 1"), &is_refused, &err), RC_OK);
        assert_true(is_refused && !x.session.is_broken);
    }
    AUTO_RELEASE(answer) answer = {0};
    AUTO_RELEASE(exchange) x;
    struct error err;
    bool is_refused = false;
    answer_error(&answer, ER_NO_SUCH_TABLE, "Table 'shop.t' doesn't exist");
    exchange_init(&x, &answer, NULL);
    assert_int_equal(statement_prepare(&x.statement, S("SELECT 1"), &is_refused, &err), RC_NOT_FOUND);
    assert_false(is_refused);
}

/* ---- rows ---- */

static enum row_result put_row(struct str row, int count)
{
    struct row_column columns[2];
    AUTO(batch_builder) *builder = batch_builder_new(answer_schema());
    AUTO_RELEASE(buf) copy = {0}; /* at its very size, so that the sanitizers see what is read behind the slack */
    int column;
    int64_t zero_dates = 0;
    answer_columns(columns);
    buf_reserve(&copy, row.len + WIRE_SLACK);
    memset(copy.at, 0, row.len + WIRE_SLACK);
    if (row.len > 0)
        memcpy(copy.at, row.at, row.len);
    return row_put(columns, count, (struct str){copy.at, row.len}, builder, &column, &zero_dates);
}

static void a_row_that_is_cut_or_goes_on_is_none(void **state)
{
    static const char row[] = "\0\0\x05\0\0\0\0\0\0\0\x03"
                              "abc";
    for (size_t len = 0; len < sizeof(row) - 1; len++)
        assert_int_equal(put_row((struct str){row, len}, 2), ROW_MALFORMED);
    assert_int_equal(put_row((struct str){row, sizeof(row) - 1}, 2), ROW_PUT);
    assert_int_equal(put_row((struct str){row, sizeof(row)}, 2), ROW_MALFORMED);
    assert_int_equal(put_row(S("\0\x0c"), 2), ROW_PUT); /* both NULL */
    assert_int_equal(put_row(S("\0\x04\xfb"), 2), ROW_MALFORMED);
    assert_int_equal(put_row(S("\0\x04\xff"), 2), ROW_MALFORMED);
    assert_int_equal(put_row(S("\0\x04\xfe\xff\xff\xff\xff\xff\xff\xff\xff"), 2), ROW_MALFORMED);
    assert_int_equal(put_row(S("\0\x04\xfc\x03\0abc"), 2), ROW_PUT);
}

struct single {
    struct decoding decoding;
    enum enum_field_types type;
    bool is_unsigned;
    struct str value;
    enum row_result result;
};

static void values_without_a_place_are_misfits_and_what_no_server_sends_is_malformed(void **state)
{
    static const struct decoding small = {.kind = DECODE_INTEGER, .type = TYPE_INT16},
                                 large = {.kind = DECODE_INTEGER, .type = TYPE_INT64},
                                 real = {.kind = DECODE_REAL, .type = TYPE_FLOAT},
                                 day = {.kind = DECODE_DATE, .type = TYPE_DATE},
                                 stamp = {.kind = DECODE_STAMP, .type = TYPE_TIMESTAMP, .unit = UNIT_SECOND},
                                 clock = {.kind = DECODE_TIME, .type = TYPE_TIME};
    const struct single singles[] = {
        {small, MYSQL_TYPE_LONG, false, {"\xff\x7f\0\0", 4}, ROW_PUT},
        {small, MYSQL_TYPE_LONG, false, {"\x00\x80\0\0", 4}, ROW_MISFIT},
        {large, MYSQL_TYPE_LONGLONG, true, {"\xff\xff\xff\xff\xff\xff\xff\x7f", 8}, ROW_PUT},
        {large, MYSQL_TYPE_LONGLONG, true, {"\0\0\0\0\0\0\0\x80", 8}, ROW_MISFIT},
        {real, MYSQL_TYPE_DOUBLE, false, {"\0\0\0\0\0\0\xe0\x3f", 8}, ROW_PUT},
        {real, MYSQL_TYPE_DOUBLE, false, {"\1\0\0\0\0\0\xe0\x3f", 8}, ROW_MISFIT},
        {real, MYSQL_TYPE_FLOAT, false, {"\0\0\x80\x7f", 4}, ROW_MISFIT},
        {day, MYSQL_TYPE_DATE, false, {"\x04\xe8\x07\x02\x1d", 5}, ROW_PUT},
        {day, MYSQL_TYPE_DATE, false, {"\x04\xe7\x07\x02\x1d", 5}, ROW_MISFIT},
        {day, MYSQL_TYPE_DATE, false, {"\x00", 1}, ROW_MISFIT},
        {day, MYSQL_TYPE_DATE, false, {"\x03\xe8\x07\x02", 4}, ROW_MALFORMED},
        {stamp, MYSQL_TYPE_DATETIME, false, {"\x07\xe8\x07\x02\x1d\x17\x3b\x3b", 8}, ROW_PUT},
        {stamp, MYSQL_TYPE_DATETIME, false, {"\x07\xe8\x07\x02\x1d\x18\0\0", 8}, ROW_MALFORMED},
        {stamp, MYSQL_TYPE_DATETIME, false, {"\x0b\xe8\x07\x02\x1d\0\0\0\1\0\0\0", 12}, ROW_MISFIT},
        {stamp, MYSQL_TYPE_DATETIME, false, {"\x0b\xe8\x07\x02\x1d\0\0\0\x40\x42\x0f\0", 12}, ROW_MALFORMED},
        {clock, MYSQL_TYPE_TIME, false, {"\x08\1\x22\0\0\0\x16\x3b\x3b", 9}, ROW_PUT},
        {clock, MYSQL_TYPE_TIME, false, {"\x08\1\xff\xff\xff\xff\x16\x3b\x3b", 9}, ROW_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
        const struct single *single = &singles[i];
        struct field field = {.name = "v", .type = single->decoding.type, .unit = single->decoding.unit};
        const struct schema schema = {&field, 1};
        AUTO(batch_builder) *builder = batch_builder_new(&schema);
        AUTO_RELEASE(buf) row = {0};
        struct row_column column = {0};
        int at = -1;
        int64_t zero_dates = 0;
        const struct reply_column reply = {single->type, single->is_unsigned};
        assert_true(row_column_plan(&column, &single->decoding, &reply));
        buf_add_str(&row, S("\0\0"));
        buf_add_str(&row, single->value);
        buf_reserve(&row, WIRE_SLACK);
        enum row_result result = row_put(&column, 1, buf_str(&row), builder, &at, &zero_dates);
        if (result != single->result)
            print_error("value %zu\n", i);
        assert_int_equal(result, single->result);
    }
}

/* Short texts take a way of their own once their column has room: what stands behind them in the row does not matter.
 */
static void texts_of_every_length_are_looked_at_to_their_last_byte(void **state)
{
    enum { LONGEST = 90, ROOM = 1100 };
    static const struct decoding decoding = {.kind = DECODE_TEXT, .type = TYPE_UTF8};
    static const struct reply_column reply = {.type = MYSQL_TYPE_VAR_STRING};
    struct field field = {.name = "v", .type = TYPE_UTF8};
    const struct schema schema = {&field, 1};
    struct row_column column = {0};
    int at;
    int64_t zero_dates = 0;
    assert_true(row_column_plan(&column, &decoding, &reply));
    for (int len = 0; len <= LONGEST; len++) {
        for (int wrong = -1; wrong < len; wrong++) {
            AUTO(batch_builder) *builder = batch_builder_new(&schema);
            char row[5 + ROOM + WIRE_SLACK];
            memset(row, '\xff', sizeof(row));
            static const char head[5] = {'\0', '\0', '\xfc', '\x4c', '\x04'};
            memcpy(row, head, sizeof(head));
            memset(row + 5, 'r', ROOM);
            assert_int_equal(row_put(&column, 1, (struct str){row, 5 + ROOM}, builder, &at, &zero_dates), ROW_PUT);
            memset(row, '\xff', sizeof(row));
            row[0] = row[1] = '\0';
            row[2] = (char)len;
            for (int i = 0; i < len; i++)
                row[3 + i] = (char)(i == wrong ? '\xe9' : 'a' + i % 26);
            enum row_result result = row_put(&column, 1, (struct str){row, 3 + (size_t)len}, builder, &at, &zero_dates);
            assert_int_equal(result, wrong < 0 ? ROW_PUT : ROW_MISFIT);
            if (wrong >= 0)
                continue;
            const struct batch *batch = builder_finish(builder);
            assert_true(str_eq(batch_bytes(batch, 0, 1), (struct str){row + 3, (size_t)len}));
            assert_int_equal(batch->bytes, ROOM + (size_t)len + 2 * sizeof(int32_t));
        }
    }
}

/* An answer of other types than were declared is left to the text protocol, where the server writes them out. */
static void only_what_is_surely_the_same_is_read_in_binary(void **state)
{
    static const struct decoding text = {.kind = DECODE_TEXT, .type = TYPE_UTF8},
                                 number = {.kind = DECODE_INTEGER, .type = TYPE_INT32},
                                 stamp = {.kind = DECODE_STAMP, .type = TYPE_TIMESTAMP};
    struct row_column column;
    assert_true(row_column_plan(&column, &text, &(struct reply_column){MYSQL_TYPE_BLOB, false}));
    assert_false(row_column_plan(&column, &text, &(struct reply_column){MYSQL_TYPE_LONG, false}));
    assert_false(row_column_plan(&column, &text, &(struct reply_column){MYSQL_TYPE_DATE, false}));
    assert_false(row_column_plan(&column, &number, &(struct reply_column){MYSQL_TYPE_VAR_STRING, false}));
    assert_false(row_column_plan(&column, &number, &(struct reply_column){MYSQL_TYPE_NEWDECIMAL, false}));
    assert_false(row_column_plan(&column, &stamp, &(struct reply_column){MYSQL_TYPE_DATE, false}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_to_the_end_that_the_server_says),
        cmocka_unit_test(s61_a_stream_that_is_cut_at_any_byte_is_never_an_end),
        cmocka_unit_test(an_end_of_another_form_is_none),
        cmocka_unit_test(packets_out_of_order_are_refused),
        cmocka_unit_test(an_error_between_rows_is_the_servers),
        cmocka_unit_test(reports_of_progress_are_no_errors),
        cmocka_unit_test(no_byte_that_lies_is_believed),
        cmocka_unit_test(packets_of_several_pieces_are_joined),
        cmocka_unit_test(a_row_beyond_the_limit_is_refused_before_it_is_held),
        cmocka_unit_test(it_does_not_matter_where_the_stream_is_parted),
        cmocka_unit_test(a_silent_server_is_given_up_in_time),
        cmocka_unit_test(a_statement_is_prepared_executed_and_closed),
        cmocka_unit_test(who_cannot_prepare_is_asked_in_text),
        cmocka_unit_test(a_row_that_is_cut_or_goes_on_is_none),
        cmocka_unit_test(values_without_a_place_are_misfits_and_what_no_server_sends_is_malformed),
        cmocka_unit_test(texts_of_every_length_are_looked_at_to_their_last_byte),
        cmocka_unit_test(only_what_is_surely_the_same_is_read_in_binary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
