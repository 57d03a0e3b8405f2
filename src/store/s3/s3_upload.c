/* Multipart uploads. What struct upload keeps of a part is "<checksum> <ETag>" (or the ETag alone, which is the MD5,
 * under `checksum: md5`): so that completing can tell the server each part's checksum, and whether an object that is
 * there already is this very upload. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "store/s3/s3_intern.h"

_Static_assert((int)CHECKSUM_TEXT < (int)ETAG_TEXT, "either fits where the other does");

/* ---- begin ---- */

struct begun {
    char id[UPLOAD_ID_TEXT];
    bool too_long;
};

static void begun_element(void *context, const char *path, const char *text)
{
    struct begun *begun = context;
    if (text_eq(path, "InitiateMultipartUploadResult/UploadId"))
        begun->too_long = snprintf(begun->id, sizeof(begun->id), "%s", text) >= (int)sizeof(begun->id);
}

RC s3_upload_begin(struct store *base, const char *key, struct upload *ret, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    struct begun begun = {0};
    const struct xml_reader reader = {begun_element, &begun};
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    struct s3_call call = {.method = "POST",
                           .doing = "beginning the upload of",
                           .key = key,
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX,
                           .repeat = S3_NOT_DONE}; /* a second one would lie about unfinished */
    s3_query(&call, "uploads", "");
    s3_header(&call, "x-amz-checksum-algorithm", self->md5 ? NULL : s3_sum_name(self));
    s3_header(&call, "x-amz-checksum-type", self->md5 ? NULL : "FULL_OBJECT");
    s3_new_object(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    if (!xml_read(buf_str(&answer.body), &reader) || begun.id[0] == '\0' || begun.too_long)
        return fail(err, RC_UNAVAILABLE, "beginning the upload of '%s' in store '%s' (%s): the answer names no upload",
                    key, self->name, self->address);
    *ret = (struct upload){.key = key};
    memcpy(ret->id, begun.id, sizeof(ret->id));
    return RC_OK;
}

/* ---- parts ---- */

static RC part_confirm(const struct s3 *self, const struct upload *upload, const struct http_answer *answer,
                       const char *sum, const char *md5, char ret_etag[ETAG_TEXT], struct error *err)
{
    const char *theirs = http_header(answer, s3_sum_header(self));
    const char *why = NULL;
    s3_etag_copy(http_header(answer, "etag"), ret_etag);
    if (ret_etag[0] == '\0')
        why = "the server returned no ETag of it";
    else if (self->md5 && strcmp(ret_etag, md5) != 0)
        why = "the ETag the server returned is not the MD5 of what was sent";
    else if (!self->md5 && theirs == NULL)
        why = "the server returned no checksum of it";
    else if (!self->md5 && strcmp(theirs, sum) != 0)
        why = "the checksum the server returned is not that of what was sent";
    if (why == NULL)
        return RC_OK;
    fail(err, RC_DATA, "uploading part %d of '%s' to store '%s' (%s): %s", upload->parts + 1, upload->key, self->name,
         self->address, why);
    return fail_todo(err, "set 'checksum: %s' of the connection, which fits this server better",
                     self->md5 ? "crc64nvme" : "md5");
}

RC s3_upload_part(struct store *base, struct upload *upload, struct str bytes, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    char number[12], sum[CHECKSUM_TEXT], md5_hex[S3_MD5_HEX] = "", md5_base64[S3_MD5_BASE64] = "";
    char etag[ETAG_TEXT], kept[ETAG_TEXT];
    AUTO_RELEASE(http_answer) answer = {0};
    if (upload->parts == PART_NUMBER_MAX)
        return fail(err, RC_CONFIG, "uploading '%s' to store '%s': it has %d parts already, the most there can be",
                    upload->key, self->name, PART_NUMBER_MAX);
    uint64_t part_sum = s3_sum_add(self, 0, bytes);
    s3_sum_print(self, part_sum, sum);
    if (self->md5) {
        unsigned char md5[16];
        s3_md5(bytes, md5);
        s3_md5_print(md5, md5_hex, md5_base64);
    }
    snprintf(number, sizeof(number), "%d", upload->parts + 1);
    struct s3_call call = {.method = "PUT",
                           .doing = "uploading",
                           .key = upload->key,
                           .body = bytes,
                           .body_is_summed = true,
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX};
    s3_query(&call, "partNumber", number);
    s3_query(&call, "uploadId", upload->id);
    s3_header(&call, self->md5 ? "content-md5" : s3_sum_header(self), self->md5 ? md5_base64 : sum);
    s3_owner(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    TRY(part_confirm(self, upload, &answer, sum, md5_hex, etag, err));
    if (snprintf(kept, sizeof(kept), "%s %s", sum, etag) >= (int)sizeof(kept))
        return fail(err, RC_DATA, "uploading '%s' to store '%s': the server's ETag is too long", upload->key,
                    self->name);
    upload->sum = s3_sum_join(self, upload->sum, part_sum, bytes.len);
    upload->bytes += (int64_t)bytes.len;
    upload_accept(upload, kept);
    return RC_OK;
}

/* ---- complete ---- */

static const char *part_etag(const struct upload *upload, int i) { return strchr(upload->part[i].etag, ' ') + 1; }

static void parts_print(const struct s3 *self, const struct upload *upload, struct buf *out)
{
    buf_addf(out, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int i = 0; i < upload->parts; i++) {
        char sum[CHECKSUM_TEXT], quoted[ETAG_TEXT + 2];
        const char *kept = upload->part[i].etag;
        snprintf(sum, sizeof(sum), "%.*s", (int)strcspn(kept, " "), kept);
        snprintf(quoted, sizeof(quoted), "\"%s\"", part_etag(upload, i));
        buf_addf(out, "<Part><PartNumber>%d</PartNumber>", i + 1);
        s3_xml_add(out, "ETag", quoted);
        if (!self->md5)
            s3_xml_add(out, s3_sum_element(self), sum);
        buf_addf(out, "</Part>");
    }
    buf_addf(out, "</CompleteMultipartUpload>");
}

/* "<MD5 of the parts' MD5s>-<parts>": what a server makes of ETags that are MD5s. */
static void composite_etag(const struct upload *upload, char ret[ETAG_TEXT])
{
    AUTO_RELEASE(buf) all = {0};
    unsigned char md5[16];
    char hex[S3_MD5_HEX], base64[S3_MD5_BASE64];
    for (int i = 0; i < upload->parts; i++) {
        const char *etag = part_etag(upload, i);
        for (int at = 0; at < 32; at += 2) {
            const char byte[3] = {etag[at], etag[at + 1], '\0'};
            unsigned char value = (unsigned char)strtoul(byte, NULL, 16);
            buf_add(&all, &value, 1);
        }
    }
    s3_md5(buf_str(&all), md5);
    s3_md5_print(md5, hex, base64);
    snprintf(ret, ETAG_TEXT, "%s-%d", hex, upload->parts);
}

/* Is the object that is described what was uploaded? */
static bool is_upload(const struct s3 *self, const struct upload *upload, const struct object_info *info)
{
    char expected[ETAG_TEXT];
    if (info->bytes != upload->bytes)
        return false;
    if (self->md5) {
        composite_etag(upload, expected);
        return strcmp(info->etag, expected) == 0;
    }
    s3_sum_print(self, upload->sum, expected);
    return strcmp(info->checksum, expected) == 0;
}

/* Once it is known to be the upload: in md5 mode the checksum is this program's own, of what the ETag confirmed. */
static void info_finish(const struct s3 *self, const struct upload *upload, struct object_info *info)
{
    if (self->md5)
        s3_sum_print(self, upload->sum, info->checksum);
}

/* Done already, by an attempt whose answer was lost? Otherwise what `err` says stands. */
static RC complete_again(struct s3 *self, const struct upload *upload, struct object_info *ret, struct error *err)
{
    struct error looking = {0};
    enum rc rc = s3_head(&self->base, upload->key, ret, &looking);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        *err = looking;
        return rc;
    }
    if (rc == RC_NOT_FOUND || !is_upload(self, upload, ret))
        return err->rc;
    return s3_upload_abort(&self->base, upload->key, upload->id, err); /* a condition may have left it open */
}

/* The answer does not tell what the object is: it is looked at. */
static RC complete_unconfirmed(struct s3 *self, const struct upload *upload, struct object_info *ret, struct error *err)
{
    TRY(s3_head(&self->base, upload->key, ret, err));
    if (is_upload(self, upload, ret))
        return RC_OK;
    return fail(err, RC_NOT_FOUND, "completing '%s' in store '%s' (%s): the object has other content by now",
                upload->key, self->name, self->address);
}

static RC not_the_upload(const struct s3 *self, const struct upload *upload, struct error *err)
{
    fail(err, RC_DATA, "completing '%s' in store '%s' (%s): the server's own %s of it is not that of what was sent",
         upload->key, self->name, self->address, self->md5 ? "ETag" : "checksum");
    return fail_todo(err, "check the server's disk, and what stands between; then run the same command again");
}

/* What the answer says of the object; both texts may be missing. */
struct completed {
    const char *element; /* of the checksum */
    struct object_info info;
};

static void completed_element(void *context, const char *path, const char *text)
{
    struct completed *self = context;
    const char *local = strchr(path, '/');
    if (local != NULL && text_eq(local, "/ETag"))
        s3_etag_copy(text, self->info.etag);
    else if (local != NULL && text_eq(local + 1, self->element))
        snprintf(self->info.checksum, sizeof(self->info.checksum), "%s", text);
}

static RC complete_once(struct s3 *self, const struct upload *upload, struct condition when, struct object_info *ret,
                        struct error *err)
{
    char sum[CHECKSUM_TEXT], quoted[ETAG_TEXT + 2], bytes[24];
    AUTO_RELEASE(http_answer) answer = {0};
    AUTO_RELEASE(buf) body = {0};
    parts_print(self, upload, &body);
    s3_sum_print(self, upload->sum, sum);
    snprintf(bytes, sizeof(bytes), "%lld", (long long)upload->bytes);
    struct s3_call call = {.method = "POST",
                           .doing = "completing",
                           .key = upload->key,
                           .body = buf_str(&body),
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX,
                           .slow_answer = true,
                           .error_in_200 = true,
                           .conflict_is_final = true};
    s3_query(&call, "uploadId", upload->id);
    s3_header(&call, "content-type", "application/xml");
    s3_condition(self, &call, when, quoted);
    if (!self->md5) {
        s3_header(&call, s3_sum_header(self), sum);
        s3_header(&call, "x-amz-checksum-type", "FULL_OBJECT");
        s3_header(&call, "x-amz-mp-object-size", bytes);
    }
    s3_owner(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    struct completed completed = {.element = s3_sum_element(self)};
    const struct xml_reader reader = {completed_element, &completed};
    xml_read(buf_str(&answer.body), &reader); /* whole: s3_send has looked */
    *ret = completed.info;
    ret->bytes = upload->bytes;
    return RC_OK;
}

static RC condition_failed(const struct s3 *self, const struct upload *upload, const char *what, struct error *err)
{
    return fail(err, RC_CONFLICT, "completing '%s' in store '%s' (%s): %s", upload->key, self->name, self->address,
                what);
}

/* For a server that does not look itself. Another writer can slip in between: good for keys that are nobody else's, as
 * those of staged files are. */
static RC check_condition(struct s3 *self, const struct upload *upload, struct condition when, struct error *err)
{
    struct object_info there;
    enum rc rc = s3_head(&self->base, upload->key, &there, err);
    if (rc == RC_NOT_FOUND)
        return when.if_match == NULL ? RC_OK : condition_failed(self, upload, "there is no such object", err);
    TRY(rc);
    if (when.if_none_match)
        return condition_failed(self, upload, "there is an object already", err);
    if (when.if_match != NULL && strcmp(when.if_match, there.etag) != 0)
        return condition_failed(self, upload, "the object is another one by now", err);
    return RC_OK;
}

RC s3_upload_complete(struct store *base, struct upload *upload, struct condition when, struct object_info *ret,
                      struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    struct object_info info = {0};
    enum rc rc = self->look_before_complete ? check_condition(self, upload, when, err) : RC_OK;
    if (rc == RC_OK)
        rc = complete_once(self, upload, when, &info, err);
    if (rc == RC_NOT_FOUND && when.if_match != NULL && !text_eq(err->vendor, "NoSuchUpload"))
        rc = err->rc = RC_CONFLICT; /* what is not there has not that ETag */
    if (rc == RC_NOT_FOUND || rc == RC_CONFLICT)
        TRY(complete_again(self, upload, &info, err));
    else if (rc != RC_OK)
        return rc;
    else if (self->md5 || info.etag[0] == '\0' || info.checksum[0] == '\0') /* an ETag may be made of what was asked */
        TRY(complete_unconfirmed(self, upload, &info, err));
    else if (!is_upload(self, upload, &info))
        return not_the_upload(self, upload, err);
    info_finish(self, upload, &info);
    if (ret != NULL)
        *ret = info;
    return RC_OK;
}

/* ---- abort ---- */

RC s3_upload_abort(struct store *base, const char *key, const char *upload_id, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    struct s3_call call = {
        .method = "DELETE", .doing = "aborting the upload of", .key = key, .answer_bytes_max = S3_DOCUMENT_BYTES_MAX};
    s3_query(&call, "uploadId", upload_id);
    s3_owner(self, &call);
    enum rc rc = s3_send(self, &call, &answer, NULL, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
