/* What the files of the S3 store share. Nobody else includes this. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "io/aws_credentials.h"
#include "io/sigv4.h"
#include "io/xml.h"
#include "store/s3/s3.h"

enum {
    S3_REGION_TEXT = AWS_REGION_TEXT,
    S3_QUERY_MAX = 8,
    S3_HEADERS_MAX = 16,
    S3_DOCUMENT_BYTES_MAX = 16 << 20, /* an answer in XML: a list page of 1000 keys of 1024 bytes, encoded, fits */
    S3_PART_BYTES_MIN = 5 << 20,
    S3_MD5_HEX = 33,
    S3_MD5_BASE64 = 25,
    S3_CODE_TEXT = 64,
};

/* Learnt while running, and shared by all threads. */
struct s3_learnt {
    char region[S3_REGION_TEXT];
    int64_t clock_offset_us; /* the server's clock less ours */
    int corrections;         /* made so far */
};

struct s3 {
    struct store base;
    char *name, *address, *bucket, *endpoint; /* endpoint "http://host:port"; NULL: AWS */
    char *sse, *kms_key_id, *storage_class, *owner;
    bool path_style, region_given, is_https, md5, etag_quotes, look_before_complete;
    struct retry policy;
    struct opening with;
    struct http *http, *own_http;
    struct sigv4_keys *keys;
    struct aws_identity *identity;
    pthread_mutex_t mutex; /* of the next two */
    bool region_guessed;   /* until the first keys are there */
    struct s3_learnt learnt;
    atomic_bool answered; /* the server has done something that it was asked for */
};

/* Which failures may be followed by sending the same request again. */
enum s3_repeat {
    S3_ALWAYS,   /* it does no harm to do it twice */
    S3_NOT_DONE, /* only when the server cannot have done it */
};

/* One request. Texts are not encoded; those of pairs with a NULL value are left out. */
struct s3_call {
    const char *method, *doing; /* doing: "writing", for messages */
    const char *key;            /* NULL: the bucket */
    struct http_pair query[S3_QUERY_MAX];
    struct http_pair headers[S3_HEADERS_MAX];
    int query_count, header_count;
    struct str body;
    bool body_is_summed; /* a checksum goes along: over TLS it need not be signed as well */
    void *into;
    size_t answer_bytes_max;
    enum s3_repeat repeat;
    bool slow_answer, error_in_200, conflict_is_final, damage_is_final;
    bool caller_tries_again; /* after it has looked (state/settle.h): little patience here */
};
void s3_query(struct s3_call *call, const char *name, const char *value);
void s3_header(struct s3_call *call, const char *name, const char *value);

/* What an answer that is an error says. */
struct s3_fault {
    int status;
    char code[S3_CODE_TEXT], message[256], region[S3_REGION_TEXT], server_time[STAMP_TEXT];
};

/* ---- s3_request.c ---- */

/* Signs and sends until there is a 2xx answer or the budget is used up. The failure says what was being done to what,
 * and err->vendor is S3's code. *ret_ambiguous (may be NULL): an earlier attempt, whose answer was lost, may have been
 * done. */
RC s3_send(struct s3 *self, const struct s3_call *call, struct http_answer *answer, bool *ret_ambiguous,
           struct error *err);

/* Letters, digits, '-' and '_': it stands in host names and in signatures. */
bool s3_is_region(const char *name);

/* ---- s3_fault.c ---- */

/* Is there an <Error> in the body of a 200? An answer cut short counts as one (code ""). */
bool s3_fault_in_200(const struct http_answer *answer);
void s3_fault_read(const struct http_answer *answer, struct s3_fault *ret);
/* The failure in words, with an advice. */
enum rc s3_fail(const struct s3 *self, const struct s3_call *call, const struct s3_fault *fault, struct error *err);

/* ---- s3_xml.c ---- */

void s3_xml_add(struct buf *out, const char *name, const char *text); /* <name>text</name>, escaped */

/* ---- s3_sum.c: checksums on the wire ---- */

uint64_t s3_sum_join(const struct s3 *self, uint64_t first, uint64_t second, uint64_t second_bytes);
uint64_t s3_sum_add(const struct s3 *self, uint64_t sum, struct str bytes);
void s3_sum_print(const struct s3 *self, uint64_t sum, char ret[CHECKSUM_TEXT]);
const char *s3_sum_header(const struct s3 *self);  /* "x-amz-checksum-crc64nvme" */
const char *s3_sum_element(const struct s3 *self); /* "ChecksumCRC64NVME" */
const char *s3_sum_name(const struct s3 *self);    /* "CRC64NVME" */
void s3_md5(struct str bytes, unsigned char ret[16]);
void s3_md5_print(const unsigned char md5[16], char ret_hex[S3_MD5_HEX], char ret_base64[S3_MD5_BASE64]);

/* ---- s3_object.c ---- */

/* Without quotes; "" for NULL. */
void s3_etag_copy(const char *etag, char ret[ETAG_TEXT]);
/* If-None-Match, If-Match. `quoted` keeps the value as long as the call. */
void s3_condition(const struct s3 *self, struct s3_call *call, struct condition when, char quoted[ETAG_TEXT + 2]);
/* What makes a new object: encryption, storage class. */
void s3_new_object(const struct s3 *self, struct s3_call *call);
void s3_owner(const struct s3 *self, struct s3_call *call);
int64_t s3_time_us(const char *text); /* ISO 8601 or RFC 1123; 0: neither */
RC s3_put(struct store *base, const char *key, struct str body, struct condition when, struct object_info *ret,
          struct error *err);
RC s3_get(struct store *base, const char *key, size_t bytes_max, struct buf *ret, struct object_info *ret_info,
          struct error *err);
RC s3_get_range(struct store *base, const char *key, int64_t offset, void *into, size_t bytes, struct error *err);
RC s3_head(struct store *base, const char *key, struct object_info *ret, struct error *err);

/* ---- the other operations ---- */

RC s3_list(struct store *base, const char *prefix, const char *after, struct arena *arena, struct object_list *ret,
           struct error *err);
RC s3_upload_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                  struct upload_list *ret, struct error *err);
RC s3_delete(struct store *base, struct deleted_object *items, int count, struct error *err);
RC s3_upload_begin(struct store *base, const char *key, struct upload *ret, struct error *err);
RC s3_upload_part(struct store *base, struct upload *upload, struct str bytes, struct error *err);
RC s3_upload_complete(struct store *base, struct upload *upload, struct condition when, struct object_info *ret,
                      struct error *err);
RC s3_upload_abort(struct store *base, const char *key, const char *upload_id, struct error *err);
RC s3_probe(struct store *base, const char *key, struct error *err);
RC s3_grants(struct store *base, const struct store_use *use, struct grant_list *ret, struct error *err);
