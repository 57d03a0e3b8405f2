/* An ADBC driver that is another one, with a fault: a library, as a test of the ADBC target names it. The driver behind
 * it is FAULTS_DRIVER's, its entry FAULTS_ENTRY, and the fault FAULTS:
 *
 *     old               it speaks ADBC 1.0 only                 none              nothing is wrong
 *     stranger          it speaks no version that is known      other             it is for a database called Oracle
 *     no-transactions   autocommit cannot be switched off       no-ingest         it takes no rows in bulk
 *     lost-commit       COMMIT is done, and its answer is lost  cut-commit        COMMIT is lost on its way
 *     refused-commit    COMMIT meets another transaction        lost-rows         every other batch is taken and
 * dropped */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "connect/adbc/adbc.h"

AdbcStatusCode faults_init(int version, void *driver, struct AdbcError *error);

static struct AdbcDriver inner;
static int commits, batches;

static bool is(const char *fault)
{
    const char *now = getenv("FAULTS");
    return now != NULL && strcmp(now, fault) == 0;
}

static void forget(struct AdbcError *error)
{
    if (error->release != NULL)
        error->release(error);
    memset(error, 0, sizeof(*error));
}

static AdbcStatusCode say(struct AdbcError *error, AdbcStatusCode status, const char *text)
{
    forget(error);
    error->message = (char *)(uintptr_t)text;
    return status;
}

static AdbcStatusCode set_connection_option(struct AdbcConnection *connection, const char *name, const char *value,
                                            struct AdbcError *error)
{
    if (is("no-transactions") && strcmp(name, ADBC_CONNECTION_AUTOCOMMIT) == 0)
        return say(error, ADBC_STATUS_NOT_IMPLEMENTED, "Unknown connection option");
    return inner.ConnectionSetOption(connection, name, value, error);
}

/* The first COMMIT of a load; those of T's short transactions go before it, and are few. */
static AdbcStatusCode commit(struct AdbcConnection *connection, struct AdbcError *error)
{
    const char *nth = getenv("FAULTS_AT");
    bool is_now = nth != NULL && ++commits == (int)strtol(nth, NULL, 10);
    if (is_now && is("cut-commit"))
        return say(error, ADBC_STATUS_IO, "the connection was lost");
    if (is_now && is("refused-commit"))
        return say(error, ADBC_STATUS_INTERNAL, "TransactionContext Error: Failed to commit: conflict");
    AdbcStatusCode status = inner.ConnectionCommit(connection, error);
    return is_now && is("lost-commit") ? say(error, ADBC_STATUS_IO, "the connection was lost") : status;
}

static AdbcStatusCode set_statement_option(struct AdbcStatement *statement, const char *name, const char *value,
                                           struct AdbcError *error)
{
    if (is("no-ingest"))
        return say(error, ADBC_STATUS_NOT_IMPLEMENTED, "no such option");
    return inner.StatementSetOption(statement, name, value, error);
}

static AdbcStatusCode bind(struct AdbcStatement *statement, struct ArrowArray *rows, struct ArrowSchema *schema,
                           struct AdbcError *error)
{
    if (is("lost-rows") && batches++ % 2 == 1)
        rows->length = 0;
    return inner.StatementBind(statement, rows, schema, error);
}

static AdbcStatusCode get_info(struct AdbcConnection *connection, const uint32_t *codes, size_t count,
                               struct ArrowArrayStream *ret, struct AdbcError *error)
{
    struct AdbcStatement statement = {.private_driver = &inner};
    if (!is("other"))
        return inner.ConnectionGetInfo(connection, codes, count, ret, error);
    AdbcStatusCode status = inner.StatementNew(connection, &statement, error);
    if (status == ADBC_STATUS_OK)
        status = inner.StatementSetSqlQuery(
            &statement, "SELECT 0::UINTEGER AS info_name, union_value(string_value := 'Oracle') AS info_value", error);
    if (status == ADBC_STATUS_OK)
        status = inner.StatementExecuteQuery(&statement, ret, NULL, error);
    inner.StatementRelease(&statement, error);
    return status;
}

AdbcStatusCode faults_init(int version, void *driver, struct AdbcError *error)
{
    struct AdbcDriver *ret = driver;
    if (is("stranger") || (is("old") && version != ADBC_VERSION_1_0_0)) {
        memset(ret, 0x55, sizeof(*ret)); /* what a refusal leaves behind is of no use */
        return say(error, ADBC_STATUS_NOT_IMPLEMENTED, "another version");
    }
    const char *entry = getenv("FAULTS_ENTRY");
    void *library = dlopen(getenv("FAULTS_DRIVER"), RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL && entry != NULL ? dlsym(library, entry) : NULL;
    AdbcDriverInitFunc init = NULL;
    if (symbol == NULL)
        return say(error, ADBC_STATUS_NOT_FOUND, "no driver behind this one");
    memcpy(&init, &symbol, sizeof(init));
    AdbcStatusCode status = init(version, &inner, error);
    if (status != ADBC_STATUS_OK)
        return status;
    commits = batches = 0;
    *ret = inner;
    ret->ConnectionSetOption = set_connection_option;
    ret->ConnectionCommit = commit;
    ret->ConnectionGetInfo = get_info;
    ret->StatementSetOption = set_statement_option;
    ret->StatementBind = bind;
    return ADBC_STATUS_OK;
}
