#include "io/xml.h"

#include <expat.h>
#include <stdio.h>

#include "base/secret.h"

enum { DEPTH_MAX = 16, PATH_BYTES = 512, TEXT_BYTES_MAX = 64 << 10 };

struct reading {
    XML_Parser parser;
    const struct xml_reader *reader;
    char path[PATH_BYTES];
    size_t ends[DEPTH_MAX]; /* of the path, before each element that is open */
    int depth;
    struct buf text;
};

static void element_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *self = context;
    const char *colon = strchr(name, ':');
    const char *local = colon != NULL ? colon + 1 : name;
    size_t used = strlen(self->path);
    if (self->depth == DEPTH_MAX || used + strlen(local) + 2 > PATH_BYTES) {
        XML_StopParser(self->parser, XML_FALSE);
        return;
    }
    self->ends[self->depth++] = used;
    snprintf(self->path + used, PATH_BYTES - used, "%s%s", used > 0 ? "/" : "", local);
    buf_reset(&self->text);
}

static void element_text(void *context, const XML_Char *at, int len)
{
    struct reading *self = context;
    if (self->text.len + (size_t)len > TEXT_BYTES_MAX)
        XML_StopParser(self->parser, XML_FALSE);
    else
        buf_add(&self->text, at, (size_t)len);
}

static void element_end(void *context, const XML_Char *name)
{
    struct reading *self = context;
    self->reader->element(self->reader->context, self->path, buf_str(&self->text).at);
    self->path[self->ends[--self->depth]] = '\0';
    buf_reset(&self->text);
}

/* No document type, and so no entity of the sender's making. */
static void refuse_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                           int inside)
{
    struct reading *self = context;
    XML_StopParser(self->parser, XML_FALSE);
}

bool xml_read(struct str xml, const struct xml_reader *reader)
{
    struct reading self = {.parser = XML_ParserCreate(NULL), .reader = reader};
    XML_SetUserData(self.parser, &self);
    XML_SetElementHandler(self.parser, element_start, element_end);
    XML_SetCharacterDataHandler(self.parser, element_text);
    XML_SetStartDoctypeDeclHandler(self.parser, refuse_doctype);
    while (xml.len > 0 && (*xml.at == ' ' || *xml.at == '\n' || *xml.at == '\r' || *xml.at == '\t'))
        xml = (struct str){xml.at + 1, xml.len - 1}; /* S3 sends blanks while it works, before the declaration */
    bool whole = XML_Parse(self.parser, xml.at, (int)xml.len, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(self.parser);
    if (self.text.at != NULL)
        wipe(self.text.at, self.text.size); /* STS answers with keys */
    buf_release(&self.text);
    return whole;
}
