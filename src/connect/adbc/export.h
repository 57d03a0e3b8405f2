/* Batches as what ADBC takes: the description that goes with their memory, and another batch where the engine takes
 * some values as texts only. */
#pragma once

#include "connect/adbc/dialect.h"

/* The Arrow description of a schema whose columns are named c0, c1 ..., or as in `schema`. One description serves one
 * call after the other. */
struct description;
struct description *description_new(const struct schema *schema, bool is_numbered);
void description_free(struct description *self);
AUTO_DEFINE(description)
struct ArrowSchema *description_take(struct description *self); /* until the driver has released it */

/* The schema as it is sent; NULL: as it is. */
struct schema *export_schema(const struct schema *schema, const struct dialect *dialect);
/* The batch with texts in place of what `to`, the schema of the builder, has as texts. */
const struct batch *export_batch(const struct batch *batch, const struct schema *to, struct batch_builder *builder);
