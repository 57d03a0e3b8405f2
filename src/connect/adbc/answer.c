#include "connect/adbc/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "connect/adbc/adbc.h"

void answer_release(struct answer *self)
{
    arena_release(&self->arena);
    *self = (struct answer){0};
}

struct str answer_str(const struct answer *self, int row, int column)
{
    return self->cells[(size_t)row * (size_t)self->columns + (size_t)column];
}

const char *answer_text(const struct answer *self, int row, int column) { return answer_str(self, row, column).at; }

int64_t answer_int64(const struct answer *self, int row, int column)
{
    const char *text = answer_text(self, row, column);
    int64_t value = 0;
    return text != NULL && str_to_int64(str(text), &value) ? value : 0;
}

/* ---- cells ---- */

static bool bit(const void *bits, int64_t i) { return (((const uint8_t *)bits)[i >> 3] >> (i & 7)) & 1; }

static struct str text_of(const struct ArrowArray *array, int64_t i, bool is_large)
{
    const char *bytes = array->buffers[2];
    if (is_large) {
        const int64_t *offsets = array->buffers[1];
        return (struct str){bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])};
    }
    const int32_t *offsets = array->buffers[1];
    return (struct str){bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i])};
}

static int64_t integer_of(const struct ArrowArray *array, int64_t i, char format)
{
    const void *values = array->buffers[1];
    switch (format) {
    case 'c': return ((const int8_t *)values)[i];
    case 'C': return ((const uint8_t *)values)[i];
    case 's': return ((const int16_t *)values)[i];
    case 'S': return ((const uint16_t *)values)[i];
    case 'i': return ((const int32_t *)values)[i];
    case 'I': return ((const uint32_t *)values)[i];
    default: return ((const int64_t *)values)[i];
    }
}

/* false: a type that is not read here. */
static bool cell(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row, struct arena *arena,
                 struct str *ret)
{
    char format = schema->format[0];
    int64_t i = row + array->offset;
    *ret = (struct str){0};
    if (format == 'n')
        return true;
    if (schema->format[1] != '\0' || strchr("uUzlLiIsScCbg", format) == NULL)
        return false;
    if (array->null_count != 0 && array->buffers[0] != NULL && !bit(array->buffers[0], i))
        return true;
    if (format == 'u' || format == 'z' || format == 'U')
        *ret = (struct str){arena_str(arena, text_of(array, i, format == 'U')), text_of(array, i, format == 'U').len};
    else if (format == 'b')
        *ret = bit(array->buffers[1], i) ? S("1") : S("0");
    else if (format == 'g')
        *ret = str(arena_print(arena, "%.17g", ((const double *)array->buffers[1])[i]));
    else
        *ret = str(arena_print(arena, "%" PRId64, integer_of(array, i, format)));
    return true;
}

/* ---- streams ---- */

static RC add_rows(struct answer *self, const struct ArrowSchema *schema, const struct ArrowArray *rows,
                   struct error *err)
{
    int64_t total = self->rows + rows->length;
    if (total > ANSWER_ROWS_MAX)
        return fail(err, RC_DATA, "an answer has more than %d rows", ANSWER_ROWS_MAX);
    size_t width = (size_t)self->columns;
    struct str *cells = arena_take(&self->arena, sizeof(*cells) * (size_t)total * width + 1);
    if (self->rows > 0)
        memcpy(cells, self->cells, sizeof(*cells) * (size_t)self->rows * width);
    for (int64_t row = 0; row < rows->length; row++) {
        for (size_t column = 0; column < width; column++) {
            if (!cell(schema->children[column], rows->children[column], row, &self->arena,
                      &cells[((size_t)self->rows + (size_t)row) * width + column]))
                return fail(err, RC_DATA, "an answer has a column of the type '%s', which is not read here",
                            schema->children[column]->format);
        }
    }
    self->cells = cells;
    self->rows = (int)total;
    return RC_OK;
}

static RC fail_stream(struct ArrowArrayStream *stream, const char **ret_why, struct error *err)
{
    *ret_why = stream->get_last_error != NULL ? stream->get_last_error(stream) : NULL;
    return fail(err, RC_FAILED, "the driver's answer ended with an error, and it does not say which");
}

static RC read_arrays(struct ArrowArrayStream *stream, const struct ArrowSchema *schema, struct answer *ret,
                      const char **ret_why, struct error *err)
{
    for (;;) {
        struct ArrowArray rows = {0};
        if (stream->get_next(stream, &rows) != 0)
            return fail_stream(stream, ret_why, err);
        if (rows.release == NULL)
            return RC_OK;
        enum rc rc = add_rows(ret, schema, &rows, err);
        rows.release(&rows);
        TRY(rc);
    }
}

RC answer_read(struct ArrowArrayStream *stream, struct answer *ret, const char **ret_why, struct error *err)
{
    struct ArrowSchema schema = {0};
    *ret_why = NULL;
    if (stream->get_schema(stream, &schema) != 0)
        return fail_stream(stream, ret_why, err);
    ret->columns = (int)schema.n_children;
    enum rc rc = read_arrays(stream, &schema, ret, ret_why, err);
    if (schema.release != NULL)
        schema.release(&schema);
    return rc;
}

/* ---- AdbcConnectionGetInfo: info_name uint32, info_value a union whose first member is a text ---- */

static void take_info(const struct ArrowSchema *schema, const struct ArrowArray *rows, int64_t row, uint32_t code,
                      char *ret, size_t size)
{
    const struct ArrowArray *names = rows->children[0], *values = rows->children[1];
    bool is_dense = strncmp(schema->children[1]->format, "+ud:", 4) == 0;
    int64_t i = row + values->offset;
    if (((const uint32_t *)names->buffers[1])[row + names->offset] != code || values->n_buffers < 1 ||
        ((const int8_t *)values->buffers[0])[i] != 0 || values->n_children < 1)
        return;
    int64_t place = is_dense ? ((const int32_t *)values->buffers[1])[i] : i;
    AUTO_RELEASE(arena) arena = {0};
    struct str text = {0};
    if (cell(schema->children[1]->children[0], values->children[0], place, &arena, &text) && text.at != NULL)
        snprintf(ret, size, "%s", text.at);
}

static bool is_info(const struct ArrowSchema *schema)
{
    return schema->n_children == 2 && strcmp(schema->children[0]->format, "I") == 0 &&
           strncmp(schema->children[1]->format, "+u", 2) == 0 && schema->children[1]->n_children >= 1;
}

RC answer_read_info(struct ArrowArrayStream *stream, uint32_t first, char *ret_first, size_t first_size,
                    uint32_t second, char *ret_second, size_t second_size, struct error *err)
{
    struct ArrowSchema schema = {0};
    ret_first[0] = ret_second[0] = '\0';
    if (stream->get_schema(stream, &schema) != 0)
        return fail(err, RC_FAILED, "the driver does not say which database it is for");
    enum rc rc = is_info(&schema) ? RC_OK : fail(err, RC_FAILED, "the driver's description of itself is malformed");
    while (rc == RC_OK) {
        struct ArrowArray rows = {0};
        if (stream->get_next(stream, &rows) != 0)
            rc = fail(err, RC_FAILED, "the driver does not say which database it is for");
        if (rows.release == NULL)
            break;
        for (int64_t row = 0; row < rows.length; row++) {
            take_info(&schema, &rows, row, first, ret_first, first_size);
            take_info(&schema, &rows, row, second, ret_second, second_size);
        }
        rows.release(&rows);
    }
    if (schema.release != NULL)
        schema.release(&schema);
    return rc;
}
