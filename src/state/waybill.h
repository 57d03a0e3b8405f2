/* W: the immutable manifest of one chunk, its tombstone and its receipt (docs/protocol.md, docs/formats.md).
 *
 * A waybill's state is which of its documents exist: waybill.json (sealed, or a tombstone), receipt.json (loaded). It
 * counts only if it is reachable by `prev` from S.extracted. */
#pragma once

#include "data/position.h"
#include "data/schema.h"
#include "state/settle.h"

/* Written is the least that says it all: 2 where rows go or stand apart, which an older program would not see. */
enum { WAYBILL_FORMAT = 2 };

struct waybill_file {
    const char *key;
    int64_t bytes, rows;
    enum checksum_kind checksum_kind;
    const char *checksum;    /* NULL: none that this version knows */
    const char *fingerprint; /* of the rows as they were read (data/fingerprint.h); NULL: none */
};

struct waybill_ref {
    const char *id;  /* NULL: none */
    const char *key; /* NULL: not known */
};

/* What may have been sealed as "none", or not at all, by a program that did not know of it yet. */
struct sealed_text {
    bool is_sealed;
    const char *text; /* NULL: none */
};

struct waybill {
    const char *id;
    struct waybill_ref prev;
    int64_t epoch, token;
    const char *pipeline, *table, *run_id, *increment, *mode;
    struct position lo, hi, pos_after; /* hi NONE: of delete_insert by ids, to the last one that the target has */
    const char *max_cursor;            /* NULL: none */
    const char *source_id, *source_clock, *oldest_open; /* oldest_open NULL: none */
    const char *source_place;                           /* in its own history (source.h); NULL: it does not tell */
    const char *source_ahead_ms; /* how far that clock was ahead of this machine's; NULL: not known */
    const char *source_row;      /* what the row at the mark was like (bound_row.c); NULL: nobody looked */
    int64_t rows, quarantined;
    const char *fingerprint; /* of all files' rows; NULL: none */
    struct schema *schema;   /* owned by the waybill: waybill_release */
    const char **gone;       /* keys of rows that go with it, key_count texts each (sync repair) */
    int gone_count;
    /* Where rows go: the column that says so, while they stay; none: they are deleted. */
    struct sealed_text soft_delete;
    const char *cursor; /* NULL: none */
    const char *key[KEY_COLUMNS_MAX];
    int key_count;
    struct waybill_file *files;
    int file_count;
    struct waybill_file *aside; /* where the quarantined rows are */
    int aside_count;
    const char *sealed_at;
};
void waybill_release(struct waybill *self); /* the schema; texts belong to the arena */
/* Its rows are all keys that the source has, which nobody counts as rows that were moved. */
bool waybill_is_keys(const struct waybill *waybill);
/* Rows of the target that the source has not any more go with it. */
bool waybill_deletes(const struct waybill *waybill);

/* What lies under a waybill's key. */
enum waybill_state { WAYBILL_MISSING, WAYBILL_SEALED, WAYBILL_ABANDONED };

/* Reads waybill.json. RC_DATA: not readable, of a newer format, or not the waybill `id`. */
RC waybill_read(struct store *store, const char *key, const char *id, struct arena *arena,
                enum waybill_state *ret_state, struct waybill *ret, struct error *err);
/* PUT waybill.json If-None-Match. RC_LEASE: a tombstone is there, another run gave this waybill up. */
RC waybill_seal(const struct settling *with, const char *key, const struct waybill *waybill, struct error *err);
/* PUT the tombstone If-None-Match. *ret_sealed: the waybill had been sealed, and stays so. */
RC waybill_abandon(const struct settling *with, const char *key, const char *id, const char *run_id, int64_t token,
                   bool *ret_sealed, struct error *err);

struct receipt {
    const char *waybill_id, *target_id, *run_id;
    int64_t quarantined; /* of the waybill: extracted rows = rows + quarantined */
    int64_t token, rows, inserted, updated, kept, deleted, files,
        statements; /* from inserted on: -1 = not known, null */
    const char *started_at, *committed_at;
    const char *confirmed; /* "commit": this run saw the COMMIT; "position": T tells */
};
/* One that exists already is success. */
RC receipt_write(const struct settling *with, const char *waybill_key, const struct receipt *receipt,
                 struct error *err);
RC receipt_exists(struct store *store, const char *waybill_key, bool *ret, struct error *err);
/* Texts are the arena's. RC_NOT_FOUND: there is none. RC_DATA: not readable, or of a newer format. */
RC receipt_read(struct store *store, const char *waybill_key, struct arena *arena, struct receipt *ret,
                struct error *err);

/* One step of the chain, as the walk back needs it. */
struct link {
    const char *id, *key;
    int64_t rows, files, bytes, quarantined;
};
struct chain {
    struct link *links; /* newest first; `from` is links[0] */
    int count;
    bool complete;         /* the walk met `until` ("" : the chain's start) */
    const char *until_key; /* where `until` lies; NULL: not met, or not known */
    bool passed;           /* it met `noting` before that */
};
/* Walks from `from` (inclusive) back by prev to `until` (exclusive). RC_DATA: a waybill on the way is gone. */
RC chain_walk(struct store *store, struct waybill_ref from, const char *until, const char *noting, struct arena *arena,
              struct chain *ret, struct error *err);
