#include "mysql_answer.h"

#include "test.h"

void answer_release(struct answer *self) { buf_release(&self->bytes); }

static void add_number(struct buf *out, uint64_t number, size_t bytes) { buf_add(out, &number, bytes); }

static void add_text(struct buf *out, struct str text)
{
    if (text.len > 250)
        buf_add(out, &(uint8_t){text.len < 1 << 16 ? 0xfc : text.len < 1 << 24 ? 0xfd : 0xfe}, 1);
    add_number(out, text.len, text.len <= 250 ? 1 : text.len < 1 << 16 ? 2 : text.len < 1 << 24 ? 3 : 8);
    buf_add_str(out, text);
}

void answer_packet(struct answer *self, struct str payload)
{
    size_t len;
    do {
        len = payload.len < WIRE_PIECE_MAX ? payload.len : WIRE_PIECE_MAX;
        add_number(&self->bytes, len | (uint32_t)++self->number << 24, WIRE_HEADER_BYTES);
        buf_add(&self->bytes, payload.at, len);
        payload.at += len;
        payload.len -= len;
    } while (len == WIRE_PIECE_MAX);
}

void answer_eof(struct answer *self) { answer_packet(self, S("\xfe\0\0\0\0")); }

void answer_end(struct answer *self, unsigned status)
{
    char end[] = {'\xfe', 0, 0, (char)status, 0, 0, 0};
    answer_packet(self, (struct str){end, self->ends_with_ok ? 7 : 5});
}

void answer_error(struct answer *self, unsigned code, const char *text)
{
    AUTO_RELEASE(buf) payload = {0};
    add_number(&payload, 0xff | code << 8, 3);
    buf_addf(&payload, "#HY000%s", text);
    answer_packet(self, buf_str(&payload));
}

void answer_definition(struct answer *self, int type, unsigned flags, bool is_extended)
{
    AUTO_RELEASE(buf) payload = {0};
    buf_add_str(&payload, S("\x03"
                            "def\x04"
                            "shop\x01"
                            "t\x01"
                            "t\x01"
                            "c\x01"
                            "c"));
    if (is_extended)
        buf_add_str(&payload, S("\x06\x00\x04json"));
    add_number(&payload, 12, 1);
    add_number(&payload, 45, 2);
    add_number(&payload, 255, 4);
    add_number(&payload, (unsigned)type, 1);
    add_number(&payload, flags, 2);
    add_number(&payload, 0, 3);
    answer_packet(self, buf_str(&payload));
}

void answer_prepared(struct answer *self, uint32_t id, int columns)
{
    AUTO_RELEASE(buf) payload = {0};
    add_number(&payload, 0, 1);
    add_number(&payload, id, 4);
    add_number(&payload, (unsigned)columns, 2);
    add_number(&payload, 0, 5);
    answer_packet(self, buf_str(&payload));
}

void answer_head(struct answer *self)
{
    answer_packet(self, S("\x02\x01"));
    answer_definition(self, MYSQL_TYPE_LONGLONG, NOT_NULL_FLAG, false);
    answer_definition(self, MYSQL_TYPE_VAR_STRING, 0, true);
    if (!self->ends_with_ok)
        answer_eof(self);
}

void answer_row(struct answer *self, int64_t id, struct str text)
{
    AUTO_RELEASE(buf) payload = {0};
    add_number(&payload, 0, 2); /* nothing is NULL */
    add_number(&payload, (uint64_t)id, 8);
    add_text(&payload, text);
    answer_packet(self, buf_str(&payload));
}

const struct schema *answer_schema(void)
{
    static struct field fields[] = {{.name = "id", .type = TYPE_INT64, .nullable = true},
                                    {.name = "note", .type = TYPE_BINARY, .nullable = true}};
    static const struct schema schema = {fields, 2};
    return &schema;
}

void answer_columns(struct row_column ret[2])
{
    static const struct decoding decodings[] = {{.kind = DECODE_INTEGER, .type = TYPE_INT64},
                                                {.kind = DECODE_BYTES, .type = TYPE_BINARY}};
    static const struct reply_column replies[] = {{.type = MYSQL_TYPE_LONGLONG}, {.type = MYSQL_TYPE_VAR_STRING}};
    for (int i = 0; i < 2; i++) {
        ret[i] = (struct row_column){.nullable = true};
        assert_true(row_column_plan(&ret[i], &decodings[i], &replies[i]));
    }
}
