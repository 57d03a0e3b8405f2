#include "connect/adbc/dialect.h"

#include <string.h>
#include <strings.h>

const struct dialect *dialect_find(const char *vendor)
{
    static const struct dialect *const known[] = {&duckdb_dialect};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strncasecmp(vendor, known[i]->vendor, strlen(known[i]->vendor)) == 0)
            return known[i];
    }
    return NULL;
}
