/* Deleting: by the thousand in one request, and alone what XML cannot say. */
#include <stdlib.h>

#include "store/s3/s3_intern.h"

static void note_failure(struct deleted_object *item, const struct error *why)
{
    item->rc = why->rc;
    snprintf(item->text, sizeof(item->text), "%.*s", (int)sizeof(item->text) - 1, why->text);
}

/* ---- one ---- */

static RC delete_one(struct s3 *self, const char *key, struct error *err)
{
    AUTO_RELEASE(http_answer) answer = {0};
    TRY(store_check_key(key, err));
    struct s3_call call = {
        .method = "DELETE", .doing = "deleting", .key = key, .answer_bytes_max = S3_DOCUMENT_BYTES_MAX};
    s3_owner(self, &call);
    enum rc rc = s3_send(self, &call, &answer, NULL, err);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* ---- many ---- */

struct deleting {
    const struct s3 *self;
    const struct s3_call *call;
    struct deleted_object *items;
    int count;
    struct s3_fault fault;
    char key[KEY_BYTES_MAX + 1];
};

static void item_failed(struct deleting *self)
{
    struct s3_call call = *self->call;
    struct error why = {0};
    call.key = self->key;
    s3_fail(self->self, &call, &self->fault, &why);
    for (int i = 0; i < self->count; i++) {
        if (text_eq(self->items[i].key, self->key) && why.rc != RC_NOT_FOUND)
            note_failure(&self->items[i], &why);
    }
    self->fault = (struct s3_fault){.status = 200};
}

static void deleted_element(void *context, const char *path, const char *text)
{
    struct deleting *self = context;
    if (text_eq(path, "DeleteResult/Error/Key"))
        snprintf(self->key, sizeof(self->key), "%s", text);
    else if (text_eq(path, "DeleteResult/Error/Code"))
        snprintf(self->fault.code, sizeof(self->fault.code), "%s", text);
    else if (text_eq(path, "DeleteResult/Error/Message"))
        snprintf(self->fault.message, sizeof(self->fault.message), "%s", text);
    else if (text_eq(path, "DeleteResult/Error"))
        item_failed(self);
}

static void print_keys(const struct deleted_object *items, int count, struct buf *out)
{
    buf_addf(out, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int i = 0; i < count; i++) {
        buf_addf(out, "<Object>");
        s3_xml_add(out, "Key", items[i].key);
        buf_addf(out, "</Object>");
    }
    buf_addf(out, "<Quiet>true</Quiet></Delete>");
}

static RC delete_many(struct s3 *self, struct deleted_object *items, int count, struct error *err)
{
    unsigned char md5[16];
    char hex[S3_MD5_HEX], base64[S3_MD5_BASE64];
    AUTO_RELEASE(http_answer) answer = {0};
    AUTO_RELEASE(buf) body = {0};
    print_keys(items, count, &body);
    s3_md5(buf_str(&body), md5);
    s3_md5_print(md5, hex, base64);
    struct s3_call call = {.method = "POST",
                           .doing = "deleting objects of",
                           .body = buf_str(&body),
                           .body_is_summed = true,
                           .answer_bytes_max = S3_DOCUMENT_BYTES_MAX,
                           .error_in_200 = true};
    s3_query(&call, "delete", "");
    s3_header(&call, "content-md5", base64);
    s3_header(&call, "content-type", "application/xml");
    s3_owner(self, &call);
    TRY(s3_send(self, &call, &answer, NULL, err));
    struct s3_call naming = {.doing = "deleting"};
    struct deleting deleting = {.self = self, .call = &naming, .items = items, .count = count, .fault.status = 200};
    const struct xml_reader reader = {deleted_element, &deleting};
    for (int i = 0; i < count; i++)
        items[i].rc = RC_OK;
    xml_read(buf_str(&answer.body), &reader); /* whole: s3_send has looked */
    return RC_OK;
}

/* Not what XML 1.0 has no way to write, and not what is no key. */
static bool can_be_written(const char *key)
{
    struct error ignored;
    if (store_check_key(key, &ignored) != RC_OK)
        return false;
    for (const char *at = key; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 && *at != '\t' && *at != '\n' && *at != '\r')
            return false;
    }
    return strstr(key, "\xef\xbf\xbe") == NULL && strstr(key, "\xef\xbf\xbf") == NULL;
}

RC s3_delete(struct store *base, struct deleted_object *items, int count, struct error *err)
{
    struct s3 *self = (struct s3 *)base;
    for (int done = 0; done < count;) {
        int many = 0;
        while (done + many < count && many < LIST_PAGE_MAX && can_be_written(items[done + many].key))
            many++;
        if (many > 1) {
            TRY(delete_many(self, items + done, many, err));
            done += many;
            continue;
        }
        enum rc rc = delete_one(self, items[done].key, err);
        if (rc != RC_OK && (rc_is_transient(rc) || rc == RC_INTERRUPTED || rc == RC_TERMINATED))
            return rc;
        items[done].rc = rc;
        if (rc != RC_OK)
            note_failure(&items[done], err);
        done++;
    }
    return RC_OK;
}
