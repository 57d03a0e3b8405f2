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
