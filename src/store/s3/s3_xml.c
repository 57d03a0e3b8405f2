#include "store/s3/s3_intern.h"

static void add_escaped(struct buf *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == '&' || *at == '<' || *at == '>' || *at == '"')
            buf_addf(out, "&#%d;", *at);
        else
            buf_add(out, at, 1);
    }
}

void s3_xml_add(struct buf *out, const char *name, const char *text)
{
    buf_addf(out, "<%s>", name);
    add_escaped(out, text);
    buf_addf(out, "</%s>", name);
}
