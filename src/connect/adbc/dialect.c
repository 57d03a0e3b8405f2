#include "connect/adbc/dialect.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "connect/adbc/session.h"

bool dialect_literal(const struct field *field, const char *text, struct buf *out)
{
    char stamp[STAMP_TEXT];
    int64_t us;
    switch (field->type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DECIMAL:
    case TYPE_DATE:
    case TYPE_UTF8: adbc_literal(out, text); return true;
    case TYPE_TIMESTAMP:
        if (!stamp_parse(text, &us))
            return false;
        stamp_print(us, 6, stamp);
        adbc_literal(out, stamp);
        return true;
    case TYPE_BOOL:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_BINARY:
    case TYPE_TIME: break;
    }
    return false;
}

const struct dialect *dialect_find(const char *vendor)
{
    static const struct dialect *const known[] = {&duckdb_dialect, &sqlite_dialect, &postgres_dialect};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strncasecmp(vendor, known[i]->vendor, strlen(known[i]->vendor)) == 0)
            return known[i];
    }
    return NULL;
}
