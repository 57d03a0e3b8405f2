#include "connect/mysql/wire.h"

#include <assert.h>
#include <errmsg.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/stream.h"

/* Capabilities that libmariadb 3.3 does not ask for; a later one may. */
enum {
    WIRE_OPTIONAL_METADATA = 1 << 25, /* a byte in front of the number of columns */
    WIRE_QUERY_ATTRIBUTES = 1 << 27,  /* more bytes in COM_STMT_EXECUTE */
};

bool wire_is_possible(const struct mysql_session *session)
{
    MYSQL *handle = session->handle;
    unsigned long agreed = handle->client_flag & handle->server_capabilities;
    return mysql_get_ssl_cipher(handle) == NULL && !handle->net.compress && mysql_get_socket(handle) >= 0 &&
           (agreed & (CLIENT_COMPRESS | CLIENT_ZSTD_COMPRESSION | WIRE_OPTIONAL_METADATA | WIRE_QUERY_ATTRIBUTES)) == 0;
}

void wire_init(struct wire *self, struct mysql_session *session, int socket)
{
    *self = (struct wire){.session = session, .socket = socket, .size = WIRE_BUFFER_BYTES};
    self->buffer = xrealloc(NULL, self->size + WIRE_SLACK);
}

void wire_init_bytes(struct wire *self, struct mysql_session *session, struct str bytes)
{
    *self = (struct wire){.session = session, .socket = -1, .size = bytes.len, .end = bytes.len, .number = 1};
    self->buffer = xcalloc(1, self->size + WIRE_SLACK);
    if (bytes.len > 0)
        memcpy(self->buffer, bytes.at, bytes.len);
}

void wire_release(struct wire *self)
{
    free(self->buffer);
    *self = (struct wire){.socket = -1};
}

/* ---- failures ---- */

static enum rc fail_lost(struct wire *self, const char *says, struct error *err)
{
    return mysql_session_fail_with(self->session, CR_SERVER_LOST, "HY000", says, err);
}

enum rc wire_fail_malformed(struct wire *self, struct error *err)
{
    return mysql_session_fail_with(self->session, CR_MALFORMED_PACKET, "HY000", "Malformed packet", err);
}

/* ---- bytes ---- */

static RC wait_for_socket(struct wire *self, bool is_read, struct error *err)
{
    const struct mysql_settings *settings = self->session->settings;
    if (mysql_wait(settings, self->socket, is_read, settings->read_ms) > 0)
        return RC_OK;
    return fail_lost(self, "Lost connection to server during query: it was silent for too long", err);
}

static RC receive(struct wire *self, struct error *err)
{
    ssize_t got = 0;
    while (self->socket >= 0) {
        got = stream_receive(self->socket, self->buffer + self->end, self->size - self->end);
        if (got > 0) {
            self->end += (size_t)got;
            return RC_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            break;
        TRY(wait_for_socket(self, true, err));
    }
    return fail_lost(self, "Lost connection to server during query", err);
}

/* Until there are `len` bytes from `start` on. The buffer doubles when it is full of bytes that have come: a length
 * alone takes no memory. */
static RC fill(struct wire *self, size_t len, struct error *err)
{
    while (self->end - self->start < len) {
        if (self->start > 0)
            memmove(self->buffer, self->buffer + self->start, self->end - self->start);
        self->end -= self->start;
        self->start = 0;
        if (self->end == self->size) {
            self->size = len < 2 * self->size ? len : 2 * self->size;
            self->buffer = xrealloc(self->buffer, self->size + WIRE_SLACK);
        }
        TRY(receive(self, err));
    }
    return RC_OK;
}

/* ---- packets ---- */

/* Takes the header at `joined` bytes behind start away, so that a piece follows the one before it without a gap. */
static RC take_header(struct wire *self, size_t joined, size_t *ret_len, struct error *err)
{
    uint32_t header;
    TRY(fill(self, joined + sizeof(header), err));
    char *at = self->buffer + self->start + joined;
    memcpy(&header, at, sizeof(header));
    if (header >> 24 != self->number)
        return fail_lost(self, "Lost connection to server during query: packets out of order", err);
    self->number++;
    if (joined == 0) {
        self->start += sizeof(header);
    } else {
        memmove(at, at + sizeof(header), self->end - self->start - joined - sizeof(header));
        self->end -= sizeof(header);
    }
    *ret_len = header & WIRE_PIECE_MAX;
    return RC_OK;
}

enum rc wire_gather(struct wire *self, struct str *ret, struct error *err)
{
    size_t joined = 0, len = 0;
    do {
        TRY(take_header(self, joined, &len, err));
        if (joined + len > MYSQL_ROW_BYTES_MAX)
            return mysql_session_fail_with(self->session, CR_NET_PACKET_TOO_LARGE, "HY000",
                                           "Got packet bigger than 'max_allowed_packet' bytes", err);
        joined += len;
        TRY(fill(self, joined, err));
    } while (len == WIRE_PIECE_MAX);
    *ret = (struct str){self->buffer + self->start, joined};
    self->start += joined;
    return RC_OK;
}

static RC send_bytes(struct wire *self, struct str bytes, struct error *err)
{
    while (bytes.len > 0 && self->socket >= 0) {
        ssize_t sent = send(self->socket, bytes.at, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.at += sent;
            bytes.len -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EINTR) {
            TRY(wait_for_socket(self, false, err));
        } else {
            return fail_lost(self, "Lost connection to server during query", err);
        }
    }
    return RC_OK;
}

enum rc wire_send(struct wire *self, struct str command, struct error *err)
{
    uint32_t header = (uint32_t)command.len;
    AUTO_RELEASE(buf) packet = {0};
    assert(command.len < WIRE_PIECE_MAX);
    self->number = 1;
    if (self->socket < 0)
        return RC_OK;
    buf_add(&packet, &header, sizeof(header));
    buf_add_str(&packet, command);
    return send_bytes(self, buf_str(&packet), err);
}
