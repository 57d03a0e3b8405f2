/* Single objects: put, get, head, delete. */
#include <openssl/evp.h>

#include "base/crc.h"
#include "standin/s3/parts.h"

void s3_md5_hex(struct str bytes, char ret[S3_MD5_TEXT])
{
    unsigned char md5[16];
    EVP_Digest(bytes.at, bytes.len, md5, NULL, EVP_md5(), NULL);
    for (int i = 0; i < 16; i++)
        snprintf(ret + 2 * (ptrdiff_t)i, 3, "%02x", md5[i]);
}

void s3_sum(struct str bytes, bool crc32c, char ret[CHECKSUM_TEXT])
{
    if (crc32c)
        crc32c_print(crc32c_add_plain(0, bytes), ret);
    else
        crc64nvme_print(crc64nvme_add_plain(0, bytes), ret);
}

void s3_reply_sum(const struct s3_server *self, const char *sum, struct s3_answer *ret)
{
    if (self->manners.no_checksums || (strlen(sum) != 8 && strlen(sum) != 12))
        return;
    s3_reply_header(ret, "x-amz-checksum-%s: %s", strlen(sum) == 8 ? "crc32c" : "crc64nvme", sum);
    s3_reply_header(ret, "x-amz-checksum-type: FULL_OBJECT");
}

static bool is_md5(struct str bytes, const char *base64)
{
    unsigned char md5[16];
    char own[32];
    EVP_Digest(bytes.at, bytes.len, md5, NULL, EVP_md5(), NULL);
    EVP_EncodeBlock((unsigned char *)own, md5, sizeof(md5));
    return strcmp(own, base64) == 0;
}

bool s3_check_body(const struct s3_server *self, const struct s3_asked *asked, bool *ret_crc32c, struct s3_answer *ret)
{
    static const char *const names[] = {"x-amz-checksum-crc64nvme", "x-amz-checksum-crc32c"};
    const char *md5 = s3_asked_header(asked, "content-md5");
    bool wrong = md5 != NULL && !is_md5(asked->body, md5);
    *ret_crc32c = s3_asked_header(asked, names[1]) != NULL;
    for (int i = 0; i < 2 && !self->manners.no_checksums; i++) {
        char own[CHECKSUM_TEXT];
        const char *sum = s3_asked_header(asked, names[i]);
        s3_sum(asked->body, i == 1, own);
        wrong |= sum != NULL && strcmp(sum, own) != 0;
    }
    if (wrong)
        s3_reply_error(ret, 400, "BadDigest", NULL);
    return !wrong;
}

static void unquoted(const char *etag, char ret[S3_ETAG_TEXT])
{
    size_t len = strlen(etag);
    bool quoted = len >= 2 && etag[0] == '"' && etag[len - 1] == '"';
    snprintf(ret, S3_ETAG_TEXT, "%.*s", (int)(quoted ? len - 2 : len), etag + quoted);
}

bool s3_check_condition(const struct s3_server *self, const struct s3_asked *asked, const char *key,
                        struct s3_answer *ret)
{
    const struct entry *entry = mem_entry_find(self->objects, key);
    const char *none = s3_asked_header(asked, "if-none-match"), *match = s3_asked_header(asked, "if-match");
    char wanted[S3_ETAG_TEXT];
    if (self->manners.ignores_conditions)
        return true;
    if (match != NULL && entry == NULL) {
        s3_reply_error(ret, 404, "NoSuchKey", NULL);
        return false;
    }
    unquoted(or_empty(match), wanted);
    if ((none != NULL && entry != NULL) || (match != NULL && strcmp(wanted, entry->info.etag) != 0)) {
        s3_reply_error(ret, 412, "PreconditionFailed", NULL);
        return false;
    }
    return true;
}

/* `etag` NULL: the MD5. */
struct entry *s3_store_object(struct s3_server *self, const char *key, struct str body, const char *etag, bool crc32c)
{
    struct entry *entry = mem_entry_write(self->objects, key, body);
    s3_sum(body, crc32c, entry->info.checksum);
    if (self->manners.no_checksums)
        entry->info.checksum[0] = '\0';
    if (etag != NULL)
        snprintf(entry->info.etag, sizeof(entry->info.etag), "%s", etag);
    else
        s3_md5_hex(body, entry->info.etag);
    if (self->manners.kms_etags)
        snprintf(entry->info.etag, sizeof(entry->info.etag), "%032x", ++self->etags);
    return entry;
}

void s3_print_time(int64_t us, char ret[STAMP_TEXT])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t seconds = us / 1000000, day = seconds / 86400, year;
    int month, date, rest = (int)(seconds % 86400);
    date_from_days(day, &year, &month, &date);
    snprintf(ret, STAMP_TEXT, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[day % 7], date, months[month - 1],
             (int)(year % 10000), rest / 3600, rest / 60 % 60, rest % 60);
}

void s3_do_put(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    bool crc32c = false;
    if (!s3_check_body(self, asked, &crc32c, ret) || !s3_check_condition(self, asked, asked->key, ret))
        return;
    const struct entry *entry = s3_store_object(self, asked->key, asked->body, NULL, crc32c);
    ret->status = 200;
    s3_reply_header(ret, "ETag: \"%s\"", entry->info.etag);
    s3_reply_sum(self, entry->info.checksum, ret);
}

/* "bytes=5-9" within the object; false: there is no such range. */
static bool take_range(const char *text, size_t bytes, size_t *ret_from, size_t *ret_to)
{
    long long from = 0, last = 0;
    if (sscanf(text, "bytes=%lld-%lld", &from, &last) != 2 || from < 0 || last < from || (size_t)from >= bytes)
        return false;
    *ret_from = (size_t)from;
    *ret_to = (size_t)last < bytes ? (size_t)last + 1 : bytes;
    return true;
}

void s3_do_get(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    const struct entry *entry = mem_entry_find(self->objects, asked->key);
    const char *range = s3_asked_header(asked, "range");
    char stamp[STAMP_TEXT];
    if (entry == NULL) {
        s3_reply_error(ret, 404, "NoSuchKey", NULL);
        return;
    }
    size_t from = 0, to = entry->body.len;
    if (range != NULL && !take_range(range, entry->body.len, &from, &to)) {
        s3_reply_error(ret, 416, "InvalidRange", NULL);
        return;
    }
    ret->status = range != NULL ? 206 : 200;
    s3_print_time(entry->info.modified_us, stamp);
    s3_reply_header(ret, "Last-Modified: %s", stamp);
    s3_reply_header(ret, "ETag: \"%s\"", entry->info.etag);
    if (range != NULL)
        s3_reply_header(ret, "Content-Range: bytes %zu-%zu/%zu", from, to - 1, entry->body.len);
    else if (text_eq(s3_asked_header(asked, "x-amz-checksum-mode"), "ENABLED"))
        s3_reply_sum(self, entry->info.checksum, ret);
    buf_add(&ret->body, buf_str(&entry->body).at + from, to - from);
}

void s3_do_delete(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    mem_entry_remove(self->objects, asked->key);
    ret->status = 204;
}

/* Up to 1000 keys; a body without a checksum is refused. */
void s3_do_delete_many(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    bool crc32c = false;
    bool summed = s3_asked_header(asked, "content-md5") != NULL ||
                  s3_asked_header(asked, "x-amz-checksum-crc64nvme") != NULL ||
                  s3_asked_header(asked, "x-amz-checksum-crc32c") != NULL;
    AUTO_RELEASE(buf) key = {0};
    struct str rest = asked->body, object;
    int count = 0;
    if (!summed) {
        s3_reply_error(ret, 400, "InvalidRequest", NULL);
        return;
    }
    if (!s3_check_body(self, asked, &crc32c, ret))
        return;
    bool quiet = memmem(asked->body.at, asked->body.len, "<Quiet>true</Quiet>", 19) != NULL;
    buf_addf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteResult>");
    for (; s3_xml_take(&rest, "Object", &object); count++) {
        if (!s3_xml_value(object, "Key", &key))
            break;
        mem_entry_remove(self->objects, buf_str(&key).at);
        if (quiet)
            continue;
        buf_addf(&ret->body, "<Deleted>");
        s3_xml_text(&ret->body, "Key", key.at);
        buf_addf(&ret->body, "</Deleted>");
    }
    buf_addf(&ret->body, "</DeleteResult>");
    ret->status = 200;
    if (count == 0 || count > LIST_PAGE_MAX)
        s3_reply_error(ret, 400, "MalformedXML", NULL);
}
