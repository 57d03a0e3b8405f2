/* Values as texts, in one form wherever a value becomes one: a SQLite column, a hash, a mask.
 *
 *     true   -42   0.1   12.50   2024-02-29   -838:59:59.000000   2024-02-29 10:00:00.500   2024-02-29T10:00:00Z
 *
 * Doubles and floats in the fewest digits that read back as the same one, decimals with all digits of their scale,
 * timestamps with all digits of their unit, T and Z where they are in UTC. */
#pragma once

#include "data/batch.h"

enum { VALUE_TEXT = 64 };

/* Each writes at `at`, which has room for VALUE_TEXT bytes, without a NUL behind it, and returns where it ended. */
char *text_decimal(char *at, __int128 unscaled, int scale);
char *text_duration(char *at, int64_t us); /* [-]HH:MM:SS.ffffff, with more hours where they are more */
/* NULL: a year outside 0000..9999 cannot be written so that it sorts. */
char *text_date(char *at, int64_t days);
char *text_timestamp(char *at, int64_t value, const struct field *field);

/* Any value that is not NULL. It lies in `room`, or is the batch's own. A year that has no such text is @<number>. */
struct str batch_text(const struct batch *b, int column, int64_t row, char room[VALUE_TEXT]);
