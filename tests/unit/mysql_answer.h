/* What a server of MySQL answers, byte by byte, and may get wrong. */
#pragma once

#include "connect/mysql/decode_row.h"

struct answer {
    struct buf bytes;
    uint8_t number; /* of the next packet */
    bool ends_with_ok;
};

void answer_release(struct answer *self);
/* A packet, in pieces where it is long. */
void answer_packet(struct answer *self, struct str payload);
void answer_eof(struct answer *self);
void answer_end(struct answer *self, unsigned status);
void answer_error(struct answer *self, unsigned code, const char *text);
void answer_definition(struct answer *self, int type, unsigned flags, bool is_extended);
void answer_prepared(struct answer *self, uint32_t id, int columns);

/* One of two columns, a BIGINT and a text. */
void answer_head(struct answer *self);
void answer_row(struct answer *self, int64_t id, struct str text);
/* What row_put needs to know of these two; as nullable columns. */
const struct schema *answer_schema(void);
void answer_columns(struct row_column ret[2]);
