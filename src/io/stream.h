/* Rows that a server streams over a socket. */
#pragma once

#include <sys/types.h>

enum {
    /* Long enough for a tenth of a megabyte to come, and short enough that what is on its way fits into the socket, so
     * that the server need not wait either. */
    STREAM_REST_US = 500,
};

/* What has come, as recv() says it, without waiting for it; -1 with EAGAIN: nothing, now is the time to wait.
 *
 * A server sends 8 or 16 KiB at a time, and whoever waits for them is woken up for each: on a busy machine that costs
 * both sides more than the bytes do. So where nothing is there, the server is left alone for a moment, and asked once
 * more; what has come by then is taken at once. */
ssize_t stream_receive(int socket, void *into, size_t room);
