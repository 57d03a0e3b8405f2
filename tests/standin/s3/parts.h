/* What the files of the S3 server share. Nobody else includes this. */
#pragma once

#include "standin/s3/server.h"
#include "world/mem_objects.h"

enum { S3_KEY_BYTES_MAX = 1024, S3_PAIRS_MAX = 32, S3_SCRIPT_MAX = 32, S3_MD5_TEXT = 33, S3_ETAG_TEXT = ETAG_TEXT };

struct s3_server {
    pthread_mutex_t mutex; /* one request at a time */
    struct mem_objects *objects;
    char *bucket, *region, *access_key, *secret_key, *session_token;
    struct clock *clock;
    struct sigv4_keys *keys;
    struct s3_manners manners;
    struct {
        struct s3_script line;
        int left_until, left; /* requests until it begins; repetitions left, -1: no end */
    } script[S3_SCRIPT_MAX];
    int script_count;
    int counts[S3_OPERATION_COUNT];
    int etags; /* made so far that are no MD5 */
};

/* A request taken apart. */
struct s3_asked {
    const struct s3_request *request;
    struct buf path, names; /* decoded; the texts of `query` */
    struct http_pair query[S3_PAIRS_MAX];
    int query_count;
    const char *key; /* NULL: the bucket itself */
    enum s3_operation operation;
    struct str body; /* as it arrived */
    struct buf altered;
};
const char *s3_asked_header(const struct s3_asked *asked, const char *name); /* NULL: none */
const char *s3_asked_query(const struct s3_asked *asked, const char *name);

/* ---- reply.c ---- */

void s3_reply_header(struct s3_answer *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void s3_reply_error(struct s3_answer *ret, int status, const char *code, const char *element);
void s3_xml_text(struct buf *out, const char *name, const char *text);
/* The first <name>...</name> in `rest`, which moves on behind it. */
bool s3_xml_take(struct str *rest, const char *name, struct str *ret_inside);
/* What stands between, entities resolved; false: there is none. */
bool s3_xml_value(struct str inside, const char *name, struct buf *ret);

/* ---- auth.c ---- */

/* False: the answer is a refusal. */
bool s3_check_auth(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);

/* ---- objects.c, lists.c, uploads.c; all hold the bucket's lock ---- */

void s3_md5_hex(struct str bytes, char ret[S3_MD5_TEXT]);
/* Content-MD5 and x-amz-checksum-*; false: the answer is a refusal. *ret_crc32c: the client sums by CRC32C. */
bool s3_check_body(const struct s3_server *self, const struct s3_asked *asked, bool *ret_crc32c, struct s3_answer *ret);
/* "rosUhgp5mIg=", 12 characters, is a CRC64NVME; 8 are a CRC32C; others are not S3's, and it does not return them. */
void s3_sum(struct str bytes, bool crc32c, char ret[CHECKSUM_TEXT]);
void s3_reply_sum(const struct s3_server *self, const char *sum, struct s3_answer *ret);
bool s3_check_condition(const struct s3_server *self, const struct s3_asked *asked, const char *key,
                        struct s3_answer *ret);
struct entry *s3_store_object(struct s3_server *self, const char *key, struct str body, const char *etag, bool crc32c);
void s3_print_time(int64_t us, char ret[STAMP_TEXT]); /* Sat, 21 Nov 2026 13:00:00 GMT */

void s3_do_put(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_get(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret); /* and HEAD */
void s3_do_delete(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_delete_many(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_list(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_upload_list(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_upload_begin(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_upload_part(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_upload_complete(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
void s3_do_upload_abort(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret);
