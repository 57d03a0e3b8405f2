/* A real S3 server for the tests of one program: versitygw, on a free port of this machine and a folder of its own
 * below the current one (a disk with extended attributes). It ends with the program, however that ends. */
#pragma once

#include <stdbool.h>

#include "store/s3/s3.h"

#define S3_SERVER_KEY    "TESTKEY"
#define S3_SERVER_SECRET "TESTSECRET"

struct s3_server {
    char endpoint[64]; /* "http://127.0.0.1:port" */
    char folder[256];
    int pid;
    int buckets;
};

/* False, having said so on stderr: there is no versitygw, neither in WAYBILL_VERSITYGW nor where tools/setup puts it.
 */
bool s3_server_start(struct s3_server *self);
void s3_server_stop(struct s3_server *self);
/* A new bucket, and what is in it: its name lives as long as the caller keeps it. */
char *s3_server_bucket_new(struct s3_server *self);
void s3_server_bucket_free(struct s3_server *self, char *bucket);
/* The options of a store on it, which a test then changes. The secret must be released by the caller. */
struct s3_options s3_server_options(const struct s3_server *self, const char *bucket);
