/* The process between this program and ssh. Internal to io/tunnel.c. */
#pragma once

struct tunnel_watch {
    const char *const *argv; /* ssh's */
    const char *folder, *socket, *log_path;
    int log;   /* ssh's standard error */
    int life;  /* read end: at its end the owner is gone, or wants the tunnel to end */
    int state; /* write end: closed once ssh has ended */
};

/* In a new process of a program with threads: nothing is allocated or locked. Never returns. */
_Noreturn void tunnel_watch(const struct tunnel_watch *self);
