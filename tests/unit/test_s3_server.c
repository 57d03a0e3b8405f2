/* The S3 server of the tests is as strict as S3: what it lets through proves something. */
#include "io/sigv4.h"
#include "standin/s3/transport.h"
#include "test.h"

#define NOW "2026-11-21T12:00:00Z"

static int64_t now_us;
static int64_t clock_now_us(struct clock *self) { return now_us; }
static struct clock test_clock = {.now_us = clock_now_us};

struct story {
    struct mem_objects *objects;
    struct s3_server *server;
    struct sigv4_keys *keys;
    struct aws_credentials who;
    const char *region;
    struct s3_answer answer;
    struct arena arena;
};

static int begin(void **state)
{
    struct story *s = xcalloc(1, sizeof(*s));
    assert_true(stamp_parse(NOW, &now_us));
    s->objects = mem_objects_new(&test_clock);
    s->server = s3_server_new(s->objects, &(struct s3_server_options){.bucket = "lake",
                                                                      .region = "eu-west-1",
                                                                      .access_key = "AKID",
                                                                      .secret_key = "secret",
                                                                      .session_token = "token",
                                                                      .clock = &test_clock});
    s->keys = sigv4_keys_new();
    s->region = "eu-west-1";
    snprintf(s->who.access_key, sizeof(s->who.access_key), "AKID");
    secret_set(&s->who.secret_key, S("secret"));
    secret_set(&s->who.session_token, S("token"));
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct story *s = *state;
    s3_answer_release(&s->answer);
    aws_credentials_release(&s->who);
    sigv4_keys_free(s->keys);
    s3_server_free(s->server);
    mem_objects_free(s->objects);
    arena_release(&s->arena);
    free(s);
    return 0;
}

struct asking {
    const char *method, *path, *body;
    struct http_pair query[4], headers[6];
    int64_t signed_us;                          /* 0: now */
    const char *payload, *sent_body;            /* NULL: of the body; the body */
    const char *unsigned_name, *unsigned_value; /* a header that is not signed */
};

static int count_of(const struct http_pair *pairs, int most)
{
    int count = 0;
    while (count < most && pairs[count].name != NULL)
        count++;
    return count;
}

/* Signs and asks; "200" or "403 SignatureDoesNotMatch". */
static const char *ask(struct story *s, struct asking a)
{
    AUTO_RELEASE(sigv4_signed) with = {0};
    struct http_pair headers[16];
    char payload[SHA256_HEX];
    int count = 0;
    sha256_hex(str(or_empty(a.body)), payload);
    const struct sigv4_scope scope = SIGV4_S3(s->region);
    const struct sigv4_request request = {.method = a.method,
                                          .host = "h",
                                          .path = a.path,
                                          .query = a.query,
                                          .query_count = count_of(a.query, 4),
                                          .headers = a.headers,
                                          .header_count = count_of(a.headers, 6),
                                          .payload = a.payload != NULL ? a.payload : payload};
    sigv4_sign(s->keys, &scope, &request, &s->who, a.signed_us != 0 ? a.signed_us : now_us, &with);
    for (int i = 0; i < with.header_count; i++)
        headers[count++] = with.headers[i];
    for (int i = 0; i < request.header_count; i++)
        headers[count++] = a.headers[i];
    if (a.unsigned_name != NULL)
        headers[count++] = (struct http_pair){a.unsigned_name, a.unsigned_value};
    const char *body = a.sent_body != NULL ? a.sent_body : or_empty(a.body);
    s3_server_answer(s->server, &(struct s3_request){a.method, with.target.at, headers, count, str(body)}, &s->answer);
    const char *from = s->answer.body.len > 0 ? strstr(s->answer.body.at, "<Code>") : NULL;
    if (from == NULL)
        return arena_print(&s->arena, "%d", s->answer.status);
    return arena_print(&s->arena, "%d %.*s", s->answer.status, (int)strcspn(from + 6, "<"), from + 6);
}

#define ASK(...) ask(s, (struct asking){__VA_ARGS__})
#define PUT(...) ASK("PUT", "/lake/a b", "text", __VA_ARGS__)

static void a_signed_request_is_let_in_and_every_other_is_not(void **state)
{
    struct story *s = *state;
    assert_string_equal(PUT(.payload = NULL), "200");
    assert_string_equal(PUT(.payload = SIGV4_UNSIGNED_PAYLOAD), "200");
    assert_string_equal(PUT(.sent_body = "other"), "400 XAmzContentSHA256Mismatch");
    assert_string_equal(PUT(.unsigned_name = "x-amz-storage-class", .unsigned_value = "GLACIER"), "403 AccessDenied");
    assert_string_equal(PUT(.signed_us = now_us - INT64_C(16) * 60 * 1000000), "403 RequestTimeTooSkewed");
    assert_non_null(strstr(s->answer.body.at, "<ServerTime>" NOW "</ServerTime>"));
    assert_string_equal(PUT(.signed_us = now_us + INT64_C(14) * 60 * 1000000), "200");
    secret_set(&s->who.secret_key, S("wrong"));
    assert_string_equal(PUT(.payload = NULL), "403 SignatureDoesNotMatch");
    secret_set(&s->who.session_token, S("old"));
    assert_string_equal(PUT(.payload = NULL), "400 InvalidToken");
    s3_server_set(s->server, (struct s3_manners){.expired_token = "old"});
    assert_string_equal(PUT(.payload = NULL), "400 ExpiredToken");
    snprintf(s->who.access_key, sizeof(s->who.access_key), "OTHER");
    assert_string_equal(PUT(.payload = NULL), "403 InvalidAccessKeyId");
    s->region = "us-east-1";
    assert_string_equal(PUT(.payload = NULL), "400 AuthorizationHeaderMalformed");
    assert_non_null(strstr(s->answer.body.at, "<Region>eu-west-1</Region>"));
    assert_int_equal(mem_objects_count(s->objects), 1);
}

static void checksums_and_conditions_are_looked_at(void **state)
{
    struct story *s = *state;
    assert_string_equal(PUT(.headers = {{"x-amz-checksum-crc64nvme", "AAAAAAAAAAA="}}), "400 BadDigest");
    assert_string_equal(PUT(.headers = {{"x-amz-checksum-crc32c", "AAAAAA=="}}), "400 BadDigest");
    assert_string_equal(PUT(.headers = {{"content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="}}), "400 BadDigest");
    assert_string_equal(PUT(.headers = {{"if-match", "\"1cb251ec0d568de6a929b520c4aed8d1\""}}), "404 NoSuchKey");
    assert_int_equal(mem_objects_count(s->objects), 0);
    assert_string_equal(PUT(.headers = {{"content-md5", "HLJR7A1WjeapKbUgxK7Y0Q=="}, {"if-none-match", "*"}}), "200");
    assert_non_null(strstr(s->answer.headers.at, "ETag: \"1cb251ec0d568de6a929b520c4aed8d1\"\r\n"));
    assert_string_equal(PUT(.headers = {{"if-none-match", "*"}}), "412 PreconditionFailed");
    assert_string_equal(PUT(.headers = {{"if-match", "\"0\""}}), "412 PreconditionFailed");
    assert_string_equal(PUT(.headers = {{"if-match", "\"1cb251ec0d568de6a929b520c4aed8d1\""}}), "200");
    s3_server_set(s->server, (struct s3_manners){.ignores_conditions = true});
    assert_string_equal(PUT(.headers = {{"if-none-match", "*"}}), "200");
}

static void objects_are_read_whole_and_in_ranges(void **state)
{
    struct story *s = *state;
    assert_string_equal(ASK("PUT", "/lake/x", "123456789"), "200");
    assert_non_null(strstr(s->answer.headers.at, "x-amz-checksum-crc64nvme: rosUhgp5mIg=\r\n"));
    assert_string_equal(ASK("GET", "/lake/x", .headers = {{"range", "bytes=2-4"}}), "206");
    assert_string_equal(s->answer.body.at, "345");
    assert_non_null(strstr(s->answer.headers.at, "Content-Range: bytes 2-4/9\r\n"));
    assert_string_equal(ASK("GET", "/lake/x", .headers = {{"range", "bytes=9-12"}}), "416 InvalidRange");
    assert_string_equal(ASK("HEAD", "/lake/x", .headers = {{"x-amz-checksum-mode", "ENABLED"}}), "200");
    assert_non_null(strstr(s->answer.headers.at, "x-amz-checksum-crc64nvme: rosUhgp5mIg=\r\n"));
    assert_non_null(strstr(s->answer.headers.at, "Content-Length: 9\r\n"));
    assert_int_equal(s->answer.body.len, 0);
    assert_string_equal(ASK("GET", "/lake/x"), "200");
    assert_null(strstr(s->answer.headers.at, "x-amz-checksum"));
    assert_string_equal(ASK("HEAD", "/lake/y"), "404");
    assert_string_equal(ASK("GET", "/sea/x"), "404 NoSuchBucket");
}

static void uploads_are_checked_part_by_part_at_the_end(void **state)
{
    struct story *s = *state;
    struct http_pair one[] = {{"uploadId", "upload-1"}, {"partNumber", "1"}};
    assert_string_equal(ASK("POST", "/lake/u", .query = {{"uploads", ""}}), "200");
    assert_non_null(strstr(s->answer.body.at, "<UploadId>upload-1</UploadId>"));
    assert_string_equal(ASK("PUT", "/lake/u", "aaa", .query = {one[0], one[1]}), "200");
    assert_string_equal(ASK("PUT", "/lake/u", "bb", .query = {one[0], {"partNumber", "2"}}), "200");
#define A                    "<Part><PartNumber>1</PartNumber><ETag>\"47bce5c74f589f4867dbd57e9ca9f808\"</ETag></Part>"
#define B                    "<Part><PartNumber>2</PartNumber><ETag>&quot;21ad0bd836b90d08f4cf640b4c298e7c&quot;</ETag></Part>"
#define COMPLETE(body_, ...) ASK("POST", "/lake/u", "<X>" body_ "</X>", .query = {one[0]}, __VA_ARGS__)
    assert_string_equal(COMPLETE(B A, .payload = NULL), "400 InvalidPartOrder");
    assert_string_equal(COMPLETE("<Part><PartNumber>1</PartNumber><ETag>0</ETag></Part>", .payload = NULL),
                        "400 InvalidPart");
    assert_string_equal(COMPLETE("", .payload = NULL), "400 MalformedXML");
    s3_server_set(s->server, (struct s3_manners){.part_bytes_min = 4});
    assert_string_equal(COMPLETE(A B, .payload = NULL), "400 EntityTooSmall");
    s3_server_set(s->server, (struct s3_manners){0});
    assert_string_equal(COMPLETE(A B, .headers = {{"x-amz-checksum-crc64nvme", "AAAAAAAAAAA="}}), "400 BadDigest");
    assert_string_equal(COMPLETE(A B, .headers = {{"x-amz-mp-object-size", "4"}}), "400 InvalidRequest");
    assert_string_equal(COMPLETE(A B, .headers = {{"x-amz-mp-object-size", "5"}, {"if-none-match", "*"}}), "200");
    assert_non_null(strstr(s->answer.body.at, "-2&quot;</ETag><ChecksumCRC64NVME>"));
    assert_string_equal(COMPLETE(A B, .payload = NULL), "404 NoSuchUpload");
    assert_string_equal(ASK("GET", "/lake/u"), "200");
    assert_string_equal(s->answer.body.at, "aaabb");
}

static void the_script_says_what_goes_wrong_and_when(void **state)
{
    struct story *s = *state;
    s3_server_script(s->server, &(struct s3_script){.on = S3_PUT,
                                                    .at = 2,
                                                    .times = 2,
                                                    .misdeed = S3_REFUSES,
                                                    .status = 503,
                                                    .code = "SlowDown",
                                                    .header = "Retry-After: 1"});
    s3_server_script(s->server, &(struct s3_script){.on = S3_GET, .misdeed = S3_CUTS_ANSWER});
    s3_server_script(
        s->server,
        &(struct s3_script){.on = S3_HEAD, .misdeed = S3_DOES_AND_SAYS, .status = 500, .code = "InternalError"});
    assert_string_equal(PUT(.payload = NULL), "200");
    assert_string_equal(PUT(.payload = NULL), "503 SlowDown");
    assert_non_null(strstr(s->answer.headers.at, "Retry-After: 1\r\n"));
    assert_string_equal(PUT(.payload = NULL), "503 SlowDown");
    assert_string_equal(PUT(.payload = NULL), "200");
    assert_string_equal(ASK("GET", "/lake/a b"), "200");
    assert_int_equal(s->answer.ending, S3_CUT);
    assert_int_equal(s->answer.cut_at, 2);
    assert_string_equal(ASK("GET", "/lake/a b"), "200");
    assert_int_equal(s->answer.ending, S3_WHOLE);
    assert_string_equal(ASK("HEAD", "/lake/a b"), "500");
    assert_int_equal(s3_server_count(s->server, S3_PUT), 4);
    assert_int_equal(s3_server_count(s->server, S3_ANY), 7);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        STORY(a_signed_request_is_let_in_and_every_other_is_not),
        STORY(checksums_and_conditions_are_looked_at),
        STORY(objects_are_read_whole_and_in_ranges),
        STORY(uploads_are_checked_part_by_part_at_the_end),
        STORY(the_script_says_what_goes_wrong_and_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
