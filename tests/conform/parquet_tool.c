/* Parquet files from and to JSON lines, so that other programs can be asked what they see in ours (test_parquet.py).
 *
 *     parquet_tool write FILE < LINES       the first line {"schema": [...], "options": {...}}, then an array per row
 *     parquet_tool dump FILE [SCHEMA]       the same lines; SCHEMA is what the file must have, as a waybill has it
 *     parquet_tool copy < LINES             {"from": FILE, "to": FILE, "options": {...}}: what our reader finds in the
 *                                           one, as our writer writes it; a line {"rows": n} or {"error": text} each
 *
 * Values: true, 1 (integers, date, time, timestamp), "0x1.8p+0" (float, double), "text", "c0ffee" (binary), "-12345"
 * (decimal, unscaled). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "data/parquet/reader.h"
#include "data/parquet/writer.h"

static int complain(const struct error *err)
{
    fprintf(stderr, "%s: %s\n", rc_name(err->rc), err->text);
    return rc_exit_status(err->rc);
}

static RC file_write(void *context, struct str bytes, struct error *err)
{
    return fwrite(bytes.at, 1, bytes.len, context) == bytes.len ? RC_OK : fail_errno(err, errno, "writing");
}

static RC file_read(void *context, int64_t offset, void *into, size_t bytes, struct error *err)
{
    ssize_t got = pread(*(int *)context, into, bytes, offset);
    return got == (ssize_t)bytes ? RC_OK
                                 : fail_errno(err, errno, "reading %zu bytes at %lld", bytes, (long long)offset);
}

static __int128 decimal_parse(const char *text)
{
    bool negative = *text == '-';
    __int128 value = 0;
    for (text += negative; *text != '\0'; text++)
        value = value * 10 + (*text - '0');
    return negative ? -value : value;
}

static void decimal_print(__int128 value, char text[48])
{
    char *at = text + 47;
    bool negative = value < 0;
    *at = '\0';
    do {
        int digit = (int)(value % 10);
        *--at = (char)('0' + (digit < 0 ? -digit : digit));
        value /= 10;
    } while (value != 0);
    if (negative)
        *--at = '-';
    memmove(text, at, strlen(at) + 1);
}

static void hex_parse(const char *text, struct buf *out)
{
    unsigned byte;
    for (buf_reset(out); sscanf(text, "%2x", &byte) == 1; text += 2)
        buf_add(out, &(char){(char)byte}, 1);
}

static void value_add(struct batch_builder *builder, int column, enum type type, const json_t *value,
                      struct buf *scratch)
{
    if (json_is_null(value)) {
        builder_null(builder, column);
        return;
    }
    switch (type) {
    case TYPE_BOOL: builder_bool(builder, column, json_is_true(value)); break;
    case TYPE_INT16: builder_int16(builder, column, (int16_t)json_integer_value(value)); break;
    case TYPE_INT32: builder_int32(builder, column, (int32_t)json_integer_value(value)); break;
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: builder_int64(builder, column, json_integer_value(value)); break;
    case TYPE_FLOAT: builder_float(builder, column, strtof(json_string_value(value), NULL)); break;
    case TYPE_DOUBLE: builder_double(builder, column, strtod(json_string_value(value), NULL)); break;
    case TYPE_DATE: builder_date(builder, column, (int32_t)json_integer_value(value)); break;
    case TYPE_DECIMAL: builder_decimal(builder, column, decimal_parse(json_string_value(value))); break;
    case TYPE_UTF8:
        builder_bytes(builder, column, (struct str){json_string_value(value), json_string_length(value)});
        break;
    case TYPE_BINARY:
        hex_parse(json_string_value(value), scratch);
        builder_bytes(builder, column, buf_str(scratch));
        break;
    }
}

static json_t *value_get(const struct batch *b, int column, int64_t row)
{
    char text[48];
    struct str bytes;
    AUTO_RELEASE(buf) hex = {0};
    if (batch_is_null(b, column, row))
        return json_null();
    switch (b->schema->fields[column].type) {
    case TYPE_BOOL: return json_boolean(batch_bool(b, column, row));
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: return json_integer(batch_integer(b, column, row));
    case TYPE_FLOAT: snprintf(text, sizeof(text), "%a", (double)batch_float(b, column, row)); return json_string(text);
    case TYPE_DOUBLE: snprintf(text, sizeof(text), "%a", batch_double(b, column, row)); return json_string(text);
    case TYPE_DECIMAL: decimal_print(batch_decimal(b, column, row), text); return json_string(text);
    case TYPE_UTF8: bytes = batch_bytes(b, column, row); return json_stringn(bytes.at, bytes.len);
    default:
        bytes = batch_bytes(b, column, row);
        for (size_t i = 0; i < bytes.len; i++)
            buf_addf(&hex, "%02x", (uint8_t)bytes.at[i]);
        return json_string(buf_str(&hex).at);
    }
}

static void print_line(json_t *value_taken)
{
    AUTO_JSON *value = value_taken;
    AUTO_RELEASE(buf) line = {0};
    json_write_line(value, &line);
    puts(line.at);
}

/* A row's texts may hold any character; those of a document may not (base/json.h). */
static RC row_read(struct str line, json_t **ret, struct error *err)
{
    json_error_t said;
    *ret = json_loadb(line.at, line.len, JSON_ALLOW_NUL, &said);
    return *ret != NULL ? RC_OK : fail(err, RC_DATA, "a row: %s", said.text);
}

static RC rows_write(const struct schema *schema, struct parquet_writer *writer, int64_t batch_rows, struct error *err)
{
    AUTO(batch_builder) *builder = batch_builder_new(schema);
    AUTO_RELEASE(buf) scratch = {0};
    char *line = NULL;
    size_t size = 0;
    enum rc rc = RC_OK;
    for (ssize_t len; rc == RC_OK && (len = getline(&line, &size, stdin)) > 0;) {
        AUTO_JSON *row = NULL;
        if ((rc = row_read((struct str){line, (size_t)len}, &row, err)) != RC_OK)
            break;
        for (int i = 0; i < schema->count; i++)
            value_add(builder, i, schema->fields[i].type, json_array_get(row, (size_t)i), &scratch);
        builder_end_row(builder);
        if (builder_is_full(builder) || builder_rows(builder) >= batch_rows)
            rc = parquet_writer_add(writer, builder_finish(builder), err);
    }
    free(line);
    TRY(rc);
    TRY(parquet_writer_add(writer, builder_finish(builder), err));
    return parquet_writer_end(writer, err);
}

static struct parquet_options options_of(const json_t *options, const struct parquet_pair *pair)
{
    return (struct parquet_options){
        .compression = (enum parquet_compression)json_int(options, "compression", PARQUET_ZSTD),
        .profile = (enum parquet_profile)json_int(options, "profile", PARQUET_DEFAULT),
        .level = (int)json_int(options, "level", 0),
        .row_group_bytes = (size_t)json_int(options, "row_group_bytes", 0),
        .page_bytes = (size_t)json_int(options, "page_bytes", 0),
        .pairs = pair,
        .pair_count = pair->value != NULL,
    };
}

static RC file_make(FILE *file, struct error *err)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len = getline(&line, &size, stdin);
    AUTO_JSON *head = NULL;
    AUTO(schema) *schema = NULL;
    enum rc rc = json_read((struct str){line, len > 0 ? (size_t)len : 0}, "the first line", &head, err);
    free(line);
    TRY(rc);
    TRY(schema_from_json(json_object_get(head, "schema"), &schema, err));
    const json_t *options = json_object_get(head, "options");
    struct parquet_pair pair = {.key = "origin", .value = json_text(options, "origin")};
    struct parquet_options with = options_of(options, &pair);
    AUTO(parquet_writer) *writer = parquet_writer_new(schema, &with, (struct parquet_sink){file_write, file});
    return rows_write(schema, writer, json_int(options, "batch_rows", BATCH_ROWS_MAX), err);
}

static int write_command(const char *path)
{
    struct error err = {0};
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return complain((fail_errno(&err, errno, "opening '%s'", path), &err));
    enum rc rc = file_make(file, &err);
    fclose(file);
    return rc == RC_OK ? 0 : complain(&err);
}

static RC rows_dump(struct parquet_reader *reader, struct error *err)
{
    struct batch_reader *batches = parquet_reader_batches(reader);
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(batches, &batch, err));
        if (batch == NULL)
            return RC_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            json_t *line = json_array();
            for (int i = 0; i < batch->schema->count; i++)
                json_array_append_new(line, value_get(batch, i, row));
            print_line(line);
        }
    }
}

static RC file_dump(int fd, const char *schema_text, struct error *err)
{
    struct stat about;
    AUTO_JSON *json = NULL;
    AUTO(schema) *expected = NULL;
    AUTO(parquet_reader) *reader = NULL;
    if (schema_text != NULL) {
        TRY(json_read(str(schema_text), "the schema", &json, err));
        TRY(schema_from_json(json, &expected, err));
    }
    if (fstat(fd, &about) != 0)
        return fail_errno(err, errno, "fstat");
    struct parquet_input input = {.bytes = about.st_size, .read = file_read, .context = &fd};
    TRY(parquet_reader_open(&input, expected, &reader, err));
    json_t *groups = json_array();
    for (int i = 0; i < parquet_reader_group_count(reader); i++)
        json_array_append_new(groups, json_integer(parquet_reader_group(reader, i)->rows));
    print_line(json_pack("{s:o, s:I, s:o}", "schema", schema_to_json(parquet_reader_schema(reader)), "rows",
                         (json_int_t)parquet_reader_rows(reader), "row_groups", groups));
    return rows_dump(reader, err);
}

static int dump_command(const char *path, const char *schema_text)
{
    struct error err = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain((fail_errno(&err, errno, "opening '%s'", path), &err));
    enum rc rc = file_dump(fd, schema_text, &err);
    close(fd);
    return rc == RC_OK ? 0 : complain(&err);
}

static RC rows_copy(struct parquet_reader *reader, struct parquet_writer *writer, struct error *err)
{
    for (const struct batch *batch = NULL;;) {
        TRY(batch_reader_next(parquet_reader_batches(reader), &batch, err));
        if (batch == NULL)
            return parquet_writer_end(writer, err);
        TRY(parquet_writer_add(writer, batch, err));
    }
}

static RC fd_copy(int fd, FILE *to, const json_t *options, int64_t *ret_rows, struct error *err)
{
    struct stat about;
    AUTO(parquet_reader) *reader = NULL;
    struct parquet_pair pair = {.value = NULL};
    struct parquet_options with = options_of(options, &pair);
    if (fstat(fd, &about) != 0)
        return fail_errno(err, errno, "fstat");
    struct parquet_input input = {.bytes = about.st_size, .read = file_read, .context = &fd};
    TRY(parquet_reader_open(&input, NULL, &reader, err));
    AUTO(parquet_writer) *writer =
        parquet_writer_new(parquet_reader_schema(reader), &with, (struct parquet_sink){file_write, to});
    TRY(rows_copy(reader, writer, err));
    *ret_rows = parquet_reader_rows(reader);
    return RC_OK;
}

static RC file_copy(const json_t *line, int64_t *ret_rows, struct error *err)
{
    int fd = open(json_text(line, "from"), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, errno, "opening '%s'", json_text(line, "from"));
    FILE *to = fopen(json_text(line, "to"), "wbe");
    enum rc rc = to == NULL ? fail_errno(err, errno, "opening '%s'", json_text(line, "to"))
                            : fd_copy(fd, to, json_object_get(line, "options"), ret_rows, err);
    if (to != NULL)
        fclose(to);
    close(fd);
    return rc;
}

/* Many files by one process; it ends with the input. */
static int copy_command(void)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t len; (len = getline(&line, &size, stdin)) > 0; fflush(stdout)) {
        struct error err = {0};
        AUTO_JSON *json = NULL;
        int64_t rows = 0;
        enum rc rc = json_read((struct str){line, (size_t)len}, "a line", &json, &err);
        if (rc == RC_OK)
            rc = file_copy(json, &rows, &err);
        print_line(rc == RC_OK ? json_pack("{s:I}", "rows", (json_int_t)rows)
                               : json_pack("{s:s, s:s}", "error", err.text, "rc", rc_name(rc)));
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && text_eq(argv[1], "copy"))
        return copy_command();
    if (argc == 3 && text_eq(argv[1], "write"))
        return write_command(argv[2]);
    if ((argc == 3 || argc == 4) && text_eq(argv[1], "dump"))
        return dump_command(argv[2], argv[3]);
    fputs("usage: parquet_tool write FILE | parquet_tool dump FILE [SCHEMA] | parquet_tool copy\n", stderr);
    return 2;
}
