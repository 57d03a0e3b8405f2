#include "connect/target.h"

#include <string.h>

static const char *const mode_names[] = {[MODE_APPEND] = "append", [MODE_MERGE] = "merge", [MODE_REPLACE] = "replace"};

const char *mode_name(enum mode mode) { return mode_names[mode]; }

bool mode_from_name(const char *name, enum mode *ret)
{
    for (int i = 0; i < (int)(sizeof(mode_names) / sizeof(mode_names[0])); i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *ret = (enum mode)i;
            return true;
        }
    }
    return false;
}
