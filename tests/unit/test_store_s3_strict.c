/* S3 keeps a store's promises where every promise of S3 itself is kept: the suite on the server of the tests, in this
 * process and over a socket. */
#include "conform/store_suite.h"
#include "standin/s3/sockets.h"
#include "standin/s3/transport.h"
#include "store/s3/s3.h"
#include "test.h"

struct place {
    struct mem_objects *objects;
    struct s3_server *server;
    struct s3_sockets *sockets; /* NULL: in this process */
    struct http *http;          /* NULL: over sockets */
};

static struct place *place_new(enum s3_checksum checksum)
{
    struct place *place = xcalloc(1, sizeof(*place));
    place->objects = mem_objects_new(clock_real());
    place->server = s3_server_new(place->objects, &(struct s3_server_options){.bucket = "lake",
                                                                              .region = "eu-west-1",
                                                                              .access_key = "AKID",
                                                                              .secret_key = "secret",
                                                                              .session_token = "token",
                                                                              .clock = clock_real()});
    s3_server_set(place->server, (struct s3_manners){.no_checksums = checksum == S3_MD5, .part_bytes_min = 5 << 20});
    return place;
}

static struct store *open_with(struct place *place, enum s3_checksum checksum)
{
    struct store *store = NULL;
    struct error err = {0};
    const struct opening with = {.clock = clock_real(), .random = random_real()};
    struct s3_options options = {.bucket = "lake",
                                 .region = "eu-west-1",
                                 .endpoint = place->http != NULL ? "http://standin" : s3_sockets_url(place->sockets),
                                 .checksum = checksum,
                                 .access_key_id = "AKID",
                                 .etag_quotes = true,
                                 .attempts = 3};
    secret_set(&options.secret_access_key, S("secret"));
    secret_set(&options.session_token, S("token"));
    if (s3_store_open("lake", &options, &with, place->http, &store, &err) != RC_OK)
        print_error("%s\n", err.text);
    secret_release(&options.secret_access_key);
    secret_release(&options.session_token);
    return store;
}

static void *here_setup(enum s3_checksum checksum)
{
    struct place *place = place_new(checksum);
    place->http = s3_transport_new(place->server);
    return place;
}

static void *nvme_setup(void) { return here_setup(S3_CRC64NVME); }
static void *crc32c_setup(void) { return here_setup(S3_CRC32C); }
static void *md5_setup(void) { return here_setup(S3_MD5); }
static struct store *nvme_open(void *place) { return open_with(place, S3_CRC64NVME); }
static struct store *crc32c_open(void *place) { return open_with(place, S3_CRC32C); }
static struct store *md5_open(void *place) { return open_with(place, S3_MD5); }

static void *sockets_setup(void)
{
    struct place *place = place_new(S3_CRC64NVME);
    place->sockets = s3_sockets_start(place->server, S3_PLAIN);
    return place;
}

static void teardown(void *context)
{
    struct place *place = context;
    http_free(place->http);
    s3_sockets_free(place->sockets);
    s3_server_free(place->server);
    mem_objects_free(place->objects);
    free(place);
}

int main(void)
{
    static const struct store_kind kinds[] = {
        {.name = "store: s3, strict, CRC64NVME",
         .setup = nvme_setup,
         .teardown = teardown,
         .open = nvme_open,
         .rounds = 20},
        {.name = "store: s3, strict, CRC32C",
         .setup = crc32c_setup,
         .teardown = teardown,
         .open = crc32c_open,
         .rounds = 20},
        {.name = "store: s3, no checksums, MD5",
         .setup = md5_setup,
         .teardown = teardown,
         .open = md5_open,
         .rounds = 20},
        {.name = "store: s3, strict, sockets",
         .setup = sockets_setup,
         .teardown = teardown,
         .open = nvme_open,
         .rounds = 20},
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        failed += store_suite_run(&kinds[i]);
    return failed;
}
