/* The probe finds out what an S3 server does not keep, says what to set, and that then helps. */
#include <signal.h>

#include "io/opening.h"
#include "standin/s3/transport.h"
#include "store/probe.h"
#include "store/s3/s3.h"
#include "test.h"

/* A network in which a server is weak in one more way. */
enum weakness {
    NONE,
    ECHOES_CHECKSUMS,    /* returns the checksum it was told, and looks at no body */
    FORGETS_ON_COMPLETE, /* completes an upload whatever its conditions say */
    REFUSES_QUOTES,      /* an ETag in quotes is not the object's */
};

struct weak_http {
    struct http base;
    struct http *inner;
    enum weakness weakness;
    atomic_int stop; /* the signal that has come */
    int left;        /* requests, until SIGTERM comes; 0: it does not */
};

static const char *sent_header(const struct http_request *request, const char *name)
{
    for (int i = 0; i < request->header_count; i++) {
        if (text_eq(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return NULL;
}

/* What the server pays no attention to is as if it had answered something else. */
static RC weak_send(struct http *base, const struct http_request *request, struct http_answer *ret, struct error *err)
{
    struct weak_http *self = (struct weak_http *)base;
    const char *sum = sent_header(request, "x-amz-checksum-crc64nvme"), *etag = sent_header(request, "if-match");
    bool completes = text_eq(request->method, "POST") && strstr(request->url, "uploadId=") != NULL;
    TRY(opening_check_stop(&self->stop, err));
    TRY(http_send(self->inner, request, ret, err));
    if (self->left > 0 && --self->left == 0)
        self->stop = SIGTERM;
    if (self->weakness == ECHOES_CHECKSUMS && text_eq(request->method, "PUT") && ret->status == 200 && sum != NULL) {
        buf_addf(&ret->headers, "x-amz-checksum-crc64nvme:%s", sum);
        buf_add(&ret->headers, "", 1);
    }
    if (self->weakness == REFUSES_QUOTES && etag != NULL && etag[0] == '"')
        ret->status = 412;
    if (self->weakness == FORGETS_ON_COMPLETE && completes && ret->status == 412) {
        static const char well[] = "<CompleteMultipartUploadResult><ETag>\"e\"</ETag><ChecksumCRC64NVME>%s"
                                   "</ChecksumCRC64NVME></CompleteMultipartUploadResult>";
        ret->status = 200;
        buf_reset(&ret->body);
        buf_addf(&ret->body, well, sum);
    }
    return RC_OK;
}

static void weak_free(struct http *base) {}
static const struct http_ops weak_ops = {.send = weak_send, .free = weak_free};

static int uploads_of(struct store *store)
{
    AUTO_RELEASE(arena) arena = {0};
    struct upload_list page = {0};
    struct error err;
    assert_int_equal(store_upload_list(store, "", NULL, &arena, &page, &err), RC_OK);
    return page.count;
}

/* Time stands still: nothing here may depend on how long it takes. */
static int64_t still_ms(struct clock *clock) { return 1; }

static enum rc probe_until(int requests, struct s3_manners manners, enum weakness weakness, struct s3_options options,
                           struct error *err)
{
    struct clock still = *clock_real();
    still.mono_ms = still_ms;
    AUTO(mem_objects) *objects = mem_objects_new(clock_real());
    AUTO(s3_server) *server = s3_server_new(objects, &(struct s3_server_options){.bucket = "lake",
                                                                                 .region = "eu-west-1",
                                                                                 .access_key = "AKID",
                                                                                 .secret_key = "secret",
                                                                                 .clock = clock_real()});
    AUTO(http) *http = s3_transport_new(server);
    struct weak_http weak = {.base.ops = &weak_ops, .inner = http, .weakness = weakness, .left = requests};
    const struct opening with = {.clock = &still, .random = random_real(), .stop = &weak.stop};
    AUTO(store) *store = NULL;
    s3_server_set(server, manners);
    options.bucket = "lake";
    options.region = "eu-west-1";
    options.endpoint = "http://standin";
    options.access_key_id = "AKID";
    options.attempts = 3;
    secret_set(&options.secret_access_key, S("secret"));
    enum rc rc = s3_store_open("lake", &options, &with, &weak.base, &store, err);
    secret_release(&options.secret_access_key);
    assert_int_equal(rc, RC_OK);
    *err = (struct error){0};
    rc = store_probe(store, &still, random_real(), err);
    weak.stop = 0;
    if (rc != RC_OK && rc != RC_CONFIG && rc != RC_TERMINATED)
        print_error("%s: %s (%s)\n", rc_name(rc), err->text, err->todo);
    assert_int_equal(mem_objects_count(objects), 0);
    if (rc != RC_CONFIG)
        assert_int_equal(uploads_of(store), 0);
    return rc;
}

static enum rc probe(struct s3_manners manners, enum weakness weakness, struct s3_options options, struct error *err)
{
    return probe_until(0, manners, weakness, options, err);
}

static const struct s3_options usual = {.etag_quotes = true};

static void a_server_that_keeps_s3s_promises_passes_and_is_left_clean(void **state)
{
    struct error err;
    assert_int_equal(probe((struct s3_manners){0}, NONE, usual, &err), RC_OK);
    assert_int_equal(probe((struct s3_manners){0}, NONE, (struct s3_options){.checksum = S3_CRC32C}, &err), RC_OK);
    assert_int_equal(probe((struct s3_manners){0}, NONE, (struct s3_options){.checksum = S3_MD5}, &err), RC_OK);
}

static void a_server_that_ignores_conditions_cannot_be_used(void **state)
{
    struct error err;
    assert_int_equal(probe((struct s3_manners){.ignores_conditions = true}, NONE, usual, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "ignores conditions"));
    assert_non_null(strstr(err.todo, "marks: state"));
}

static void a_server_without_checksums_is_used_by_md5(void **state)
{
    struct error err;
    const struct s3_manners manners = {.no_checksums = true};
    assert_int_equal(probe(manners, NONE, usual, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "returned no checksum"));
    assert_non_null(strstr(err.todo, "'checksum: md5'"));
    assert_int_equal(probe(manners, ECHOES_CHECKSUMS, usual, &err), RC_CONFIG);
    assert_non_null(strstr(err.text, "stores a body that is not what its checksum says"));
    assert_non_null(strstr(err.todo, "'checksum: md5'"));
    assert_int_equal(probe(manners, NONE, (struct s3_options){.etag_quotes = true, .checksum = S3_MD5}, &err), RC_OK);
}

static void etags_that_are_no_md5_do_not_confirm_anything(void **state)
{
    struct error err;
    const struct s3_manners manners = {.kms_etags = true};
    assert_int_equal(probe(manners, NONE, (struct s3_options){.checksum = S3_MD5}, &err), RC_CONFIG);
    assert_non_null(strstr(err.todo, "'checksum: crc64nvme'"));
    assert_int_equal(probe(manners, NONE, usual, &err), RC_OK);
}

static void a_server_that_completes_whatever_the_condition_is_looked_at_before(void **state)
{
    struct error err;
    assert_int_equal(probe((struct s3_manners){0}, FORGETS_ON_COMPLETE, usual, &err), RC_CONFIG);
    assert_non_null(strstr(err.todo, "'look_before_complete: true'"));
    const struct s3_options looking = {.etag_quotes = true, .look_before_complete = true};
    assert_int_equal(probe((struct s3_manners){0}, FORGETS_ON_COMPLETE, looking, &err), RC_OK);
}

static void a_server_that_knows_no_quotes_is_asked_without(void **state)
{
    struct error err;
    assert_int_equal(probe((struct s3_manners){0}, REFUSES_QUOTES, usual, &err), RC_CONFIG);
    assert_non_null(strstr(err.todo, "'etag_quotes: false'"));
    assert_int_equal(probe((struct s3_manners){0}, REFUSES_QUOTES, (struct s3_options){0}, &err), RC_OK);
}

static void asked_to_end_anywhere_it_takes_back_what_it_has_begun(void **state)
{
    struct error err;
    int requests = 1;
    while (probe_until(requests, (struct s3_manners){0}, NONE, usual, &err) == RC_TERMINATED)
        requests++;
    assert_true(requests > 8);
    assert_int_equal(probe_until(requests, (struct s3_manners){0}, NONE, usual, &err), RC_OK);
}

int main(void)
{
    static const struct CMUnitTest stories[] = {
        cmocka_unit_test(a_server_that_keeps_s3s_promises_passes_and_is_left_clean),
        cmocka_unit_test(a_server_that_ignores_conditions_cannot_be_used),
        cmocka_unit_test(a_server_without_checksums_is_used_by_md5),
        cmocka_unit_test(etags_that_are_no_md5_do_not_confirm_anything),
        cmocka_unit_test(a_server_that_completes_whatever_the_condition_is_looked_at_before),
        cmocka_unit_test(a_server_that_knows_no_quotes_is_asked_without),
        cmocka_unit_test(asked_to_end_anywhere_it_takes_back_what_it_has_begun),
    };
    return cmocka_run_group_tests_name("store: s3: probe", stories, NULL, NULL);
}
