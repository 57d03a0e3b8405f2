#include "connect/types.h"

#include "base/yaml.h"

const char *fidelity_name(enum fidelity fidelity)
{
    static const char *const names[] = {
        [FIDELITY_EXACT] = "exact", [FIDELITY_WIDENED] = "widened", [FIDELITY_LOSSY] = "lossy"};
    return names[fidelity];
}

enum rc type_fail_lossy(const char *table, const char *column, const char *declared, const struct type_verdict *verdict,
                        struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    fail(err, RC_CONFIG, "column '%s' of '%s' is %s: %s", column, table, declared, or_empty(verdict->why));
    return fail_todo(err, "say how to take it in the table's entry: columns: {%s: {as: %s}}", yaml_name(&arena, column),
                     verdict->as != NULL ? verdict->as : "text");
}
