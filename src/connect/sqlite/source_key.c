#include "connect/sqlite/source_parts.h"

#include <stdlib.h>

static const char hex_digits[] = "0123456789abcdef";

static const char *hex_text(struct arena *arena, struct str bytes)
{
    char *text = arena_take(arena, 2 * bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = hex_digits[(unsigned char)bytes.at[i] >> 4];
        text[2 * i + 1] = hex_digits[(unsigned char)bytes.at[i] & 15];
    }
    return text;
}

static bool hex_bytes(const char *text, struct arena *arena, struct str *ret)
{
    size_t len = strlen(text);
    unsigned char *bytes = arena_take(arena, len / 2 + 1);
    for (size_t i = 0; i < len; i++) {
        const char *digit = strchr(hex_digits, text[i]);
        if (digit == NULL)
            return false;
        bytes[i / 2] = (unsigned char)(bytes[i / 2] << 4 | (digit - hex_digits));
    }
    *ret = (struct str){(const char *)bytes, len / 2};
    return len % 2 == 0;
}

/* What a key of this type is stored as. */
static bool class_fits(enum type type, int class)
{
    switch (type) {
    case TYPE_BOOL:
    case TYPE_INT64: return class == SQLITE_INTEGER;
    case TYPE_DOUBLE: return class == SQLITE_FLOAT;
    case TYPE_DECIMAL: return class == SQLITE_INTEGER || class == SQLITE_FLOAT;
    case TYPE_BINARY: return class == SQLITE_BLOB;
    default: return class == SQLITE_TEXT;
    }
}

RC sqlite_key_text(const struct sqlite_table *table, int column, sqlite3_stmt *row, int at, struct arena *arena,
                   const char **ret, struct error *err)
{
    const struct sqlite_column *c = &table->columns[column];
    int class = sqlite3_column_type(row, at);
    struct str text = class == SQLITE_TEXT ? sqlite_column_str(row, at) : S("");
    if (!class_fits(c->base.field.type, class) || memchr(text.at, '\0', text.len) != NULL || !str_is_utf8(text))
        return fail(err, RC_DATA, "key column '%s' of '%s' holds a value that no position can name: %s", c->base.name,
                    table->base.name,
                    class == SQLITE_NULL   ? "NULL"
                    : class == SQLITE_TEXT ? "a text with a NUL in it, or that is not UTF-8"
                                           : "one of another storage class than the others");
    switch (class) {
    case SQLITE_INTEGER: *ret = arena_print(arena, "%lld", sqlite3_column_int64(row, at)); break;
    case SQLITE_FLOAT: *ret = arena_print(arena, "%.17g", sqlite3_column_double(row, at)); break;
    case SQLITE_BLOB: *ret = hex_text(arena, sqlite_column_str(row, at)); break;
    default: *ret = arena_str(arena, text);
    }
    return RC_OK;
}

static bool bind_number(sqlite3_stmt *statement, int parameter, const char *text, bool may_be_real)
{
    int64_t integer;
    if (str_to_int64(str(text), &integer)) {
        sqlite_bind_int64(statement, parameter, integer);
        return true;
    }
    char *end;
    double real = strtod(text, &end);
    if (!may_be_real || end == text || *end != '\0')
        return false;
    sqlite_bind_double(statement, parameter, real);
    return true;
}

RC sqlite_key_bind(struct sqlite *db, sqlite3_stmt *statement, int parameter, enum type type, const char *text,
                   struct arena *arena, struct error *err)
{
    struct str bytes;
    switch (type) {
    case TYPE_BOOL:
    case TYPE_INT64:
        if (bind_number(statement, parameter, text, false))
            return RC_OK;
        return fail(err, RC_DATA, "the position has a text where the column holds integers");
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
        if (bind_number(statement, parameter, text, true))
            return RC_OK;
        return fail(err, RC_DATA, "the position has a text where the column holds numbers");
    case TYPE_BINARY:
        if (hex_bytes(text, arena, &bytes))
            return sqlite_bind_blob(db, statement, parameter, bytes, err);
        return fail(err, RC_DATA, "the position is not written in hex digits, as the column's bytes are");
    default: return sqlite_bind_text(db, statement, parameter, str(text), err);
    }
}
