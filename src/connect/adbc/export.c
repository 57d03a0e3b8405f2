#include "connect/adbc/export.h"

#include <stdio.h>
#include <stdlib.h>

#include "data/text.h"

/* ---- the description ---- */

enum { NUMBERED_TEXT = 16 };

struct description_column {
    struct ArrowSchema arrow;
    char format[FORMAT_TEXT], name[NUMBERED_TEXT];
};

struct description {
    struct ArrowSchema arrow;
    struct description_column *columns;
    struct ArrowSchema **children;
    int count;
};

/* The memory stays ours: to release a description only marks it so. */
static void schema_given_back(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release != NULL)
            schema->children[i]->release(schema->children[i]);
    }
    schema->release = NULL;
}

struct description *description_new(const struct schema *schema, bool is_numbered)
{
    struct description *self = xcalloc(1, sizeof(*self));
    self->count = schema->count;
    self->columns = xcalloc((size_t)schema->count, sizeof(*self->columns));
    self->children = xcalloc((size_t)schema->count, sizeof(struct ArrowSchema *));
    for (int i = 0; i < schema->count; i++) {
        struct description_column *column = &self->columns[i];
        field_format(&schema->fields[i], column->format);
        snprintf(column->name, sizeof(column->name), "c%d", i);
        column->arrow = (struct ArrowSchema){.format = column->format,
                                             .name = is_numbered ? column->name : schema->fields[i].name,
                                             .flags = ARROW_FLAG_NULLABLE};
    }
    return self;
}

void description_free(struct description *self)
{
    if (self == NULL)
        return;
    free(self->children);
    free(self->columns);
    free(self);
}

struct ArrowSchema *description_take(struct description *self)
{
    for (int i = 0; i < self->count; i++) {
        self->columns[i].arrow.release = schema_given_back;
        self->children[i] = &self->columns[i].arrow;
    }
    self->arrow = (struct ArrowSchema){.format = "+s",
                                       .name = "",
                                       .n_children = self->count,
                                       .children = self->children,
                                       .release = schema_given_back};
    return &self->arrow;
}

/* ---- values as texts ---- */

struct schema *export_schema(const struct schema *schema, const struct dialect *dialect)
{
    struct schema *sent = schema_copy(schema);
    int texts = 0;
    for (int i = 0; i < sent->count; i++) {
        if (dialect->send(&schema->fields[i]) != SEND_TEXT)
            continue;
        sent->fields[i].type = TYPE_UTF8;
        texts++;
    }
    if (texts > 0)
        return sent;
    schema_free(sent);
    return NULL;
}

static void copy_as_text(const struct batch *from, int column, int64_t row, struct batch_builder *to)
{
    char room[VALUE_TEXT];
    if (batch_is_null(from, column, row))
        builder_null(to, column);
    else
        builder_bytes(to, column, batch_text(from, column, row, room));
}

const struct batch *export_batch(const struct batch *batch, const struct schema *to, struct batch_builder *builder)
{
    for (int64_t row = 0; row < batch->rows; row++) {
        for (int column = 0; column < to->count; column++) {
            bool as_text = to->fields[column].type == TYPE_UTF8 && batch->schema->fields[column].type != TYPE_UTF8;
            if (as_text)
                copy_as_text(batch, column, row, builder);
            else
                builder_copy(builder, column, batch, column, row);
        }
        builder_end_row(builder);
    }
    return builder_finish(builder);
}
