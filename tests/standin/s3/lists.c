/* ListObjectsV2 and ListMultipartUploads, page by page. */
#include "io/sigv4.h"
#include "standin/s3/parts.h"

static int page_of(const struct s3_server *self, const struct s3_asked *asked, const char *name)
{
    int64_t wanted = LIST_PAGE_MAX;
    const char *given = s3_asked_query(asked, name);
    if (given != NULL)
        str_to_int64(str(given), &wanted);
    int most = self->manners.page_max != 0 ? self->manners.page_max : LIST_PAGE_MAX;
    return wanted < most ? (int)wanted : most;
}

/* A key, encoded where the client asked for that. */
static void add_key(const struct s3_asked *asked, struct buf *out, const char *name, const char *key)
{
    AUTO_RELEASE(buf) encoded = {0};
    if (text_eq(s3_asked_query(asked, "encoding-type"), "url"))
        sigv4_encode(str(key), true, &encoded);
    else
        buf_add_str(&encoded, str(key));
    s3_xml_text(out, name, buf_str(&encoded).at);
}

static void add_encoding(const struct s3_asked *asked, struct buf *out)
{
    if (text_eq(s3_asked_query(asked, "encoding-type"), "url"))
        buf_addf(out, "<EncodingType>url</EncodingType>");
}

static void add_object(const struct s3_asked *asked, const struct entry *entry, struct buf *out)
{
    char stamp[STAMP_TEXT];
    stamp_print(entry->info.modified_us, 3, stamp);
    buf_addf(out, "<Contents>");
    add_key(asked, out, "Key", entry->key);
    buf_addf(out, "<LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>%lld</Size></Contents>", stamp,
             entry->info.etag, (long long)entry->info.bytes);
}

/* A continuation token is nobody's business: ours is a mark and the last key. */
static const char *list_begin(const struct s3_asked *asked)
{
    const char *token = s3_asked_query(asked, "continuation-token");
    return token != NULL ? token + strlen("more/") : s3_asked_query(asked, "start-after");
}

void s3_do_list(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    const char *prefix = or_empty(s3_asked_query(asked, "prefix")), *after = list_begin(asked), *last = NULL;
    int page = page_of(self, asked, "max-keys"), count = 0;
    bool found, more = false;
    buf_addf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
                         "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    add_encoding(asked, &ret->body);
    for (int i = mem_entry_index(self->objects, prefix, &found); i < self->objects->count; i++) {
        const struct entry *entry = &self->objects->items[i];
        if (!str_has_prefix(str(entry->key), str(prefix)))
            break;
        if (after != NULL && strcmp(entry->key, after) <= 0)
            continue;
        if (count == page) {
            more = page > 0;
            break;
        }
        add_object(asked, entry, &ret->body);
        last = entry->key;
        count++;
    }
    buf_addf(&ret->body, "<KeyCount>%d</KeyCount><IsTruncated>%s</IsTruncated>", count, more ? "true" : "false");
    if (more) {
        AUTO_RELEASE(buf) token = {0};
        buf_addf(&token, "more/%s", last);
        s3_xml_text(&ret->body, "NextContinuationToken", token.at);
    }
    buf_addf(&ret->body, "</ListBucketResult>");
    ret->status = 200;
}

/* ---- uploads, by key and then by when they began ---- */

static int upload_order(const void *left, const void *right, void *context)
{
    const struct s3_server *self = context;
    int a = *(const int *)left, b = *(const int *)right;
    int order = strcmp(self->objects->uploads[a]->key, self->objects->uploads[b]->key);
    return order != 0 ? order : a - b;
}

static bool is_behind(const struct pending *pending, int number, const char *key_marker, const char *id_marker)
{
    if (key_marker == NULL)
        return true;
    int order = strcmp(pending->key, key_marker);
    int64_t marker = 0;
    if (order != 0 || id_marker == NULL || !str_to_int64(str(id_marker + strlen("upload-")), &marker))
        return order > 0;
    return number + 1 > marker;
}

static void add_upload(const struct s3_server *self, const struct s3_asked *asked, int number, struct buf *out)
{
    char stamp[STAMP_TEXT];
    stamp_print(self->objects->uploads[number]->started_us, 3, stamp);
    buf_addf(out, "<Upload>");
    add_key(asked, out, "Key", self->objects->uploads[number]->key);
    buf_addf(out, "<UploadId>upload-%d</UploadId><Initiated>%s</Initiated></Upload>", number + 1, stamp);
}

void s3_do_upload_list(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    const char *prefix = or_empty(s3_asked_query(asked, "prefix"));
    const char *key_marker = s3_asked_query(asked, "key-marker"),
               *id_marker = s3_asked_query(asked, "upload-id-marker");
    int *open = xcalloc((size_t)self->objects->upload_count + 1, sizeof(*open)), open_count = 0;
    int page = page_of(self, asked, "max-uploads"), count = 0;
    for (int i = 0; i < self->objects->upload_count; i++) {
        const struct pending *pending = self->objects->uploads[i];
        if (pending->state == UPLOAD_OPEN && str_has_prefix(str(pending->key), str(prefix)) &&
            is_behind(pending, i, key_marker, id_marker))
            open[open_count++] = i;
    }
    qsort_r(open, (size_t)open_count, sizeof(*open), upload_order, self);
    buf_addf(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListMultipartUploadsResult>");
    add_encoding(asked, &ret->body);
    for (; count < open_count && count < page; count++)
        add_upload(self, asked, open[count], &ret->body);
    bool more = count < open_count && count > 0;
    buf_addf(&ret->body, "<IsTruncated>%s</IsTruncated>", more ? "true" : "false");
    if (more) {
        add_key(asked, &ret->body, "NextKeyMarker", self->objects->uploads[open[count - 1]]->key);
        buf_addf(&ret->body, "<NextUploadIdMarker>upload-%d</NextUploadIdMarker>", open[count - 1] + 1);
    }
    buf_addf(&ret->body, "</ListMultipartUploadsResult>");
    ret->status = 200;
    free(open);
}
