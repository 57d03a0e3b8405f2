#include "io/cloudwatch.h"

#include <assert.h>
#include <math.h>

#include "base/hash.h"
#include "io/sigv4.h"
#include "io/xml.h"

enum { ANSWER_BYTES_MAX = 256 << 10, CODE_TEXT = 64, MESSAGE_TEXT = 256 };

struct cloudwatch {
    struct arena arena;
    const char *origin, *region; /* "https://monitoring.us-east-1.amazonaws.com" */
    struct aws_identity *identity;
    struct http *http, *own_http;
    struct sigv4_keys *keys;
    struct opening with;
};

void cloudwatch_free(struct cloudwatch *self)
{
    if (self == NULL)
        return;
    aws_identity_free(self->identity);
    http_free(self->own_http);
    sigv4_keys_free(self->keys);
    arena_release(&self->arena);
    free(self);
}

static RC find_place(struct cloudwatch *self, const struct aws_config *config, struct error *err)
{
    const char *endpoint = aws_endpoint_find(config->environment, "CLOUDWATCH", &self->arena);
    self->region = config->region != NULL ? arena_text(&self->arena, config->region) : NULL;
    if (self->region == NULL)
        TRY(aws_region_find(config, &self->arena, &self->region, err));
    if (self->region == NULL) {
        fail(err, RC_CONFIG, "nobody says in which AWS region the metrics are to be");
        return fail_todo(err, "give --region, or set AWS_REGION");
    }
    if (self->region[strspn(self->region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return fail(err, RC_CONFIG, "'%.60s' is no AWS region", self->region);
    if (endpoint != NULL && strncmp(endpoint, "https://", 8) != 0 && strncmp(endpoint, "http://", 7) != 0)
        return fail(err, RC_CONFIG, "the endpoint of CloudWatch is '%s', which does not begin with https:// or http://",
                    endpoint);
    self->origin = endpoint;
    if (endpoint == NULL)
        self->origin = arena_print(&self->arena, "https://monitoring.%s.amazonaws.com%s", self->region,
                                   strncmp(self->region, "cn-", 3) == 0 ? ".cn" : "");
    return RC_OK;
}

RC cloudwatch_new(const struct aws_config *config, const struct opening *with, struct cloudwatch **ret,
                  struct error *err)
{
    AUTO(cloudwatch) *self = xcalloc(1, sizeof(*self));
    self->with = *with;
    TRY(find_place(self, config, err));
    TRY(aws_identity_new(config, &self->identity, err));
    self->keys = sigv4_keys_new();
    self->http = config->http;
    if (self->http == NULL) {
        const char *ca_file = config->ca_file != NULL ? config->ca_file : aws_ca_bundle(config->environment);
        self->http = self->own_http =
            http_curl_new(&(struct http_options){.ca_file = ca_file, .deadline_ms = 60000, .stop = with->stop});
    }
    *ret = TAKE(self);
    return RC_OK;
}

/* ---- the request ---- */

const char *cloudwatch_dimension(const char *text, struct arena *arena)
{
    AUTO_RELEASE(buf) out = {0};
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c <= ' ' || c >= 0x7F || c == '%' || (c == ':' && at == text))
            buf_addf(&out, "%%%02X", c);
        else
            buf_add(&out, at, 1);
        if (out.len > CLOUDWATCH_TEXT_MAX - 4) {
            buf_add(&out, "~", 1);
            break;
        }
    }
    return arena_str(arena, buf_str(&out));
}

static void add_field(struct buf *form, const char *name, const char *value)
{
    buf_addf(form, "%s%s=", form->len > 0 ? "&" : "", name);
    sigv4_encode(str(value), false, form);
}

static void add_metric(struct buf *form, const struct cloudwatch_data *data, int metric)
{
    const struct cloudwatch_metric *at = &data->metrics[metric];
    char name[96], value[32];
    assert(isfinite(at->value));
    snprintf(value, sizeof(value), "%.15g", at->value);
    snprintf(name, sizeof(name), "MetricData.member.%d.MetricName", metric + 1);
    add_field(form, name, at->name);
    snprintf(name, sizeof(name), "MetricData.member.%d.Unit", metric + 1);
    add_field(form, name, at->unit);
    snprintf(name, sizeof(name), "MetricData.member.%d.Value", metric + 1);
    add_field(form, name, value);
    for (int i = 0; i < data->dimension_count; i++) {
        snprintf(name, sizeof(name), "MetricData.member.%d.Dimensions.member.%d.Name", metric + 1, i + 1);
        add_field(form, name, data->dimensions[i].name);
        snprintf(name, sizeof(name), "MetricData.member.%d.Dimensions.member.%d.Value", metric + 1, i + 1);
        add_field(form, name, data->dimensions[i].value);
    }
}

/* ---- one attempt ---- */

struct fault {
    char code[CODE_TEXT], message[MESSAGE_TEXT];
};

static void fault_element(void *context, const char *path, const char *text)
{
    struct fault *self = context;
    if (text_eq(path, "ErrorResponse/Error/Code"))
        snprintf(self->code, sizeof(self->code), "%s", text);
    else if (text_eq(path, "ErrorResponse/Error/Message"))
        snprintf(self->message, sizeof(self->message), "%s", text);
}

static enum rc rc_of(int status, const char *code)
{
    if (text_eq(code, "Throttling") || text_eq(code, "ThrottlingException") || text_eq(code, "RequestLimitExceeded"))
        return RC_THROTTLED;
    enum rc rc = http_status_rc(status);
    return rc != RC_OK ? rc : RC_FAILED;
}

static bool is_expired(const struct fault *fault)
{
    return text_eq(fault->code, "ExpiredToken") || text_eq(fault->code, "ExpiredTokenException") ||
           text_eq(fault->code, "InvalidClientTokenId");
}

static RC answer_judge(struct cloudwatch *self, const struct http_answer *answer, const struct aws_credentials *who,
                       bool *ret_renewed, struct error *err)
{
    struct fault fault = {0};
    const struct xml_reader reader = {fault_element, &fault};
    struct error ignored;
    if (answer->status >= 200 && answer->status < 300)
        return RC_OK;
    xml_read(buf_str(&answer->body), &reader);
    fail(err, rc_of(answer->status, fault.code), "CloudWatch at %s said HTTP %d%s%s%s%s", self->origin, answer->status,
         fault.code[0] != '\0' ? ", " : "", fault.code, fault.message[0] != '\0' ? ": " : "", fault.message);
    err->http_status = answer->status;
    snprintf(err->vendor, sizeof(err->vendor), "%.23s", fault.code);
    *ret_renewed = is_expired(&fault) && aws_identity_renew(self->identity, who, &ignored) == RC_OK;
    if (err->rc == RC_DENIED)
        fail_todo(err, "allow cloudwatch:PutMetricData to the keys of %s", who->from);
    return err->rc;
}

static RC send(struct cloudwatch *self, struct str form, const struct aws_credentials *who, struct http_answer *answer,
               struct error *err)
{
    struct clock *clock = self->with.clock;
    struct http_pair headers[1 + SIGV4_ADDED_HEADERS_MAX] = {
        {"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    char payload[SHA256_HEX];
    AUTO_RELEASE(sigv4_signed) with = {0};
    AUTO_RELEASE(buf) url = {0};
    sha256_hex(form, payload);
    const struct sigv4_scope scope = SIGV4_SERVICE(self->region, "monitoring");
    const struct sigv4_request request = {.method = "POST",
                                          .host = strstr(self->origin, "://") + 3,
                                          .path = "/",
                                          .headers = headers,
                                          .header_count = 1,
                                          .payload = payload};
    sigv4_sign(self->keys, &scope, &request, who, clock->now_us(clock), &with);
    for (int i = 0; i < with.header_count; i++)
        headers[1 + i] = with.headers[i];
    buf_addf(&url, "%s/", self->origin);
    const struct http_request post = {.method = "POST",
                                      .url = url.at,
                                      .headers = headers,
                                      .header_count = 1 + with.header_count,
                                      .body = form,
                                      .answer_bytes_max = ANSWER_BYTES_MAX};
    return http_send(self->http, &post, answer, err);
}

static RC attempt(struct cloudwatch *self, struct str form, bool *ret_renewed, struct error *err)
{
    struct aws_credentials who = {0};
    AUTO_RELEASE(http_answer) answer = {0};
    *ret_renewed = false;
    TRY(aws_identity_get(self->identity, &who, err));
    enum rc rc = send(self, form, &who, &answer, err);
    if (rc == RC_OK)
        rc = answer_judge(self, &answer, &who, ret_renewed, err);
    aws_credentials_release(&who);
    return rc;
}

RC cloudwatch_put(struct cloudwatch *self, const struct cloudwatch_data *data, struct error *err)
{
    AUTO_RELEASE(buf) form = {0};
    struct retrying retrying = {.policy = {.attempts_max = 5, .wait_ms_first = 250, .wait_ms_max = 5000},
                                .clock = self->with.clock,
                                .random = self->with.random,
                                .observer = self->with.retries,
                                .stop = self->with.stop};
    bool was_renewed = false, renewed;
    assert(data->metric_count <= CLOUDWATCH_METRICS_MAX && data->dimension_count <= CLOUDWATCH_DIMENSIONS_MAX);
    add_field(&form, "Action", "PutMetricData");
    add_field(&form, "Version", "2010-08-01");
    add_field(&form, "Namespace", data->space);
    for (int i = 0; i < data->metric_count; i++)
        add_metric(&form, data, i);
    for (;;) {
        if (attempt(self, buf_str(&form), &renewed, err) == RC_OK)
            return RC_OK;
        if (renewed && !was_renewed) {
            was_renewed = true;
            continue;
        }
        if (!retry_again(&retrying, err))
            break;
    }
    enum rc rc = err->rc;
    TRY(opening_check_stop(self->with.stop, err));
    err->rc = rc;
    return fail_in(err, "publishing metrics");
}
