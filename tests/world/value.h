/* One value of a row, taken out of a batch or read from a literal, so that tests compare the rows of any two ends.
 *
 * As text: NULL, true, 42, 0.1 (17 digits, a float 9), 2024-02-29, -838:59:59.000001, 2024-02-29 10:00:00.5 with as
 * many digits as the unit has (T and Z where utc), 12.50 with as many digits as the scale, text as it is but for \0 \n
 * \| \\ (and \NULL for the word NULL), binary as hex digits. Dates and times that four digits of a year cannot say are
 * @<number>. */
#pragma once

#include "base/arena.h"
#include "data/batch.h"

struct value {
    bool null;
    __int128 number; /* bool, integers, date, time, timestamp in its unit, decimal unscaled */
    double real;
    struct str bytes; /* utf8, binary */
};

/* The bytes are copied into the arena. */
struct value value_of(const struct batch *batch, int column, int64_t row, struct arena *arena);
/* Asserts that the text is a literal of this type: tests write it. */
struct value value_parse(const struct field *field, struct str text, struct arena *arena);
void value_build(const struct value *self, const struct field *field, struct batch_builder *builder, int column);
void value_print(const struct value *self, const struct field *field, struct buf *out);
/* NULL first, else in the order of the type; text and binary as bytes. */
int value_compare(const struct value *a, const struct value *b, const struct field *field);

/* "id=1|name=ada" lines are compared and shown sorted, since a table has no order. */
void lines_sort(struct buf *lines);
