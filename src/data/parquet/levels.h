/* Definition levels of flat columns: a bit per row, 1 where there is a value, in Parquet's hybrid of run lengths and
 * packed bits, with its four bytes of length before it (data pages v1). Packed bits are what Arrow's validity is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { LEVELS_LENGTH_BYTES = 4 };

/* Appends the levels of `rows` rows; `bits` (whole bytes, zero behind the last row) may be NULL: no NULLs. */
void levels_write(struct buf *out, const uint8_t *bits, int64_t rows);

/* Where reading stands; a copy of the struct is a bookmark. */
struct levels {
    const uint8_t *at, *end;
    int64_t run_left;
    bool is_packed, value; /* the value of a run of equal levels */
    int bit;               /* of *at, where packed */
};

/* Takes the levels off the front of a page. false: their length is not one. */
bool levels_open(struct levels *self, const uint8_t **page, const uint8_t *page_end);
/* How many NULLs the next `rows` rows have. false: as below. `self` stays where it is. */
bool levels_count_nulls(const struct levels *self, int64_t rows, int64_t *ret_nulls);
/* Whether these are the levels of just `rows` rows and how many are NULL. Packed ones may be padded at the end
 * (PADDING_MAX). */
bool levels_check(const struct levels *self, int64_t rows, int64_t *ret_nulls);
/* Clears the bits of the next `count` NULLs and values in `validity` (all ones there) from bit `row` on, and tells how
 * many NULLs there were. false: the levels end too early, or are none. */
bool levels_take(struct levels *self, uint8_t *validity, int64_t row, int64_t count, int64_t *ret_nulls);
