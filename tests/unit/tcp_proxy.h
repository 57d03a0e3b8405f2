/* A TCP proxy in a thread, in front of a server of 127.0.0.1, that loses what it is told to lose. */
#pragma once

#include <stdint.h>

enum proxy_fault {
    PROXY_NONE,
    PROXY_SWALLOW_ANSWERS, /* what the client sends arrives; the next byte of the server cuts the connection instead */
    PROXY_STALL,           /* takes nothing and gives nothing, and keeps the connection open */
};

struct tcp_proxy;
struct tcp_proxy *tcp_proxy_new(int64_t server_port);
void tcp_proxy_free(struct tcp_proxy *self); /* with its connections */
int64_t tcp_proxy_port(const struct tcp_proxy *self);
/* From now on, for every connection; PROXY_NONE heals. */
void tcp_proxy_break(struct tcp_proxy *self, enum proxy_fault fault);
