/* Who is asked, who asks, where and when: regions, credentials, clocks, certificates, and servers that are weaker than
 * they look. What can be put right is put right once, without a wait. */
#include <unistd.h>

#include "io/file.h"
#include "s3_story.h"
#include "standin/s3/sockets.h"
#include "store/probe.h"

/* ---- where ---- */

static void the_server_says_which_region_it_is(void **state)
{
    struct s3_story *s = *state;
    struct object_info info;
    s->options.region = "us-east-1";
    s3_story_open(s);
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH));
    OK(s3_story_put(s, "l", "v", IF_NONE_MATCH));
    assert_int_equal(s3_story_requests(s, S3_PUT), 3); /* learnt once */
    assert_true(s3_story_has(s, "k", "v"));
    s3_story_open(s);
    OK(store_head(s->store, "k", &info, &s->err)); /* no body, so no region: it has to ask */
    assert_int_equal(info.bytes, 1);
}

static void a_redirect_that_names_the_region_is_followed_by_signing_anew(void **state)
{
    struct s3_story *s = *state;
    s->options.region = "us-east-1";
    s3_story_open(s);
    s3_server_script(s->server, &(struct s3_script){.on = S3_PUT,
                                                    .misdeed = S3_REFUSES,
                                                    .status = 301,
                                                    .code = "PermanentRedirect",
                                                    .header = "x-amz-bucket-region: eu-west-1"});
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH));
    assert_int_equal(s3_story_requests(s, S3_PUT), 2);
}

static void a_redirect_to_nowhere_is_told(void **state)
{
    struct s3_story *s = *state;
    s3_server_script(s->server, &(struct s3_script){.on = S3_PUT,
                                                    .misdeed = S3_REFUSES,
                                                    .status = 307,
                                                    .times = -1,
                                                    .code = "TemporaryRedirect",
                                                    .header = "Location: http://elsewhere/lake/k"});
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_CONFIG, "TemporaryRedirect (HTTP 307)", "'region'");
    assert_int_equal(s3_story_requests(s, S3_PUT), 1);
}

/* Two servers that send to each other. */
static void regions_that_contradict_each_other_come_to_an_end(void **state)
{
    struct s3_story *s = *state;
    for (int i = 0; i < 8; i++)
        s3_server_script(s->server, &(struct s3_script){.on = S3_PUT,
                                                        .misdeed = S3_REFUSES,
                                                        .status = 301,
                                                        .code = "PermanentRedirect",
                                                        .header = i % 2 ? "x-amz-bucket-region: eu-west-1"
                                                                        : "x-amz-bucket-region: us-east-1"});
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_CONFIG, "PermanentRedirect", "'region'");
    assert_in_range(s3_story_requests(s, S3_PUT), 2, 5);
}

static void a_bucket_that_is_not_there_is_no_missing_object(void **state)
{
    struct s3_story *s = *state;
    struct object_info info;
    AUTO_RELEASE(buf) got = {0};
    s->options.bucket = "sea";
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", IF_NONE_MATCH), RC_NO_PLACE, "NoSuchBucket (HTTP 404)", "create the bucket");
    FAILS(store_get(s->store, "k", 9, &got, NULL, &s->err), RC_NO_PLACE, "NoSuchBucket", "create the bucket");
    FAILS(store_head(s->store, "k", &info, &s->err), RC_NO_PLACE, "NoSuchBucket", "create the bucket");
}

/* ---- who ---- */

static void wrong_keys_are_denied_at_once(void **state)
{
    struct s3_story *s = *state;
    s->options.access_key_id = "OTHER";
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_DENIED, "InvalidAccessKeyId", "access_key_id");
    s->options.access_key_id = "AKID";
    secret_set(&s->options.secret_access_key, S("hush, wrong"));
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_DENIED, "SignatureDoesNotMatch", "secret_access_key");
    assert_int_equal(s3_story_requests(s, S3_PUT), 2);
    assert_int_equal(s->waits, 0);
}

static void keys_that_have_expired_and_are_the_only_ones_are_told(void **state)
{
    struct s3_story *s = *state;
    secret_set(&s->options.session_token, S("hush, old"));
    s3_server_set(s->server, (struct s3_manners){.expired_token = "hush, old"});
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_DENIED, "ExpiredToken (HTTP 400)", "get new credentials");
    assert_non_null(strstr(s->err.text, "the session token of the configuration (access key AKID) has expired"));
    assert_int_equal(s3_story_requests(s, S3_PUT), 1);
    s->options.access_key_id = "OTHER"; /* MinIO forgets the keys of a token that has expired */
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_DENIED, "InvalidAccessKeyId", "get new credentials");
    assert_non_null(strstr(s->err.text, "the session token of the configuration (access key OTHER) has expired"));
}

static void write_profile(const char *path, const char *token)
{
    struct error err;
    AUTO_RELEASE(buf) text = {0};
    buf_addf(&text, "[default]\naws_access_key_id = AKID\naws_secret_access_key = hush\n%s%s\n",
             token != NULL ? "aws_session_token = " : "", or_empty(token));
    assert_int_equal(file_write_atomic(path, buf_str(&text), 0600, &err), RC_OK);
}

static void keys_that_have_expired_are_fetched_anew_in_the_middle_of_a_run(void **state)
{
    struct s3_story *s = *state;
    char path[] = "/tmp/waybill-s3-credentials-XXXXXX";
    close(mkstemp(path));
    write_profile(path, "hush, old");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    unsetenv("AWS_ACCESS_KEY_ID");
    secret_release(&s->options.secret_access_key);
    s->options.access_key_id = NULL;
    s->options.profile = "default";
    s3_server_set(s->server, (struct s3_manners){.expired_token = "hush, old"});
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", IF_NONE_MATCH), RC_DENIED, "ExpiredToken", "get new credentials");
    write_profile(path, NULL);
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH));
    assert_int_equal(s3_story_requests(s, S3_PUT), 3);
    unlink(path);
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
}

/* ---- when ---- */

static void a_wrong_clock_is_put_right_by_the_servers(void **state)
{
    struct s3_story *s = *state;
    struct object_info info;
    s3_server_set(s->server, (struct s3_manners){.clock_offset_us = INT64_C(3600) * 1000000});
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH));
    OK(s3_story_put(s, "l", "v", IF_NONE_MATCH));
    assert_int_equal(s3_story_requests(s, S3_PUT), 3);
    assert_int_equal(s->waits, 0);
    s3_server_set(s->server, (struct s3_manners){.clock_offset_us = INT64_C(-3600) * 1000000});
    s3_story_open(s);
    OK(store_head(s->store, "k", &info, &s->err));
}

/* By which ages of objects are told, however wrong this machine's is. */
static void the_stores_own_clock_is_what_its_answers_say(void **state)
{
    static const int64_t ahead_us[] = {INT64_C(600) * 1000000, INT64_C(-7200) * 1000000, 0};
    struct s3_story *s = *state;
    for (int i = 0; i < 3; i++) {
        int64_t now_us = 0;
        s3_server_set(s->server, (struct s3_manners){.clock_offset_us = ahead_us[i]});
        OK(store_now(s->store, &s->clock, "", &now_us, &s->err));
        assert_int_equal(now_us / 1000000, (s->now_us + ahead_us[i]) / 1000000);
    }
}

/* ---- weak servers ---- */

static RC probe(struct s3_story *s)
{
    s->err = (struct error){0};
    return store_probe(s->store, &s->clock, random_real(), &s->err);
}

static void the_probe_finds_out_who_ignores_conditions_or_checksums(void **state)
{
    struct s3_story *s = *state;
    OK(probe(s));
    s3_server_set(s->server, (struct s3_manners){.ignores_conditions = true});
    FAILS(probe(s), RC_CONFIG, "ignores conditions", "conditional writes");
    s3_server_set(s->server, (struct s3_manners){.no_checksums = true});
    FAILS(probe(s), RC_CONFIG, "the server returned no checksum", "checksum: md5");
    s->options.checksum = S3_MD5;
    s3_story_open(s);
    OK(probe(s));
    assert_int_equal(mem_objects_count(s->objects), 1); /* it takes away what it wrote */
}

static void etags_that_are_no_md5_do_no_harm_where_a_checksum_is_confirmed(void **state)
{
    struct s3_story *s = *state;
    struct object_info info;
    AUTO_RELEASE(upload) upload = {0};
    s3_server_set(s->server, (struct s3_manners){.kms_etags = true});
    OK(store_put(s->store, "k", S("v"), IF_NONE_MATCH, &info, &s->err));
    OK(s3_story_put(s, "k", "w", IF_MATCH(info.etag)));
    s3_story_upload(s, "u", &upload);
    OK(store_upload_complete(s->store, &upload, IF_NONE_MATCH, &info, &s->err));
    s->options.checksum = S3_MD5;
    s3_story_open(s);
    FAILS(s3_story_put(s, "l", "v", UNCONDITIONAL), RC_CONFIG, "the ETag it returned is not the MD5", "KMS");
}

/* ---- TLS ---- */

struct tls_story {
    struct s3_sockets *sockets;
    char ca_file[64];
};

static void over_tls(struct s3_story *s, enum s3_tls tls, struct tls_story *ret)
{
    struct error err;
    ret->sockets = s3_sockets_start(s->server, tls);
    snprintf(ret->ca_file, sizeof(ret->ca_file), "/tmp/waybill-s3-ca-XXXXXX");
    close(mkstemp(ret->ca_file));
    assert_int_equal(file_write_atomic(ret->ca_file, str(s3_sockets_certificate(ret->sockets)), 0600, &err), RC_OK);
    http_free(TAKE(s->http));
    s->options.endpoint = s3_sockets_url(ret->sockets);
    s->options.ca_file = ret->ca_file;
    s3_story_open(s);
}

static void tls_release(struct tls_story *self)
{
    s3_sockets_free(self->sockets);
    unlink(self->ca_file);
}

static void a_certificate_has_to_be_trusted_and_of_that_host(void **state)
{
    struct s3_story *s = *state;
    struct tls_story right, wrong;
    over_tls(s, S3_TLS, &right);
    OK(s3_story_put(s, "k", "v", IF_NONE_MATCH)); /* trusted by name */
    s->options.ca_file = NULL;
    s3_story_open(s);
    FAILS(s3_story_put(s, "k", "v", UNCONDITIONAL), RC_DENIED, "certificate", "tls_ca");
    s->options.tls_verify = false;
    s3_story_open(s);
    OK(s3_story_put(s, "k", "v", UNCONDITIONAL));
    s->options.tls_verify = true;
    over_tls(s, S3_TLS_WRONG_HOST, &wrong);
    FAILS(s3_story_put(s, "k", "w", UNCONDITIONAL), RC_DENIED, "127.0.0.1", NULL);
    assert_true(s3_story_has(s, "k", "v"));
    store_free(TAKE(s->store));
    tls_release(&right);
    tls_release(&wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_STORY(the_server_says_which_region_it_is),
        S3_STORY(a_redirect_that_names_the_region_is_followed_by_signing_anew),
        S3_STORY(a_redirect_to_nowhere_is_told),
        S3_STORY(regions_that_contradict_each_other_come_to_an_end),
        S3_STORY(a_bucket_that_is_not_there_is_no_missing_object),
        S3_STORY(wrong_keys_are_denied_at_once),
        S3_STORY(keys_that_have_expired_and_are_the_only_ones_are_told),
        S3_STORY(keys_that_have_expired_are_fetched_anew_in_the_middle_of_a_run),
        S3_STORY(a_wrong_clock_is_put_right_by_the_servers),
        S3_STORY(the_stores_own_clock_is_what_its_answers_say),
        S3_STORY(the_probe_finds_out_who_ignores_conditions_or_checksums),
        S3_STORY(etags_that_are_no_md5_do_no_harm_where_a_checksum_is_confirmed),
        S3_STORY(a_certificate_has_to_be_trusted_and_of_that_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
