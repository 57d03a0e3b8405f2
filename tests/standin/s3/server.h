/* An S3 server of the tests, for what no real one does on demand. Its objects lie in a bucket in memory
 * (world/mem_store.h), so that a test looks at them and damages them behind the server's back.
 *
 * One function turns a request into an answer (s3_server_answer); in front of it stand sockets (sockets.h) or the
 * program's own HTTP seam (transport.h). It is as strict as S3 says it is: signatures with every x-amz-* header signed,
 * the signature's age, region, payload hash and checksums, conditions, part numbers, order, sizes and ETags. A script
 * says what goes wrong: "at the n-th request of this operation, do that". */
#pragma once

#include "io/http.h"
#include "world/mem_store.h"

struct s3_server;

struct s3_server_options {
    const char *bucket, *region;
    const char *access_key, *secret_key, *session_token; /* session_token NULL: none is expected */
    struct clock *clock;                                 /* what the server takes for the time */
};
/* The texts are copied; objects and clock outlive the server. May be asked by several threads. */
struct s3_server *s3_server_new(struct mem_objects *objects, const struct s3_server_options *options);
void s3_server_free(struct s3_server *self);
AUTO_DEFINE(s3_server)

/* How this server differs from S3. */
struct s3_manners {
    bool ignores_conditions;
    bool no_checksums;         /* neither checks nor returns them */
    bool kms_etags;            /* ETags are not MD5, as with SSE-KMS */
    bool completes_again;      /* a second Complete is 200 and not NoSuchUpload */
    const char *expired_token; /* this session token is refused as ExpiredToken */
    int64_t clock_offset_us;
    int64_t part_bytes_min; /* of every part but the last */
    int page_max;           /* of lists; 0: 1000 */
};
void s3_server_set(struct s3_server *self, struct s3_manners manners);

/* ---- the script ---- */

enum s3_operation {
    S3_ANY,
    S3_PUT,
    S3_GET,
    S3_HEAD,
    S3_DELETE,
    S3_DELETE_MANY,
    S3_LIST,
    S3_UPLOAD_BEGIN,
    S3_UPLOAD_PART,
    S3_UPLOAD_COMPLETE,
    S3_UPLOAD_ABORT,
    S3_UPLOAD_LIST,
    S3_HEAD_BUCKET,
    S3_OPERATION_COUNT,
};

enum s3_misdeed {
    S3_REFUSES,        /* nothing is done; the answer is `status`, `code` */
    S3_DOES_AND_SAYS,  /* it is done, and the answer is `status`, `code` all the same */
    S3_ERROR_IN_200,   /* nothing is done; 200, some blanks, and then an <Error> of `code` */
    S3_CUTS_REQUEST,   /* the connection breaks while the body is on its way: nothing is done */
    S3_LOSES_ANSWER,   /* it is done, and the connection breaks before the answer */
    S3_CUTS_ANSWER,    /* half of the answer's body, and the connection breaks */
    S3_ALTERS_ANSWER,  /* one bit of the answer's body is another one */
    S3_ALTERS_REQUEST, /* one bit of the request's body arrives as another one */
    S3_STALLS,         /* half of the answer's body, and then nothing more comes */
};

struct s3_script {
    enum s3_operation on;
    int at;    /* the n-th request of `on`, from now on; 0: the next one */
    int times; /* so many in a row; 0: one; -1: all that follow */
    enum s3_misdeed misdeed;
    int status;          /* S3_REFUSES, S3_DOES_AND_SAYS */
    const char *code;    /* "SlowDown" */
    const char *element; /* further XML of the error: "<Region>eu-west-1</Region>"; may be NULL */
    const char *header;  /* a further header of the answer: "Retry-After: 1"; may be NULL */
};
/* Adds a line; the first one that fits is taken. The texts outlive the server. */
void s3_server_script(struct s3_server *self, const struct s3_script *line);
/* How many requests of this operation have come; S3_ANY: of all. */
int s3_server_count(struct s3_server *self, enum s3_operation operation);

/* ---- request and answer ---- */

struct s3_request {
    const char *method;
    const char *target; /* path and query, as sent */
    const struct http_pair *headers;
    int header_count;
    struct str body;
};

enum s3_ending {
    S3_WHOLE,
    S3_NO_ANSWER, /* the connection breaks */
    S3_CUT,       /* after `cut_at` bytes of the body it breaks */
    S3_HANGS,     /* after `cut_at` bytes of the body nothing more comes */
};

struct s3_answer {
    int status;
    struct buf headers; /* "Name: value\r\n" each; Content-Length is among them */
    struct buf body;    /* not of HEAD */
    enum s3_ending ending;
    size_t cut_at;
};
void s3_answer_release(struct s3_answer *self);

/* Replaces what is in `ret` (zero-initialised at first). */
void s3_server_answer(struct s3_server *self, const struct s3_request *request, struct s3_answer *ret);
