/* A real S3 server for the tests of one program: versitygw, on a free port of this machine and a folder of its own
 * below the current one (a disk with extended attributes). It ends with the program, however that ends. */
#pragma once

#include <stdbool.h>

#include "store/s3/s3.h"

#define VERSITYGW_KEY    "TESTKEY"
#define VERSITYGW_SECRET "TESTSECRET"

struct versitygw {
    char endpoint[64]; /* "http://127.0.0.1:port" */
    char folder[256];
    int pid;
    int buckets;
};

/* False, having said so on stderr: there is no versitygw, neither in WAYBILL_VERSITYGW nor where tools/setup puts it.
 */
bool versitygw_start(struct versitygw *self);
void versitygw_stop(struct versitygw *self);
/* A new bucket, and what is in it: its name lives as long as the caller keeps it. */
char *versitygw_bucket_new(struct versitygw *self);
void versitygw_bucket_free(struct versitygw *self, char *bucket);
/* The options of a store on it, which a test then changes. The secret must be released by the caller. */
struct s3_options versitygw_options(const struct versitygw *self, const char *bucket);
