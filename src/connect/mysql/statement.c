#include "connect/mysql/statement.h"

#include <assert.h>
#include <mysqld_error.h>
#include <stdlib.h>

enum {
    COM_PREPARE = 0x16,
    COM_EXECUTE = 0x17,
    COM_CLOSE = 0x19,
    FIRST_OK = 0x00,
    FIRST_END = 0xfe,
    FIRST_ERROR = 0xff,
    EOF_BYTES = 5,
    OK_BYTES_MIN = 7,
    PREPARED_BYTES_MIN = 12,
    ERROR_BYTES_MIN = 3,
    STATE_BYTES = 5,
    DEFINITION_TEXTS = 6,      /* catalog, schema, table twice, name twice */
    DEFINITION_END_BYTES = 13, /* 12, charset, length, type, flags, decimals, 2 of nothing */
    MORE_RESULTS = 8,
    PROGRESS = 0xffff, /* MariaDB: no error but how far a long statement has come */
    DEPRECATE_EOF = 1 << 24,
    COLUMNS_IN_REPLY_MAX = 4096,
};

/* A proxy or a server that prepares nothing, or nothing more now: the same SELECT may well go through in text. */
static const unsigned refusals[] = {ER_UNSUPPORTED_PS,    ER_MAX_PREPARED_STMT_COUNT_REACHED,
                                    ER_UNKNOWN_COM_ERROR, ER_NOT_SUPPORTED_YET,
                                    ER_NEED_REPREPARE,    ER_UNKNOWN_STMT_HANDLER};

void statement_init(struct statement *self, struct mysql_session *session, int socket)
{
    *self = (struct statement){0};
    wire_init(&self->wire, session, socket);
    if (session->handle != NULL)
        self->ends_with_ok = (session->handle->client_flag & session->handle->server_capabilities & DEPRECATE_EOF) != 0;
}

void statement_init_bytes(struct statement *self, struct mysql_session *session, struct str bytes)
{
    *self = (struct statement){0};
    wire_init_bytes(&self->wire, session, bytes);
}

void statement_release(struct statement *self)
{
    wire_release(&self->wire);
    free(self->columns);
    self->columns = NULL;
}

/* ---- what packets are made of ---- */

static uint32_t number_at(struct str packet, size_t at, size_t bytes)
{
    uint32_t number = 0;
    assert(at + bytes <= packet.len && bytes <= sizeof(number));
    memcpy(&number, packet.at + at, bytes);
    return number;
}

static bool is_first(struct str packet, int byte) { return packet.len > 0 && (unsigned char)packet.at[0] == byte; }

static RC take_error(struct statement *self, struct str packet, bool *ret_refused, struct error *err)
{
    char state[STATE_BYTES + 1] = "HY000", text[512];
    if (packet.len < ERROR_BYTES_MIN)
        return wire_fail_malformed(&self->wire, err);
    unsigned code = number_at(packet, 1, 2);
    struct str says = {packet.at + ERROR_BYTES_MIN, packet.len - ERROR_BYTES_MIN};
    if (says.len > STATE_BYTES && says.at[0] == '#') {
        memcpy(state, says.at + 1, STATE_BYTES);
        says = (struct str){says.at + STATE_BYTES + 1, says.len - STATE_BYTES - 1};
    }
    for (size_t i = 0; ret_refused != NULL && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i] == code) {
            *ret_refused = true;
            return RC_OK;
        }
    }
    snprintf(text, sizeof(text), STR_FMT, STR_ARG(says));
    return mysql_session_fail_with(self->wire.session, code, state, text, err);
}

static bool is_progress(struct str packet)
{
    return is_first(packet, FIRST_ERROR) && packet.len >= ERROR_BYTES_MIN && number_at(packet, 1, 2) == PROGRESS;
}

static RC next_packet(struct statement *self, struct str *ret, struct error *err)
{
    do
        TRY(wire_next(&self->wire, ret, err));
    while (is_progress(*ret));
    return RC_OK;
}

/* ---- definitions ---- */

/* A length-encoded text is skipped; false: it is longer than the packet. */
static bool skip_text(struct str *packet)
{
    static const uint8_t widths[] = {[0xfc - 0xfb] = 2, [0xfd - 0xfb] = 3, [0xfe - 0xfb] = 8};
    unsigned first = packet->len > 0 ? (unsigned char)packet->at[0] : 0xff;
    size_t width = first < 0xfb ? 0 : first < 0xff ? widths[first - 0xfb] : SIZE_MAX;
    uint64_t len = first;
    if (width > sizeof(len) || (first >= 0xfb && width == 0) || width + 1 > packet->len)
        return false;
    if (width > 0) {
        len = 0;
        memcpy(&len, packet->at + 1, width);
    }
    if (len > packet->len - width - 1)
        return false;
    packet->at += width + 1 + len;
    packet->len -= width + 1 + len;
    return true;
}

/* MariaDB's extended metadata is one text more, so that what is left tells whether it is there. */
static bool read_definition(struct str packet, struct reply_column *ret)
{
    for (int i = 0; i < DEFINITION_TEXTS; i++) {
        if (!skip_text(&packet))
            return false;
    }
    if (packet.len > DEFINITION_END_BYTES && !skip_text(&packet))
        return false;
    if (packet.len != DEFINITION_END_BYTES || packet.at[0] != DEFINITION_END_BYTES - 1)
        return false;
    ret->type = (enum enum_field_types)(unsigned char)packet.at[7];
    ret->is_unsigned = (number_at(packet, 8, 2) & UNSIGNED_FLAG) != 0;
    return true;
}

/* The EOF between definitions and rows. */
static RC read_eof(struct statement *self, struct error *err)
{
    struct str packet;
    if (self->ends_with_ok)
        return RC_OK;
    TRY(next_packet(self, &packet, err));
    if (is_first(packet, FIRST_ERROR))
        return take_error(self, packet, NULL, err);
    return is_first(packet, FIRST_END) && packet.len == EOF_BYTES ? RC_OK : wire_fail_malformed(&self->wire, err);
}

static RC read_definitions(struct statement *self, int count, struct error *err)
{
    struct str packet;
    self->columns = xrealloc(self->columns, (size_t)count * sizeof(*self->columns));
    self->column_count = count;
    memset(self->columns, 0, (size_t)count * sizeof(*self->columns));
    for (int i = 0; i < count; i++) {
        TRY(next_packet(self, &packet, err));
        if (is_first(packet, FIRST_ERROR))
            return take_error(self, packet, NULL, err);
        if (!read_definition(packet, &self->columns[i]))
            return wire_fail_malformed(&self->wire, err);
    }
    return RC_OK;
}

/* ---- commands ---- */

enum rc statement_prepare(struct statement *self, struct str sql, bool *ret_refused, struct error *err)
{
    AUTO_RELEASE(buf) command = {0};
    struct str packet;
    buf_add(&command, &(char){COM_PREPARE}, 1);
    mysql_session_add_sql(self->wire.session, sql, &command);
    TRY(wire_send(&self->wire, buf_str(&command), err));
    TRY(next_packet(self, &packet, err));
    if (is_first(packet, FIRST_ERROR))
        return take_error(self, packet, ret_refused, err);
    if (!is_first(packet, FIRST_OK) || packet.len < PREPARED_BYTES_MIN || number_at(packet, 7, 2) != 0)
        return wire_fail_malformed(&self->wire, err);
    self->id = number_at(packet, 1, 4);
    int count = (int)number_at(packet, 5, 2);
    if (count == 0 || count > COLUMNS_IN_REPLY_MAX)
        return wire_fail_malformed(&self->wire, err);
    TRY(read_definitions(self, count, err));
    return read_eof(self, err);
}

/* How many columns; MariaDB's one byte more says whether their definitions come again. */
enum rc statement_read_head(struct statement *self, bool *ret_refused, struct error *err)
{
    struct str packet;
    TRY(next_packet(self, &packet, err));
    if (is_first(packet, FIRST_ERROR))
        return take_error(self, packet, ret_refused, err);
    unsigned first = packet.len > 0 ? (unsigned char)packet.at[0] : 0;
    size_t width = first == 0xfc ? 2 : 0;
    bool is_count = first > 0 && (first < 0xfb || first == 0xfc);
    if (!is_count || packet.len < 1 + width || packet.len > 2 + width)
        return wire_fail_malformed(&self->wire, err);
    int count = width > 0 ? (int)number_at(packet, 1, width) : (int)first;
    bool has_definitions = packet.len == 1 + width || packet.at[1 + width] != 0;
    if (count > COLUMNS_IN_REPLY_MAX || (!has_definitions && count != self->column_count))
        return wire_fail_malformed(&self->wire, err);
    if (has_definitions)
        TRY(read_definitions(self, count, err));
    TRY(read_eof(self, err));
    self->is_open = true;
    return RC_OK;
}

enum rc statement_execute(struct statement *self, bool *ret_refused, struct error *err)
{
    char command[10] = {COM_EXECUTE, 0, 0, 0, 0, 0 /* no cursor */, 1 /* once */};
    memcpy(command + 1, &self->id, sizeof(self->id));
    TRY(wire_send(&self->wire, (struct str){command, sizeof(command)}, err));
    return statement_read_head(self, ret_refused, err);
}

/* In an EOF warnings stand before the status; in an OK two numbers of rows, which a SELECT has not, a byte each. */
static RC take_end(struct statement *self, struct str packet, struct error *err)
{
    enum { STATUS_AT = 3 };
    bool is_end = is_first(packet, FIRST_END) &&
                  (self->ends_with_ok ? packet.len >= OK_BYTES_MIN : packet.len == EOF_BYTES) &&
                  (number_at(packet, STATUS_AT, 2) & MORE_RESULTS) == 0;
    if (!is_end)
        return wire_fail_malformed(&self->wire, err);
    self->is_open = false;
    return RC_OK;
}

enum rc statement_look(struct statement *self, struct str *packet, bool *ret_is_row, struct error *err)
{
    if (is_progress(*packet))
        TRY(next_packet(self, packet, err));
    *ret_is_row = is_first(*packet, FIRST_OK);
    if (*ret_is_row)
        return RC_OK;
    return is_first(*packet, FIRST_ERROR) ? take_error(self, *packet, NULL, err) : take_end(self, *packet, err);
}

enum rc statement_close(struct statement *self, struct error *err)
{
    char command[5] = {COM_CLOSE};
    assert(!self->is_open);
    memcpy(command + 1, &self->id, sizeof(self->id));
    return wire_send(&self->wire, (struct str){command, sizeof(command)}, err);
}
