/* postgres_copy CONNINFO FROM INTO: the least that a loader can do. The binary COPY of table FROM is taken into memory;
 * then, and this alone is timed, these bytes go into the empty table INTO over one connection, in messages of 64 KiB,
 * from BEGIN to COMMIT. Prints rows, bytes and seconds. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MESSAGE_BYTES = 64 << 10 };

struct bytes {
    char *at;
    size_t len, capacity;
};

static void die(const char *what)
{
    fprintf(stderr, "postgres_copy: %s\n", what);
    exit(1);
}

static PGresult *query(PGconn *conn, const char *sql, ExecStatusType wanted)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != wanted)
        die(PQerrorMessage(conn));
    return result;
}

static void take_copy(PGconn *conn, const char *table, struct bytes *into)
{
    char sql[256], *message = NULL;
    snprintf(sql, sizeof(sql), "COPY %s TO STDOUT (FORMAT binary)", table);
    PQclear(query(conn, sql, PGRES_COPY_OUT));
    for (int len = PQgetCopyData(conn, &message, 0); len > 0; len = PQgetCopyData(conn, &message, 0)) {
        if (into->len + (size_t)len > into->capacity) {
            into->capacity = 2 * into->capacity + (size_t)len;
            into->at = realloc(into->at, into->capacity);
            if (into->at == NULL)
                die("no memory");
        }
        memcpy(into->at + into->len, message, (size_t)len);
        into->len += (size_t)len;
        PQfreemem(message);
    }
    PGresult *end = PQgetResult(conn);
    if (PQresultStatus(end) != PGRES_COMMAND_OK)
        die(PQerrorMessage(conn));
    PQclear(end);
    PQclear(PQgetResult(conn));
}

/* Returns the rows that the server took. */
static long give_copy(PGconn *conn, const char *table, const struct bytes *from)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "COPY %s FROM STDIN (FORMAT binary)", table);
    PQclear(query(conn, "BEGIN", PGRES_COMMAND_OK));
    PQclear(query(conn, sql, PGRES_COPY_IN));
    for (size_t at = 0; at < from->len; at += MESSAGE_BYTES) {
        size_t left = from->len - at;
        if (PQputCopyData(conn, from->at + at, left < MESSAGE_BYTES ? (int)left : MESSAGE_BYTES) != 1)
            die(PQerrorMessage(conn));
    }
    if (PQputCopyEnd(conn, NULL) != 1)
        die(PQerrorMessage(conn));
    PGresult *end = PQgetResult(conn);
    if (PQresultStatus(end) != PGRES_COMMAND_OK)
        die(PQerrorMessage(conn));
    long rows = atol(PQcmdTuples(end));
    PQclear(end);
    PQclear(PQgetResult(conn));
    PQclear(query(conn, "COMMIT", PGRES_COMMAND_OK));
    return rows;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    struct bytes bytes = {0};
    if (argc != 4)
        die("usage: postgres_copy CONNINFO FROM INTO");
    PGconn *conn = PQconnectdb(argv[1]);
    if (PQstatus(conn) != CONNECTION_OK)
        die(PQerrorMessage(conn));
    take_copy(conn, argv[2], &bytes);
    double began = now();
    long rows = give_copy(conn, argv[3], &bytes);
    printf("%ld %zu %.6f\n", rows, bytes.len, now() - began);
    PQfinish(conn);
    free(bytes.at);
    return 0;
}
