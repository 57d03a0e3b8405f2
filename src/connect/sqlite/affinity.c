#include "connect/sqlite/affinity.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Is one of the words (NULL at the end) in the declaration, in any case? */
static bool declaration_has(const char *declared, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcasestr(declared, *words) != NULL)
            return true;
    }
    return false;
}

enum affinity affinity_of(const char *declared, bool is_strict)
{
    static const char *const integers[] = {"INT", NULL}, *const texts[] = {"CHAR", "CLOB", "TEXT", NULL};
    static const char *const reals[] = {"REAL", "FLOA", "DOUB", NULL}, *const blobs[] = {"BLOB", NULL};
    if (declaration_has(declared, integers))
        return AFFINITY_INTEGER;
    if (declaration_has(declared, texts))
        return AFFINITY_TEXT;
    if (declared[0] == '\0' || declaration_has(declared, blobs) || (is_strict && strcasecmp(declared, "ANY") == 0))
        return AFFINITY_BLOB;
    return declaration_has(declared, reals) ? AFFINITY_REAL : AFFINITY_NUMERIC;
}
