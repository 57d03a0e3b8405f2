/* COPY ... TO STDOUT, read from the socket itself: libpq looks at each row twice, and allocates it, which costs as much
 * as what becomes of it. It has connected, and knows nothing of what is asked here; once the server has said that it is
 * ready for the next statement, both are where they were before. Under TLS, only libpq can read.
 *
 * Messages: https://www.postgresql.org/docs/15/protocol-message-formats.html */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/pq_parts.h"
#include "io/stream.h"

enum {
    QUERY = 'Q',
    COPY_OUT = 'H',
    COPY_DATA = 'd',
    COPY_DONE = 'c',
    COMMAND_COMPLETE = 'C',
    READY = 'Z',
    FAILURE = 'E',
    NOTICE = 'N',
    SETTING = 'S', /* one that was changed, by a reload of the server's configuration, say */
    NOTIFICATION = 'A',
    MESSAGE_BYTES_MAX = 0x3fffffff, /* PostgreSQL's own limit: MaxAllocSize */
};

struct message {
    char kind;
    struct str body;
};

void pq_incoming_release(struct pq_incoming *self)
{
    free(self->buffer);
    *self = (struct pq_incoming){0};
}

/* ---- bytes ---- */

static RC wait_for_socket(struct pq *db, short events, struct error *err)
{
    bool ready = false;
    enum rc rc = pq_wait_socket(db, events, pq_now_ms(db) + db->stall_ms, true, &ready, err);
    if (rc != RC_OK)
        return pq_give_up(db, rc, err);
    if (ready)
        return RC_OK;
    fail(err, RC_UNAVAILABLE, "'%s': no row for %lld s", db->address, (long long)(db->stall_ms / 1000));
    return pq_give_up(db, err->rc, err);
}

static RC send_bytes(struct pq *db, struct str bytes, struct error *err)
{
    while (bytes.len > 0) {
        ssize_t sent = send(PQsocket(db->handle), bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return pq_fail_lost(db, err);
        bytes.at += sent > 0 ? sent : 0;
        bytes.len -= sent > 0 ? (size_t)sent : 0;
        if (sent < 0)
            TRY(wait_for_socket(db, POLLOUT, err));
    }
    return RC_OK;
}

static RC receive(struct pq *db, struct error *err)
{
    struct pq_incoming *in = &db->incoming;
    for (;;) {
        ssize_t got = stream_receive(PQsocket(db->handle), in->buffer + in->end, in->size - in->end);
        if (got > 0) {
            in->end += (size_t)got;
            return RC_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return pq_fail_lost(db, err);
        TRY(wait_for_socket(db, POLLIN, err));
    }
}

/* Until there are `len` bytes from `start` on. The buffer doubles when it is full of bytes that have come: a length
 * alone takes no memory. */
static RC fill(struct pq *db, size_t len, struct error *err)
{
    struct pq_incoming *in = &db->incoming;
    while (in->end - in->start < len) {
        if (in->start > 0)
            memmove(in->buffer, in->buffer + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
        if (in->end == in->size) {
            in->size = len < 2 * in->size ? len : 2 * in->size;
            in->buffer = xrealloc(in->buffer, in->size);
        }
        TRY(receive(db, err));
    }
    return RC_OK;
}

/* ---- messages ---- */

static RC fail_out_of_step(struct pq *db, struct error *err)
{
    fail(err, RC_UNAVAILABLE, "'%s' does not send what its protocol has there", db->address);
    return pq_give_up(db, err->rc, err);
}

/* Lives until the next one. */
static RC next_message(struct pq *db, struct message *ret, struct error *err)
{
    struct pq_incoming *in = &db->incoming;
    uint32_t len;
    TRY(fill(db, PQ_HEAD_BYTES, err));
    memcpy(&len, in->buffer + in->start + 1, sizeof(len));
    len = be32toh(len);
    if (len < sizeof(len) || len > MESSAGE_BYTES_MAX)
        return fail_out_of_step(db, err);
    TRY(fill(db, 1 + (size_t)len, err));
    const char *at = in->buffer + in->start;
    *ret = (struct message){at[0], {at + PQ_HEAD_BYTES, len - sizeof(len)}};
    in->start += 1 + (size_t)len;
    return RC_OK;
}

/* Said at any time, and nothing that a COPY has to know. */
static bool is_aside(char kind) { return kind == NOTICE || kind == SETTING || kind == NOTIFICATION; }

/* What it says of a failure: letters, each with a text that ends. */
static struct pq_said read_failure(struct str body)
{
    struct pq_said said = {0};
    const struct {
        char letter;
        const char **text;
    } fields[] = {{'C', &said.state},  {'M', &said.message},    {'D', &said.detail}, {'t', &said.table},
                  {'c', &said.column}, {'n', &said.constraint}, {'W', &said.context}};
    for (const char *at = body.at, *end = body.at + body.len; at < end && *at != '\0';) {
        const char *text = at + 1, *stop = memchr(text, '\0', (size_t)(end - text));
        if (stop == NULL)
            break;
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
            if (fields[i].letter == *at)
                *fields[i].text = text;
        }
        at = stop + 1;
    }
    return said;
}

/* The connection is libpq's again, if there is still one: behind a FATAL failure comes nothing more. */
static enum rc take_failure(struct pq *db, const struct message *failure, struct error *err)
{
    struct message message = {0};
    struct error ignored;
    struct pq_said said = read_failure(failure->body);
    pq_fail_said(db, &said, err);
    while (db->handle != NULL && message.kind != READY) {
        if (next_message(db, &message, &ignored) != RC_OK)
            break; /* and it was dropped */
    }
    pq_incoming_release(&db->incoming);
    return err->rc;
}

/* "COPY 1234". */
static bool read_count(struct str tag, int64_t *ret)
{
    static const struct str word = {"COPY ", 5};
    size_t len = strnlen(tag.at, tag.len);
    return str_has_prefix((struct str){tag.at, len}, word) &&
           str_to_int64((struct str){tag.at + word.len, len - word.len}, ret);
}

/* ---- COPY ---- */

static RC send_query(struct pq *db, const char *sql, struct error *err)
{
    AUTO_RELEASE(buf) text = {0}, message = {0};
    const char *sent = pq_with_lead(db, sql, &text);
    size_t bytes = strlen(sent) + 1;
    assert(bytes < MESSAGE_BYTES_MAX);
    uint32_t len = htobe32((uint32_t)(sizeof(len) + bytes));
    buf_add(&message, &(char){QUERY}, 1);
    buf_add(&message, &len, sizeof(len));
    buf_add(&message, sent, bytes);
    return send_bytes(db, buf_str(&message), err);
}

static RC begin(struct pq *db, const char *sql, struct error *err)
{
    struct message message = {0};
    db->detail[0] = '\0';
    db->incoming = (struct pq_incoming){.buffer = xrealloc(NULL, PQ_BUFFER_BYTES), .size = PQ_BUFFER_BYTES, .rows = -1};
    TRY(send_query(db, sql, err));
    do
        TRY(next_message(db, &message, err));
    while (is_aside(message.kind));
    if (message.kind == FAILURE)
        return take_failure(db, &message, err);
    return message.kind == COPY_OUT ? RC_OK : fail_out_of_step(db, err);
}

static RC look(struct pq *db, struct str *ret, int64_t *ret_rows, struct error *err)
{
    struct message message = {0};
    for (;;) {
        TRY(next_message(db, &message, err));
        bool is_counted = db->incoming.rows >= 0;
        if (message.kind == COPY_DATA && !is_counted) {
            *ret = message.body;
            return RC_OK;
        }
        if (message.kind == FAILURE)
            return take_failure(db, &message, err);
        if (message.kind == READY && is_counted)
            break;
        bool is_count = message.kind == COMMAND_COMPLETE && read_count(message.body, &db->incoming.rows);
        if (!is_count && !is_aside(message.kind) && message.kind != COPY_DONE)
            return fail_out_of_step(db, err);
    }
    *ret_rows = db->incoming.rows;
    *ret = (struct str){0};
    pq_incoming_release(&db->incoming);
    return RC_OK;
}

/* ---- by libpq ---- */

static RC begin_by_libpq(struct pq *db, const char *sql, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    TRY(pq_ask(db, sql, db->stall_ms, true, &answer, err));
    assert(PQresultStatus(answer.result) == PGRES_COPY_OUT && "the statement is a COPY TO STDOUT");
    return RC_OK;
}

/* Nothing may come for as long as a server sorts. */
static RC look_by_libpq(struct pq *db, struct str *ret, int64_t *ret_rows, struct error *err)
{
    AUTO_RELEASE(pq_answer) answer = {0};
    int len = 0;
    PQfreemem(TAKE(db->copied));
    while ((len = PQgetCopyData(db->handle, &db->copied, 1)) == 0) {
        TRY(wait_for_socket(db, POLLIN, err));
        if (PQconsumeInput(db->handle) == 0)
            return pq_fail_lost(db, err);
    }
    *ret = (struct str){db->copied, len > 0 ? (size_t)len : 0};
    if (len > 0)
        return RC_OK;
    *ret = (struct str){0};
    TRY(pq_collect(db, db->stall_ms, true, &answer, err)); /* the end, or what went wrong */
    *ret_rows = pq_changes(&answer);
    return RC_OK;
}

enum rc pq_copy_out(struct pq *db, const char *sql, struct error *err)
{
    if (db->handle == NULL)
        return pq_fail_gone(db, err);
    return (db->rows_by_libpq ? begin_by_libpq : begin)(db, sql, err);
}

enum rc pq_copy_look(struct pq *db, struct str *ret, int64_t *ret_rows, struct error *err)
{
    if (db->handle == NULL)
        return pq_fail_gone(db, err);
    return (db->rows_by_libpq ? look_by_libpq : look)(db, ret, ret_rows, err);
}
