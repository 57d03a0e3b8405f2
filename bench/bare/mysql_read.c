/* mysql_read SOCKET DATABASE CONNECTIONS ROWS: the least that a reader of lineitem can do. libmariadb, the text
 * protocol, unbuffered, one key range per connection and thread; every byte of every value is touched once.
 * Prints rows, bytes and seconds. */
#include <inttypes.h>
#include <mysql.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reader {
    MYSQL *mysql;
    char query[256];
    uint64_t rows, bytes, sum;
    pthread_t thread;
};

static void die(const char *what)
{
    fprintf(stderr, "mysql_read: %s\n", what);
    exit(1);
}

static void *read_range(void *context)
{
    struct reader *self = context;
    if (mysql_real_query(self->mysql, self->query, strlen(self->query)) != 0)
        die(mysql_error(self->mysql));
    MYSQL_RES *result = mysql_use_result(self->mysql);
    if (result == NULL)
        die(mysql_error(self->mysql));
    unsigned columns = mysql_num_fields(result);
    uint64_t rows = 0, bytes = 0, sum = 0;
    for (MYSQL_ROW row = mysql_fetch_row(result); row != NULL; row = mysql_fetch_row(result), rows++) {
        const unsigned long *lengths = mysql_fetch_lengths(result);
        for (unsigned i = 0; i < columns; i++) {
            const unsigned char *value = (const unsigned char *)row[i];
            for (unsigned long at = 0; at < lengths[i]; at++)
                sum += value[at];
            bytes += lengths[i];
        }
    }
    if (mysql_errno(self->mysql) != 0)
        die(mysql_error(self->mysql));
    mysql_free_result(result);
    self->rows = rows;
    self->bytes = bytes;
    self->sum = sum;
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
    int count = argc == 5 ? atoi(argv[3]) : 0;
    int64_t rows = argc == 5 ? strtoll(argv[4], NULL, 10) : 0;
    if (count < 1 || count > READERS_MAX || rows < 1)
        die("usage: mysql_read SOCKET DATABASE CONNECTIONS ROWS");
    for (int i = 0; i < count; i++) {
        struct reader *r = &readers[i];
        r->mysql = mysql_init(NULL);
        if (mysql_real_connect(r->mysql, "localhost", "root", "", argv[2], 0, argv[1], 0) == NULL)
            die(mysql_error(r->mysql));
        snprintf(r->query, sizeof(r->query), "SELECT * FROM lineitem WHERE id > %" PRId64 " AND id <= %" PRId64,
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
        mysql_close(readers[i].mysql);
    }
    printf("%" PRIu64 " %" PRIu64 " %.6f %" PRIu64 "\n", read, bytes, now() - began, sum);
    return read == (uint64_t)rows ? 0 : 1;
}
