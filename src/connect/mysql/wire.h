/* Packets of the MySQL protocol, on the plain socket of a session that libmariadb has connected and that was let in: a
 * command out, the packets of its answer in. libmariadb is not asked meanwhile; once the answer was read to its end,
 * the session is libmariadb's as before. https://mariadb.com/kb/en/0-packet/
 *
 * A packet is a length of 24 bits, a number that counts the packets of a command, and so many bytes; one of 0xffffff
 * bytes goes on in the next. What a length promises is believed only as far as bytes have come. */
#pragma once

#include "connect/mysql/session.h"

enum {
    /* Beside a lane's batch (move/route.c). What is behind is taken at once; a row that is wider makes it grow. */
    WIRE_BUFFER_BYTES = 512 << 10,
    WIRE_SLACK = 16, /* behind each packet so many bytes may be read, whatever they hold */
    WIRE_HEADER_BYTES = 4,
    WIRE_PIECE_MAX = 0xffffff,
};

struct wire {
    struct mysql_session *session; /* its settings have the deadline and the stop; broken after any failure */
    int socket;                    /* -1: there is no more than what the buffer has */
    uint8_t number;                /* of the next packet */
    char *buffer;
    size_t size, start, end; /* received and not yet given: [start, end) */
};

/* Not under TLS, not compressed, no dialect that changes the answers read here. */
bool wire_is_possible(const struct mysql_session *session);

void wire_init(struct wire *self, struct mysql_session *session, int socket);
/* Over bytes in place of a socket: behind the last of them the stream is cut. Commands go nowhere. */
void wire_init_bytes(struct wire *self, struct mysql_session *session, struct str bytes);
void wire_release(struct wire *self);

/* Begins a command of less than WIRE_PIECE_MAX bytes. */
RC wire_send(struct wire *self, struct str command, struct error *err);

/* RC_UNAVAILABLE, in libmariadb's words and with its number: cut, silent for too long, packets out of order. RC_DATA: a
 * packet of more than MYSQL_ROW_BYTES_MAX. For wire_next only. */
RC wire_gather(struct wire *self, struct str *ret, struct error *err);

/* What no server sends. */
enum rc wire_fail_malformed(struct wire *self, struct error *err);

/* The next packet of the answer, whole, however many pieces it has. Lives until the next call. */
static inline RC wire_next(struct wire *self, struct str *ret, struct error *err)
{
    if (self->end - self->start >= WIRE_HEADER_BYTES) {
        uint32_t header;
        memcpy(&header, self->buffer + self->start, sizeof(header));
        size_t len = header & WIRE_PIECE_MAX;
        if (len < WIRE_PIECE_MAX && len <= self->end - self->start - WIRE_HEADER_BYTES &&
            header >> 24 == self->number) {
            *ret = (struct str){self->buffer + self->start + WIRE_HEADER_BYTES, len};
            self->start += WIRE_HEADER_BYTES + len;
            self->number++;
            return RC_OK;
        }
    }
    return wire_gather(self, ret, err);
}
