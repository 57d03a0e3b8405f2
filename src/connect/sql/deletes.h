/* Rows that go: those of a range before its rows come, and those that the source has not any more. */
#pragma once

#include "connect/sql/sql.h"

/* MODE_DELETE_INSERT: what the table's span holds; without a span nothing. */
RC sql_delete_span(const struct sql_on *on, int64_t *ret_deleted, struct error *err);
/* MODE_REPLACE: all of them, and not by TRUNCATE, which commits in some systems (S39). */
RC sql_delete_all(const struct sql_on *on, int64_t *ret_deleted, struct error *err);
/* MODE_KEYS: rows whose key is not among the `keys` that wait, counted already. RC_DATA: too many of them
 * (target_check_deletes). */
RC sql_delete_missing(const struct sql_on *on, int64_t keys, int64_t *ret_deleted, struct error *err);
/* The rows of deletes.keys; of none: 0. */
RC sql_delete_keys(const struct sql_on *on, int64_t *ret_deleted, struct error *err);

/* " WHERE ": that a row is not only noted as deleted, and none of these; "" where all are meant. `soft` may be NULL. */
RC sql_add_meant(const struct sql_on *on, const char *soft, const struct key_list *without, struct buf *out,
                 struct error *err);
