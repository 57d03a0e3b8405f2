/* postgres_read CONNINFO CONNECTIONS ROWS: the least that a reader of lineitem can do. A binary COPY out by libpq, one
 * key range per connection and thread; every byte of every value is touched once. Prints rows, bytes and seconds. */
#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reader {
    PGconn *conn;
    char query[256];
    uint64_t rows, bytes, sum;
    pthread_t thread;
};

static void die(const char *what)
{
    fprintf(stderr, "postgres_read: %s\n", what);
    exit(1);
}

/* The number of fields, then each behind its length; the trailer has none, and the stream's head goes before a row. */
static void touch_row(struct reader *self, const unsigned char *at, const unsigned char *end)
{
    enum { HEAD_BYTES = 19 };
    uint64_t sum = 0;
    if (self->rows == 0 && end - at > HEAD_BYTES && memcmp(at, "PGCOPY", 6) == 0)
        at += HEAD_BYTES;
    unsigned fields = (unsigned)at[0] << 8 | at[1];
    if (fields == UINT16_MAX)
        return;
    at += 2;
    for (unsigned i = 0; i < fields; i++) {
        uint32_t len;
        memcpy(&len, at, sizeof(len));
        len = be32toh(len);
        at += sizeof(len);
        if (len == UINT32_MAX)
            continue;
        for (uint32_t byte = 0; byte < len; byte++)
            sum += at[byte];
        at += len;
        self->bytes += len;
    }
    if (at != end)
        die("a row is longer than its fields");
    self->rows++;
    self->sum += sum;
}

static void *read_range(void *context)
{
    struct reader *self = context, mine = *self; /* no two threads write to one cache line */
    PGresult *result = PQexec(mine.conn, mine.query);
    char *piece = NULL;
    int len;
    if (PQresultStatus(result) != PGRES_COPY_OUT)
        die(PQerrorMessage(mine.conn));
    PQclear(result);
    while ((len = PQgetCopyData(mine.conn, &piece, 0)) > 0) {
        touch_row(&mine, (const unsigned char *)piece, (const unsigned char *)piece + len);
        PQfreemem(piece);
    }
    result = PQgetResult(mine.conn);
    if (len != -1 || PQresultStatus(result) != PGRES_COMMAND_OK)
        die(PQerrorMessage(mine.conn));
    PQclear(result);
    self->rows = mine.rows;
    self->bytes = mine.bytes;
    self->sum = mine.sum;
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    enum { READERS_MAX = 16 };
    struct reader readers[READERS_MAX] = {0};
    int count = argc == 4 ? atoi(argv[2]) : 0;
    int64_t rows = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
    if (count < 1 || count > READERS_MAX || rows < 1)
        die("usage: postgres_read CONNINFO CONNECTIONS ROWS");
    for (int i = 0; i < count; i++) {
        struct reader *r = &readers[i];
        r->conn = PQconnectdb(argv[1]);
        if (PQstatus(r->conn) != CONNECTION_OK)
            die(PQerrorMessage(r->conn));
        snprintf(r->query, sizeof(r->query),
                 "COPY (SELECT * FROM lineitem WHERE id > %" PRId64 " AND id <= %" PRId64 ") TO STDOUT (FORMAT binary)",
                 rows * i / count, rows * (i + 1) / count);
    }
    double began = now();
    for (int i = 0; i < count; i++) {
        if (pthread_create(&readers[i].thread, NULL, read_range, &readers[i]) != 0)
            die("no thread");
    }
    uint64_t read = 0, bytes = 0, sum = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(readers[i].thread, NULL);
        read += readers[i].rows;
        bytes += readers[i].bytes;
        sum += readers[i].sum;
    }
    printf("%" PRIu64 " %" PRIu64 " %.6f %" PRIu64 "\n", read, bytes, now() - began, sum);
    for (int i = 0; i < count; i++)
        PQfinish(readers[i].conn);
    return read == (uint64_t)rows ? 0 : 1;
}
