#include <stdarg.h>

#include "standin/s3/parts.h"

void s3_answer_release(struct s3_answer *self)
{
    buf_release(&self->headers);
    buf_release(&self->body);
    *self = (struct s3_answer){0};
}

void s3_reply_header(struct s3_answer *ret, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    buf_addf(&ret->headers, "%s\r\n", line);
}

void s3_xml_text(struct buf *out, const char *name, const char *text)
{
    buf_addf(out, "<%s>", name);
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr("&<>\"", *at) != NULL || (unsigned char)*at < 0x20)
            buf_addf(out, "&#%d;", (unsigned char)*at);
        else
            buf_add(out, at, 1);
    }
    buf_addf(out, "</%s>", name);
}

void s3_reply_error(struct s3_answer *ret, int status, const char *code, const char *element)
{
    buf_reset(&ret->body);
    ret->status = status;
    buf_addf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    s3_xml_text(&ret->body, "Code", code);
    buf_addf(&ret->body, "<Message>The server says %s.</Message>%s<RequestId>4442587FB7D0A2F9</RequestId></Error>",
             code, or_empty(element));
}

bool s3_xml_take(struct str *rest, const char *name, struct str *ret_inside)
{
    AUTO_RELEASE(buf) open = {0}, close = {0};
    buf_addf(&open, "<%s>", name);
    buf_addf(&close, "</%s>", name);
    const char *from = memmem(rest->at, rest->len, open.at, open.len);
    if (from == NULL)
        return false;
    from += open.len;
    const char *to = memmem(from, (size_t)(rest->at + rest->len - from), close.at, close.len);
    if (to == NULL)
        return false;
    *ret_inside = (struct str){from, (size_t)(to - from)};
    to += close.len;
    *rest = (struct str){to, (size_t)(rest->at + rest->len - to)};
    return true;
}

/* The character of "&#10;", "&amp;" ...; *ret_len: how long that is. */
static char entity(struct str text, size_t *ret_len)
{
    static const struct {
        struct str name;
        char means;
    } known[] = {{S("&amp;"), '&'}, {S("&lt;"), '<'}, {S("&gt;"), '>'}, {S("&quot;"), '"'}, {S("&apos;"), '\''}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        *ret_len = known[i].name.len;
        if (str_has_prefix(text, known[i].name))
            return known[i].means;
    }
    const char *end = memchr(text.at, ';', text.len);
    if (end == NULL || text.len < 3 || text.at[1] != '#') {
        *ret_len = 1;
        return text.at[0];
    }
    *ret_len = (size_t)(end - text.at) + 1;
    return (char)strtol(text.at + (text.at[2] == 'x' ? 3 : 2), NULL, text.at[2] == 'x' ? 16 : 10);
}

bool s3_xml_value(struct str inside, const char *name, struct buf *ret)
{
    struct str text;
    buf_reset(ret);
    if (!s3_xml_take(&inside, name, &text))
        return false;
    buf_add(ret, "", 0);
    while (text.len > 0) {
        size_t len = 1;
        char c = text.at[0] == '&' ? entity(text, &len) : text.at[0];
        buf_add(ret, &c, 1);
        text = (struct str){text.at + len, text.len - len};
    }
    return true;
}
