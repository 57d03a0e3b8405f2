#include "io/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "io/file.h"
#include "io/opening.h"

/* Primary code, name, what it means for us. */
static const struct {
    int code;
    const char *name;
    enum rc rc;
} codes[] = {
    {SQLITE_BUSY, "SQLITE_BUSY", RC_BUSY},
    {SQLITE_LOCKED, "SQLITE_LOCKED", RC_BUSY},
    {SQLITE_PROTOCOL, "SQLITE_PROTOCOL", RC_BUSY},
    {SQLITE_SCHEMA, "SQLITE_SCHEMA", RC_BUSY},
    {SQLITE_FULL, "SQLITE_FULL", RC_UNAVAILABLE},
    {SQLITE_IOERR, "SQLITE_IOERR", RC_UNAVAILABLE},
    {SQLITE_NOMEM, "SQLITE_NOMEM", RC_UNAVAILABLE},
    {SQLITE_READONLY, "SQLITE_READONLY", RC_DENIED},
    {SQLITE_PERM, "SQLITE_PERM", RC_DENIED},
    {SQLITE_AUTH, "SQLITE_AUTH", RC_DENIED},
    {SQLITE_CORRUPT, "SQLITE_CORRUPT", RC_DATA},
    {SQLITE_NOTADB, "SQLITE_NOTADB", RC_DATA},
    {SQLITE_TOOBIG, "SQLITE_TOOBIG", RC_DATA},
    {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT", RC_DATA},
    {SQLITE_MISMATCH, "SQLITE_MISMATCH", RC_DATA},
    {SQLITE_INTERRUPT, "SQLITE_INTERRUPT", RC_INTERRUPTED},
    {SQLITE_CANTOPEN, "SQLITE_CANTOPEN", RC_UNAVAILABLE},
    {SQLITE_ERROR, "SQLITE_ERROR", RC_FAILED},
};

static bool is_stopped(const struct sqlite *db) { return db->patience.stop != NULL && *db->patience.stop != 0; }

static enum rc rc_of(const struct sqlite *db, int code, int number, const char **ret_name)
{
    *ret_name = "SQLITE";
    enum rc rc = RC_FAILED;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].code != (code & 0xFF))
            continue;
        *ret_name = codes[i].name;
        rc = codes[i].rc;
    }
    if (is_stopped(db) && (rc == RC_BUSY || rc == RC_INTERRUPTED))
        return stop_rc(*db->patience.stop);
    if ((code & 0xFF) == SQLITE_CANTOPEN && number != 0)
        return number == ENOENT                                         ? RC_NOT_FOUND
               : number == EACCES || number == EPERM || number == EROFS ? RC_DENIED
                                                                        : rc;
    return rc;
}

static void advise(const struct sqlite *db, int code, struct error *err)
{
    char holder[SQLITE_HOLDER_TEXT];
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (sqlite_lock_holder(db->path, holder))
            fail_todo(err, "%s holds the lock of '%s': let it end its transaction, then run this again", holder,
                      db->path);
        else
            fail_todo(err,
                      "another program holds the lock of '%s' (fuser names it): let it end its transaction, then run "
                      "this again",
                      db->path);
        return;
    case SQLITE_FULL: fail_todo(err, "free some space beside '%s', then run the same command again", db->path); return;
    case SQLITE_IOERR:
        fail_todo(err,
                  "check the disk that holds '%s' (network file systems often lack SQLite's locks), then run the same "
                  "command again",
                  db->path);
        return;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        fail_todo(
            err,
            "give this user the right to '%s' and to the folder it stands in (journal and WAL files are made there)",
            db->path);
        return;
    case SQLITE_CORRUPT:
        fail_todo(err, "sqlite3 '%s' 'PRAGMA integrity_check' tells how bad it is; a backup or '.recover' may help",
                  db->path);
        return;
    case SQLITE_NOTADB: fail_todo(err, "check the path; an encrypted database cannot be read"); return;
    default: return;
    }
}

enum rc sqlite_fail(struct sqlite *db, int code, struct error *err)
{
    assert((code & 0xFF) != SQLITE_MISUSE && (code & 0xFF) != SQLITE_RANGE);
    const char *name;
    int number = sqlite3_system_errno(db->handle);
    enum rc rc = rc_of(db, code, number, &name);
    bool tells_errno = number != 0 && ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN);
    /* The connection keeps one message, and it may belong to another failure than `code`. */
    const char *text = sqlite3_extended_errcode(db->handle) == code ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    fail(err, rc, "'%s': %s%s%s", db->path, text, tells_errno ? ": " : "", tells_errno ? strerror(number) : "");
    snprintf(err->vendor, sizeof(err->vendor), "%s", name);
    if (rc != RC_INTERRUPTED && rc != RC_TERMINATED)
        advise(db, code, err);
    return rc;
}

/* SQLite asks with count 0 when a wait begins. */
static int wait_for_lock(void *context, int count)
{
    static const int64_t waits_ms[] = {1, 2, 5, 10, 20, 50};
    enum { WAITS = sizeof(waits_ms) / sizeof(waits_ms[0]) };
    struct sqlite *db = context;
    struct clock *clock = db->patience.clock;
    int64_t now_ms = clock->mono_ms(clock), wait_ms = waits_ms[count < WAITS ? count : WAITS - 1];
    if (count == 0)
        db->give_up_ms = now_ms + db->patience.wait_ms;
    if (is_stopped(db) || now_ms >= db->give_up_ms)
        return 0;
    clock->sleep_ms(clock, wait_ms < db->give_up_ms - now_ms ? wait_ms : db->give_up_ms - now_ms);
    return 1;
}

static int stop_statement(void *context) { return is_stopped(context); }

static RC check_file(const char *path, enum sqlite_access access, struct error *err)
{
    struct stat at;
    if (stat(path, &at) != 0) {
        if (errno == ENOENT && access == SQLITE_TO_CREATE)
            return file_check_folder(path, err);
        fail_errno(err, errno, "opening the SQLite database '%s'", path);
        return errno == ENOENT ? fail_todo(err, "check the path; a database that is only read is never created")
                               : err->rc;
    }
    if (S_ISDIR(at.st_mode)) {
        fail(err, RC_CONFIG, "opening the SQLite database '%s': it is a folder", path);
        return fail_todo(err, "give the path of the database's file in it");
    }
    return RC_OK;
}

static RC open_handle(struct sqlite *db, enum sqlite_access access, struct error *err)
{
    enum { PROGRESS_STEPS = 100000 }; /* a few milliseconds of SQLite's virtual machine */
    static const int flags[] = {
        [SQLITE_TO_READ] = SQLITE_OPEN_READONLY,
        [SQLITE_TO_EITHER] = SQLITE_OPEN_READWRITE,
        [SQLITE_TO_WRITE] = SQLITE_OPEN_READWRITE,
        [SQLITE_TO_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    /* A leading "./" keeps "file:...", ":memory:" and "" from having a meaning of their own. */
    AUTO_RELEASE(buf) name = {0};
    buf_addf(&name, "%s%s", db->path[0] == '/' ? "" : "./", db->path);
    int code = sqlite3_open_v2(name.at, &db->handle, flags[access] | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (db->handle == NULL)
        abort(); /* no memory */
    if (code != SQLITE_OK)
        return sqlite_fail(db, code, err);
    sqlite3_busy_handler(db->handle, wait_for_lock, db);
    /* A quoted name that is no column (any more) is an error, and not a text of that name in every row. */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (db->patience.stop != NULL)
        sqlite3_progress_handler(db->handle, PROGRESS_STEPS, stop_statement, db);
    /* The file is first read here: this tells a database from anything else. */
    int64_t version;
    TRY(sqlite_query_int64(db, "PRAGMA schema_version", &version, err));
    db->read_only = sqlite3_db_readonly(db->handle, "main") == 1;
    if (db->read_only && (access == SQLITE_TO_WRITE || access == SQLITE_TO_CREATE)) {
        fail(err, RC_DENIED, "'%s' can only be read", db->path);
        return fail_todo(err, "give this user the right to write it (ls -l shows the owner and the mode)");
    }
    return RC_OK;
}

RC sqlite_open(const char *path, enum sqlite_access access, const struct sqlite_patience *patience, struct sqlite **ret,
               struct error *err)
{
    TRY(check_file(path, access, err));
    AUTO(sqlite) *db = xcalloc(1, sizeof(*db));
    *db = (struct sqlite){.path = xstrdup(path), .patience = *patience};
    if (db->patience.wait_ms == 0)
        db->patience.wait_ms = SQLITE_WAIT_MS;
    if (open_handle(db, access, err) != RC_OK)
        return fail_in(err, "opening the SQLite database");
    *ret = TAKE(db);
    return RC_OK;
}

void sqlite_free(struct sqlite *self)
{
    if (self == NULL)
        return;
    int code = sqlite3_close(self->handle);
    assert(code == SQLITE_OK && "every statement is finalized before its connection");
    free(self->path);
    free(self);
}

RC sqlite_prepare(struct sqlite *db, const char *sql, sqlite3_stmt **ret, struct error *err)
{
    int code = sqlite3_prepare_v2(db->handle, sql, -1, ret, NULL);
    return code == SQLITE_OK ? RC_OK : sqlite_fail(db, code, err);
}

RC sqlite_step(struct sqlite *db, sqlite3_stmt *statement, bool *ret_row, struct error *err)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        sqlite_fail(db, code, err);
        sqlite3_reset(statement);
        return err->rc;
    }
    *ret_row = code == SQLITE_ROW;
    return RC_OK;
}

RC sqlite_run(struct sqlite *db, const char *sql, struct error *err)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? RC_OK : sqlite_fail(db, code, err);
}

RC sqlite_query_int64(struct sqlite *db, const char *sql, int64_t *ret, struct error *err)
{
    AUTO(sqlite3_stmt) *statement = NULL;
    bool is_row = false;
    TRY(sqlite_prepare(db, sql, &statement, err));
    TRY(sqlite_step(db, statement, &is_row, err));
    if (!is_row)
        return fail(err, RC_NOT_FOUND, "'%s': no row", db->path);
    *ret = sqlite3_column_int64(statement, 0);
    return RC_OK;
}

void sqlite_rollback(struct sqlite *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static void bound(int code)
{
    assert(code == SQLITE_OK && "a parameter that the statement has, while it is not being stepped");
    (void)code;
}

void sqlite_bind_null(sqlite3_stmt *statement, int parameter) { bound(sqlite3_bind_null(statement, parameter)); }

void sqlite_bind_int64(sqlite3_stmt *statement, int parameter, int64_t value)
{
    bound(sqlite3_bind_int64(statement, parameter, value));
}

void sqlite_bind_double(sqlite3_stmt *statement, int parameter, double value)
{
    bound(sqlite3_bind_double(statement, parameter, value));
}

/* NULL would bind SQL's NULL, so nothing is given as an empty text. */
static const char *some(struct str value) { return value.at != NULL ? value.at : ""; }

RC sqlite_bind_text(struct sqlite *db, sqlite3_stmt *statement, int parameter, struct str value, struct error *err)
{
    int code = sqlite3_bind_text64(statement, parameter, some(value), value.len, SQLITE_STATIC, SQLITE_UTF8);
    return code == SQLITE_OK ? RC_OK : sqlite_fail(db, code, err);
}

RC sqlite_bind_blob(struct sqlite *db, sqlite3_stmt *statement, int parameter, struct str value, struct error *err)
{
    int code = sqlite3_bind_blob64(statement, parameter, some(value), value.len, SQLITE_STATIC);
    return code == SQLITE_OK ? RC_OK : sqlite_fail(db, code, err);
}

struct str sqlite_column_str(sqlite3_stmt *statement, int column)
{
    const void *at = sqlite3_column_type(statement, column) == SQLITE_TEXT
                         ? (const void *)sqlite3_column_text(statement, column)
                         : sqlite3_column_blob(statement, column);
    size_t len = (size_t)sqlite3_column_bytes(statement, column);
    return (struct str){len != 0 ? at : "", len};
}

void sqlite_quote(struct buf *out, const char *identifier)
{
    buf_add_str(out, S("\""));
    for (const char *at = identifier; *at != '\0'; at++) {
        if (*at == '"')
            buf_add_str(out, S("\""));
        buf_add(out, at, 1);
    }
    buf_add_str(out, S("\""));
}
