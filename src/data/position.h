/* How far a scope has come, and the range between two such places (docs/formats.md).
 *
 *     {"at": c}                              every row with cursor < c is taken
 *     {"at": c, "after": [k...]}             also those with cursor = c and key <= k            (a cut)
 *     {"walk": {"hi": c, "after": [k...]}}   first load by key: every key <= k with cursor < c
 *     {"after": [k]}                         id_only: every id <= k
 *
 * Values are texts in the source's own form; the form of a cursor is found at plan time and kept in S. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "data/schema.h"

enum position_shape { POSITION_NONE, POSITION_AT, POSITION_WALK, POSITION_AFTER };

struct position {
    enum position_shape shape;
    const char *at; /* AT: the cursor; WALK: its hi */
    int key_count;  /* 0 in AT without a cut, and in WALK before the first row */
    const char *key[KEY_COLUMNS_MAX];
};

/* null for POSITION_NONE. The caller owns the result. */
json_t *position_to_json(const struct position *self);
RC position_from_json(const json_t *json, struct arena *arena, struct position *ret, struct error *err);
bool position_equal(const struct position *a, const struct position *b);
void position_print(const struct position *self, struct buf *out); /* compact JSON, for people and for T */
RC position_parse(const char *text, struct arena *arena, struct position *ret, struct error *err); /* "" is NONE */

enum range_kind {
    RANGE_ALL,    /* full_sync: the whole table, one snapshot; lo and hi only describe it */
    RANGE_WALK,   /* first load: cursor < hi.at, in key order, after lo.key, up to hi.key where hi is a WALK */
    RANGE_CURSOR, /* [lo, hi) in (cursor, key) order; after a cut in lo, up to and with the cut in hi; lo NONE: from the
                   * first on */
    RANGE_KEY,    /* id_only: (lo.key, hi.key] */
    RANGE_TIME,   /* timestamp_only: [lo.at, hi.at), no key needed; ties in any order; lo NONE: from the first on, hi
                   * NONE (only to be counted): to the last */
    RANGE_PART,   /* of the whole table, as its source has split it: the positions are the source's own words */
    RANGE_ROW,    /* the rows with the key of hi, which is an {after}; any cursor */
    RANGE_NULL,   /* rows whose cursor is NULL, in key order: (lo.key, hi.key], hi NONE: to the last */
};

struct range {
    enum range_kind kind;
    struct position lo, hi;
};
/* RANGE_TIME without an end: how many rows there are is all that is wanted. */
static inline bool range_is_only_counted(const struct range *range)
{
    return range->kind == RANGE_TIME && range->hi.shape == POSITION_NONE;
}
/* Its rows come in the order of the cursor (and the key behind it); of the key. */
static inline bool range_goes_by_cursor(enum range_kind kind) { return kind == RANGE_CURSOR || kind == RANGE_TIME; }
static inline bool range_goes_by_key(enum range_kind kind)
{
    return kind == RANGE_WALK || kind == RANGE_CURSOR || kind == RANGE_KEY || kind == RANGE_NULL;
}

/* How a cursor's values are written, so that a clock can be printed as one and be compared. */
enum form_kind {
    FORM_NONE,  /* no cursor */
    FORM_TEXT,  /* 'YYYY-MM-DD HH:MM:SS[.f]', or with T, or with Z behind it; compared as bytes */
    FORM_DATE,  /* 'YYYY-MM-DD' */
    FORM_EPOCH, /* integer seconds or milliseconds since 1970 UTC */
};

struct form {
    enum form_kind kind;
    char separator; /* FORM_TEXT: ' ' or 'T' */
    bool z;         /* FORM_TEXT: 'Z' at the end */
    int digits;     /* FORM_TEXT: digits after the point, 0..6; FORM_EPOCH: 0 seconds, 3 milliseconds */
};

enum { CURSOR_TEXT = 48, FORM_TEXT_MAX = 48 };
/* "text 'YYYY-MM-DD HH:MM:SS.fff'", "text 'YYYY-MM-DDTHH:MM:SSZ'", "date", "int s", "int ms", "" for none. */
void form_name(const struct form *self, char ret[FORM_TEXT_MAX]);
bool form_from_name(const char *name, struct form *ret);
/* The form of one value, or false. */
bool form_of_text(const char *text, struct form *ret);
bool form_equal(const struct form *a, const struct form *b);
/* Floored to the form's precision: everything stamped before `us` prints below or equal, nothing after prints below. */
void form_print(const struct form *self, int64_t us, char ret[CURSOR_TEXT]);
bool form_parse(const struct form *self, const char *text, int64_t *ret_us);
/* The first instant, from `us` on, that the form can say. */
int64_t form_round_up(const struct form *self, int64_t us);
/* <0, 0, >0 in the order of the source; both texts are of this form. */
int form_compare(const struct form *self, const char *a, const char *b);
