/* S3, and every server that speaks its protocol, as a store.
 *
 * Integrity: each body goes out with its checksum (CRC64NVME; a server refuses what does not agree), the server's own
 * checksum of the whole object is what a write returns, and a whole object that is read is compared with it.
 * `checksum: md5` is for servers that ignore checksums: Content-MD5 goes out, each ETag must be the MD5 of what was
 * sent, and what a write returns is this program's own CRC64NVME of it.
 *
 * What is tried again: everything that may be sent twice; conditional writes and beginnings of uploads only where the
 * server cannot have done them (RC_UNAVAILABLE otherwise, as store.h says). A clock that is wrong, expired credentials
 * and the wrong region are each corrected once, and the request is signed anew. */
#pragma once

#include "io/http.h"
#include "io/opening.h"
#include "store/registry.h"

enum s3_path_style { S3_PATH_AUTO, S3_PATH_TRUE, S3_PATH_FALSE };
enum s3_checksum { S3_CRC64NVME, S3_CRC32C, S3_MD5 };

struct s3_options {
    const char *bucket, *region, *endpoint; /* region NULL: as AWS's tools find it; endpoint NULL: AWS */
    int path_style, checksum;               /* of the enums above */
    const char *profile, *role_arn, *external_id, *sts_endpoint, *access_key_id;
    struct secret secret_access_key, session_token;
    const char *ca_file, *ca_dir, *cert_file, *key_file, *proxy;
    bool tls_verify, etag_quotes, look_before_complete;
    const char *sse, *kms_key_id, *storage_class, *expected_bucket_owner;
    int64_t attempts, connect_ms, deadline_ms, stall_ms;
};

extern const struct store_type s3_type;

/* `http` NULL: libcurl, as the options say; else the network is the caller's, and outlives the store. Opening reads the
 * configuration of credentials and sends nothing. */
RC s3_store_open(const char *name, const struct s3_options *options, const struct opening *with, struct http *http,
                 struct store **ret, struct error *err);
