/* What a sweep has covered, and what failed. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

struct tally_line; /* a text and how often it came */
struct tally {
    struct arena arena;
    struct tally_line *tuples, *cells; /* (scenario, arrow, seam, operation, fault); (seam, operation, fault) */
    int tuple_count, cell_count, tuple_size, cell_size;
    int64_t positions, real_positions, failures;
    struct buf failed; /* the first ones, in words */
};
struct tally *tally_new(void);
void tally_free(struct tally *self);
AUTO_DEFINE(tally)

/* `what`: "arrow seam operation". */
void tally_position(struct tally *self, const char *scenario, const char *what, const char *fault, bool real);
/* Had it such a position? */
bool tally_knows(const struct tally *self, const char *scenario, const char *what, const char *fault);
void tally_failure(struct tally *self, const char *scenario, const char *fault, int at, const char *what, bool real,
                   const char *why);
/* Between processes. */
void tally_write(const struct tally *self, FILE *to);
void tally_read(struct tally *self, FILE *from);
/* The table seam x operation x fault (a column for each of `faults`), the failures, and the sums. */
void tally_print(const struct tally *self, const char *const *faults, int fault_count);
