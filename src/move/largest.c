#include "move/largest.h"

#include <inttypes.h>

static void take_text(struct largest *self, struct str value)
{
    if (!self->any || str_cmp(value, buf_str(&self->text)) > 0) {
        buf_reset(&self->text);
        buf_add_str(&self->text, value);
    }
    self->any = true;
}

static void take_number(struct largest *self, int64_t value)
{
    self->number = self->any && self->number > value ? self->number : value;
    self->any = true;
}

void largest_take(struct largest *self, const struct batch *batch, int column)
{
    bool is_text = batch->schema->fields[column].type == TYPE_UTF8;
    for (int64_t row = 0; row < batch->rows; row++) {
        if (batch_is_null(batch, column, row))
            continue;
        if (is_text)
            take_text(self, batch_bytes(batch, column, row));
        else
            take_number(self, batch_integer(batch, column, row));
    }
}

/* A text stands in `text`, a number has none. */
void largest_merge(struct largest *self, const struct largest *other)
{
    if (!other->any)
        return;
    if (other->text.size > 0)
        take_text(self, buf_str(&other->text));
    else
        take_number(self, other->number);
}

const char *largest_print(const struct largest *self, const struct field *field, const struct form *form,
                          struct arena *arena)
{
    static const int64_t unit_us[] = {[UNIT_SECOND] = 1000000, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1};
    char text[CURSOR_TEXT];
    if (!self->any)
        return NULL;
    if (field->type == TYPE_UTF8)
        return arena_str(arena, buf_str(&self->text));
    if (field->type == TYPE_INT16 || field->type == TYPE_INT32 || field->type == TYPE_INT64)
        return arena_print(arena, "%" PRId64, self->number);
    form_print(form,
               field->type == TYPE_DATE ? self->number * INT64_C(86400000000) : self->number * unit_us[field->unit],
               text);
    return arena_text(arena, text);
}

void largest_reset(struct largest *self)
{
    self->any = false;
    self->number = 0;
    buf_reset(&self->text);
}

void largest_release(struct largest *self) { buf_release(&self->text); }
