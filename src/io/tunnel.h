/* An SSH tunnel to a server behind a bastion: the `ssh` program, so that the user's keys, agent, known hosts and
 * configuration simply work, forwarding a Unix socket that nobody else can reach. One per connection, shared by its
 * sessions, from any thread.
 *
 *     ssh: {host: bastion, user: etl, key: ~/.ssh/etl}
 *
 * Whoever opens a session calls tunnel_ensure before it: a tunnel that has ended is opened again, at the same path. It
 * ends with its owner, however that ends: a watching process holds one end of a pipe of which this process has the
 * other, ends ssh and removes the socket once that is gone; and ssh dies with the watcher (case S60).
 *
 * ssh is never asked to talk to a person (BatchMode), fails when it cannot forward, and ends by itself when the bastion
 * is silent for 45 s (S30). Host keys are checked as the user's configuration says. */
#pragma once

#include "base/auto.h"
#include "base/options.h"
#include "io/opening.h"

/* Texts NULL and port 0: as ssh's own configuration says. */
struct tunnel_settings {
    const char *host, *user, *key, *config;
    int64_t port;
};

/* For a connection's table, where the owner has a `struct tunnel_settings ssh`. */
enum { TUNNEL_OPTIONS = 5 };
#define TUNNEL_OPTION_LIST(owner)                                                                                      \
    OPTION("ssh.host", STRING, owner, ssh.host,                                                                        \
           .help = "bastion to go through, or a name of ssh's own configuration"),                                     \
        OPTION("ssh.user", STRING, owner, ssh.user, .help = "who logs in there"),                                      \
        OPTION("ssh.port", INT, owner, ssh.port, .max = 65535,                                                         \
               .help = "its port; as ssh's configuration says if not"),                                                \
        OPTION("ssh.key", PATH, owner, ssh.key, .help = "file of the private key; ssh's own choice when not given"),   \
        OPTION("ssh.config", PATH, owner, ssh.config,                                                                  \
               .help = "file of ssh's configuration, in place of ~/.ssh/config")

static inline bool tunnel_is_wanted(const struct tunnel_settings *self)
{
    return self->host != NULL || self->user != NULL || self->key != NULL || self->config != NULL || self->port != 0;
}

struct tunnel;
/* Starts nothing yet. `name` is the connection's, for messages; `to_host` and `to_port` are where it leads, as the
 * bastion sees them; `leaf` is the name of the socket's file. All texts are copied. RC_CONFIG: settings that cannot be
 * right. RC_DENIED: a key that others may read, which ssh would not use. */
RC tunnel_new(const char *name, const struct tunnel_settings *settings, const char *to_host, int64_t to_port,
              const char *leaf, const struct opening *with, struct tunnel **ret, struct error *err);
void tunnel_free(struct tunnel *self); /* ends it */
AUTO_DEFINE(tunnel)

/* From its next start on it leads from a port of 127.0.0.1 too, another one each time: for clients that encrypt nothing
 * on a Unix socket. Every user of this machine can reach a port, so who the server is has to be proven by TLS. */
void tunnel_use_port(struct tunnel *self);

/* It runs, and its socket takes connections. RC_DENIED: the bastion does not let us in, or is not who it was.
 * RC_UNAVAILABLE: it cannot be reached, or does not answer within 20 s. The message has ssh's own words. */
RC tunnel_ensure(struct tunnel *self, struct error *err);
const char *tunnel_folder(const struct tunnel *self); /* of the socket; the same for as long as the tunnel is there */
const char *tunnel_socket(const struct tunnel *self); /* its path */
int tunnel_port(struct tunnel *self);                 /* as tunnel_ensure has left it; 0: none was asked for */
/* After a session could not be had or was lost: adds why, when it was the way behind the bastion. Returns err->rc. */
enum rc tunnel_explain(struct tunnel *self, struct error *err);
