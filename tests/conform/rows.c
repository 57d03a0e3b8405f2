#include "conform/rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "world/value.h"

struct schema *schema_of(const char *text)
{
    struct schema *schema = schema_new();
    AUTO_RELEASE(arena) arena = {0};
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        char *name = arena_str(&arena, (struct str){text, len}), *format = strchr(name, ':');
        assert(format != NULL);
        *format++ = '\0';
        struct field field = {.name = name, .nullable = true};
        if (format[strlen(format) - 1] == '!') {
            format[strlen(format) - 1] = '\0';
            field.nullable = false;
        }
        bool understood = field_parse_format(format, &field);
        assert(understood);
        schema_add(schema, &field);
        text += len;
        text += strspn(text, " ");
    }
    return schema;
}

enum { BATCH_ROWS = 3 };

struct rows {
    const struct schema *schema;
    struct arena arena;
    struct value *values; /* row after row */
    int64_t count;
};

/* The end of a value: the next '|' or line end that is not escaped. */
static size_t value_length(const char *at)
{
    size_t len = 0;
    while (at[len] != '|' && at[len] != '\n') {
        assert(at[len] != '\0' && "each row ends with a newline");
        len += at[len] == '\\' ? 2 : 1;
    }
    return len;
}

struct rows *rows_new(const struct schema *schema, const char *text)
{
    struct rows *self = xcalloc(1, sizeof(*self));
    int64_t capacity = 0;
    self->schema = schema;
    for (; *text != '\0'; self->count++) {
        size_t row = (size_t)self->count * (size_t)schema->count;
        if (self->count == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 16;
            self->values = xrealloc(self->values, (size_t)(capacity * schema->count) * sizeof(*self->values));
        }
        for (int i = 0; i < schema->count; i++) {
            size_t len = value_length(text);
            assert(text[len] == (i + 1 < schema->count ? '|' : '\n') && "a row has a value per column");
            self->values[row + (size_t)i] = value_parse(&schema->fields[i], (struct str){text, len}, &self->arena);
            text += len + 1;
        }
    }
    return self;
}

void rows_free(struct rows *self)
{
    if (self == NULL)
        return;
    arena_release(&self->arena);
    free(self->values);
    free(self);
}

int64_t rows_count(const struct rows *self) { return self->count; }

struct rows_reader {
    struct batch_reader base;
    const struct rows *rows;
    struct batch_builder *builder;
    int64_t at;
};

static enum rc reader_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct rows_reader *self = (struct rows_reader *)base;
    const struct schema *schema = self->rows->schema;
    for (int n = 0; n < BATCH_ROWS && self->at < self->rows->count; n++, self->at++) {
        const struct value *row = self->rows->values + self->at * schema->count;
        for (int i = 0; i < schema->count; i++)
            value_build(&row[i], &schema->fields[i], self->builder, i);
        builder_end_row(self->builder);
    }
    const struct batch *batch = builder_finish(self->builder);
    *ret = batch->rows > 0 ? batch : NULL;
    return RC_OK;
}

static void reader_free(struct batch_reader *base)
{
    struct rows_reader *self = (struct rows_reader *)base;
    batch_builder_free(self->builder);
    free(self);
}

static const struct batch_reader_ops reader_ops = {.next = reader_next, .free = reader_free};

static enum rc rows_open(const struct staged_file *file, struct batch_reader **ret, struct error *err)
{
    struct rows_reader *self = xcalloc(1, sizeof(*self));
    const struct rows *rows = file->context;
    *self = (struct rows_reader){{&reader_ops}, rows, batch_builder_new(rows->schema), 0};
    *ret = &self->base;
    return RC_OK;
}

struct staged_file rows_file(const struct rows *self, const char *key)
{
    return (struct staged_file){.key = key,
                                .url = key,
                                .rows = self->count,
                                .schema = self->schema,
                                .open = rows_open,
                                .context = (void *)(uintptr_t)self};
}

void rows_print(const struct rows *self, struct buf *out)
{
    for (int64_t row = 0; row < self->count; row++) {
        for (int i = 0; i < self->schema->count; i++) {
            value_print(&self->values[row * self->schema->count + i], &self->schema->fields[i], out);
            buf_add_str(out, i + 1 < self->schema->count ? S("|") : S("\n"));
        }
    }
    lines_sort(out);
}
