/* Which transactions are open, and since when: the heart of a bound that loses nothing (S20, S27).
 *
 * A row is stamped when its statement starts (NOW()) and is seen when its transaction commits. So what counts is the
 * oldest transaction that may still write, and the oldest statement that runs now: an autocommit INSERT that has not
 * touched InnoDB yet is in no list of transactions. Statements are listed FIRST: one that ends between the two lists,
 * and leaves its transaction open, is then in the second.
 *
 * information_schema.innodb_trx is a copy that the server renews only when nobody has read it for 0.1 s (trx0i_s.cc,
 * CACHE_MIN_IDLE_TIME_NS): with a monitor that polls faster it may be of any age. We open a transaction of our own and
 * look for the query we ask with: only a copy made now shows it. Runs that ask at the same time keep it from being
 * renewed for one another: threads of ours ask one after the other, and whoever has to ask again waits longer each
 * time, and never as long as the next one. Its times are the server process's local zone, in whole seconds, cut.
 *
 * Prepared XA transactions have no session (thread 0) and are listed like the others; after a restart of the server
 * their start is lost, and nothing tells how far back they reach.
 *
 * What the server hides: the time a transaction's first statement waited before it touched a row (for a metadata lock,
 * say) once that statement has ended. `lag` is for that. */
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdlib.h>

#include "connect/mysql/source_parts.h"

enum { RECOVERY_S = 600 };
static const struct retry renewal = {.attempts_max = 16, .wait_ms_first = 120, .wait_ms_max = 1000};
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER; /* of whatever server: there are few lists a run */

/* SELECTs that only wait (GET_LOCK, SLEEP) write nothing, and neither does what only ends or what our own sessions
 * send, as text or prepared: the list has the text as it was sent. Replication's own threads are a replica's business.
 */
static const char running_sql[] =
    "SELECT id, GREATEST(%s, 0) FROM information_schema.processlist WHERE command NOT IN ('Sleep', 'Daemon', "
    "'Binlog Dump', 'Binlog Dump GTID', 'Connect', 'Slave_IO', 'Slave_SQL', 'Slave_worker', 'Close stmt', 'Quit') AND "
    "user NOT IN ('system user', 'event_scheduler') AND id <> CONNECTION_ID() AND NOT (IFNULL(state, '') IN ('User "
    "sleep', 'User lock') AND LEFT(LTRIM(IFNULL(info, '')), 6) = 'SELECT') AND IFNULL(info, '') NOT LIKE '" SOURCE_READS
    "%%'";

/* In the hour that comes twice when summer time ends, `began` is the earlier of the two. */
static const char open_sql[] =
    "SELECT trx_mysql_thread_id, IFNULL(trx_query, ''), trx_is_read_only OR trx_autocommit_non_locking, "
    "TIMESTAMPDIFF(SECOND, '1970-01-01', IF(CONVERT_TZ(began - INTERVAL 1 HOUR, '+00:00', 'SYSTEM') = trx_started, "
    "began - INTERVAL 1 HOUR, began)) FROM (SELECT *, CONVERT_TZ(trx_started, 'SYSTEM', '+00:00') AS began "
    "FROM information_schema.innodb_trx) AS %s";

enum { NONCE_TEXT = 24 };

struct statement {
    int64_t thread, since_us;
    bool only_reads; /* its transaction cannot write */
};

struct look {
    struct mysql_source *self;
    int64_t now_us;
    char nonce[NONCE_TEXT];
    struct statement *statements;
    int statement_count;
    bool is_fresh;     /* our own query was in the list */
    bool may_be_older; /* a transaction without a session, from about when the server started */
    struct open_transactions found;
};

static void count_open(struct look *look, int64_t since_us)
{
    if (!look->found.any || since_us < look->found.since_us)
        look->found.since_us = since_us;
    look->found.any = true;
}

/* ---- statements ---- */

static RC list_statements(struct look *look, struct arena *arena, struct error *err)
{
    struct mysql_session *session = look->self->control;
    AUTO_RESULT *rows = NULL;
    char sql[sizeof(running_sql) + 32];
    MYSQL_ROW row;
    snprintf(sql, sizeof(sql), running_sql, session->is_maria ? "time_ms" : "(time + 1) * 1000");
    TRY(mysql_session_ask(session, sql, &rows, err));
    look->statements = arena_take(arena, ((size_t)mysql_num_rows(rows) + 1) * sizeof(*look->statements));
    look->statement_count = 0;
    while ((row = mysql_fetch_row(rows)) != NULL) {
        double lasted_ms = strtod(or_empty(row[1]), NULL);
        look->statements[look->statement_count++] = (struct statement){
            .thread = strtoll(row[0], NULL, 10), .since_us = look->now_us - (int64_t)(lasted_ms * 1000) - 1000};
    }
    return RC_OK;
}

/* ---- transactions ---- */

static void take_transaction(struct look *look, MYSQL_ROW row, int64_t server_start_us)
{
    int64_t thread = strtoll(or_empty(row[0]), NULL, 10), since_us = strtoll(or_empty(row[3]), NULL, 10) * 1000000;
    bool only_reads = text_eq(row[2], "1");
    if (thread == (int64_t)look->self->control->id) {
        look->is_fresh |= strstr(row[1], look->nonce) != NULL;
        return;
    }
    for (int i = 0; i < look->statement_count; i++)
        look->statements[i].only_reads |= only_reads && look->statements[i].thread == thread;
    look->may_be_older |= thread == 0 && since_us < server_start_us + RECOVERY_S * INT64_C(1000000);
    if (!only_reads)
        count_open(look, since_us);
}

static RC ask_transactions(struct look *look, struct error *err)
{
    struct mysql_session *session = look->self->control;
    AUTO_RESULT *rows = NULL;
    char sql[sizeof(open_sql) + NONCE_TEXT];
    int64_t uptime_s;
    MYSQL_ROW row;
    TRY(mysql_session_int64(session,
                            session->is_maria
                                ? "SELECT variable_value FROM information_schema.global_status WHERE variable_name = "
                                  "'UPTIME'"
                                : "SELECT variable_value FROM performance_schema.global_status WHERE variable_name = "
                                  "'Uptime'",
                            &uptime_s, err));
    snprintf(sql, sizeof(sql), open_sql, look->nonce);
    TRY(mysql_session_run(session, "START TRANSACTION WITH CONSISTENT SNAPSHOT", err));
    enum rc rc = mysql_session_ask(session, sql, &rows, err);
    bool is_denied = rc != RC_OK && mysql_session_failed_with(session, ER_SPECIFIC_ACCESS_DENIED_ERROR);
    while (rc == RC_OK && (row = mysql_fetch_row(rows)) != NULL)
        take_transaction(look, row, look->now_us - uptime_s * 1000000);
    if (is_denied) {
        look->found.hidden = look->is_fresh = true;
        look->found.hidden_todo = "GRANT PROCESS ON *.* TO this user";
        rc = RC_OK;
    }
    struct error ignored; /* whatever comes next must not read in this snapshot */
    if (!session->is_broken && mysql_session_run(session, "COMMIT", rc == RC_OK ? err : &ignored) != RC_OK)
        return rc == RC_OK ? err->rc : rc;
    return rc;
}

/* A list that is not of this moment is asked for again once the server may have renewed it. */
static RC list_new_transactions(struct look *look, struct error *err)
{
    struct opening *with = &look->self->with;
    int64_t waited_ms = 0;
    for (int attempt = 1; attempt <= renewal.attempts_max; attempt++) {
        uint64_t number;
        with->random->fill(with->random, &number, sizeof(number));
        snprintf(look->nonce, sizeof(look->nonce), "t%016llx", (unsigned long long)number);
        look->found = (struct open_transactions){0};
        TRY(ask_transactions(look, err));
        if (look->is_fresh)
            return RC_OK;
        TRY(opening_check_stop(with->stop, err));
        int64_t wait_ms = renewal.wait_ms_first + retry_wait_ms(&renewal, with->random, attempt + 1);
        with->clock->sleep_ms(with->clock, wait_ms);
        waited_ms += wait_ms;
    }
    fail(err, RC_BUSY, "'%s' has shown no new list of its transactions for %" PRId64 " ms", look->self->base.name,
         waited_ms);
    return fail_todo(err,
                     "something reads information_schema.innodb_trx again and again: let it wait a second between");
}

static RC list_transactions(struct look *look, struct error *err)
{
    pthread_mutex_lock(&asking);
    enum rc rc = list_new_transactions(look, err);
    pthread_mutex_unlock(&asking);
    return rc;
}

/* After a restart a prepared transaction is as old as the restart, and its rows are older. */
static RC check_recovered(struct look *look, struct error *err)
{
    AUTO_RESULT *rows = NULL;
    if (!look->may_be_older)
        return RC_OK;
    if (mysql_session_ask(look->self->control, "XA RECOVER", &rows, err) != RC_OK)
        return fail_in(err, "looking whether '%s' has prepared XA transactions from before its last start",
                       look->self->base.name);
    if (rows == NULL || mysql_num_rows(rows) == 0)
        return RC_OK;
    fail(err, RC_BUSY,
         "'%s' has a prepared XA transaction from before its last start, and nothing tells which rows it has changed",
         look->self->base.name);
    return fail_todo(err, "list it with XA RECOVER, end it with XA COMMIT or XA ROLLBACK, then run this again");
}

/* ---- replicas ---- */

/* A replica's rows are its primary's of some time ago, and nothing tells what is open there: an explicit lag is needed,
 * and what it says of itself bounds us too (source_replica.c). */
static void hide_replica(struct look *look)
{
    look->found.hidden = true;
    if (look->found.hidden_todo == NULL)
        look->found.hidden_todo = "it is a replica: read from its primary";
}

static RC look_at_replication(struct look *look, struct error *err)
{
    struct replica_state replica;
    TRY(mysql_replica_look(look->self, &replica, err));
    if (!replica.is_replica)
        return RC_OK;
    hide_replica(look);
    look->found.unknown = replica.unknown;
    look->found.unknown_text = replica.text;
    look->found.unknown_todo = replica.todo;
    count_open(look, look->now_us - (replica.behind_s + 1) * 1000000);
    return RC_OK;
}

/* ---- clusters ---- */

static RC look_at_cluster(struct look *look, struct error *err)
{
    bool has_others;
    if (mysql_source_has_other_nodes(look->self, &has_others, err) != RC_OK)
        return fail_in(err, "asking whether '%s' is a node of a cluster", look->self->base.name);
    if (!has_others)
        return RC_OK;
    look->found.hidden = true;
    if (look->found.hidden_todo == NULL)
        look->found.hidden_todo = "it is a node of a cluster, and does not show what is open on the others: read "
                                  "while they are down";
    return RC_OK;
}

enum rc mysql_source_oldest_open(struct source *base, struct open_transactions *ret, struct error *err)
{
    struct look look = {.self = (struct mysql_source *)base};
    AUTO_RELEASE(arena) arena = {0};
    TRY(source_now(base, &look.now_us, err));
    TRY(list_statements(&look, &arena, err));
    if (list_transactions(&look, err) != RC_OK)
        return fail_in(err, "listing the open transactions of '%s'", base->name);
    TRY(check_recovered(&look, err));
    for (int i = 0; i < look.statement_count && !look.found.hidden; i++) {
        if (!look.statements[i].only_reads)
            count_open(&look, look.statements[i].since_us);
    }
    TRY(look_at_replication(&look, err));
    TRY(look_at_cluster(&look, err));
    *ret = look.found;
    return RC_OK;
}
