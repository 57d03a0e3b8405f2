/* What a PostgreSQL server answers to COPY ... TO STDOUT: messages of any kind, cut anywhere. The input: a byte whose
 * lowest bit says whether what follows is messages as they come, or kinds each behind two bytes of length, so that
 * lengths are right; and how many bytes come at once.
 *
 * Parser: src/io/pq_copy_out.c:fill,next_message,read_failure,take_failure,read_count,begin,look
 * Bytes: 1024 */
#include <endian.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "io/pq.h"
#include "world/world_clock.h"

static struct fuzz incoming;
static size_t at_once;

/* Linked in place of the socket's (--wrap): there is no server.
 * NOLINTBEGIN(bugprone-reserved-identifier): the linker's name */
ssize_t __wrap_recv(int socket, void *to, size_t len, int flags);
ssize_t __wrap_recv(int socket, void *to, size_t len, int flags)
{
    struct str bytes = fuzz_take(&incoming, len < at_once ? len : at_once);
    if (bytes.len > 0)
        memcpy(to, bytes.at, bytes.len);
    return (ssize_t)bytes.len;
}
ssize_t __wrap_send(int socket, const void *from, size_t len, int flags);
ssize_t __wrap_send(int socket, const void *from, size_t len, int flags) { return (ssize_t)len; }
/* NOLINTEND(bugprone-reserved-identifier) */

static void frame(struct fuzz *in, struct buf *out)
{
    while (in->left > 0) {
        uint8_t kind = fuzz_byte(in);
        struct str body = fuzz_take(in, fuzz_number(in, 2) & 0x3FF);
        uint32_t len = htobe32((uint32_t)(sizeof(len) + body.len));
        buf_add(out, &kind, sizeof(kind));
        buf_add(out, &len, sizeof(len));
        buf_add_str(out, body);
    }
}

static RC read_pieces(struct pq *db, size_t bytes, struct error *err)
{
    size_t taken = 0;
    int64_t rows = -1;
    TRY(pq_copy_out(db, "COPY t TO STDOUT", err));
    for (struct str piece;;) {
        TRY(pq_copy_get(db, &piece, &rows, err));
        if (piece.at == NULL)
            break;
        char *copy = fuzz_text(piece); /* every byte of it is there */
        free(copy);
        taken += PQ_HEAD_BYTES + piece.len;
        assert(taken <= bytes);
    }
    assert(rows >= 0 && db->incoming.buffer == NULL);
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct world_clock clock;
    struct error err = {0};
    AUTO_RELEASE(buf) stream = {0};
    world_clock_init(&clock, 1000000, 1);
    uint8_t flags = fuzz_byte(&in);
    at_once = (size_t)(flags >> 1) + 1;
    if ((flags & 1) != 0)
        frame(&in, &stream);
    else
        buf_add_str(&stream, fuzz_rest(&in));
    incoming = (struct fuzz){(const uint8_t *)or_empty(stream.at), stream.len};
    struct pq db = {.handle = PQconnectStart("host=/nowhere"),
                    .address = (char[]){"shop"},
                    .clock = &clock.clock,
                    .stall_ms = 1000};
    enum rc rc = read_pieces(&db, stream.len, &err);
    fuzz_check(rc, &err);
    PQfinish(db.handle);
    free(db.incoming.buffer);
    return 0;
}
