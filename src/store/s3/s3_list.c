/* Pages of keys and of uploads. A page's `next` begins with \x01 and carries the server's own words; any other `after`
 * is a key. */
#include <stdlib.h>

#include "store/s3/s3_intern.h"

#define OWN_WORDS '\x01'

/* ---- reading ---- */

struct page {
    struct arena *arena;
    bool encoded, truncated, overflow;
    const char *token, *key_marker, *id_marker;
    struct object_list *objects; /* one of the two is NULL */
    struct listed_object object;
    struct upload_list *uploads;
    struct listed_upload upload;
    int at; /* the server gives an upload's fields in any order */
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As the server's encoding-type=url has it: %XX, and '+' for a blank. */
static const char *page_text(const struct page *self, const char *text)
{
    char *copy = arena_text(self->arena, text), *to = copy;
    for (const char *at = copy; self->encoded && *at != '\0'; at++) {
        bool is_code = *at == '%' && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0;
        if (is_code) {
            *to++ = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
            at += 2;
        } else if (*at == '+') {
            *to++ = ' ';
        } else {
            *to++ = *at;
        }
    }
    if (self->encoded)
        *to = '\0';
    return copy;
}

static void objects_element(struct page *self, const char *path, const char *text)
{
    struct object_list *list = self->objects;
    if (text_eq(path, "ListBucketResult/Contents/Key")) {
        self->object.key = page_text(self, text);
    } else if (text_eq(path, "ListBucketResult/Contents/Size")) {
        str_to_int64(str(text), &self->object.bytes);
    } else if (text_eq(path, "ListBucketResult/Contents/LastModified")) {
        self->object.modified_us = s3_time_us(text);
    } else if (text_eq(path, "ListBucketResult/NextContinuationToken")) {
        self->token = arena_text(self->arena, text);
    } else if (text_eq(path, "ListBucketResult/Contents")) {
        self->overflow |= list->count == LIST_PAGE_MAX;
        if (!self->overflow && self->object.key != NULL)
            list->items[list->count++] = self->object;
        self->object = (struct listed_object){0};
    }
}

static void uploads_element(struct page *self, const char *path, const char *text)
{
    struct upload_list *list = self->uploads;
    if (text_eq(path, "ListMultipartUploadsResult/Upload/Key")) {
        self->upload.key = page_text(self, text);
    } else if (text_eq(path, "ListMultipartUploadsResult/Upload/UploadId")) {
        self->upload.upload_id = arena_text(self->arena, text);
    } else if (text_eq(path, "ListMultipartUploadsResult/Upload/Initiated")) {
        self->upload.started_us = s3_time_us(text);
    } else if (text_eq(path, "ListMultipartUploadsResult/NextKeyMarker")) {
        self->key_marker = page_text(self, text);
    } else if (text_eq(path, "ListMultipartUploadsResult/NextUploadIdMarker")) {
        self->id_marker = arena_text(self->arena, text);
    } else if (text_eq(path, "ListMultipartUploadsResult/Upload")) {
        self->overflow |= list->count == LIST_PAGE_MAX;
        if (!self->overflow && self->upload.key != NULL && self->upload.upload_id != NULL)
            list->items[list->count++] = self->upload;
        self->upload = (struct listed_upload){0};
    }
}

static void page_element(void *context, const char *path, const char *text)
{
    struct page *self = context;
    const char *local = strchr(path, '/');
    if (local != NULL && text_eq(local, "/IsTruncated"))
        self->truncated = text_eq(text, "true");
    else if (self->objects != NULL)
        objects_element(self, path, text);
    else
        uploads_element(self, path, text);
}

/* Whether keys are encoded has to be known before the first is read, and may stand behind them. */
static void note_encoding(void *context, const char *path, const char *text)
{
    struct page *self = context;
    const char *local = strchr(path, '/');
    self->encoded |= local != NULL && text_eq(local, "/EncodingType") && text_eq(text, "url");
}

static RC page_read(const struct s3 *self, struct page *page, const struct http_answer *answer, struct error *err)
{
    const struct xml_reader first = {note_encoding, page}, second = {page_element, page};
    struct str xml = buf_str(&answer->body);
    if (xml_read(xml, &first) && xml_read(xml, &second) && !page->overflow)
        return RC_OK;
    return fail(err, RC_UNAVAILABLE, "listing store '%s' (%s): the answer is not a whole list", self->name,
                self->address);
}

/* ---- asking ---- */

RC s3_list(struct store *base, const char *prefix, const char *after, struct arena *arena, struct object_list *ret,
           struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    struct object_list list = {.items = arena_take(arena, LIST_PAGE_MAX * sizeof(*list.items))};
    struct page page = {.arena = arena, .objects = &list};
    AUTO_RELEASE(http_answer) answer = {0};
    struct s3_call call = {
        .method = "GET", .doing = "listing", .answer_bytes_max = S3_DOCUMENT_BYTES_MAX, .error_in_200 = true};
    bool own = after != NULL && after[0] == OWN_WORDS;
    s3_query(&call, "list-type", "2");
    s3_query(&call, "encoding-type", "url");
    s3_query(&call, "max-keys", "1000");
    s3_query(&call, "prefix", prefix[0] != '\0' ? prefix : NULL);
    s3_query(&call, "continuation-token", own ? after + 1 : NULL);
    s3_query(&call, "start-after", !own && after != NULL && after[0] != '\0' ? after : NULL);
    s3_owner(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    TRY(page_read(self, &page, &answer, err));
    if (page.truncated && page.token != NULL)
        list.next = arena_print(arena, "%c%s", OWN_WORDS, page.token);
    else if (page.truncated && list.count > 0)
        list.next = list.items[list.count - 1].key;
    *ret = list;
    return RC_OK;
}

/* `next` is "\x01<key marker>\n<upload id marker>": an id has no newline, a key may. */
RC s3_upload_list(struct store *base, const char *prefix, const char *after, struct arena *arena,
                  struct upload_list *ret, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    struct upload_list list = {.items = arena_take(arena, LIST_PAGE_MAX * sizeof(*list.items))};
    struct page page = {.arena = arena, .uploads = &list};
    AUTO_RELEASE(http_answer) answer = {0};
    struct s3_call call = {.method = "GET",
                           .doing = "listing the uploads of",
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX,
                           .error_in_200 = true};
    const char *split = after != NULL ? strrchr(after, '\n') : NULL;
    s3_query(&call, "uploads", "");
    s3_query(&call, "encoding-type", "url");
    s3_query(&call, "max-uploads", "1000");
    s3_query(&call, "prefix", prefix[0] != '\0' ? prefix : NULL);
    if (split != NULL) {
        s3_query(&call, "key-marker", arena_str(arena, (struct str){after + 1, (size_t)(split - after) - 1}));
        s3_query(&call, "upload-id-marker", split[1] != '\0' ? split + 1 : NULL);
    }
    s3_owner(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    TRY(page_read(self, &page, &answer, err));
    if (page.truncated && page.key_marker != NULL)
        list.next = arena_print(arena, "%c%s\n%s", OWN_WORDS, page.key_marker, or_empty(page.id_marker));
    *ret = list;
    return RC_OK;
}
