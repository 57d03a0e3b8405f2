/* The C interface of ADBC 1.1 as its specification lays it out (https://arrow.apache.org/adbc/current/format/
 * specification.html): what a driver and we agree on. Names and order are the specification's; of what is never called
 * here only the place is kept. A driver of version 1.0 fills the first part of AdbcDriver alone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "data/arrow.h"

typedef uint8_t AdbcStatusCode;
enum {
    ADBC_STATUS_OK,
    ADBC_STATUS_UNKNOWN,
    ADBC_STATUS_NOT_IMPLEMENTED,
    ADBC_STATUS_NOT_FOUND,
    ADBC_STATUS_ALREADY_EXISTS,
    ADBC_STATUS_INVALID_ARGUMENT,
    ADBC_STATUS_INVALID_STATE,
    ADBC_STATUS_INVALID_DATA,
    ADBC_STATUS_INTEGRITY,
    ADBC_STATUS_INTERNAL,
    ADBC_STATUS_IO,
    ADBC_STATUS_CANCELLED,
    ADBC_STATUS_TIMEOUT,
    ADBC_STATUS_UNAUTHENTICATED,
    ADBC_STATUS_UNAUTHORIZED,
};

enum { ADBC_VERSION_1_0_0 = 1000000, ADBC_VERSION_1_1_0 = 1001000 };
enum { ADBC_INFO_VENDOR_NAME, ADBC_INFO_VENDOR_VERSION };

#define ADBC_CONNECTION_AUTOCOMMIT "adbc.connection.autocommit"
#define ADBC_INGEST_TARGET_TABLE   "adbc.ingest.target_table"
#define ADBC_INGEST_TARGET_SCHEMA  "adbc.ingest.target_db_schema"
#define ADBC_INGEST_TARGET_CATALOG "adbc.ingest.target_catalog"
#define ADBC_INGEST_TEMPORARY      "adbc.ingest.temporary"
#define ADBC_INGEST_MODE           "adbc.ingest.mode"
#define ADBC_INGEST_MODE_APPEND    "adbc.ingest.mode.append"
#define ADBC_VALUE_ENABLED         "true"
#define ADBC_VALUE_DISABLED        "false"

/* Of version 1.0, to which drivers of 1.1 keep as long as vendor_code is not ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA. The
 * last two are only there so that a driver that writes them all the same does no harm. */
struct AdbcError {
    char *message;
    int32_t vendor_code;
    char sqlstate[5]; /* without a NUL */
    void (*release)(struct AdbcError *);
    void *private_data, *private_driver;
};

struct AdbcDriver;
struct AdbcDatabase {
    void *private_data;
    struct AdbcDriver *private_driver;
};
struct AdbcConnection {
    void *private_data;
    struct AdbcDriver *private_driver;
};
struct AdbcStatement {
    void *private_data;
    struct AdbcDriver *private_driver;
};

typedef void (*adbc_uncalled)(void);

struct AdbcDriver {
    void *private_data, *private_manager;
    AdbcStatusCode (*release)(struct AdbcDriver *, struct AdbcError *);

    AdbcStatusCode (*DatabaseInit)(struct AdbcDatabase *, struct AdbcError *);
    AdbcStatusCode (*DatabaseNew)(struct AdbcDatabase *, struct AdbcError *);
    AdbcStatusCode (*DatabaseSetOption)(struct AdbcDatabase *, const char *, const char *, struct AdbcError *);
    AdbcStatusCode (*DatabaseRelease)(struct AdbcDatabase *, struct AdbcError *);

    AdbcStatusCode (*ConnectionCommit)(struct AdbcConnection *, struct AdbcError *);
    AdbcStatusCode (*ConnectionGetInfo)(struct AdbcConnection *, const uint32_t *, size_t, struct ArrowArrayStream *,
                                        struct AdbcError *);
    adbc_uncalled ConnectionGetObjects, ConnectionGetTableSchema, ConnectionGetTableTypes;
    AdbcStatusCode (*ConnectionInit)(struct AdbcConnection *, struct AdbcDatabase *, struct AdbcError *);
    AdbcStatusCode (*ConnectionNew)(struct AdbcConnection *, struct AdbcError *);
    AdbcStatusCode (*ConnectionSetOption)(struct AdbcConnection *, const char *, const char *, struct AdbcError *);
    adbc_uncalled ConnectionReadPartition;
    AdbcStatusCode (*ConnectionRelease)(struct AdbcConnection *, struct AdbcError *);
    AdbcStatusCode (*ConnectionRollback)(struct AdbcConnection *, struct AdbcError *);

    AdbcStatusCode (*StatementBind)(struct AdbcStatement *, struct ArrowArray *, struct ArrowSchema *,
                                    struct AdbcError *);
    adbc_uncalled StatementBindStream;
    AdbcStatusCode (*StatementExecuteQuery)(struct AdbcStatement *, struct ArrowArrayStream *, int64_t *,
                                            struct AdbcError *);
    adbc_uncalled StatementExecutePartitions, StatementGetParameterSchema;
    AdbcStatusCode (*StatementNew)(struct AdbcConnection *, struct AdbcStatement *, struct AdbcError *);
    adbc_uncalled StatementPrepare;
    AdbcStatusCode (*StatementRelease)(struct AdbcStatement *, struct AdbcError *);
    AdbcStatusCode (*StatementSetOption)(struct AdbcStatement *, const char *, const char *, struct AdbcError *);
    AdbcStatusCode (*StatementSetSqlQuery)(struct AdbcStatement *, const char *, struct AdbcError *);
    adbc_uncalled StatementSetSubstraitPlan;

    /* Since 1.1. */
    adbc_uncalled ErrorGetDetailCount, ErrorGetDetail, ErrorFromArrayStream;
    adbc_uncalled DatabaseGetOption, DatabaseGetOptionBytes, DatabaseGetOptionDouble, DatabaseGetOptionInt;
    adbc_uncalled DatabaseSetOptionBytes, DatabaseSetOptionDouble, DatabaseSetOptionInt;
    AdbcStatusCode (*ConnectionCancel)(struct AdbcConnection *, struct AdbcError *);
    adbc_uncalled ConnectionGetOption, ConnectionGetOptionBytes, ConnectionGetOptionDouble, ConnectionGetOptionInt;
    adbc_uncalled ConnectionGetStatistics, ConnectionGetStatisticNames;
    adbc_uncalled ConnectionSetOptionBytes, ConnectionSetOptionDouble, ConnectionSetOptionInt;
    AdbcStatusCode (*StatementCancel)(struct AdbcStatement *, struct AdbcError *);
    adbc_uncalled StatementExecuteSchema;
    adbc_uncalled StatementGetOption, StatementGetOptionBytes, StatementGetOptionDouble, StatementGetOptionInt;
    adbc_uncalled StatementSetOptionBytes, StatementSetOptionDouble, StatementSetOptionInt;
};

typedef AdbcStatusCode (*AdbcDriverInitFunc)(int version, void *driver, struct AdbcError *);
