/* What the arrows of spine.c stand on; one file each. */
#pragma once

#include "move/announce.h"
#include "move/route.h"

/* ---- repair.c: T against S, never guessed (docs/protocol.md, "What a person can do") ---- */

/* Before anything is changed: what cannot go together is RC_DATA, naming the way out. Reads T into r->t. */
RC repair_look(struct route *r, struct error *err);
/* After the fence: T's place on S's chain. With --accept-target a new epoch continues at T. */
RC repair_check_chain(struct route *r, struct error *err);
/* Into `marks`: a new epoch whose chain begins at what T names (r->t), at `pos`; pending waybills and in_flight are
 * dropped. `loaded` NULL: empty, so that what was applied is announced. */
RC repair_restart(struct route *r, struct position pos, const struct mark_ref *loaded, struct marks *marks,
                  struct error *err);
/* The waybill that S.extracted names must be there to go on. `repair_advice` is what to do when the chain is broken. */
void repair_advice(const struct route *r, struct error *err);

/* Takes the lease and fences T for a person's command, without asking whether S and T fit; S and T as they then are. */
RC repair_hold(struct route *r, struct error *err);
/* Gives the lease of such a command, if it is still held. */
void repair_give(struct route *r);

/* ---- gone.c: what was loaded, and is in the target no more ---- */

/* Behind repair_check_chain; asks only where T names a waybill and nothing waits to be loaded (a load looks by itself).
 * A table that is gone is RC_DATA, and made anew with --accept-target, unless `dry`; one that was emptied is a warning.
 */
RC gone_look(struct route *r, bool dry, struct error *err);
/* Whether the table, which is there and was loaded into, has no row; false where it may be empty by right, or nobody
 * can tell now. */
RC gone_is_emptied(struct route *r, const struct target_table *table, bool *ret, struct error *err);
void gone_tell_emptied(struct route *r);

/* ---- bound_describe.c, bound.c, bound_chunk.c ---- */

/* What the source says of the table, into r->table: whether it fits the configuration, S and the last waybill. */
RC bound_describe(struct route *r, struct error *err);
/* The source's clock, THEN its oldest open transaction; what both allow is r->bound.hi. Once per run and table. */
RC bound_source(struct route *r, struct error *err);
/* How many rows are stamped more than a day ahead of the source's clock: no range has them before their time comes.
 * Of `custom_sql`, and of what has no such stamps: 0, nobody asks. */
RC bound_count_ahead(struct route *r, int64_t now_us, int64_t *ret_rows, struct error *err);
/* What is said of them; in the route's arena. */
const char *bound_ahead_text(struct route *r, int64_t rows);
/* The mark is ahead of the source's clock: the command that sets it back; NULL: it is not. */
const char *bound_mark_ahead(struct route *r);
/* The next chunk's range into r->chunk; *ret_more = false: nothing (more) to take. */
RC bound_next(struct route *r, bool *ret_more, struct error *err);

/* ---- bound_trust.c: whether the source still has what it had ---- */

/* Another server, one that lost what it had, or a clock that went back: RC_DATA, until a person accepts it. What may be
 * so is a warning. Behind source_oldest_open, before the first row. */
RC bound_check_source(struct route *r, int64_t now_us, struct error *err);
/* The command that sets the mark back to an instant; in the route's arena. */
const char *bound_set_back(struct route *r, int64_t to_us);

/* ---- bound_row.c: the row at the mark of an id_only table ---- */

/* What it is like into r->chunk.row, before the chunk is read. */
RC bound_keep_row(struct route *r, struct error *err);
/* A warning where it is not the one that was read. */
RC bound_tell_other_row(struct route *r, struct error *err);

/* ---- aside.c: lookback, backfills, rows without a cursor ---- */

/* Before each range: begins what is read beside the mark, or ends it; both change r->lo. RC_CONFIG: the bounds asked
 * for do not go with where the mark is. */
RC aside_next(struct route *r, struct error *err);
/* RC_CONFIG: the mark was set by a person, delete_insert is still to replace what lies behind it, and a waybill beside
 * the mark would make that forgotten. */
RC aside_check_mark(struct route *r, struct error *err);
/* While route_reads_aside: its next range from r->lo on; false: there is none. */
bool aside_range(const struct route *r, struct range *ret);
/* Behind everything else, where the table wants that and it was not done; false: no. */
bool aside_begin_nulls(struct route *r);
/* Where a run ends that may go up to `hi_us`, and was asked for an end; both by the clock of the cursor. */
int64_t aside_end_us(const struct route *r, int64_t hi_us);

/* ---- extract.c ---- */

/* Reads r->chunk.range, stages it as files beside r->chunk.key, and fills r->chunk.waybill. */
RC extract_chunk(struct route *r, struct error *err);
/* Deletes the files and aborts the uploads of a waybill that was given up. */
RC extract_discard(struct route *r, const char *waybill_key, struct error *err);

/* ---- load.c ---- */

/* Applies every waybill from T (exclusive) to S.extracted, oldest first, and writes their receipts. Where the run has
 * threads, a loader does so while the next chunks are extracted, `max_pending` waybills behind at most: it alone uses
 * the target until load_finish. A failure may be that of an earlier waybill. */
RC load_follow(struct route *r, struct error *err);
bool load_is_behind(const struct route *r);
/* Waits until everything is applied, or the first failure; r->t then is T. Nothing under way is RC_OK. */
RC load_finish(struct route *r, struct error *err);
void loader_free(struct loader *self);
