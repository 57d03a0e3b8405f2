/* The rows of a binary COPY ... TO STDOUT into batches (https://www.postgresql.org/docs/15/sql-copy.html, "Binary
 * Format"). Pure. */
#pragma once

#include "connect/postgres/types.h"
#include "data/batch.h"

/* How one column comes, and the field it becomes. WIRE_CAST and WIRE_INTERVAL do not come: such values are asked for as
 * texts. */
struct tuple_column {
    enum wire wire;
    bool is_unsigned;    /* WIRE_INT4: an oid */
    bool may_be_no_utf8; /* WIRE_TEXT of a database that does not look at what its texts are */
    const struct field *field;
    const char *misfit; /* a value that does not fit is a reject, for this reason; NULL: TUPLE_MISFIT */
};

enum tuple {
    TUPLE_ROW,     /* all pieces were */
    TUPLE_END,     /* the trailer was among them */
    TUPLE_DAMAGED, /* nothing that the server writes */
    TUPLE_MISFIT,  /* a value that its field cannot hold: infinity, NaN in a decimal, a NULL that must not be */
};

enum { TUPLES_MAX = 64 }; /* at once: what is said of them stays in the first cache */

/* Pieces of a stream, one behind the other in one piece of memory, and no more than the builder has room for rows
 * (builder_whole_rows). *ret_rows of them were rows and are in the batch: all, or those before the trailer. *ret_column
 * is told for TUPLE_MISFIT; after that and TUPLE_DAMAGED the builder is of no more use. */
enum tuple tuples_take(const struct tuple_column *columns, int count, const struct str *pieces, int piece_count,
                       struct batch_builder *builder, int *ret_rows, int *ret_column);
/* The piece without the head that stands before a stream's first row; false: it has none. */
bool tuple_head_skip(struct str *piece);
