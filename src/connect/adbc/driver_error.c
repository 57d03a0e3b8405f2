/* What a driver says becomes RC, and loses the values that databases put into their messages. Drivers of servers give a
 * SQLSTATE; DuckDB's messages begin with their class; what is left is told by ADBC's status. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "connect/adbc/driver.h"

enum telling {
    TELL_ALL,    /* no value of a row can stand in it */
    TELL_SHAPE,  /* what is quoted, and numbers, are left out */
    TELL_REASON, /* only `instead` */
};

struct known {
    const char *begins; /* DuckDB: how the message begins; SQLSTATE: how that does */
    const char *has;    /* and what else is in it; NULL: anything */
    enum rc rc;
    enum telling telling;
    const char *instead, *todo;
};

#define SPACE_TODO "free some space on the disk, then run the same command again"
#define TWICE      "a key that has to be unique comes twice, or is there already"

/* The first that fits decides. https://github.com/duckdb/duckdb/blob/main/src/common/exception.cpp */
static const struct known duckdb[] = {
    {"IO Error", "Could not set lock on file", RC_BUSY, TELL_ALL, NULL,
     "DuckDB lets one process at a time write a file: end the other one, or wait for it"},
    {"IO Error", "No space left", RC_UNAVAILABLE, TELL_ALL, NULL, SPACE_TODO},
    {"IO Error", "Permission denied", RC_DENIED, TELL_ALL, NULL, "give this user the right to read and write it"},
    {"IO Error", "Read-only file system", RC_DENIED, TELL_ALL, NULL, NULL},
    {"IO Error", "No such file", RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"IO Error", "not a valid DuckDB", RC_DATA, TELL_ALL, NULL, "give another `path`: this file is something else"},
    {"IO Error", "version number", RC_CONFIG, TELL_ALL, NULL,
     "another version of DuckDB has written this file: take its libduckdb.so, or a newer one"},
    {"IO Error", NULL, RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"FATAL Error", NULL, RC_UNAVAILABLE, TELL_SHAPE, NULL, NULL},
    {"TransactionContext Error", "constraint violation", RC_DATA, TELL_REASON, TWICE, NULL},
    {"TransactionContext Error", NULL, RC_AGAIN, TELL_SHAPE, NULL, NULL},
    {"Constraint Error", "NOT NULL constraint", RC_DATA, TELL_ALL, NULL, NULL},
    {"Constraint Error", "uplicate key", RC_DATA, TELL_REASON, TWICE, NULL},
    {"Constraint Error", NULL, RC_DATA, TELL_SHAPE, NULL, NULL},
    {"Conversion Error", NULL, RC_DATA, TELL_SHAPE, NULL, NULL},
    {"Out of Range Error", NULL, RC_DATA, TELL_SHAPE, NULL, NULL},
    {"Invalid Input Error", "options were not recognized", RC_CONFIG, TELL_ALL, NULL, NULL},
    {"Invalid Input Error", NULL, RC_DATA, TELL_SHAPE, NULL, NULL},
    {"Mismatch Type Error", NULL, RC_DATA, TELL_SHAPE, NULL, NULL},
    {"Out of Memory Error", NULL, RC_UNAVAILABLE, TELL_ALL, NULL,
     "give DuckDB more memory (`memory` of the connection, --max-memory), or load smaller chunks (`chunk.rows`)"},
    {"Permission Error", NULL, RC_DENIED, TELL_ALL, NULL, NULL},
    {"Catalog Error", "write-write conflict", RC_AGAIN, TELL_ALL, NULL, NULL},
    {"Catalog Error", "does not exist", RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"Catalog Error", NULL, RC_DATA, TELL_ALL, NULL, NULL},
    {"Dependency Error", NULL, RC_DATA, TELL_ALL, NULL, NULL},
    {"INTERRUPT Error", NULL, RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"Binder Error", NULL, RC_FAILED, TELL_ALL, NULL, NULL},
    {"Parser Error", NULL, RC_FAILED, TELL_SHAPE, NULL, NULL},
};

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; what a server says in DETAIL is never told. */
static const struct known sqlstates[] = {
    {"08", NULL, RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"22", NULL, RC_DATA, TELL_SHAPE, NULL, NULL},
    {"23505", NULL, RC_DATA, TELL_REASON, TWICE, NULL},
    {"23", NULL, RC_DATA, TELL_ALL, NULL, NULL},
    {"25006", NULL, RC_DENIED, TELL_ALL, NULL, "this server takes no writes: give the primary"},
    {"28", NULL, RC_DENIED, TELL_ALL, NULL, "check user and password in the driver's options"},
    {"3D000", NULL, RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"3F000", NULL, RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"40", NULL, RC_AGAIN, TELL_ALL, NULL, NULL},
    {"42501", NULL, RC_DENIED, TELL_ALL, NULL, NULL},
    {"42P01", NULL, RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"53", NULL, RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"55", NULL, RC_BUSY, TELL_ALL, NULL, NULL},
    {"57", NULL, RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"58", NULL, RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"P0001", NULL, RC_DATA, TELL_REASON, "a trigger or a function of the table has refused it", NULL},
};

/* What comes without a code: SQLite's results as its messages say them (https://www.sqlite.org/rescode.html), and
 * errors of servers that end an answer. */
static const struct known words[] = {
    {"", "due to lock timeout", RC_BUSY, TELL_ALL, NULL, NULL},
    {"", "deadlock detected", RC_AGAIN, TELL_ALL, NULL, NULL},
    {"", "could not serialize access", RC_AGAIN, TELL_ALL, NULL, NULL},
    {"", "database is locked", RC_BUSY, TELL_ALL, NULL, NULL},
    {"", "database table is locked", RC_BUSY, TELL_ALL, NULL, NULL},
    {"", "UNIQUE constraint failed", RC_DATA, TELL_ALL, NULL, NULL},
    {"", "constraint failed", RC_DATA, TELL_ALL, NULL, NULL},
    {"", "readonly database", RC_DENIED, TELL_ALL, NULL, NULL},
    {"", "unable to open database file", RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"", "file is not a database", RC_DATA, TELL_ALL, NULL, NULL},
    {"", "disk is full", RC_UNAVAILABLE, TELL_ALL, NULL, SPACE_TODO},
    {"", "disk I/O error", RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"", "no such table", RC_NOT_FOUND, TELL_ALL, NULL, NULL},
    {"", "Connection refused", RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"", "could not connect", RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
    {"", "server closed the connection", RC_UNAVAILABLE, TELL_ALL, NULL, NULL},
};

static const struct known *find(const struct known *list, size_t count, const char *begins, const char *message)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(begins, list[i].begins, strlen(list[i].begins)) == 0 &&
            (list[i].has == NULL || strstr(message, list[i].has) != NULL))
            return &list[i];
    }
    return NULL;
}
#define FIND(list, begins, message) find(list, sizeof(list) / sizeof((list)[0]), begins, message)

static enum rc rc_of_status(AdbcStatusCode status)
{
    static const enum rc codes[] = {
        [ADBC_STATUS_NOT_FOUND] = RC_NOT_FOUND,    [ADBC_STATUS_INVALID_DATA] = RC_DATA,
        [ADBC_STATUS_INTEGRITY] = RC_DATA,         [ADBC_STATUS_IO] = RC_UNAVAILABLE,
        [ADBC_STATUS_CANCELLED] = RC_UNAVAILABLE,  [ADBC_STATUS_TIMEOUT] = RC_UNAVAILABLE,
        [ADBC_STATUS_UNAUTHENTICATED] = RC_DENIED, [ADBC_STATUS_UNAUTHORIZED] = RC_DENIED,
        [ADBC_STATUS_NOT_IMPLEMENTED] = RC_CONFIG,
    };
    enum rc rc = status < sizeof(codes) / sizeof(codes[0]) ? codes[status] : RC_OK;
    return rc != RC_OK ? rc : RC_FAILED;
}

/* "Could not convert string "..." to INT64", "Type INT64 with value ... can't be cast". */
static void add_shape(struct str message, struct buf *out)
{
    for (size_t i = 0; i < message.len; i++) {
        char c = message.at[i];
        bool is_inside_word = i > 0 && isalnum((unsigned char)message.at[i - 1]);
        bool is_opening = (c == '"' || c == '\'') && !is_inside_word;
        if (is_opening || (isdigit((unsigned char)c) && !is_inside_word)) {
            const char *end = is_opening ? memrchr(message.at + i + 1, c, message.len - i - 1) : NULL;
            size_t digits = strspn(message.at + i, "0123456789.eE+-:");
            size_t skipped = end != NULL ? (size_t)(end - message.at) - i : is_opening ? message.len - i : digits - 1;
            i = i + skipped < message.len ? i + skipped : message.len;
            buf_add_str(out, S("..."));
        } else {
            buf_add(out, &c, 1);
        }
    }
}

/* "DuckDB's class: ...", wherever a driver has put its own words in front; NULL: it is none. */
static const char *duckdb_class(const char *message)
{
    for (size_t i = 0; i < sizeof(duckdb) / sizeof(duckdb[0]); i++) {
        const char *at = strstr(message, duckdb[i].begins);
        if (at != NULL && at[strlen(duckdb[i].begins)] == ':')
            return at;
    }
    return NULL;
}

static const struct known *understand(const struct AdbcError *said, const char **message)
{
    char state[sizeof(said->sqlstate) + 1] = "";
    memcpy(state, said->sqlstate, sizeof(said->sqlstate));
    const char *class = duckdb_class(*message);
    if (class != NULL) {
        *message = class;
        return FIND(duckdb, class, class);
    }
    const struct known *known = state[0] != '\0' ? FIND(sqlstates, state, *message) : NULL;
    return known != NULL ? known : FIND(words, "", *message);
}

enum rc driver_fail(AdbcStatusCode status, struct AdbcError *said, const char *what, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    const char *message = or_empty(said->message);
    const struct known *known = understand(said, &message);
    struct str line = {message, strcspn(message, "\n")}; /* behind it: the SQL, or a server's DETAIL with values */
    enum telling telling = known != NULL ? known->telling : TELL_SHAPE;
    if (telling == TELL_ALL)
        buf_add_str(&text, line);
    else if (telling == TELL_SHAPE)
        add_shape(line, &text);
    else
        buf_add_str(&text, str(known->instead));
    fail(err, known != NULL ? known->rc : rc_of_status(status), "'%s': %s", what,
         text.len > 0 ? text.at : "the driver has failed, and does not say why");
    snprintf(err->vendor, sizeof(err->vendor), "%.5s", said->sqlstate);
    if (known != NULL && known->todo != NULL)
        fail_todo(err, "%s", known->todo);
    if (said->release != NULL)
        said->release(said);
    *said = (struct AdbcError){0};
    return err->rc;
}
