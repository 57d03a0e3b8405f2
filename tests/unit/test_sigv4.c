/* Signatures as AWS published them: its general vectors (sigv4_vectors.txt) and the four of the S3 documentation. */
#include "io/sigv4.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/hash.h"
#include "test.h"

enum { VECTORS = 38, LINES_MAX = 32, LINE_BYTES_MAX = 4096 };

static struct sigv4_keys *keys;

static int begin(void **state)
{
    keys = sigv4_keys_new();
    return 0;
}

static int end(void **state)
{
    sigv4_keys_free(keys);
    return 0;
}

static struct aws_credentials credentials_of(const char *access_key, const char *secret, const char *token)
{
    struct aws_credentials who = {0};
    snprintf(who.access_key, sizeof(who.access_key), "%s", access_key);
    secret_set(&who.secret_key, str(secret));
    if (token != NULL)
        secret_set(&who.session_token, str(token));
    return who;
}

static int64_t time_of(const char *text)
{
    int64_t us = 0;
    assert_true(stamp_parse(text, &us));
    return us;
}

static const char *header_of(const struct sigv4_signed *from, const char *name)
{
    for (int i = 0; i < from->header_count; i++) {
        if (strcmp(from->headers[i].name, name) == 0)
            return from->headers[i].value;
    }
    return NULL;
}

static const char *behind_last(const char *text, const char *mark)
{
    const char *found = NULL;
    for (const char *at = text; at != NULL && (at = strstr(at, mark)) != NULL; at++)
        found = at + strlen(mark);
    return found;
}

static const char *signature_of(const struct sigv4_signed *from)
{
    return behind_last(header_of(from, "authorization"), "Signature=");
}

/* ---- the general vectors ---- */

struct vector {
    char name[80];
    bool as_it_is, payload_hash_sent;
    char *token, *lines[LINES_MAX], *signature;
    int line_count;
};

static bool taken(const char *line, const char *word, char **ret)
{
    size_t len = strlen(word);
    if (strncmp(line, word, len) != 0)
        return false;
    *ret = xstrdup(line + len);
    return true;
}

static bool vector_read(FILE *file, struct vector *ret)
{
    static char line[LINE_BYTES_MAX];
    *ret = (struct vector){0};
    while (fgets(line, sizeof(line), file) != NULL) {
        char *text = NULL;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' && ret->name[0] != '\0')
            break;
        if (line[0] == '#' || line[0] == '\0')
            continue;
        if (taken(line, "vector ", &text)) {
            snprintf(ret->name, sizeof(ret->name), "%s", text);
            free(text);
        } else if (line[0] == '>') {
            assert_in_range(ret->line_count, 0, LINES_MAX - 1);
            ret->lines[ret->line_count++] = xstrdup(line + 1);
        } else if (strcmp(line, "as-it-is") == 0) {
            ret->as_it_is = true;
        } else if (strcmp(line, "payload-hash-sent") == 0) {
            ret->payload_hash_sent = true;
        } else {
            assert_true(taken(line, "token ", &ret->token) || taken(line, "signature ", &ret->signature));
        }
    }
    return ret->name[0] != '\0';
}

static void vector_release(struct vector *self)
{
    for (int i = 0; i < self->line_count; i++)
        free(self->lines[i]);
    free(self->token);
    free(self->signature);
}

static void decode(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0';) {
        bool encoded = at[0] == '%';
        *to++ = encoded ? (char)strtol((char[]){at[1], at[2], '\0'}, NULL, 16) : at[0];
        at += encoded ? 3 : 1;
    }
    *to = '\0';
}

struct plain_request {
    struct sigv4_request request;
    struct http_pair query[8], headers[8];
    char host[64], payload[SHA256_HEX];
};

static void take_query(struct plain_request *self, char *query)
{
    for (char *at = query; at != NULL && *at != '\0';) {
        char *name = at, *value = strchr(at, '=');
        at = strchr(at, '&');
        if (at != NULL)
            *at++ = '\0';
        *value++ = '\0';
        decode(name);
        decode(value);
        self->query[self->request.query_count++] = (struct http_pair){name, value};
    }
}

static void take_header(struct plain_request *self, char *line)
{
    char *value = strchr(line, ':');
    *value++ = '\0';
    if (strcmp(line, "Host") == 0)
        self->request.host = value;
    else
        self->headers[self->request.header_count++] = (struct http_pair){line, value};
}

/* Takes the vector's lines apart, in place. */
static void take_request(struct vector *vector, struct plain_request *self)
{
    char *path = strchr(vector->lines[0], ' '), *version = NULL;
    *self =
        (struct plain_request){.request = {.method = vector->lines[0], .query = self->query, .headers = self->headers}};
    *path++ = '\0';
    version = strstr(path, " HTTP/1.1");
    assert_non_null(version);
    *version = '\0';
    self->request.path = path;
    if (strchr(path, '?') != NULL) {
        *strchr(path, '?') = '\0';
        take_query(self, path + strlen(path) + 1);
    }
    int i = 1;
    for (; i < vector->line_count && vector->lines[i][0] != '\0'; i++) {
        static char folded[LINE_BYTES_MAX];
        snprintf(folded, sizeof(folded), "%s", vector->lines[i]);
        int first = i;
        for (; i + 1 < vector->line_count && vector->lines[i + 1][0] == ' '; i++)
            snprintf(folded + strlen(folded), sizeof(folded) - strlen(folded), "\n%s", vector->lines[i + 1]);
        free(vector->lines[first]);
        vector->lines[first] = xstrdup(folded);
        take_header(self, vector->lines[first]);
    }
    struct str body = i + 1 < vector->line_count ? str(vector->lines[i + 1]) : S("");
    sha256_hex(body, self->payload);
    self->request.payload = self->payload;
}

static void check_vector(struct vector *vector)
{
    AUTO_RELEASE(aws_credentials) who =
        credentials_of("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", vector->token);
    AUTO_RELEASE(sigv4_signed) got = {0};
    struct plain_request plain;
    struct sigv4_scope scope = SIGV4_SERVICE("us-east-1", "service");
    int64_t now_us = time_of("2015-08-30T12:36:00Z");
    scope.path_encoded_twice = false;
    scope.path_normalized = !vector->as_it_is;
    scope.sends_payload_hash = vector->payload_hash_sent;
    take_request(vector, &plain);
    sigv4_sign(keys, &scope, &plain.request, &who, now_us, &got);
    if (strcmp(signature_of(&got), vector->signature) != 0)
        fail_msg("%s", vector->name);
}

static const char *vectors_path;

static void every_vector_of_the_published_suite_is_signed_as_published(void **state)
{
    FILE *file = fopen(vectors_path, "re");
    struct vector vector;
    int count = 0;
    assert_non_null(file);
    for (; vector_read(file, &vector); count++) {
        check_vector(&vector);
        vector_release(&vector);
    }
    fclose(file);
    assert_int_equal(count, VECTORS);
}

/* ---- S3's own ---- */

static const char *s3_signature(const char *method, const char *path, const char *query_name, const char *payload_text,
                                const struct http_pair *headers, int header_count, struct sigv4_signed *got)
{
    AUTO_RELEASE(aws_credentials) who =
        credentials_of("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL);
    static const struct http_pair listing[] = {{"prefix", "J"}, {"max-keys", "2"}}, lifecycle[] = {{"lifecycle", ""}};
    char payload[SHA256_HEX];
    struct sigv4_request request = {.method = method,
                                    .path = path,
                                    .host = "examplebucket.s3.amazonaws.com",
                                    .headers = headers,
                                    .header_count = header_count,
                                    .payload = payload};
    struct sigv4_scope scope = SIGV4_S3("us-east-1");
    sha256_hex(str(payload_text), payload);
    if (strcmp(query_name, "listing") == 0) {
        request.query = listing;
        request.query_count = 2;
    } else if (strcmp(query_name, "lifecycle") == 0) {
        request.query = lifecycle;
        request.query_count = 1;
    }
    sigv4_sign(keys, &scope, &request, &who, time_of("2013-05-24T00:00:00Z"), got);
    return signature_of(got);
}

static void the_examples_of_the_s3_documentation_are_signed_as_printed(void **state)
{
    AUTO_RELEASE(sigv4_signed) got = {0};
    const struct http_pair range[] = {{"Range", "bytes=0-9"}};
    const struct http_pair put[] = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    assert_string_equal(s3_signature("GET", "/test.txt", "", "", range, 1, &got),
                        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    assert_string_equal(header_of(&got, "authorization"),
                        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    assert_string_equal(header_of(&got, "x-amz-date"), "20130524T000000Z");
    assert_string_equal(header_of(&got, "x-amz-content-sha256"), SIGV4_EMPTY_PAYLOAD);
    assert_string_equal(header_of(&got, "host"), "examplebucket.s3.amazonaws.com");
    assert_null(header_of(&got, "x-amz-security-token"));
    assert_string_equal(s3_signature("PUT", "/test$file.text", "", "Welcome to Amazon S3.", put, 2, &got),
                        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    assert_string_equal(got.target.at, "/test%24file.text");
    assert_string_equal(s3_signature("GET", "/", "listing", "", NULL, 0, &got),
                        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    assert_string_equal(got.target.at, "/?max-keys=2&prefix=J");
    assert_string_equal(s3_signature("GET", "/", "lifecycle", "", NULL, 0, &got),
                        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_string_equal(got.target.at, "/?lifecycle=");
}

/* ---- our own rules ---- */

static const char *target_of(const struct sigv4_scope *scope, const char *path, struct sigv4_signed *got)
{
    AUTO_RELEASE(aws_credentials) who = credentials_of("A", "secret", NULL);
    struct sigv4_request request = {.method = "GET", .path = path, .host = "h", .payload = SIGV4_EMPTY_PAYLOAD};
    sigv4_sign(keys, scope, &request, &who, time_of("2026-01-02T03:04:05Z"), got);
    return got->target.at;
}

static void s3_encodes_a_path_once_and_leaves_it_as_it_is(void **state)
{
    AUTO_RELEASE(sigv4_signed) got = {0};
    struct sigv4_scope s3 = SIGV4_S3("eu-west-1");
    assert_string_equal(target_of(&s3, "/a b+c/\xc3\xbc~(1)=%2F//x", &got), "/a%20b%2Bc/%C3%BC~%281%29%3D%252F//x");
    assert_string_equal(target_of(&s3, "/it's*!.txt", &got), "/it%27s%2A%21.txt");
    assert_string_equal(target_of(&s3, "/a/../\t", &got), "/a/../%09");
}

static void other_services_sign_the_sent_path_encoded_once_more(void **state)
{
    AUTO_RELEASE(sigv4_signed) twice = {0}, once = {0};
    struct sigv4_scope service = SIGV4_SERVICE("eu-west-1", "sqs"), by_hand = service;
    by_hand.path_encoded_twice = false;
    assert_string_equal(target_of(&service, "/x/.././a b", &twice), "/a%20b");
    assert_string_equal(target_of(&by_hand, "/a%20b", &once), "/a%2520b");
    assert_string_equal(signature_of(&twice), signature_of(&once));
}

static void headers_that_proxies_change_are_not_signed(void **state)
{
    AUTO_RELEASE(aws_credentials) who = credentials_of("A", "secret", "token");
    AUTO_RELEASE(sigv4_signed) got = {0};
    struct sigv4_scope s3 = SIGV4_S3("eu-west-1");
    const struct http_pair headers[] = {
        {"User-Agent", "waybill"}, {"Expect", "100-continue"}, {"Proxy-Authorization", "x"}, {"If-None-Match", "*"}};
    struct sigv4_request request = {.method = "PUT",
                                    .path = "/",
                                    .host = "h",
                                    .headers = headers,
                                    .header_count = 4,
                                    .payload = SIGV4_UNSIGNED_PAYLOAD};
    sigv4_sign(keys, &s3, &request, &who, 0, &got);
    assert_non_null(strstr(header_of(&got, "authorization"),
                           "SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token,"));
    assert_string_equal(header_of(&got, "x-amz-security-token"), "token");
    assert_string_equal(header_of(&got, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
}

/* A key that was remembered for one secret, day, region or service must not sign for another. */
static void a_remembered_key_signs_only_what_it_is_for(void **state)
{
    static const struct {
        const char *secret, *day, *region, *service;
    } cases[] = {
        {"one", "2026-01-02", "r", "s"}, {"two", "2026-01-02", "r", "s"}, {"two", "2026-01-03", "r", "s"},
        {"two", "2026-01-03", "q", "s"}, {"two", "2026-01-03", "q", "t"}, {"one", "2026-01-02", "r", "s"},
    };
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    char fresh[CASES][SHA256_HEX];
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < CASES; i++) {
            AUTO(sigv4_keys) *own = sigv4_keys_new();
            AUTO_RELEASE(aws_credentials) who = credentials_of("A", cases[i].secret, NULL);
            AUTO_RELEASE(sigv4_signed) got = {0};
            struct sigv4_scope scope = SIGV4_SERVICE(cases[i].region, cases[i].service);
            struct sigv4_request request = {.method = "GET", .path = "/", .host = "h", .payload = SIGV4_EMPTY_PAYLOAD};
            sigv4_sign(again ? keys : own, &scope, &request, &who, time_of(cases[i].day), &got);
            if (again)
                assert_string_equal(signature_of(&got), fresh[i]);
            else
                snprintf(fresh[i], sizeof(fresh[i]), "%s", signature_of(&got));
        }
    }
    assert_string_equal(fresh[0], fresh[CASES - 1]);
    for (int i = 1; i + 1 < CASES; i++)
        assert_string_not_equal(fresh[i - 1], fresh[i]);
}

static void *sign_often(void *mark)
{
    AUTO_RELEASE(aws_credentials) who = credentials_of("A", mark, NULL);
    AUTO_RELEASE(sigv4_signed) got = {0};
    struct sigv4_scope scope = SIGV4_S3("r");
    struct sigv4_request request = {.method = "GET", .path = "/", .host = "h", .payload = SIGV4_EMPTY_PAYLOAD};
    char first[SHA256_HEX] = "";
    for (int i = 0; i < 200; i++) {
        sigv4_sign(keys, &scope, &request, &who, 0, &got);
        if (i == 0)
            snprintf(first, sizeof(first), "%s", signature_of(&got));
        else if (strcmp(first, signature_of(&got)) != 0)
            return mark;
    }
    return NULL;
}

static void threads_with_different_secrets_share_the_memory_of_keys(void **state)
{
    char secrets[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, secrets[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_vector_of_the_published_suite_is_signed_as_published, begin, end),
        cmocka_unit_test_setup_teardown(the_examples_of_the_s3_documentation_are_signed_as_printed, begin, end),
        cmocka_unit_test_setup_teardown(s3_encodes_a_path_once_and_leaves_it_as_it_is, begin, end),
        cmocka_unit_test_setup_teardown(other_services_sign_the_sent_path_encoded_once_more, begin, end),
        cmocka_unit_test_setup_teardown(headers_that_proxies_change_are_not_signed, begin, end),
        cmocka_unit_test_setup_teardown(a_remembered_key_signs_only_what_it_is_for, begin, end),
        cmocka_unit_test_setup_teardown(threads_with_different_secrets_share_the_memory_of_keys, begin, end),
    };
    assert_int_equal(argc, 2);
    vectors_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
