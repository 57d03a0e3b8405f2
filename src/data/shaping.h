/* What becomes of a table's columns between their source and the stage: renamed, taken as another type, hashed, masked,
 * or left out. It is done here for every source, before the first byte is encoded, so that a value that is hashed or
 * masked is in no file, in no target and in no log in plain. Pure.
 *
 * A hash is SHA-256, or HMAC-SHA-256 with a key, in 64 hex digits, of the value's text (data/text.h; of bytes: of the
 * bytes). A mask writes '*': the whole value is "***", or each character but the last four where there are at least
 * eight of them. NULL stays NULL in all of them. What was done is said by the staged field (struct field, `made`), and
 * travels with the schema. */
#pragma once

#include "base/arena.h"
#include "base/secret.h"
#include "data/batch.h"

enum treatment { TREAT_NONE, TREAT_EXCLUDE, TREAT_HASH, TREAT_MASK_FULL, TREAT_MASK_PARTIAL };

/* What is wished for one column; the texts outlive the shaping. */
struct column_wish {
    const char *column; /* in the source */
    const char *as;     /* see below; NULL: its own type */
    const char *name;   /* in stage and target; NULL: the same */
    enum treatment treatment;
};

/* `as`: "text" and "binary" are for the source to do; it is asked for the text too where the type is made of it here:
 * "bool" (of 0 and 1), "int64", "double" (the nearest one), "decimal(p,s)". false: no such word. */
bool as_is_known(const char *as);
const char *as_of_source(const char *as); /* "text", "binary"; NULL for NULL */

struct shaping;
/* What is staged of `source`; *ret NULL: all of it, as it is. `table` is for messages. The source's schema must outlive
 * it. RC_CONFIG: a wish for a column that is not there, two columns of one name, a mask of part of bytes. A column that
 * is to be excluded need not be there: the source has left it out. */
RC shaping_new(const char *table, const struct schema *source, const struct column_wish *wishes, int wish_count,
               const struct secret *hash_key, struct shaping **ret, struct error *err);
void shaping_free(struct shaping *self);
/* From now on a value that is none of the type wished for is a reject of its batch, and no failure. */
void shaping_set_aside(struct shaping *self);
AUTO_DEFINE(shaping)

const struct schema *shaping_schema(const struct shaping *self); /* as staged */
int shaping_from(const struct shaping *self, int staged_column); /* the source's column that it is made of */
/* The staged column that is this one of the source's, with its values unchanged; -1: none is. */
int shaping_column(const struct shaping *self, int source_column);
/* Of columns as they were staged those that came unchanged, with the names they have in the source. */
struct schema *shaping_known(const struct column_wish *wishes, int wish_count, const struct schema *staged);

/* The reader's batches, shaped, with what of their rejects is staged; takes the reader over. RC_DATA: a value that is
 * none of the type wished for. */
struct batch_reader *shaping_reader_new(const struct shaping *self, struct batch_reader *inner);
