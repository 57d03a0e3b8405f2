/* Single objects: put, get, head. */
#include <stdlib.h>

#include "store/s3/s3_intern.h"

void s3_etag_copy(const char *etag, char ret[ETAG_TEXT])
{
    const char *at = or_empty(etag);
    size_t len = strlen(at);
    if (len >= 2 && at[0] == '"' && at[len - 1] == '"')
        at++, len -= 2;
    snprintf(ret, ETAG_TEXT, "%.*s", (int)len, at);
}

void s3_condition(const struct s3 *self, struct s3_call *call, struct condition when, char quoted[ETAG_TEXT + 2])
{
    if (when.if_none_match)
        s3_header(call, "if-none-match", "*");
    if (when.if_match == NULL)
        return;
    snprintf(quoted, ETAG_TEXT + 2, self->etag_quotes ? "\"%s\"" : "%s", when.if_match);
    s3_header(call, "if-match", quoted);
}

void s3_new_object(const struct s3 *self, struct s3_call *call)
{
    s3_header(call, "x-amz-server-side-encryption", self->sse);
    s3_header(call, "x-amz-server-side-encryption-aws-kms-key-id", self->kms_key_id);
    s3_header(call, "x-amz-storage-class", self->storage_class);
    s3_owner(self, call);
}

void s3_owner(const struct s3 *self, struct s3_call *call)
{
    s3_header(call, "x-amz-expected-bucket-owner", self->owner);
}

/* ---- what an answer says of an object ---- */

/* "Wed, 21 Oct 2015 07:28:00 GMT" as "2015-10-21 07:28:00". */
static bool from_rfc1123(const char *text, char ret[STAMP_TEXT])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4];
    int day, year;
    char time[16];
    if (sscanf(text, "%*3s, %d %3s %d %15s GMT", &day, month, &year, time) != 4 || strlen(month) != 3)
        return false;
    const char *at = strstr(months, month);
    if (at == NULL)
        return false;
    snprintf(ret, STAMP_TEXT, "%04d-%02d-%02d %s", year, (int)(at - months) / 3 + 1, day, time);
    return true;
}

int64_t s3_time_us(const char *text)
{
    int64_t us;
    char stamp[STAMP_TEXT];
    if (text == NULL)
        return 0;
    if (stamp_parse(text, &us))
        return us;
    return from_rfc1123(text, stamp) && stamp_parse(stamp, &us) ? us : 0;
}

/* Of the whole object: a composite one ("...-3") is not. */
static void checksum_read(const struct s3 *self, const struct http_answer *answer, char ret[CHECKSUM_TEXT])
{
    const char *text = http_header(answer, s3_sum_header(self));
    if (!self->md5 && text != NULL && strchr(text, '-') == NULL)
        snprintf(ret, CHECKSUM_TEXT, "%s", text);
}

static void s3_info_read(const struct s3 *self, const struct http_answer *answer, struct object_info *ret)
{
    *ret = (struct object_info){.bytes = answer->content_length,
                                .modified_us = s3_time_us(http_header(answer, "last-modified"))};
    s3_etag_copy(http_header(answer, "etag"), ret->etag);
    checksum_read(self, answer, ret->checksum);
}

/* ---- put ---- */

/* A body's sums, as texts that live as long as the call that carries them. */
struct sums {
    char checksum[CHECKSUM_TEXT], md5_hex[S3_MD5_HEX], md5_base64[S3_MD5_BASE64];
};

static void sums_of(const struct s3 *self, struct str body, struct sums *ret)
{
    unsigned char md5[16];
    s3_sum_print(self, s3_sum_add(self, 0, body), ret->checksum);
    if (!self->md5)
        return;
    s3_md5(body, md5);
    s3_md5_print(md5, ret->md5_hex, ret->md5_base64);
}

static enum rc not_confirmed(const struct s3 *self, enum rc rc, const char *key, const char *what, struct error *err)
{
    return fail(err, rc, "writing '%s' in store '%s' (%s): %s", key, self->name, self->address, what);
}

/* What the server says it has must be what was sent. */
static RC confirm(const struct s3 *self, const char *key, const struct sums *sums, struct object_info *info,
                  struct error *err)
{
    if (self->md5 && strcmp(info->etag, sums->md5_hex) != 0) {
        not_confirmed(self, RC_CONFIG, key, "the ETag it returned is not the MD5 of what was sent", err);
        return fail_todo(err, "set 'checksum: crc64nvme' of the connection: with encryption by KMS ETags are no MD5");
    }
    if (self->md5)
        snprintf(info->checksum, sizeof(info->checksum), "%s", sums->checksum);
    if (info->checksum[0] == '\0') {
        not_confirmed(self, RC_CONFIG, key, "the server returned no checksum of it", err);
        return fail_todo(err, "set 'checksum: md5' of the connection: this server does not know %s", s3_sum_name(self));
    }
    if (strcmp(info->checksum, sums->checksum) == 0)
        return RC_OK;
    not_confirmed(self, RC_DATA, key, "the checksum the server returned is not that of what was sent", err);
    return fail_todo(err, "bytes change on the way or in the server: look for a proxy, a damaged network or disk");
}

static bool has_condition(struct condition when) { return when.if_none_match || when.if_match != NULL; }

RC s3_put(struct store *base, const char *key, struct str body, struct condition when, struct object_info *ret,
          struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    struct sums sums;
    char quoted[ETAG_TEXT + 2];
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    sums_of(self, body, &sums);
    struct s3_call call = {.method = "PUT",
                           .doing = "writing",
                           .key = key,
                           .body = body,
                           .body_is_summed = true,
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX,
                           .repeat = has_condition(when) ? S3_NOT_DONE : S3_ALWAYS,
                           .caller_tries_again = has_condition(when)};
    s3_condition(self, &call, when, quoted);
    s3_header(&call, self->md5 ? "content-md5" : s3_sum_header(self), self->md5 ? sums.md5_base64 : sums.checksum);
    s3_new_object(self, &call);
    enum rc rc = s3_send(self, &call, &answer, NULL, err);
    if (rc == RC_NOT_FOUND && when.if_match != NULL) /* what is not there has not that ETag */
        rc = err->rc = RC_CONFLICT;
    TRY(rc);
    struct object_info info;
    s3_info_read(self, &answer, &info);
    info.bytes = (int64_t)body.len;
    TRY(confirm(self, key, &sums, &info, err));
    if (ret != NULL)
        *ret = info;
    return RC_OK;
}

/* ---- reading ---- */

/* The body that came must be the object the server sums up. */
static RC confirm_read(const struct s3 *self, const char *key, struct str body, const struct object_info *info,
                       struct error *err)
{
    char checksum[CHECKSUM_TEXT];
    s3_sum_print(self, s3_sum_add(self, 0, body), checksum);
    if (info->checksum[0] == '\0' || strcmp(info->checksum, checksum) == 0)
        return RC_OK;
    fail(err, RC_DATA, "reading '%s' in store '%s' (%s): what arrived has the %s %s, and the object has %s", key,
         self->name, self->address, s3_sum_name(self), checksum, info->checksum);
    return fail_todo(err, "bytes change on the way from the server: look for a proxy or a damaged network");
}

static RC get_once(struct s3 *self, const char *key, size_t bytes_max, struct http_answer *answer,
                   struct object_info *ret, struct error *err)
{
    struct s3_call call = {.method = "GET", .doing = "reading", .key = key, .answer_bytes_max = bytes_max};
    s3_header(&call, "x-amz-checksum-mode", self->md5 ? NULL : "ENABLED");
    s3_owner(self, &call);
    TRY(s3_send(self, &call, answer, NULL, err));
    s3_info_read(self, answer, ret);
    ret->bytes = (int64_t)answer->received;
    return confirm_read(self, key, buf_str(&answer->body), ret, err);
}

RC s3_get(struct store *base, const char *key, size_t bytes_max, struct buf *ret, struct object_info *ret_info,
          struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    struct object_info info;
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    enum rc rc = get_once(self, key, bytes_max, &answer, &info, err);
    if (rc == RC_DATA && answer.received <= bytes_max && answer.status == 200) /* damaged: on the way, or there? */
        rc = get_once(self, key, bytes_max, &answer, &info, err);
    TRY(rc);
    buf_add_str(ret, buf_str(&answer.body));
    if (ret_info != NULL)
        *ret_info = info;
    return RC_OK;
}

RC s3_head(struct store *base, const char *key, struct object_info *ret, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    struct s3_call call = {.method = "HEAD", .doing = "looking for", .key = key};
    s3_header(&call, "x-amz-checksum-mode", self->md5 ? NULL : "ENABLED");
    s3_owner(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    s3_info_read(self, &answer, ret);
    return RC_OK;
}

static RC too_short(const struct s3 *self, const char *key, int64_t offset, size_t bytes, struct error *err)
{
    return fail(err, RC_DATA, "reading '%s' in store '%s' (%s): it ends before %zu bytes from %lld on", key, self->name,
                self->address, bytes, (long long)offset);
}

/* Nothing is to be read, but the object must be there and be that long. */
static RC get_nothing(struct store *base, const char *key, int64_t offset, struct error *err)
{
    struct object_info info;
    TRY(s3_head(base, key, &info, err));
    return offset <= info.bytes ? RC_OK : too_short((struct s3 *)base, key, offset, 0, err);
}

RC s3_get_range(struct store *base, const char *key, int64_t offset, void *into, size_t bytes, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    char range[64];
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    if (bytes == 0)
        return get_nothing(base, key, offset, err);
    struct s3_call call = {.method = "GET", .doing = "reading", .key = key, .into = into, .answer_bytes_max = bytes};
    snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)offset, (long long)offset + (long long)bytes - 1);
    s3_header(&call, "range", range);
    s3_owner(self, &call);
    enum rc rc = s3_send(self, &call, &answer, NULL, err);
    if (rc != RC_OK && answer.status == 416)
        return too_short(self, key, offset, bytes, err);
    if (rc == RC_DATA && answer.status == 200)
        return fail_todo(err, "the server ignores ranges, which this program cannot do without: use another");
    TRY(rc);
    return answer.received == bytes ? RC_OK : too_short(self, key, offset, bytes, err);
}
