#include "sweep/s3_world.h"

#include <assert.h>

#include "standin/s3/transport.h"
#include "store/s3/s3.h"
#include "world/fault_http.h"

enum { PROCESSES_MAX = 64, ATTEMPTS = 3 };

/* There is one world at a time in a process of the sweep. */
static struct {
    struct s3_server *server;
    struct http *http[PROCESSES_MAX]; /* of all processes there ever were: a store does not free its own */
    int count;
} at;

static struct store *open_store(struct world *self, struct clock *clock, struct fault_plan *plan)
{
    struct store *store = NULL;
    struct error err;
    struct s3_options options = {.bucket = "lake",
                                 .region = "eu-west-1",
                                 .endpoint = "http://standin",
                                 .access_key_id = "AKID",
                                 .etag_quotes = true,
                                 .attempts = ATTEMPTS};
    const struct opening with = {.clock = clock, .random = &self->random.random};
    assert(at.count < PROCESSES_MAX);
    struct http *http = at.http[at.count++] = fault_http_new(s3_transport_new(at.server), plan);
    secret_set(&options.secret_access_key, S("secret"));
    enum rc rc = s3_store_open("lake", &options, &with, http, &store, &err);
    assert(rc == RC_OK);
    secret_release(&options.secret_access_key);
    store->part_bytes_min = 0; /* the server takes small parts, so that a file has several */
    return store;
}

static void close_stores(struct world *self)
{
    while (at.count > 0)
        http_free(at.http[--at.count]);
    s3_server_free(TAKE(at.server));
}

void s3_world(struct world *world)
{
    assert(at.server == NULL);
    at.server = s3_server_new(world->objects, &(struct s3_server_options){.bucket = "lake",
                                                                          .region = "eu-west-1",
                                                                          .access_key = "AKID",
                                                                          .secret_key = "secret",
                                                                          .clock = &world->clock.clock});
    world->open_store = open_store;
    world->close_stores = close_stores;
}
