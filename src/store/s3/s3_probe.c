/* What S3's protocol promises and some servers do not keep (store/probe.h asks). */
#include "store/s3/s3_intern.h"

#define BODY "a body of another checksum"

static RC weak(const struct s3 *self, const char *what, const char *todo, struct error *err)
{
    fail(err, RC_CONFIG, "store '%s' (%s) %s", self->name, self->address, what);
    return fail_todo(err, "%s", todo);
}

/* A body that is not what its checksum says must be refused: it stands for bytes that changed on the way. */
static RC refuses_damage(struct s3 *self, const char *key, struct error *err)
{
    unsigned char md5[16];
    char sum[CHECKSUM_TEXT], hex[S3_MD5_HEX], base64[S3_MD5_BASE64];
    AUTO_RELEASE(http_answer) answer = {0};
    s3_sum_print(self, s3_sum_add(self, 0, S("other bytes")), sum);
    s3_md5(S("other bytes"), md5);
    s3_md5_print(md5, hex, base64);
    struct s3_call call = {.method = "PUT",
                           .doing = "writing",
                           .key = key,
                           .body = S(BODY),
                           .body_is_summed = true,
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX,
                           .repeat = S3_NOT_DONE,
                           .damage_is_final = true};
    s3_header(&call, self->md5 ? "content-md5" : s3_sum_header(self), self->md5 ? base64 : sum);
    s3_new_object(self, &call);
    enum rc rc = s3_send(self, &call, &answer, NULL, err);
    if (rc == RC_OK && self->md5)
        return weak(self, "stores a body that is not what its Content-MD5 says",
                    "it does not look at what it is given: use another server", err);
    if (rc == RC_OK)
        return weak(self, "stores a body that is not what its checksum says",
                    "set 'checksum: md5' of the connection, and then 'waybill check' again", err);
    return answer.status == 400 ? RC_OK : rc;
}

/* Even where the program is asked to end, before or now. */
static RC take_back(struct s3 *self, const char *key, const char *upload_id, struct error *err)
{
    struct error ignored;
    enum rc rc = s3_upload_abort(&self->base, key, upload_id, err);
    if (!rc_is_stop(rc))
        return rc;
    opening_last_words_begin(self->with.clock);
    if (s3_upload_abort(&self->base, key, upload_id, &ignored) != RC_OK)
        fail_in(err, "an upload to '%s' stays, and `waybill s3clean orphans` takes it", key);
    opening_last_words_end();
    return rc;
}

/* Over the object that is there by now. */
static RC keeps_conditions_of_complete(struct s3 *self, const char *key, struct error *err)
{
    struct object_info info;
    AUTO_RELEASE(upload) upload = {0};
    struct error second;
    TRY(s3_upload_begin(&self->base, key, &upload, err));
    enum rc rc = s3_upload_part(&self->base, &upload, S(BODY), err);
    if (rc == RC_OK)
        rc = s3_upload_complete(&self->base, &upload, IF_NONE_MATCH, &info, err);
    if (rc == RC_OK)
        return weak(self, "completes an upload over an object, though If-None-Match forbids it",
                    "set 'look_before_complete: true' of the connection, and then 'waybill check' again", err);
    enum rc aborted = take_back(self, key, upload.id, rc == RC_CONFLICT ? err : &second);
    return rc == RC_CONFLICT ? aborted : rc;
}

RC s3_probe(struct store *base, const char *key, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    TRY(refuses_damage(self, key, err));
    return keeps_conditions_of_complete(self, key, err);
}
