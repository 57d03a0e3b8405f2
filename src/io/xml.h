/* Answers in XML, as S3 and STS give them: small documents, read at once. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Called at each element's end: path "ListBucketResult/Contents/Key" (without namespaces), text what stood in it. */
struct xml_reader {
    void (*element)(void *context, const char *path, const char *text);
    void *context;
};
/* False: not a whole document, or one with a document type, deeper than 16 elements or with a text above 64 KiB; what
 * came before that was told. */
bool xml_read(struct str xml, const struct xml_reader *reader);
