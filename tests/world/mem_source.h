/* A source in memory for sweeps and cases: a server with its own clock, transactions that commit late, and rows that
 * change, outliving the handles that runs open on it. Single-threaded, deterministic, cheap.
 *
 *     struct mem_server *server = mem_server_new();
 *     mem_server_table(server, "orders", schema_of("id:l! note:u updated_at:tss:"), "id", "updated_at");
 *     mem_server_put(server, "orders", "1|first|2024-01-01 10:00:00");
 *
 * Rows are literals as world/value.h writes them. A page is a batch and a transaction of its own, as real sources read;
 * RANGE_ALL is one snapshot. */
#pragma once

#include "connect/source.h"

struct mem_server;
struct mem_server *mem_server_new(void); /* its clock stands at 2024-06-01 00:00:00 UTC */
void mem_server_free(struct mem_server *self);
AUTO_DEFINE(mem_server)

/* The schema is taken over. `key` is comma-separated column names, "" for none; `cursor` may be NULL. */
void mem_server_table(struct mem_server *self, const char *table, struct schema *schema_taken, const char *key,
                      const char *cursor);
/* Adds a nullable column; rows that are there get NULL. */
void mem_server_add_column(struct mem_server *self, const char *table, const struct field *field);

/* Other columns: values stay with their names, as far as their type takes them. The schema is taken over. */
void mem_server_alter(struct mem_server *self, const char *table, struct schema *schema_taken);

void mem_server_set_now(struct mem_server *self, int64_t us); /* back, too */
void mem_server_set_id(struct mem_server *self, const char *id);
/* Where it is in its history from now on ("" : it does not tell), and what of the place before is lost (NULL: nothing).
 */
void mem_server_set_place(struct mem_server *self, const char *at, const char *lost);
void mem_server_set_kin(struct mem_server *self, bool is_kin); /* of the server whose place was kept */
void mem_server_hide_transactions(struct mem_server *self, bool hidden);
/* A replica that does not tell how far behind it is, for this reason; RC_OK: it does. */
void mem_server_stand_still(struct mem_server *self, enum rc why);
/* What cursors without a zone are written by is so far ahead of UTC now; `repeats`: that changes with summer time. */
void mem_server_set_ahead(struct mem_server *self, int64_t ahead_us, bool repeats);
/* With hidden transactions: a replica, whose last commit was then; 0: it is none. */
void mem_server_show_until(struct mem_server *self, int64_t us);

/* Autocommit. A row with the key of another replaces it (an update). */
void mem_server_put(struct mem_server *self, const char *table, const char *row);
void mem_server_delete(struct mem_server *self, const char *table, const char *key);

/* A transaction: nobody sees its rows before it commits. It began when the clock stood where it stands now. */
struct mem_transaction;
struct mem_transaction *mem_server_begin(struct mem_server *self);
void mem_transaction_put(struct mem_transaction *self, const char *table, const char *row);
void mem_transaction_commit(struct mem_transaction *self);
void mem_transaction_rollback(struct mem_transaction *self);

/* Called before every operation of every handle ("now", "oldest_open", "ceiling", "facts", "boundary", "read", "next"):
 * a test can commit something in between. NULL: none. */
void mem_server_hook(struct mem_server *self, void (*before)(void *context, const char *operation), void *context);

/* All committed rows, sorted, one line each. */
void mem_server_print(const struct mem_server *self, const char *table, struct buf *out);

enum { MEM_READERS_MAX = 4 };
/* A handle; source_free ends it. `batch_rows`: rows per page, 0 for 10,000. */
struct source *mem_source_open(struct mem_server *server, const char *name, int batch_rows);
