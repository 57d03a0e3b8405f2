/* S3 keeps a store's promises: the suite on versitygw. */
#include <stdio.h>

#include "conform/store_story.h"
#include "world/versitygw.h"

static struct versitygw server;
static enum s3_checksum checksum; /* what the suite under way uses */

static struct store *open_with(const struct s3_options *options)
{
    struct store *store = NULL;
    struct error err;
    const struct opening with = {.clock = clock_real(), .random = random_real()};
    if (s3_store_open("lake", options, &with, NULL, &store, &err) != RC_OK)
        print_error("%s\n", err.text);
    return store;
}

static void *suite_setup(void) { return versitygw_bucket_new(&server); }
static void suite_teardown(void *bucket) { versitygw_bucket_free(&server, bucket); }

static struct store *suite_open(void *bucket)
{
    struct s3_options options = versitygw_options(&server, bucket);
    options.checksum = (int)checksum;
    struct store *store = open_with(&options);
    secret_release(&options.secret_access_key);
    return store;
}

/* versitygw keeps objects as files, and refuses the marker that it gives itself. */
static int suite_run(const char *name, enum s3_checksum with)
{
    const struct store_kind kind = {.name = name,
                                    .setup = suite_setup,
                                    .teardown = suite_teardown,
                                    .open = suite_open,
                                    .brief = with != S3_CRC64NVME,
                                    .keys_are_paths = true,
                                    .one_upload_page = true,
                                    .rounds = 20};
    checksum = with;
    return store_suite_run(&kind);
}

int main(void)
{
    if (!versitygw_start(&server))
        return 77; /* meson: skipped */
    int failed = suite_run("store: s3", S3_CRC64NVME);
    failed += suite_run("store: s3 by CRC32C", S3_CRC32C);
    failed += suite_run("store: s3 by MD5", S3_MD5);
    versitygw_stop(&server);
    return failed;
}
