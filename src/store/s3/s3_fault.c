/* What S3's errors mean, in our kinds and in words. Codes: the S3 API reference, "Error responses". */
#include <stdlib.h>
#include <strings.h>

#include "store/s3/s3_intern.h"

#define TODO_RIGHTS                                                                                                    \
    "let these credentials do s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload "    \
    "and "                                                                                                             \
    "s3:ListBucketMultipartUploads there; also look at the bucket's policy and, with 'kms_key_id', the key's"
#define TODO_BUCKET "create the bucket, or correct 'bucket', 'endpoint' or 'path_style' of the connection"
#define TODO_FRESH  "get new credentials (aws sso login, or new keys), then run the same command again"
#define TODO_AGAIN  "wait a little, then run the same command again: it goes on where it stopped"
#define TODO_SPACE  "free some space on the server, then run the same command again: it goes on where it stopped"
#define TODO_SUM    "set 'checksum: md5' of the connection: this server does not know the checksum"
#define TODO_KEYS   "check 'access_key_id' and 'secret_access_key', or the profile or environment they come from"

/* What a code means; the first that fits. */
static const struct meaning {
    const char *code;
    enum rc rc;
    const char *todo;
    const char *id; /* NULL: its kind's */
} meanings[] = {
    {"NoSuchKey", RC_NOT_FOUND, NULL},
    {"NoSuchUpload", RC_NOT_FOUND, NULL},
    {"NoSuchBucket", RC_NO_PLACE, TODO_BUCKET, ERROR_ID("no-bucket")},
    {"InvalidBucketName", RC_CONFIG, TODO_BUCKET, ERROR_ID("no-bucket")},
    {"PreconditionFailed", RC_CONFLICT, NULL},
    {"ConditionalRequestConflict", RC_CONFLICT, TODO_AGAIN},
    {"AccessDenied", RC_DENIED, TODO_RIGHTS, ERROR_ID("no-right")},
    {"AllAccessDisabled", RC_DENIED, TODO_RIGHTS, ERROR_ID("no-right")},
    {"InvalidAccessKeyId", RC_DENIED, TODO_KEYS, ERROR_ID("wrong-login")},
    {"SignatureDoesNotMatch", RC_DENIED, TODO_KEYS, ERROR_ID("wrong-login")},
    {"ExpiredToken", RC_DENIED, TODO_FRESH, ERROR_ID("expired-login")},
    {"ExpiredTokenException", RC_DENIED, TODO_FRESH, ERROR_ID("expired-login")},
    {"TokenRefreshRequired", RC_DENIED, TODO_FRESH, ERROR_ID("expired-login")},
    {"InvalidToken", RC_DENIED, TODO_FRESH, ERROR_ID("expired-login")},
    {"InvalidTokenId", RC_DENIED, TODO_FRESH, ERROR_ID("expired-login")},
    {"RequestTimeTooSkewed", RC_UNAVAILABLE, "set this machine's clock", ERROR_ID("wrong-clock")},
    {"RequestExpired", RC_UNAVAILABLE, "set this machine's clock", ERROR_ID("wrong-clock")},
    {"AuthorizationHeaderMalformed", RC_CONFIG, "check 'region' of the connection", ERROR_ID("wrong-region")},
    {"PermanentRedirect", RC_CONFIG, "check 'region' and 'endpoint' of the connection", ERROR_ID("wrong-region")},
    {"TemporaryRedirect", RC_CONFIG, "check 'region' and 'endpoint' of the connection", ERROR_ID("wrong-region")},
    {"IllegalLocationConstraintException", RC_CONFIG, "check 'region' of the connection", ERROR_ID("wrong-region")},
    {"SlowDown", RC_THROTTLED, TODO_AGAIN},
    {"SlowDownRead", RC_THROTTLED, TODO_AGAIN},
    {"SlowDownWrite", RC_THROTTLED, TODO_AGAIN},
    {"ServiceUnavailable", RC_THROTTLED, TODO_AGAIN},
    {"Throttling", RC_THROTTLED, TODO_AGAIN},
    {"ThrottlingException", RC_THROTTLED, TODO_AGAIN},
    {"RequestLimitExceeded", RC_THROTTLED, TODO_AGAIN},
    {"BandwidthLimitExceeded", RC_THROTTLED, TODO_AGAIN},
    {"TooManyRequests", RC_THROTTLED, TODO_AGAIN},
    {"InternalError", RC_UNAVAILABLE, TODO_AGAIN},
    {"InternalErrors", RC_UNAVAILABLE, TODO_AGAIN},
    {"RequestTimeout", RC_UNAVAILABLE, TODO_AGAIN},
    {"OperationAborted", RC_UNAVAILABLE, TODO_AGAIN},
    {"BadDigest", RC_DATA, "bytes change on the way to the server: look for a proxy or a damaged network",
     ERROR_ID("damaged-bytes")},
    {"XAmzContentSHA256Mismatch", RC_DATA,
     "bytes change on the way to the server: look for a proxy or a damaged network"},
    {"XAmzContentChecksumMismatch", RC_DATA,
     "bytes change on the way to the server: look for a proxy or a damaged network", ERROR_ID("damaged-bytes")},
    {"InvalidObjectState", RC_DATA,
     "the object is in an archive: restore it (aws s3api restore-object), then run again"},
    {"InvalidStorageClass", RC_CONFIG, "correct 'storage_class' of the connection"},
    {"KMS.NotFoundException", RC_CONFIG, "correct 'kms_key_id' of the connection"},
    {"KMS.DisabledException", RC_CONFIG, "enable the key, or give another as 'kms_key_id'"},
    {"NotImplemented", RC_CONFIG, TODO_SUM},
    {"InvalidDigest", RC_CONFIG, TODO_SUM},
    {"EntityTooLarge", RC_CONFIG, "use smaller files: 'file' of the pipeline"},
    {"KeyTooLongError", RC_CONFIG, "use shorter names: prefix, pipeline, table"},
    {"InsufficientStorage", RC_UNAVAILABLE, TODO_SPACE}, /* versitygw */
    {"XMinioStorageFull", RC_UNAVAILABLE, TODO_SPACE},
    {"QuotaExceeded", RC_UNAVAILABLE, TODO_SPACE},
};

static const struct meaning *meaning_of(const char *code)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
        if (strcasecmp(meanings[i].code, code) == 0)
            return &meanings[i];
    }
    return NULL;
}

/* ---- reading ---- */

static void copy_to(char *to, size_t size, const char *text) { snprintf(to, size, "%s", text); }

static void error_element(void *context, const char *path, const char *text)
{
    struct s3_fault *fault = context;
    if (text_eq(path, "Error/Code"))
        copy_to(fault->code, sizeof(fault->code), text);
    else if (text_eq(path, "Error/Message"))
        copy_to(fault->message, sizeof(fault->message), text);
    else if (text_eq(path, "Error/Region"))
        copy_to(fault->region, sizeof(fault->region), text);
    else if (text_eq(path, "Error/ServerTime"))
        copy_to(fault->server_time, sizeof(fault->server_time), text);
}

void s3_fault_read(const struct http_answer *answer, struct s3_fault *ret)
{
    const struct xml_reader reader = {error_element, ret};
    const char *region = http_header(answer, "x-amz-bucket-region");
    *ret = (struct s3_fault){.status = answer->status};
    xml_read(buf_str(&answer->body), &reader);
    if (region != NULL)
        copy_to(ret->region, sizeof(ret->region), region);
    if (ret->server_time[0] == '\0')
        copy_to(ret->server_time, sizeof(ret->server_time), or_empty(http_header(answer, "date")));
}

static void note_root(void *context, const char *path, const char *text)
{
    bool *is_error = context;
    *is_error |= text_eq(path, "Error");
}

bool s3_fault_in_200(const struct http_answer *answer)
{
    bool is_error = false;
    const struct xml_reader reader = {note_root, &is_error};
    return !xml_read(buf_str(&answer->body), &reader) || is_error;
}

/* ---- saying ---- */

static enum rc rc_of(const struct s3_fault *fault, const struct meaning *meaning)
{
    if (meaning != NULL)
        return meaning->rc;
    if (fault->status >= 300 && fault->status < 400)
        return RC_CONFIG;
    enum rc rc = fault->status == 200 ? RC_UNAVAILABLE : http_status_rc(fault->status);
    return rc == RC_FAILED && fault->status >= 500 ? RC_UNAVAILABLE : rc;
}

static const char *advice_of(const struct s3 *self, const struct s3_fault *fault, enum rc rc)
{
    if (fault->status >= 300 && fault->status < 400)
        return "check 'region' and 'endpoint' of the connection: the server sends this bucket's callers elsewhere";
    switch (rc) {
    case RC_DENIED: return TODO_RIGHTS;
    case RC_UNAVAILABLE:
    case RC_THROTTLED: return TODO_AGAIN;
    case RC_NOT_FOUND:
    case RC_CONFLICT: return NULL;
    default: return "see what the server says in its log, and whether the connection's options are right for it";
    }
}

/* "AccessDenied (HTTP 403): Access Denied" */
static void print_fault(const struct s3_fault *fault, struct buf *out)
{
    if (fault->code[0] != '\0')
        buf_addf(out, "%s (HTTP %d)", fault->code, fault->status);
    else if (fault->status == 200)
        buf_addf(out, "HTTP 200, and then an answer that is cut short");
    else
        buf_addf(out, "HTTP %d", fault->status);
    if (fault->message[0] != '\0')
        buf_addf(out, ": %s", fault->message);
    if (fault->region[0] != '\0' && fault->status >= 300 && fault->status <= 400)
        buf_addf(out, " (the bucket is in region '%s')", fault->region);
}

enum rc s3_fail(const struct s3 *self, const struct s3_call *call, const struct s3_fault *fault, struct error *err)
{
    AUTO_RELEASE(buf) what = {0};
    const struct meaning *meaning = meaning_of(fault->code);
    enum rc rc = rc_of(fault, meaning);
    print_fault(fault, &what);
    if (rc == RC_NOT_FOUND && call->key != NULL && (fault->code[0] == '\0' || text_eq(fault->code, "NoSuchKey")))
        fail(err, rc, "there is no object '%s' in store '%s' (%s)", call->key, self->name, self->address);
    else if (call->key != NULL)
        fail(err, rc, "%s '%s' in store '%s' (%s): %s", call->doing, call->key, self->name, self->address, what.at);
    else
        fail(err, rc, "%s store '%s' (%s): %s", call->doing, self->name, self->address, what.at);
    err->http_status = fault->status;
    snprintf(err->vendor, sizeof(err->vendor), "%.*s", (int)sizeof(err->vendor) - 1, fault->code);
    const char *todo = meaning != NULL ? meaning->todo : advice_of(self, fault, rc);
    if (meaning != NULL)
        fail_id(err, meaning->id);
    return todo != NULL ? fail_todo(err, "%s", todo) : rc;
}
