#include "connect/adbc/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "connect/adbc/answer.h"
#include "connect/adbc/database.h"
#include "connect/adbc/watch.h"
#include "io/opening.h"

struct adbc {
    struct database *database;
    struct AdbcDriver *driver; /* the database's */
    struct AdbcConnection connection;
    bool is_connected; /* connection is to be released */
    bool is_in_transaction;
    const char *shown;
    const atomic_int *stop;
    char vendor[32], version[48];
};

const char *adbc_vendor(const struct adbc *self) { return self->vendor; }
const char *adbc_version(const struct adbc *self) { return self->version; }
void adbc_spoil(struct adbc *db) { db->database->is_spoiled = true; }

static void forget(struct AdbcError *said)
{
    if (said->release != NULL)
        said->release(said);
    *said = (struct AdbcError){0};
}

/* ---- statements ---- */

static bool is_stopped(const struct adbc *db) { return db->stop != NULL && *db->stop != 0; }

static enum rc fail_call(struct adbc *db, AdbcStatusCode status, struct AdbcError *said, struct error *err)
{
    driver_fail(status, said, db->shown, err);
    /* A transaction under way may not have been what was cancelled, but whoever asked to stop wants no other reason. */
    if (is_stopped(db))
        return fail(err, stop_rc(*db->stop), "'%s': asked to stop", db->shown);
    return err->rc;
}

static RC read_stream(struct adbc *db, struct ArrowArrayStream *stream, struct answer *ret, struct error *err)
{
    const char *why = NULL;
    if (stream->release == NULL)
        return RC_OK; /* a statement without an answer */
    if (answer_read(stream, ret, &why, err) == RC_OK)
        return RC_OK;
    struct AdbcError said = {.message = (char *)(uintptr_t)why}; /* lives as long as the stream */
    return why != NULL ? fail_call(db, ADBC_STATUS_UNKNOWN, &said, err) : fail_in(err, "'%s'", db->shown);
}

/* One statement that is made ready. The answer is read to its end, since some databases do their work only then; ret
 * NULL: it has none, and a driver may refuse to be asked for one. */
static RC execute(struct adbc *db, struct AdbcStatement *statement, struct answer *ret, struct error *err)
{
    struct AdbcError said = {0};
    struct ArrowArrayStream stream = {0};
    struct watch watch;
    int64_t changes = -1;
    watch_begin(&watch, db->driver, &db->connection, statement, db->stop);
    AdbcStatusCode status = db->driver->StatementExecuteQuery(statement, ret != NULL ? &stream : NULL, &changes, &said);
    enum rc rc = status == ADBC_STATUS_OK && ret != NULL ? read_stream(db, &stream, ret, err) : RC_OK;
    watch_end(&watch);
    if (stream.release != NULL)
        stream.release(&stream);
    if (status != ADBC_STATUS_OK)
        return fail_call(db, status, &said, err);
    if (ret != NULL)
        ret->changes = changes;
    return rc;
}

static RC open_statement(struct adbc *db, struct AdbcStatement *ret, struct error *err)
{
    struct AdbcError said = {0};
    *ret = (struct AdbcStatement){.private_driver = db->driver};
    AdbcStatusCode status = db->driver->StatementNew(&db->connection, ret, &said);
    return status == ADBC_STATUS_OK ? RC_OK : fail_call(db, status, &said, err);
}

static void close_statement(struct adbc *db, struct AdbcStatement *statement)
{
    struct AdbcError said = {0};
    db->driver->StatementRelease(statement, &said);
    forget(&said);
}

RC adbc_query(struct adbc *db, const char *sql, struct answer *ret, struct error *err)
{
    struct AdbcStatement statement;
    struct AdbcError said = {0};
    TRY(open_statement(db, &statement, err));
    AdbcStatusCode status = db->driver->StatementSetSqlQuery(&statement, sql, &said);
    enum rc rc = status == ADBC_STATUS_OK ? execute(db, &statement, ret, err) : fail_call(db, status, &said, err);
    close_statement(db, &statement);
    return rc;
}

RC adbc_run(struct adbc *db, const char *sql, struct error *err)
{
    AUTO_RELEASE(answer) unread = {0};
    return adbc_query(db, sql, &unread, err);
}

/* ---- rows ---- */

static RC set_place(struct adbc *db, struct AdbcStatement *statement, const struct adbc_place *into, struct error *err)
{
    const struct {
        const char *name, *value;
    } options[] = {
        {ADBC_INGEST_TARGET_TABLE, into->table},
        {ADBC_INGEST_TEMPORARY, into->is_temporary ? ADBC_VALUE_ENABLED : NULL},
        {ADBC_INGEST_TARGET_CATALOG, into->is_temporary ? NULL : into->catalog},
        {ADBC_INGEST_TARGET_SCHEMA, into->is_temporary ? NULL : into->schema},
        {ADBC_INGEST_MODE, ADBC_INGEST_MODE_APPEND},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct AdbcError said = {0};
        if (options[i].value == NULL)
            continue;
        AdbcStatusCode status = db->driver->StatementSetOption(statement, options[i].name, options[i].value, &said);
        if (status == ADBC_STATUS_OK)
            continue;
        driver_fail(status, &said, db->shown, err);
        err->rc = RC_CONFIG;
        fail_in(err, "the driver cannot take rows in bulk (%s)", options[i].name);
        return fail_todo(err, "take a newer version of the driver");
    }
    return RC_OK;
}

static RC bind_and_execute(struct adbc *db, struct AdbcStatement *statement, const struct ArrowArray *rows,
                           struct ArrowSchema *schema, struct error *err)
{
    struct AdbcError said = {0};
    struct ArrowArray moved = *rows; /* the driver takes the struct; the memory stays the batch's */
    AdbcStatusCode status = db->driver->StatementBind(statement, &moved, schema, &said);
    if (status != ADBC_STATUS_OK)
        return fail_call(db, status, &said, err);
    return execute(db, statement, NULL, err);
}

RC adbc_ingest(struct adbc *db, const struct adbc_place *into, const struct ArrowArray *rows,
               struct ArrowSchema *schema, struct error *err)
{
    struct AdbcStatement statement;
    TRY(open_statement(db, &statement, err));
    enum rc rc = set_place(db, &statement, into, err);
    if (rc == RC_OK)
        rc = bind_and_execute(db, &statement, rows, schema, err);
    close_statement(db, &statement); /* from here on the driver has nothing of the rows any more */
    return rc;
}

/* ---- transactions ---- */

static AdbcStatusCode set_autocommit(struct adbc *db, bool is_on, struct AdbcError *said)
{
    return db->driver->ConnectionSetOption(&db->connection, ADBC_CONNECTION_AUTOCOMMIT,
                                           is_on ? ADBC_VALUE_ENABLED : ADBC_VALUE_DISABLED, said);
}

RC adbc_begin(struct adbc *db, struct error *err)
{
    struct AdbcError said = {0};
    assert(!db->is_in_transaction);
    AdbcStatusCode status = set_autocommit(db, false, &said);
    if (status != ADBC_STATUS_OK)
        return fail_call(db, status, &said, err);
    db->is_in_transaction = true;
    return RC_OK;
}

/* Drivers begin the next transaction at once; it is ended with nothing in it. */
static bool end_next_transaction(struct adbc *db)
{
    struct AdbcError said = {0};
    AdbcStatusCode status = set_autocommit(db, true, &said);
    forget(&said);
    db->is_in_transaction = status != ADBC_STATUS_OK;
    return status == ADBC_STATUS_OK;
}

RC adbc_commit(struct adbc *db, struct error *err)
{
    struct AdbcError said = {0};
    assert(db->is_in_transaction);
    AdbcStatusCode status = db->driver->ConnectionCommit(&db->connection, &said);
    if (status == ADBC_STATUS_OK) {
        (void)end_next_transaction(db); /* what was committed is: the next begin tells of anything else */
        return RC_OK;
    }
    driver_fail(status, &said, db->shown, err); /* even when asked to stop: what became of it is to be told */
    if (err->rc != RC_BUSY && err->rc != RC_AGAIN && err->rc != RC_DATA)
        err->rc = RC_UNKNOWN;
    return err->rc;
}

bool adbc_rollback(struct adbc *db)
{
    struct AdbcError said = {0};
    if (!db->is_in_transaction)
        return true;
    AdbcStatusCode status = db->driver->ConnectionRollback(&db->connection, &said);
    forget(&said);
    return status == ADBC_STATUS_OK && end_next_transaction(db);
}

/* ---- opening ---- */

static RC read_vendor(struct adbc *db, struct error *err)
{
    static const uint32_t codes[] = {ADBC_INFO_VENDOR_NAME, ADBC_INFO_VENDOR_VERSION};
    struct AdbcError said = {0};
    struct ArrowArrayStream stream = {0};
    if (db->driver->ConnectionGetInfo == NULL)
        return RC_OK;
    AdbcStatusCode status =
        db->driver->ConnectionGetInfo(&db->connection, codes, sizeof(codes) / sizeof(codes[0]), &stream, &said);
    if (status == ADBC_STATUS_NOT_IMPLEMENTED) {
        forget(&said);
        return RC_OK;
    }
    if (status != ADBC_STATUS_OK)
        return driver_fail(status, &said, db->shown, err);
    enum rc rc = answer_read_info(&stream, ADBC_INFO_VENDOR_NAME, db->vendor, sizeof(db->vendor),
                                  ADBC_INFO_VENDOR_VERSION, db->version, sizeof(db->version), err);
    if (stream.release != NULL)
        stream.release(&stream);
    return rc;
}

static RC check_transactions(struct adbc *db, struct error *err)
{
    struct error why;
    if (adbc_begin(db, &why) == RC_OK && adbc_rollback(db))
        return RC_OK;
    db->is_in_transaction = false;
    fail(err, RC_CONFIG, "'%s': the driver has no transactions, without which nothing is loaded exactly once",
         db->shown);
    fail_id(err, "no-transactions");
    return fail_todo(err, "take a driver that has them");
}

static RC connect(struct adbc *db, struct error *err)
{
    struct AdbcError said = {0};
    db->connection.private_driver = db->driver;
    AdbcStatusCode status = db->driver->ConnectionNew(&db->connection, &said);
    if (status != ADBC_STATUS_OK)
        return driver_fail(status, &said, db->shown, err);
    db->is_connected = true;
    status = db->driver->ConnectionInit(&db->connection, &db->database->handle, &said);
    if (status != ADBC_STATUS_OK)
        return driver_fail(status, &said, db->shown, err);
    TRY(read_vendor(db, err));
    return check_transactions(db, err);
}

RC adbc_open(const struct adbc_address *address, const atomic_int *stop, struct adbc **ret, struct error *err)
{
    AUTO(adbc) *self = xcalloc(1, sizeof(*self));
    self->shown = address->shown;
    self->stop = stop;
    TRY(database_take(address, &self->database, err));
    self->driver = &self->database->driver;
    TRY(connect(self, err));
    *ret = TAKE(self);
    return RC_OK;
}

void adbc_free(struct adbc *self)
{
    struct AdbcError said = {0};
    if (self == NULL)
        return;
    if (self->is_connected && self->is_in_transaction)
        (void)adbc_rollback(self); /* not every driver does it by itself */
    if (self->is_connected)
        self->driver->ConnectionRelease(&self->connection, &said);
    forget(&said);
    if (self->database != NULL)
        database_give(self->database);
    free(self);
}

/* ---- SQL ---- */

static void add_quoted(struct buf *out, const char *text, char quote)
{
    buf_add(out, &quote, 1);
    for (; *text != '\0'; text++) {
        if (*text == quote)
            buf_add(out, &quote, 1);
        buf_add(out, text, 1);
    }
    buf_add(out, &quote, 1);
}

void adbc_quote(struct buf *out, const char *identifier) { add_quoted(out, identifier, '"'); }
void adbc_literal(struct buf *out, const char *text) { add_quoted(out, text, '\''); }
