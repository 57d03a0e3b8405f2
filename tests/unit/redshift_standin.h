/* Redshift's stand-in (tests/standin/redshift) of this test's own, in front of its PostgreSQL (postgres_server.h) and
 * an S3 server (standin/s3): one for each program. It needs the tests' Python; where that is missing, a test ends with
 * STANDIN_MISSING, which meson counts as skipped. */
#pragma once

#include "connect/redshift/target.h"
#include "standin/s3/sockets.h"
#include "store/s3/s3.h"
#include "test.h"

enum { STANDIN_MISSING = 77 };
#define STANDIN_ROLE "arn:aws:iam::123456789012:role/copy"

struct redshift_standin {
    int64_t port, pid;
    struct mem_objects *objects; /* what lies in the bucket "lake" */
    struct store *store;         /* the bucket, as the program sees it */
};
extern struct redshift_standin standin;

/* `option` (NULL: none) and what follows up to a NULL are words of its command line. false: something is missing, which
 * it says loudly. */
bool standin_start(const char *option, ...);
void standin_stop(void);

/* The address of its database; limits that tests can wait for. */
struct redshift_target_options standin_options(void);
struct target *standin_target(void);
struct target *standin_target_as(const struct redshift_target_options *options);
/* Puts the rows of a staged file into the bucket as Parquet for Redshift, in a folder of its own, and says where. */
void standin_stage(struct staged_file *file);
