/* What a column holds, in a few numbers that every SQL system can take by itself: how many values are there (the others
 * are NULL), the least and the greatest one, the sum, the total length. Rows taken from two ends that agree in all of
 * them may still differ; where one differs, so do the rows, and the column is known.
 *
 *     integers, decimals       values, least, greatest, sum: exactly
 *     bool                     values, sum
 *     float, double            values, least, greatest; sums depend on the order. NaN is the greatest, -0 is 0
 *     date, time, timestamp    values, least, greatest
 *     utf8                     values, least and greatest by their bytes in UTF-8 whatever the collation, total bytes
 *     binary                   values, total bytes
 *
 * A measure that one end cannot take is not compared. */
#pragma once

#include "base/arena.h"
#include "data/batch.h"

enum profile_measure { PROFILE_VALUES, PROFILE_LEAST, PROFILE_GREATEST, PROFILE_SUM, PROFILE_BYTES, PROFILE_MEASURES };

struct column_profile {
    unsigned known, odd;                  /* bits of measures; odd: what was told is no such value */
    int64_t values;                       /* that are not NULL */
    __int128 numbers[PROFILE_MEASURES];   /* as batches have them: unscaled, in the unit; bytes */
    double least_real, greatest_real;     /* float, double */
    struct buf least_text, greatest_text; /* utf8 */
};

struct profile {
    const struct schema *schema; /* must outlive it */
    int64_t rows;
    struct column_profile *columns;
};
void profile_init(struct profile *self, const struct schema *schema); /* of no rows; everything is known */
void profile_release(struct profile *self);                           /* a zeroed one is fine, too */
/* `places`: which of the batch's columns each of the profile's is, -1: it has none, and all its rows NULL there; NULL:
 * the same. */
void profile_add(struct profile *self, const struct batch *batch, const int *places);
/* The same but for the rows that are left out; NULL: none is. */
void profile_add_but(struct profile *self, const struct batch *batch, const int *places, const bool *is_left_out);

/* Whether a measure is one of such a column's. */
bool profile_takes(const struct field *field, enum profile_measure measure);
/* What a system says of a column: numbers as digits (a sum may also be "HIGH:LOW", to be read as HIGH * 2^32 + LOW),
 * dates, times and timestamps as 'YYYY-MM-DD', '[-]H:MM:SS[.f]' or seconds, 'YYYY-MM-DD HH:MM:SS[.f]', texts as they
 * are. PROFILE_VALUES comes first. `text.at` NULL: not taken, where there are values. */
void profile_tell(struct profile *self, int column, enum profile_measure measure, struct str text);

/* `places`: which of b's columns each of a's is, -1 for none that could be compared; NULL: the same. One line for each
 * difference, up to `lines_max`: "column 'total': the sums of source and target differ". No line holds a value. Returns
 * how many differences there are. */
struct profile_side {
    const char *name; /* "source" */
    const struct profile *profile;
};
int profile_compare(const struct profile_side *a, const struct profile_side *b, const int *places, int lines_max,
                    struct buf *out);

/* Rows by their key: row * columns + column is the place of a text, as profile_print_value writes it. */
struct key_list {
    const struct field *fields[KEY_COLUMNS_MAX];
    int columns, count;
    int filled; /* columns of the row that is being added */
    const char **texts;
    struct arena arena; /* of the texts */
};
void key_list_init(struct key_list *self, const struct schema *schema, const int *key, int key_count);
void key_list_release(struct key_list *self);              /* a zeroed one is fine, too */
void key_list_add(struct key_list *self, struct str text); /* column after column, row after row */

/* A value as SQL would be told it, without quotes; false: not of a type that keys are looked up by here. */
bool profile_print_value(const struct batch *batch, int column, int64_t row, struct buf *out);
