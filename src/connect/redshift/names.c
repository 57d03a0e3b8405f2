/* Names and literals as Redshift reads them: quoted names are folded too, and a backslash in a literal escapes.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_names.html */
#include "connect/redshift/target_parts.h"

const char *redshift_fold(const char *name, struct arena *arena)
{
    char *folded = arena_text(arena, name);
    for (char *at = folded; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    return folded;
}

void redshift_quote(struct buf *out, const char *name)
{
    buf_add_str(out, S("\""));
    for (const char *at = name; *at != '\0'; at++) {
        char folded = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
        buf_add_str(out, *at == '"' ? S("\"\"") : (struct str){&folded, 1});
    }
    buf_add_str(out, S("\""));
}

void redshift_literal(struct buf *out, const char *text)
{
    buf_add_str(out, S("'"));
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            buf_add(out, at, 1);
        buf_add(out, at, 1);
    }
    buf_add_str(out, S("'"));
}

/* "ods.orders" is orders in ods; a name without a dot is in the connection's schema. */
static const char *dot_of(const char *table)
{
    const char *dot = strchr(table, '.');
    return dot == NULL || dot == table || dot[1] == '\0' ? NULL : dot;
}

const char *redshift_name_alone(const char *table)
{
    const char *dot = dot_of(table);
    return dot != NULL ? dot + 1 : table;
}

const char *redshift_schema_of(const struct redshift_target *self, const char *table, struct arena *arena)
{
    const char *dot = dot_of(table);
    return dot != NULL ? arena_str(arena, (struct str){table, (size_t)(dot - table)}) : self->schema;
}

void redshift_table_quote(const struct redshift_target *self, const char *table, struct buf *out)
{
    AUTO_RELEASE(arena) arena = {0};
    redshift_quote(out, redshift_schema_of(self, table, &arena));
    buf_add_str(out, S("."));
    redshift_quote(out, redshift_name_alone(table));
}

const char *redshift_table_name(const struct redshift_target *self, const char *table, struct arena *arena)
{
    const char *schema = redshift_fold(redshift_schema_of(self, table, arena), arena);
    const char *name = redshift_fold(redshift_name_alone(table), arena);
    return text_eq(schema, redshift_fold(self->schema, arena)) ? name : arena_print(arena, "%s.%s", schema, name);
}

void redshift_columns(const struct target_table *table, struct buf *out)
{
    for (int i = 0; i < table->schema->count; i++) {
        buf_add_str(out, i > 0 ? S(", ") : S(""));
        redshift_quote(out, table->schema->fields[i].name);
    }
}

bool redshift_is_key(const struct target_table *table, const char *column)
{
    for (int i = 0; i < table->key_count; i++) {
        if (strcmp(table->key[i], column) == 0)
            return true;
    }
    return false;
}

const char *redshift_free_name(const struct schema *schema, const char *word, struct arena *arena)
{
    const char *name = word;
    for (int i = 0; i < schema->count; i++) {
        if (strcasecmp(schema->fields[i].name, name) == 0) {
            name = arena_print(arena, "%s_", name);
            i = -1;
        }
    }
    return name;
}
