/* Multipart uploads. */
#include <openssl/evp.h>

#include "standin/s3/parts.h"

/* NULL, and the answer is a refusal: there is no such upload (any more). */
static struct pending *pending_of(const struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    struct pending *pending = mem_pending_find(self->objects, or_empty(s3_asked_query(asked, "uploadId")));
    bool again = pending != NULL && pending->state == UPLOAD_COMPLETED && self->manners.completes_again;
    if (pending != NULL && (pending->state == UPLOAD_OPEN || again) && strcmp(pending->key, asked->key) == 0)
        return pending;
    s3_reply_error(ret, 404, "NoSuchUpload", NULL);
    return NULL;
}

void s3_do_upload_begin(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    struct pending *pending = mem_pending_add(self->objects, asked->key);
    pending->crc32c = text_eq(s3_asked_header(asked, "x-amz-checksum-algorithm"), "CRC32C");
    buf_addf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult>");
    s3_xml_text(&ret->body, "Bucket", self->bucket);
    s3_xml_text(&ret->body, "Key", asked->key);
    buf_addf(&ret->body, "<UploadId>upload-%d</UploadId></InitiateMultipartUploadResult>", self->objects->upload_count);
    ret->status = 200;
}

void s3_do_upload_part(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    struct pending *pending = pending_of(self, asked, ret);
    char etag[S3_MD5_TEXT], sum[CHECKSUM_TEXT];
    int64_t number = 0;
    bool crc32c = false;
    if (pending == NULL || !s3_check_body(self, asked, &crc32c, ret))
        return;
    if (!str_to_int64(str(or_empty(s3_asked_query(asked, "partNumber"))), &number) || number < 1 ||
        number > PART_NUMBER_MAX) {
        s3_reply_error(ret, 400, "InvalidArgument", NULL);
        return;
    }
    if (number > pending->parts) {
        pending->part = xrealloc(pending->part, (size_t)number * sizeof(*pending->part));
        for (; pending->parts < (int)number; pending->parts++)
            pending->part[pending->parts] = (struct buf){0};
    }
    buf_reset(&pending->part[number - 1]);
    buf_add_str(&pending->part[number - 1], asked->body);
    s3_md5_hex(asked->body, etag);
    s3_sum(asked->body, crc32c, sum);
    s3_reply_header(ret, "ETag: \"%s\"", etag);
    s3_reply_sum(self, sum, ret);
    ret->status = 200;
}

/* ---- complete ---- */

struct completing {
    struct s3_server *self;
    const struct pending *pending;
    struct buf whole, md5s; /* the content; the parts' MD5s, binary */
    int parts, last;
    size_t last_bytes;
    const char *refusal; /* NULL: none so far */
};

static void add_part(struct completing *c, struct str listed)
{
    AUTO_RELEASE(buf) number = {0}, etag = {0};
    char own[S3_MD5_TEXT];
    unsigned char md5[16];
    int64_t n = 0;
    if (!s3_xml_value(listed, "PartNumber", &number) || !s3_xml_value(listed, "ETag", &etag) ||
        !str_to_int64(buf_str(&number), &n)) {
        c->refusal = "MalformedXML";
        return;
    }
    if (n <= c->last) {
        c->refusal = "InvalidPartOrder";
        return;
    }
    if (n > c->pending->parts || c->pending->part[n - 1].at == NULL) {
        c->refusal = "InvalidPart";
        return;
    }
    struct str part = buf_str(&c->pending->part[n - 1]);
    s3_md5_hex(part, own);
    if (memmem(etag.at, etag.len, own, strlen(own)) == NULL)
        c->refusal = "InvalidPart";
    else if (c->parts > 0 && (int64_t)c->last_bytes < c->self->manners.part_bytes_min)
        c->refusal = "EntityTooSmall";
    EVP_Digest(part.at, part.len, md5, NULL, EVP_md5(), NULL);
    buf_add(&c->md5s, md5, sizeof(md5));
    buf_add_str(&c->whole, part);
    c->last = (int)n;
    c->last_bytes = part.len;
    c->parts++;
}

/* The whole object's checksum and size, where the client says them. */
static void check_whole(struct completing *c, const struct s3_asked *asked, bool crc32c)
{
    char own[CHECKSUM_TEXT];
    const char *sum = s3_asked_header(asked, crc32c ? "x-amz-checksum-crc32c" : "x-amz-checksum-crc64nvme");
    const char *size = s3_asked_header(asked, "x-amz-mp-object-size");
    int64_t bytes = 0;
    s3_sum(buf_str(&c->whole), crc32c, own);
    if (sum != NULL && strcmp(sum, own) != 0 && !c->self->manners.no_checksums)
        c->refusal = "BadDigest";
    if (size != NULL && (!str_to_int64(str(size), &bytes) || bytes != (int64_t)c->whole.len))
        c->refusal = "InvalidRequest";
}

static void reply_completed(const struct s3_server *self, const struct s3_asked *asked, const struct entry *entry,
                            struct s3_answer *ret)
{
    const char *sum = entry->info.checksum;
    buf_addf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUploadResult "
                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    s3_xml_text(&ret->body, "Bucket", self->bucket);
    s3_xml_text(&ret->body, "Key", asked->key);
    buf_addf(&ret->body, "<ETag>&quot;%s&quot;</ETag>", entry->info.etag);
    if (sum[0] != '\0') {
        s3_xml_text(&ret->body, strlen(sum) == 8 ? "ChecksumCRC32C" : "ChecksumCRC64NVME", sum);
        buf_addf(&ret->body, "<ChecksumType>FULL_OBJECT</ChecksumType>");
    }
    buf_addf(&ret->body, "</CompleteMultipartUploadResult>");
    ret->status = 200;
}

static void complete(struct completing *c, const struct s3_asked *asked, struct pending *pending, struct s3_answer *ret)
{
    struct str rest = asked->body, listed;
    bool crc32c = pending->crc32c;
    char etag[S3_ETAG_TEXT], md5[S3_MD5_TEXT];
    while (c->refusal == NULL && s3_xml_take(&rest, "Part", &listed))
        add_part(c, listed);
    if (c->refusal == NULL && c->parts == 0)
        c->refusal = "MalformedXML";
    if (c->refusal == NULL)
        check_whole(c, asked, crc32c);
    if (c->refusal != NULL) {
        s3_reply_error(ret, 400, c->refusal, NULL);
        return;
    }
    if (!s3_check_condition(c->self, asked, asked->key, ret))
        return;
    s3_md5_hex(buf_str(&c->md5s), md5);
    snprintf(etag, sizeof(etag), "%s-%d", md5, c->parts);
    const struct entry *entry = s3_store_object(c->self, asked->key, buf_str(&c->whole), etag, crc32c);
    pending->state = UPLOAD_COMPLETED;
    mem_pending_release_parts(pending);
    reply_completed(c->self, asked, entry, ret);
}

void s3_do_upload_complete(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    struct pending *pending = pending_of(self, asked, ret);
    struct completing c = {.self = self, .pending = pending};
    if (pending == NULL)
        return;
    const struct entry *entry = mem_entry_find(self->objects, asked->key);
    if (pending->state == UPLOAD_COMPLETED && entry != NULL)
        reply_completed(self, asked, entry, ret);
    else
        complete(&c, asked, pending, ret);
    buf_release(&c.whole);
    buf_release(&c.md5s);
}

void s3_do_upload_abort(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    struct pending *pending = pending_of(self, asked, ret);
    if (pending == NULL)
        return;
    pending->state = pending->state == UPLOAD_OPEN ? UPLOAD_ABORTED : pending->state;
    mem_pending_release_parts(pending);
    ret->status = 204;
}
