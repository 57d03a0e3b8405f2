/* sync repair: rows that somebody names are read from the source again and merged, by a waybill in the chain that
 * leaves the mark where it is. The source as it is now is newer than every waybill before, so what is read overwrites
 * whatever the target has.
 *
 * By keys: all of them in one waybill. A key that the source has not is said, and deleted in the target if that was
 * asked for. By a range: of ids here, in chunks; of times it is a backfill (aside.c). */
#pragma once

#include "move/route.h"

enum { MEND_KEYS_MAX = 10000 };

/* What is asked for; one of the two. The texts outlive the run. */
struct mend_request {
    struct text_list keys; /* "17", or a JSON array of the key's columns: ["north", 17] */
    const char *from, *to; /* ids, both included; NULL: not by a range of ids */
    bool delete_gone;      /* keys that the source has not are deleted in the target */
};

struct mend {
    struct position *keys; /* {after: key} each */
    bool *is_found;
    int key_count;
    bool has_begun;
    struct position lo, hi; /* what is left of a range of ids */
};

/* What it would read now; changes nothing anywhere. */
struct mend_look {
    int64_t rows, gone;
};
RC mend_look(struct route *r, struct mend_look *ret, struct error *err);

/* Instead of bound_next. */
RC mend_bound(struct route *r, bool *ret_more, struct error *err);
/* The rows of all keys, one after the other. */
struct batch_reader *mend_reader_new(struct route *r);
/* When they have been read: counts those that are gone, and puts them into the waybill where they are to go. */
void mend_gone(struct route *r, struct waybill *ret);
