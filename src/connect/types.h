/* The facts of types: what a declared type of a source becomes in the waybill, what a field becomes in a target, and
 * what either does to values. Each system says it once, where it decides it (mysql/source_types.c, sqlite/, postgres/);
 * the plan refuses by it, `waybill types` prints it, and docs/types.md is what it printed. */
#pragma once

#include "base/error.h"
#include "data/schema.h"

enum fidelity {
    FIDELITY_EXACT,   /* each value comes out as it went in, or is refused */
    FIDELITY_WIDENED, /* the same values in a type that could hold others */
    FIDELITY_LOSSY,   /* some values would change: not without an override */
};
const char *fidelity_name(enum fidelity fidelity); /* "exact", "widened", "lossy" */

struct type_verdict {
    enum fidelity fidelity;
    const char *why; /* what is to know; NULL: nothing */
    const char *as;  /* the override that helps: "text"; NULL: none is needed */
};

/* One type of a source, as `waybill types` lists it. */
struct source_type {
    const char *declared; /* "BIGINT UNSIGNED" */
    struct field field;   /* the waybill's; not of a lossy one */
    struct type_verdict verdict;
};

/* What a field is declared as where a target makes a new column for it. */
enum { DECLARED_TEXT = 48 };
struct target_type {
    char declared[DECLARED_TEXT];
    struct type_verdict verdict;
};

/* Whether a column that is there takes a field's values exactly. */
enum fit {
    FIT_YES,
    FIT_WIDER, /* once the column is widened, which loses nothing that is there */
    FIT_NO,
};

/* RC_CONFIG: what the lossy type does, and the YAML that helps. */
enum rc type_fail_lossy(const char *table, const char *column, const char *declared, const struct type_verdict *verdict,
                        struct error *err);
