#include "io/pq.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/pq_parts.h"

enum { LOOK_MS = 100 }; /* how often a wait looks whether the program is asked to stop */

/* ---- waiting ---- */

int64_t pq_now_ms(struct pq *db) { return db->clock->mono_ms(db->clock); }

RC pq_wait_socket(struct pq *db, short events, int64_t deadline_ms, bool stops, bool *ret_ready, struct error *err)
{
    for (;;) {
        struct pollfd socket = {.fd = PQsocket(db->handle), .events = events};
        if (stops && db->stop != NULL && *db->stop != 0)
            return pq_fail_stopped(db, err);
        int ready = poll(&socket, 1, LOOK_MS);
        if (ready < 0 && errno != EINTR)
            return fail_errno(err, errno, "'%s': waiting", db->address);
        *ret_ready = ready > 0;
        if (*ret_ready || pq_now_ms(db) >= deadline_ms)
            return RC_OK;
    }
}

static void *send_cancel(void *context)
{
    char ignored[256];
    PQcancel(context, ignored, sizeof(ignored));
    PQfreeCancel(context);
    return NULL;
}

/* The server goes on working after the client has gone, and holds its locks as long. PQcancel waits for an answer
 * without an end, so it gets a thread that can be left behind. */
static void cancel(struct pq *db)
{
    pthread_t sender;
    struct timespec end;
    PGcancel *request = PQgetCancel(db->handle);
    if (request == NULL || pthread_create(&sender, NULL, send_cancel, request) != 0) {
        PQfreeCancel(request);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PQ_CANCEL_MS / 1000;
    if (pthread_timedjoin_np(sender, NULL, &end) != 0)
        pthread_detach(sender);
}

static void pq_drop(struct pq *db)
{
    PQfinish(db->handle);
    db->handle = NULL;
    pq_incoming_release(&db->incoming);
}

enum rc pq_give_up(struct pq *db, enum rc rc, struct error *err)
{
    if (PQstatus(db->handle) == CONNECTION_OK)
        cancel(db);
    pq_drop(db);
    return rc;
}

enum rc pq_fail_gone(struct pq *db, struct error *err)
{
    return fail(err, RC_UNAVAILABLE, "'%s': the connection is lost", db->address);
}

enum rc pq_fail_lost(struct pq *db, struct error *err)
{
    pq_fail_connection(db, err);
    pq_drop(db);
    return err->rc;
}

/* Everything queued goes out; what comes in meanwhile is read, or both sides could wait for each other. */
static RC flush(struct pq *db, int64_t wait_ms, bool stops, struct error *err)
{
    int64_t deadline = pq_now_ms(db) + wait_ms;
    for (;;) {
        int left = PQflush(db->handle);
        if (left == 0)
            return RC_OK;
        if (left < 0)
            return pq_fail_lost(db, err);
        bool ready = false;
        enum rc rc = pq_wait_socket(db, POLLIN | POLLOUT, deadline, stops, &ready, err);
        if (rc != RC_OK)
            return pq_give_up(db, rc, err);
        if (!ready) {
            fail(err, RC_UNAVAILABLE, "'%s': the server has taken nothing for %lld s", db->address,
                 (long long)(wait_ms / 1000));
            return pq_give_up(db, err->rc, err);
        }
        if (PQconsumeInput(db->handle) == 0)
            return pq_fail_lost(db, err);
    }
}

/* The next result, NULL after the last. */
static RC next_result(struct pq *db, int64_t deadline_ms, bool stops, PGresult **ret, struct error *err)
{
    while (PQisBusy(db->handle)) {
        bool ready = false;
        enum rc rc = pq_wait_socket(db, POLLIN, deadline_ms, stops, &ready, err);
        if (rc != RC_OK)
            return pq_give_up(db, rc, err);
        if (!ready) {
            fail(err, RC_UNAVAILABLE, "'%s': no answer in time", db->address);
            fail_todo(err, "raise `statement_timeout` of the connection if the work takes as long");
            return pq_give_up(db, err->rc, err);
        }
        if (PQconsumeInput(db->handle) == 0)
            return pq_fail_lost(db, err);
    }
    *ret = PQgetResult(db->handle);
    return RC_OK;
}

static bool is_failure(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN &&
           status != PGRES_COPY_OUT;
}

enum rc pq_collect(struct pq *db, int64_t wait_ms, bool stops, struct pq_answer *ret, struct error *err)
{
    int64_t deadline = pq_now_ms(db) + wait_ms + PQ_ANSWER_MS;
    AUTO_RELEASE(pq_answer) kept = {0};
    db->detail[0] = '\0';
    TRY(flush(db, wait_ms, stops, err));
    for (;;) {
        PGresult *result = NULL;
        TRY(next_result(db, deadline, stops, &result, err));
        if (result == NULL)
            break;
        if (kept.result == NULL || !is_failure(kept.result)) {
            PQclear(kept.result);
            kept.result = result;
        } else {
            PQclear(result);
        }
        if (PQresultStatus(kept.result) == PGRES_COPY_IN || PQresultStatus(kept.result) == PGRES_COPY_OUT)
            break;
    }
    if (kept.result == NULL)
        return pq_fail_lost(db, err);
    if (is_failure(kept.result)) {
        enum rc rc = pq_fail_result(db, kept.result, err);
        if (PQstatus(db->handle) != CONNECTION_OK)
            pq_drop(db);
        return rc;
    }
    ret->result = TAKE(kept.result);
    return RC_OK;
}

/* ---- statements ---- */

void pq_answer_release(struct pq_answer *self)
{
    PQclear(self->result);
    self->result = NULL;
}

int64_t pq_int64(const struct pq_answer *a, int row, int column)
{
    int64_t value = 0;
    return str_to_int64(str(pq_text(a, row, column)), &value) ? value : 0;
}

int64_t pq_changes(const struct pq_answer *a)
{
    int64_t count = 0;
    return str_to_int64(str(PQcmdTuples(a->result)), &count) ? count : 0;
}

const char *pq_with_lead(const struct pq *db, const char *sql, struct buf *out)
{
    if (db->lead == NULL)
        return sql;
    buf_addf(out, "%s%s", db->lead, sql);
    return out->at;
}

RC pq_query(struct pq *db, const char *sql, int count, const char *const *values, struct pq_answer *ret,
            struct error *err)
{
    AUTO_RELEASE(buf) sent = {0};
    if (db->handle == NULL)
        return pq_fail_gone(db, err);
    if (PQsendQueryParams(db->handle, pq_with_lead(db, sql, &sent), count, NULL, values, NULL, NULL, 0) == 0)
        return pq_fail_lost(db, err);
    return pq_collect(db, db->statement_ms, true, ret, err);
}

enum rc pq_ask(struct pq *db, const char *sql, int64_t wait_ms, bool stops, struct pq_answer *ret, struct error *err)
{
    AUTO_RELEASE(buf) sent = {0};
    if (db->handle == NULL)
        return pq_fail_gone(db, err);
    if (PQsendQuery(db->handle, pq_with_lead(db, sql, &sent)) == 0)
        return pq_fail_lost(db, err);
    return pq_collect(db, wait_ms, stops, ret, err);
}

RC pq_run(struct pq *db, const char *sql, int64_t *ret_changes, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_ask(db, sql, db->statement_ms, true, &answer, err));
    if (ret_changes != NULL)
        *ret_changes = pq_changes(&answer);
    return RC_OK;
}

RC pq_run_hiding(struct pq *db, const char *sql, const struct secret *const *secrets, int count, struct error *err)
{
    db->hidden = secrets;
    db->hidden_count = count;
    enum rc rc = pq_run(db, sql, NULL, err);
    db->hidden_count = 0;
    return rc;
}

RC pq_set_timeout(struct pq *db, int64_t statement_ms, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    if (db->statement_ms == statement_ms)
        return RC_OK;
    buf_addf(&sql, "SET statement_timeout TO %lld", (long long)statement_ms);
    TRY(pq_run(db, sql.at, NULL, err));
    db->statement_ms = statement_ms;
    return RC_OK;
}

/* Between two statements a server says hardly anything but its last words, and its end may follow them a moment later.
 */
bool pq_is_alive(struct pq *db)
{
    enum { LOOKS = 10 };
    if (db->handle == NULL)
        return false;
    for (int look = 0; look < LOOKS; look++) {
        struct pollfd socket = {.fd = PQsocket(db->handle), .events = POLLIN};
        int ready = poll(&socket, 1, look == 0 ? 0 : LOOK_MS);
        if (ready == 0 && look == 0)
            break;
        if (ready > 0 && PQconsumeInput(db->handle) == 0)
            return false;
    }
    return PQstatus(db->handle) == CONNECTION_OK;
}

/* A COMMIT of a transaction that has failed is answered by ROLLBACK, and is no error to the server. An answer is
 * certain unless it is a FATAL one: that session may have died after its COMMIT. */
RC pq_commit(struct pq *db, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    if (!pq_is_alive(db)) {
        fail(err, RC_UNAVAILABLE, "'%s': the server has closed the connection before COMMIT", db->address);
        return fail_todo(err, "run the same command again: nothing was changed");
    }
    enum rc rc = pq_ask(db, "COMMIT", db->statement_ms, false, &answer, err);
    if (rc != RC_OK && db->handle == NULL) {
        err->rc = RC_UNKNOWN;
        err->todo[0] = '\0';
        return fail_in(err, "the answer to COMMIT is lost");
    }
    TRY(rc);
    if (strcmp(PQcmdStatus(answer.result), "COMMIT") != 0)
        return fail(err, RC_FAILED, "'%s': the transaction had failed before its COMMIT", db->address);
    return RC_OK;
}

/* libpq refuses any statement while a COPY is open; its end by us is a failure of the COPY, which says nothing new. */
static void end_copy(struct pq *db)
{
    struct error said;
    AUTO_RELEASE(pq_answer) answer = {0};
    if (PQputCopyEnd(db->handle, "the load was given up") != 1 ||
        (pq_collect(db, PQ_ANSWER_MS, false, &answer, &said) == RC_OK && db->handle != NULL))
        pq_drop(db);
}

bool pq_rollback(struct pq *db)
{
    struct error ignored;
    AUTO_RELEASE(pq_answer) answer = {0};
    if (db->incoming.buffer != NULL) /* libpq knows nothing of it */
        pq_abandon(db);
    if (db->handle != NULL && PQtransactionStatus(db->handle) == PQTRANS_ACTIVE)
        end_copy(db);
    if (db->handle != NULL && PQtransactionStatus(db->handle) != PQTRANS_IDLE &&
        pq_ask(db, "ROLLBACK", db->stall_ms, false, &answer, &ignored) != RC_OK && db->handle != NULL)
        pq_drop(db);
    return db->handle != NULL;
}

/* ---- COPY ---- */

RC pq_copy_begin(struct pq *db, const char *sql, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_ask(db, sql, db->lock_ms + db->stall_ms, true, &answer, err));
    assert(PQresultStatus(answer.result) == PGRES_COPY_IN && "the statement is a COPY FROM STDIN");
    return RC_OK;
}

RC pq_copy_put(struct pq *db, const void *bytes, size_t len, struct error *err)
{
    for (const char *at = bytes; len > 0;) {
        size_t piece = len < PQ_CHUNK_BYTES ? len : PQ_CHUNK_BYTES;
        if (db->handle == NULL)
            return pq_fail_gone(db, err);
        if (db->stop != NULL && *db->stop != 0)
            return pq_fail_stopped(db, err);
        if (PQputCopyData(db->handle, at, (int)piece) != 1)
            return pq_fail_lost(db, err);
        TRY(flush(db, db->stall_ms, true, err)); /* else libpq would keep what the server does not take */
        at += piece;
        len -= piece;
    }
    return RC_OK;
}

RC pq_copy_end(struct pq *db, int64_t *ret_rows, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    if (db->handle == NULL)
        return pq_fail_gone(db, err);
    if (PQputCopyEnd(db->handle, NULL) != 1)
        return pq_fail_lost(db, err);
    TRY(pq_collect(db, db->statement_ms, true, &answer, err));
    *ret_rows = pq_changes(&answer);
    return RC_OK;
}

void pq_abandon(struct pq *db)
{
    struct error ignored;
    if (db->handle != NULL)
        (void)!pq_give_up(db, RC_FAILED, &ignored);
}

/* ---- names and literals ---- */

void pq_literal(struct buf *out, struct str text)
{
    buf_add_str(out, S("'"));
    for (const char *at = text.at, *end = text.at + text.len; at < end; at++)
        buf_add_str(out, *at == '\'' ? S("''") : (struct str){at, 1});
    buf_add_str(out, S("'"));
}

struct str pq_name(const char *identifier)
{
    struct str name = str(identifier);
    if (name.len <= PQ_NAME_BYTES)
        return name;
    name.len = PQ_NAME_BYTES;
    while (((unsigned char)name.at[name.len] & 0xC0) == 0x80) /* not inside a character */
        name.len--;
    return name;
}

void pq_quote(struct buf *out, const char *identifier)
{
    struct str name = pq_name(identifier);
    buf_add_str(out, S("\""));
    for (size_t i = 0; i < name.len; i++)
        buf_add_str(out, name.at[i] == '"' ? S("\"\"") : (struct str){&name.at[i], 1});
    buf_add_str(out, S("\""));
}

const char *pq_tls(const struct pq *self)
{
    const char *host = PQhost(self->handle);
    if (PQsslInUse(self->handle))
        return PQsslAttribute(self->handle, "protocol");
    return host != NULL && host[0] == '/' ? NULL : "none";
}
