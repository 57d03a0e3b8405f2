#include "io/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

ssize_t stream_receive(int socket, void *into, size_t room)
{
    const struct timespec rest = {.tv_nsec = STREAM_REST_US * 1000L};
    ssize_t got = recv(socket, into, room, MSG_DONTWAIT);
    if (got >= 0 || errno != EAGAIN)
        return got;
    nanosleep(&rest, NULL);
    return recv(socket, into, room, MSG_DONTWAIT);
}
