/* A table of which a test can say everything: what a range of it must give is computed here, from numbers, whatever the
 * types of its cursor and key. Cursors tie, and are NULL now and then. */
#pragma once

#include "conform/source_story.h"

struct model_shape {
    const char *columns, *key, *cursor_unit;
    struct form form; /* of the column `at` */
};
enum { MODEL_SHAPES = 8, MODEL_ROWS = 24, MODEL_TICKS = 6, MODEL_LINE = 128, MODEL_NO_TICK = -1 };
extern const struct model_shape model_shapes[MODEL_SHAPES]; /* the key of the last one has two columns */

/* What a row is, in numbers that sort as its values do. */
struct model_row {
    int tick, group, id; /* MODEL_NO_TICK: its cursor is NULL */
    char line[MODEL_LINE];
};

struct model {
    const struct model_shape *shape;
    struct schema *schema; /* the story frees it */
    struct model_row rows[MODEL_ROWS];
    const struct table *table;
};
/* The table `name` with the rows of a model, described. */
void model_make(struct story *s, struct model *model, const struct model_shape *shape, const char *name);
/* The rows from tick `from` to before tick `to` as the range must give them; their number. KEY: all of them, NULL:
 * those without a tick. */
int model_expect(const struct model *model, enum range_kind kind, int from, int to, struct buf *out);
struct position model_at(struct story *s, const struct model *model, int tick);
struct position model_key(struct story *s, const struct model *model, const char *row); /* of a line */
/* CURSOR: the ticks 1 to 4; WALK: those below 5; KEY: up to the largest. */
struct range model_range(struct story *s, const struct model *model, enum range_kind kind);

int64_t lines_count(const struct buf *lines);
const char *lines_from(const struct buf *lines, int i); /* the i-th from 0 on, and all behind it */
