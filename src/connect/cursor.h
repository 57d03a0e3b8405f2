/* Which column is the cursor, and what it means where it has no zone. */
#pragma once

#include "connect/columns.h"

/* A name that tells that each update changes the column: "updated_at". */
bool cursor_name_says_changed(const char *column);

/* What one column would be as a cursor, beside its struct source_column. */
struct cursor_candidate {
    const char *why_not; /* what keeps it from being one at all; NULL: nothing */
    struct form form;    /* only without that */
    bool is_time, is_integer;
};

/* The column that the request names, or the one obvious: its name says that every update changes it, and it is a time,
 * indexed and NOT NULL; with its form into `table`, which has cursor -1 where none is wanted. `candidates`: one for
 * each column. RC_CONFIG: it is not there or is none; or none is obvious (the text lists the candidates and the YAML to
 * paste). */
RC cursor_choose(struct table *table, const struct columns *columns, const struct cursor_candidate *candidates,
                 const struct table_request *request, struct error *err);

/* The texts that sources share for a column of integers without cursor_unit, and for the others. NULL: it may be. */
const char *cursor_integer_form(const struct table_request *request, struct form *ret);
extern const char cursor_has_override[], cursor_is_no_time[], cursor_unit_is_for_integers[];

/* Offsets of a zone from UTC in seconds: now, and over a year back and a year on, ZONE_MONTHS months each, looked at in
 * the middle of each. */
struct zone_offsets {
    int64_t now, smallest, largest;
    bool are_known; /* false: the server does not know the zone */
};
enum { ZONE_MONTHS = 12 };
/* What the table's cursor, which has no zone, means: sets cursor_ahead_us and cursor_repeats. RC_CONFIG: a zone that
 * the server does not know (todo: what loads it; NULL: nothing), or one with summer time, in which an hour comes twice,
 * without a lookback that covers it (S91). `zone`: in words, "Europe/Berlin" or "the server's". */
RC cursor_zone_take(struct table *table, const char *cursor, const struct table_request *request, const char *zone,
                    const struct zone_offsets *offsets, const char *todo, struct error *err);
