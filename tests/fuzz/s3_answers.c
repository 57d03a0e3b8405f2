/* What an S3 server answers: headers, dates, lists, errors, what it says of a completed upload and of deleted objects.
 * The input is answers, one behind the other: two bytes (what is asked, status), header lines up to an empty one, and
 * the body up to a line "--".
 *
 * Parser: src/io/xml.c src/store/s3/s3_list.c src/io/http.c
 * Parser: src/store/s3/s3_fault.c:copy_to,error_element,s3_fault_read,note_root,s3_fault_in_200,meaning_of
 * Parser: src/store/s3/s3_object.c:s3_etag_copy,from_rfc1123,s3_time_us,checksum_read,s3_info_read
 * Parser: src/store/s3/s3_upload.c:completed_element,is_upload,composite_etag
 * Parser: src/store/s3/s3_delete.c:deleted_element,note_failure
 * Bytes: 4096 */
#include <ctype.h>

#include "fuzz.h"
#include "store/s3/s3_intern.h"
#include "world/world_clock.h"

enum { ANSWERS_MAX = 12 };

struct scripted {
    struct http base;
    struct fuzz in;
    int asked;
};

/* Nothing that a server said may get into a request as more than a text. */
static void check_request(const struct http_request *request)
{
    const char *host = strstr(request->url, "://");
    assert(host != NULL);
    host += 3;
    for (const char *at = host; *at != '/' && *at != '\0'; at++)
        assert(isalnum((unsigned char)*at) || strchr(".-:_", *at) != NULL);
    for (const char *at = request->url; *at != '\0'; at++)
        assert((unsigned char)*at > 0x20 && (unsigned char)*at < 0x7F);
    for (int i = 0; i < request->header_count; i++)
        assert(strpbrk(request->headers[i].value, "\r\n") == NULL);
}

static void take_headers(struct fuzz *in, struct http_answer *ret)
{
    while (in->left > 0) {
        struct str line = fuzz_until(in, '\n');
        if (line.len == 0)
            return;
        if (memchr(line.at, '\0', line.len) == NULL) /* libcurl lets none through */
            http_header_add(ret, line);
    }
}

static struct str take_body(struct fuzz *in)
{
    const char *end = in->left > 0 ? memmem(in->at, in->left, "\n--\n", 4) : NULL;
    if (end == NULL)
        return fuzz_rest(in);
    struct str body = fuzz_take(in, (size_t)(end - (const char *)in->at));
    fuzz_take(in, 4);
    return body;
}

static RC scripted_send(struct http *base, const struct http_request *request, struct http_answer *ret,
                        struct error *err)
{
    static const int statuses[] = {200, 200, 204, 301, 307, 400, 403, 404, 409, 412, 500, 503};
    struct scripted *self = (struct scripted *)base;
    check_request(request);
    buf_reset(&ret->body);
    buf_reset(&ret->headers);
    ret->received = 0;
    ret->content_length = -1;
    ret->sent = true;
    if (self->in.left == 0 || self->asked++ == ANSWERS_MAX)
        return fail(err, RC_INTERRUPTED, "the input is used up");
    ret->status = statuses[fuzz_choice(&self->in, sizeof(statuses) / sizeof(*statuses))];
    take_headers(&self->in, ret);
    struct str body = take_body(&self->in);
    int64_t length;
    const char *text = http_header(ret, "content-length");
    ret->content_length = text != NULL && str_to_int64(str(text), &length) && length >= 0 ? length : -1;
    bool well = ret->status < 300;
    if (well && body.len > request->answer_bytes_max)
        return fail(err, RC_DATA, "the answer is larger than expected");
    ret->received = body.len;
    if (well && request->into != NULL && body.len > 0)
        memcpy(request->into, body.at, body.len);
    else
        buf_add_str(&ret->body, body);
    return RC_OK;
}

static void scripted_free(struct http *base) {}

static const struct http_ops scripted_ops = {.send = scripted_send, .free = scripted_free};

static void check_text(const char *text, size_t size) { assert(memchr(text, '\0', size) != NULL); }

static void check_info(const struct object_info *info)
{
    check_text(info->etag, sizeof(info->etag));
    check_text(info->checksum, sizeof(info->checksum));
}

static RC list_all(struct store *store, struct arena *arena, struct error *err)
{
    const char *after = NULL;
    do {
        struct object_list list = {0};
        TRY(store_list(store, "a/", after, arena, &list, err));
        assert(list.count <= LIST_PAGE_MAX);
        for (int i = 0; i < list.count; i++)
            assert(list.items[i].key != NULL);
        after = list.next;
    } while (after != NULL);
    return RC_OK;
}

static RC upload_list_all(struct store *store, struct arena *arena, struct error *err)
{
    const char *after = NULL;
    do {
        struct upload_list list = {0};
        TRY(store_upload_list(store, "a/", after, arena, &list, err));
        assert(list.count <= LIST_PAGE_MAX);
        for (int i = 0; i < list.count; i++)
            assert(list.items[i].key != NULL && list.items[i].upload_id != NULL);
        after = list.next;
    } while (after != NULL);
    return RC_OK;
}

static RC upload(struct store *store, struct error *err)
{
    AUTO_RELEASE(upload) upload = {.key = "a/b"};
    struct object_info info;
    TRY(store_upload_begin(store, "a/b", &upload, err));
    check_text(upload.id, sizeof(upload.id));
    TRY(store_upload_part(store, &upload, S("first"), err));
    TRY(store_upload_complete(store, &upload, IF_NONE_MATCH, &info, err));
    check_info(&info);
    return store_upload_abort(store, "a/b", upload.id, err);
}

static RC look(struct store *store, struct error *err)
{
    AUTO_RELEASE(buf) body = {0};
    struct object_info info;
    char some[16];
    TRY(store_head(store, "a/b", &info, err));
    check_info(&info);
    TRY(store_get(store, "a/b", 4096, &body, &info, err));
    check_info(&info);
    TRY(store_get_range(store, "a/b", 3, some, sizeof(some), err));
    TRY(store_put(store, "a/b", S("x"), IF_MATCH(info.etag), &info, err));
    check_info(&info);
    return RC_OK;
}

static RC delete_some(struct store *store, struct error *err)
{
    struct deleted_object items[] = {{.key = "a/b"}, {.key = "a/c d"}, {.key = "a/e"}};
    TRY(store_delete(store, items, 3, err));
    for (int i = 0; i < 3; i++)
        assert(items[i].rc == RC_OK || items[i].text[0] != '\0');
    return RC_OK;
}

static RC ask(int what, struct store *store, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    switch (what) {
    case 0: return list_all(store, &arena, err);
    case 1: return upload_list_all(store, &arena, err);
    case 2: return upload(store, err);
    case 3: return look(store, err);
    default: return delete_some(store, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct scripted http = {.base.ops = &scripted_ops, .in = {bytes, size}};
    struct world_clock clock;
    struct world_random random;
    struct error err = {0};
    struct store *store = NULL;
    world_clock_init(&clock, INT64_C(1795000000000000), 1);
    world_random_init(&random, 1);
    uint8_t how = fuzz_byte(&http.in);
    struct s3_options options = {.bucket = "lake",
                                 .region = "eu-west-1",
                                 .endpoint = (how & 0x80) != 0 ? NULL : "http://standin",
                                 .access_key_id = "AKID",
                                 .checksum = (how & 0x40) != 0 ? S3_MD5 : S3_CRC64NVME,
                                 .etag_quotes = true,
                                 .look_before_complete = (how & 0x20) != 0,
                                 .tls_verify = true,
                                 .attempts = 3};
    secret_set(&options.secret_access_key, S("hush"));
    const struct opening with = {.clock = &clock.clock, .random = &random.random};
    enum rc rc = s3_store_open("lake", &options, &with, &http.base, &store, &err);
    assert(rc == RC_OK);
    rc = ask((how & 0x1F) % 5, store, &err);
    fuzz_check(rc, &err);
    store_free(store);
    secret_release(&options.secret_access_key);
    return 0;
}
