/* A PostgreSQL server of this test's own: a temporary folder, a Unix socket and a free port of 127.0.0.1, ended by its
 * pid. Started by root it runs as another user, since PostgreSQL refuses root. */
#pragma once

#include "io/pq.h"

struct postgres_server {
    char *folder;
    int64_t port, pid;
};

/* The one server of this program. false: PostgreSQL is not installed, which it says loudly; a test then ends with
 * POSTGRES_MISSING, which meson counts as skipped. */
enum { POSTGRES_MISSING = 77 };
extern struct postgres_server postgres;
bool postgres_start(void);
void postgres_stop(void);

/* Its superuser, by the socket. */
struct pq_address postgres_address(void);
/* As the superuser, by a connection of the test's own; asserts that it works. */
void postgres_run(const char *sql);
/* A certificate of the server's own for `localhost`, and TLS switched on with it; the file that holds it. */
const char *postgres_use_tls(void);
/* "1|ada\n2|NULL\n": lives until the next query. */
const char *postgres_query(const char *sql);
