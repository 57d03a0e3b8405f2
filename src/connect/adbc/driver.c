#include "connect/adbc/driver.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { PART_OF_1_0 = offsetof(struct AdbcDriver, ErrorGetDetailCount) };

static RC find_entry(const char *library, const char *entry, const char *todo, AdbcDriverInitFunc *ret,
                     struct error *err)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fail(err, RC_CONFIG, "the driver '%s' cannot be loaded: %s", library, or_empty(dlerror()));
        fail_id(err, "no-driver");
        return todo != NULL ? fail_todo(err, "%s", todo) : err->rc;
    }
    void *symbol = dlsym(handle, entry);
    if (symbol == NULL) {
        fail(err, RC_CONFIG, "'%s' is no ADBC driver: it has no function '%s'", library, entry);
        fail_id(err, "no-driver");
        return fail_todo(err, "give the driver's library, and as `entry` the function that its documentation names");
    }
    memcpy(ret, &symbol, sizeof(*ret)); /* ISO C has no cast from an object to a function */
    return RC_OK;
}

/* The newer version first; a driver that is older refuses it, and may leave a half-filled struct behind. */
static RC init(AdbcDriverInitFunc entry, const char *library, struct AdbcDriver *ret, struct error *err)
{
    static const int versions[] = {ADBC_VERSION_1_1_0, ADBC_VERSION_1_0_0};
    AdbcStatusCode status = ADBC_STATUS_OK;
    assert(entry != NULL);
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct AdbcError said = {0};
        memset(ret, 0, sizeof(*ret));
        status = entry(versions[i], ret, &said);
        if (status == ADBC_STATUS_OK) {
            if (versions[i] == ADBC_VERSION_1_0_0)
                memset((char *)ret + PART_OF_1_0, 0, sizeof(*ret) - PART_OF_1_0);
            return RC_OK;
        }
        if (said.release != NULL)
            said.release(&said);
    }
    *ret = (struct AdbcDriver){0};
    fail(err, RC_CONFIG, "the driver '%s' speaks neither ADBC 1.1 nor 1.0 (status %d)", library, status);
    fail_id(err, "no-driver");
    return fail_todo(err, "take a version of the driver that does");
}

static RC check_functions(const struct AdbcDriver *d, const char *library, struct error *err)
{
    bool is_whole = d->DatabaseInit != NULL && d->DatabaseNew != NULL && d->DatabaseSetOption != NULL &&
                    d->DatabaseRelease != NULL && d->ConnectionCommit != NULL && d->ConnectionInit != NULL &&
                    d->ConnectionNew != NULL && d->ConnectionSetOption != NULL && d->ConnectionRelease != NULL &&
                    d->ConnectionRollback != NULL && d->StatementBind != NULL && d->StatementExecuteQuery != NULL &&
                    d->StatementNew != NULL && d->StatementRelease != NULL && d->StatementSetOption != NULL &&
                    d->StatementSetSqlQuery != NULL;
    if (is_whole)
        return RC_OK;
    fail(err, RC_CONFIG, "the driver '%s' lacks functions of ADBC that a load needs (transactions, ingestion)",
         library);
    fail_id(err, "no-driver");
    return fail_todo(err, "take a driver that has them");
}

RC driver_load(const char *library, const char *entry, const char *todo, struct AdbcDriver *ret, struct error *err)
{
    AdbcDriverInitFunc function = NULL;
    TRY(find_entry(library, entry, todo, &function, err));
    TRY(init(function, library, ret, err));
    if (check_functions(ret, library, err) != RC_OK) {
        driver_release(ret);
        return err->rc;
    }
    return RC_OK;
}

void driver_release(struct AdbcDriver *self)
{
    struct AdbcError said = {0};
    if (self->release != NULL)
        self->release(self, &said);
    if (said.release != NULL)
        said.release(&said);
    *self = (struct AdbcDriver){0};
}
