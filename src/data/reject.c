#include "data/reject.h"

#include <stdlib.h>

#include "base/json.h"
#include "data/schema.h"

void reject_list_add(struct reject_list *self, int64_t row, int column, const char *why, struct str value)
{
    if (self->count == self->room) {
        self->room = self->room > 0 ? 2 * self->room : 16;
        self->items = xrealloc(self->items, sizeof(*self->items) * (size_t)self->room);
    }
    if (value.at != NULL)
        value.at = arena_str(&self->values, value);
    self->items[self->count++] = (struct reject){row, column, why, value};
}

void reject_list_reset(struct reject_list *self)
{
    self->count = 0;
    arena_reset(&self->values);
}

void reject_list_release(struct reject_list *self)
{
    free(self->items);
    arena_release(&self->values);
    *self = (struct reject_list){0};
}

static int compare(const void *left, const void *right)
{
    const struct reject *a = left, *b = right;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

void reject_list_sort(struct reject_list *self)
{
    if (self->count > 1)
        qsort(self->items, (size_t)self->count, sizeof(*self->items), compare);
}

/* ---- as a text ---- */

static void put_hex(json_t *object, struct str value)
{
    static const char digits[] = "0123456789abcdef";
    AUTO_RELEASE(buf) hex = {0};
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char byte = (unsigned char)value.at[i];
        const char pair[] = {digits[byte >> 4], digits[byte & 15]};
        buf_add(&hex, pair, sizeof(pair));
    }
    buf_add_str(&hex, S(""));
    json_put_text(object, "hex", hex.at);
}

void reject_print_row(const struct reject_list *self, int *at, const struct schema *names, struct buf *out)
{
    AUTO_JSON *list = json_array();
    for (const int64_t row = self->items[*at].row; *at < self->count && self->items[*at].row == row; ++*at) {
        const struct reject *reject = &self->items[*at];
        json_t *object = json_object();
        json_put_text(object, "column", names->fields[reject->column].name);
        json_put_text(object, "why", reject->why);
        if (reject->value.at != NULL && str_is_utf8(reject->value) &&
            memchr(reject->value.at, 0, reject->value.len) == NULL)
            json_put_text(object, "value", reject->value.at);
        else if (reject->value.at != NULL)
            put_hex(object, reject->value);
        json_array_append_new(list, object);
    }
    json_write_line(list, out);
}
