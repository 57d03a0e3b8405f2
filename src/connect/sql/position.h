/* T, the position row: its statements, which are the same in every SQL, and who owns a table (docs/formats.md). How a
 * session waits for another one, or finds it in its way, is each target's own. */
#pragma once

#include "connect/sql/sql.h"

enum { POSITION_FORMAT = 1 };

/* What T says of this scope, from a table that is there. RC_DATA: more than one row, or a newer format. */
RC sql_position_read(const struct sql_on *on, struct arena *arena, struct target_position *ret, struct error *err);
/* Nothing yet. */
static inline struct target_position sql_position_none(void)
{
    return (struct target_position){.pos = "", .table = ""};
}

/* "INSERT INTO T (...) VALUES (...)" of a new scope: no waybill, token 0. */
void sql_position_insert(const struct sql_on *on, const char *target_id, struct buf *out);
/* `shared` as it is configured now, where it is not. */
void sql_position_share(const struct sql_on *on, struct buf *out);
/* A fence: the token is raised to this one. */
void sql_position_raise(const struct sql_on *on, int64_t token, struct buf *out);
/* The compare-and-swap (target_begin); it changes one row, or none. */
void sql_position_swap(const struct sql_on *on, const struct target_move *move, struct buf *out);

/* RC_CONFIG: a replace into a table that others load, too. */
RC sql_check_sharing(const struct target_table *table, struct error *err);
/* RC_CONFIG: another scope owns the table, as the rows of T's table say. */
RC sql_check_owner(const struct sql_on *on, struct error *err);
/* RC_CONFIG: the scope loads into another table so far. A position that is none is fine. */
RC sql_check_same_table(const struct sql_on *on, const struct target_position *now, struct error *err);
/* T's row from a table that is there, and both of these. */
RC sql_position_check(const struct sql_on *on, struct arena *arena, struct target_position *ret, struct error *err);
enum rc sql_fail_other_table(const struct target_table *table, const char *so_far, struct error *err);
