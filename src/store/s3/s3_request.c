/* One request to S3, with everything that may have to happen before it has an answer that counts: signing, waiting,
 * and the corrections that are made once each. */
#include <stdlib.h>

#include "store/s3/s3_intern.h"

enum {
    ATTEMPTS_AT_FIRST = 3,    /* before the server has ever done what it was asked for: the address may be wrong */
    ATTEMPTS_CONDITIONAL = 8, /* the caller tries again by itself */
    CORRECTIONS_MAX = 3,      /* region, clock, credentials */
    DIGESTS_MAX = 2,          /* bodies that arrived damaged, before it is believed */
    RETRY_AFTER_S_MAX = 60,
};

void s3_query(struct s3_call *call, const char *name, const char *value)
{
    if (value != NULL)
        call->query[call->query_count++] = (struct http_pair){name, value};
}

void s3_header(struct s3_call *call, const char *name, const char *value)
{
    if (value != NULL)
        call->headers[call->header_count++] = (struct http_pair){name, value};
}

/* ---- what was learnt ---- */

static struct s3_learnt learnt_now(struct s3 *self)
{
    pthread_mutex_lock(&self->mutex);
    struct s3_learnt learnt = self->learnt;
    pthread_mutex_unlock(&self->mutex);
    return learnt;
}

/* Where nobody said which region it is: the machine's that gave the keys, rather than a guess. */
static void learn_region(struct s3 *self, const char *region)
{
    pthread_mutex_lock(&self->mutex);
    if (self->region_guessed && region[0] != '\0')
        snprintf(self->learnt.region, sizeof(self->learnt.region), "%s", region);
    self->region_guessed = false;
    pthread_mutex_unlock(&self->mutex);
}

/* ---- one attempt ---- */

struct attempt {
    struct s3 *self;
    const struct s3_call *call;
    struct http_answer *answer;
    struct s3_learnt learnt;    /* as it was when this attempt was signed */
    struct s3_fault fault;      /* status 0: there was no answer */
    struct aws_credentials who; /* it was signed with */
    int corrections, digests;
};

/* "https://host:port" the request goes to, and the path on it. */
static void place_of(const struct attempt *a, struct buf *origin, struct buf *path)
{
    const struct s3 *self = a->self;
    const char *region = a->learnt.region, *key = a->call->key;
    const char *china = strncmp(region, "cn-", 3) == 0 ? ".cn" : "";
    if (self->endpoint == NULL && self->path_style)
        buf_addf(origin, "https://s3.%s.amazonaws.com%s", region, china);
    else if (self->endpoint == NULL)
        buf_addf(origin, "https://%s.s3.%s.amazonaws.com%s", self->bucket, region, china);
    else if (self->path_style)
        buf_addf(origin, "%s", self->endpoint);
    else
        buf_addf(origin, "%s%s.%s", self->is_https ? "https://" : "http://", self->bucket,
                 strstr(self->endpoint, "://") + 3);
    if (self->path_style)
        buf_addf(path, "/%s", self->bucket);
    if (key != NULL || path->len == 0)
        buf_addf(path, "/%s", or_empty(key));
}

static void payload_of(const struct attempt *a, char ret[SHA256_HEX])
{
    if (a->self->is_https && a->call->body_is_summed)
        snprintf(ret, SHA256_HEX, "%s", SIGV4_UNSIGNED_PAYLOAD);
    else if (a->call->body.len == 0)
        snprintf(ret, SHA256_HEX, "%s", SIGV4_EMPTY_PAYLOAD);
    else
        sha256_hex(a->call->body, ret);
}

/* A certificate's * stands for one label, and a bucket with a dot has two. */
static enum rc tell_of_dots(const struct s3 *self, struct error *err)
{
    if (self->path_style || strchr(self->bucket, '.') == NULL || !text_eq(error_id(err), "untrusted-certificate"))
        return err->rc;
    err->todo[0] = '\0';
    return fail_todo(err,
                     "a certificate for *.HOST is not one for a bucket with dots: leave 'path_style' out or set it "
                     "to true; or give the authority as 'tls_ca' if the name is right");
}

static RC attempt_signed(struct attempt *a, const char *origin, const struct sigv4_signed *with, struct error *err)
{
    const struct s3_call *call = a->call;
    struct http_pair headers[S3_HEADERS_MAX + SIGV4_ADDED_HEADERS_MAX];
    int count = 0;
    AUTO_RELEASE(buf) url = {0};
    buf_addf(&url, "%s%s", origin, with->target.at);
    for (int i = 0; i < with->header_count; i++)
        headers[count++] = (struct http_pair){with->headers[i].name, with->headers[i].value};
    for (int i = 0; i < call->header_count; i++)
        headers[count++] = (struct http_pair){call->headers[i].name, call->headers[i].value};
    struct http_request request = {.method = call->method,
                                   .url = url.at,
                                   .headers = headers,
                                   .header_count = count,
                                   .body = call->body,
                                   .into = call->into,
                                   .answer_bytes_max = call->answer_bytes_max,
                                   .once = call->repeat == S3_NOT_DONE,
                                   .slow_answer = call->slow_answer};
    return http_send(a->self->http, &request, a->answer, err) == RC_OK ? RC_OK : tell_of_dots(a->self, err);
}

/* Signs with what is known now, and sends. */
static RC attempt_send(struct attempt *a, struct error *err)
{
    struct s3 *self = a->self;
    struct clock *clock = self->with.clock;
    char payload[SHA256_HEX];
    AUTO_RELEASE(sigv4_signed) with = {0};
    AUTO_RELEASE(buf) origin = {0};
    AUTO_RELEASE(buf) path = {0};
    a->fault = (struct s3_fault){0};
    a->answer->sent = false;
    aws_credentials_release(&a->who);
    TRY(aws_identity_get(self->identity, &a->who, err));
    learn_region(self, a->who.region);
    a->learnt = learnt_now(self);
    place_of(a, &origin, &path);
    payload_of(a, payload);
    const struct sigv4_scope scope = SIGV4_S3(a->learnt.region);
    const struct sigv4_request request = {.method = a->call->method,
                                          .host = strstr(origin.at, "://") + 3,
                                          .path = path.at,
                                          .query = a->call->query,
                                          .query_count = a->call->query_count,
                                          .headers = a->call->headers,
                                          .header_count = a->call->header_count,
                                          .payload = payload};
    sigv4_sign(self->keys, &scope, &request, &a->who, clock->now_us(clock) + a->learnt.clock_offset_us, &with);
    return attempt_signed(a, origin.at, &with, err);
}

static int retry_after_ms(const struct http_answer *answer)
{
    const char *text = http_header(answer, "retry-after");
    int64_t seconds;
    if (text == NULL || !str_to_int64(str(text), &seconds) || seconds < 0)
        return 0;
    return (int)(seconds < RETRY_AFTER_S_MAX ? seconds : RETRY_AFTER_S_MAX) * 1000;
}

static void note_clock(struct s3 *self, const struct http_answer *answer)
{
    int64_t server_us = s3_time_us(or_empty(http_header(answer, "date")));
    if (server_us != 0)
        self->base.ahead_us = server_us - self->with.clock->now_us(self->with.clock);
}

static RC attempt_once(struct attempt *a, struct error *err)
{
    struct s3 *self = a->self;
    const struct s3_call *call = a->call;
    if (attempt_send(a, err) != RC_OK) {
        if (call->key != NULL)
            return fail_in(err, "%s '%s' in store '%s' (%s)", call->doing, call->key, self->name, self->address);
        return fail_in(err, "%s store '%s' (%s)", call->doing, self->name, self->address);
    }
    int status = a->answer->status;
    if (status >= 200 && status < 300 && !(call->error_in_200 && s3_fault_in_200(a->answer))) {
        self->answered = true;
        note_clock(self, a->answer);
        return RC_OK;
    }
    s3_fault_read(a->answer, &a->fault);
    s3_fail(self, call, &a->fault, err);
    err->retry_after_ms = retry_after_ms(a->answer);
    return err->rc;
}

/* ---- corrections ---- */

static bool is_code(const struct attempt *a, const char *code) { return text_eq(a->fault.code, code); }

bool s3_is_region(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return name[0] != '\0' && strspn(name, letters) == strlen(name) && strlen(name) < S3_REGION_TEXT;
}

/* False: the region is known and right, or the server does not say which is. What it says becomes part of a host. */
static bool correct_region(struct attempt *a, const struct error *why)
{
    struct s3 *self = a->self;
    const char *region = a->fault.region;
    int status = a->fault.status;
    bool is_wrong = status == 301 || status == 302 || status == 307 || status == 400;
    if (!is_wrong || !s3_is_region(region) || text_eq(region, a->learnt.region))
        return false;
    pthread_mutex_lock(&self->mutex);
    bool is_first = !text_eq(self->learnt.region, region);
    snprintf(self->learnt.region, sizeof(self->learnt.region), "%s", region);
    self->learnt.corrections++;
    pthread_mutex_unlock(&self->mutex);
    if (is_first && self->region_given && self->with.retries != NULL) /* it works, but each run asks twice */
        self->with.retries->waiting(self->with.retries->context, 1, 0, why);
    return true;
}

static bool correct_clock(struct attempt *a)
{
    struct s3 *self = a->self;
    int64_t server_us = s3_time_us(a->fault.server_time);
    if ((!is_code(a, "RequestTimeTooSkewed") && !is_code(a, "RequestExpired")) || server_us == 0)
        return false;
    pthread_mutex_lock(&self->mutex);
    self->learnt.clock_offset_us = server_us - self->with.clock->now_us(self->with.clock);
    self->learnt.corrections++;
    pthread_mutex_unlock(&self->mutex);
    return true;
}

/* What the server says of a token; MinIO does not know the access key any more. */
static bool is_token_refused(const struct attempt *a)
{
    static const char *const codes[] = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken",
                                        "InvalidTokenId"};
    bool is_refused = is_code(a, "InvalidAccessKeyId") && secret_is_set(&a->who.session_token);
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        is_refused |= is_code(a, codes[i]);
    return is_refused;
}

/* Else the failure is what the server said, and where the token came from. */
static bool correct_credentials(struct attempt *a, struct error *err)
{
    struct s3 *self = a->self;
    struct error why;
    if (!is_token_refused(a))
        return false;
    if (aws_identity_renew(self->identity, &a->who, &why) != RC_OK) {
        fail_in(&why, "%s", err->text);
        memcpy(err->text, why.text, sizeof(err->text));
        memcpy(err->todo, why.todo, sizeof(err->todo));
        return false;
    }
    pthread_mutex_lock(&self->mutex);
    self->learnt.corrections++;
    pthread_mutex_unlock(&self->mutex);
    return true;
}

/* An answer to HEAD has no body, and so no code: a request that has one is asked instead, and corrected. */
static bool correct_by_asking(struct attempt *a, struct error *err)
{
    struct s3 *self = a->self;
    int status = a->fault.status, before = a->learnt.corrections;
    bool missing = status == 404 && !self->answered; /* the object, or the bucket? */
    if (!text_eq(a->call->method, "HEAD") || (status != 400 && status != 403 && !missing))
        return false;
    AUTO_RELEASE(http_answer) answer = {0};
    struct error why = {0};
    struct s3_call ask = {.method = "GET", .doing = "looking into", .answer_bytes_max = S3_DOCUMENT_BYTES_MAX};
    s3_query(&ask, "list-type", "2");
    s3_query(&ask, "max-keys", "0");
    s3_owner(self, &ask);
    if (s3_send(self, &ask, &answer, NULL, &why) != RC_OK) {
        *err = why;
        return false;
    }
    return learnt_now(self).corrections != before;
}

/* True: something was put right, and the request is worth another signature. */
static bool attempt_correct(struct attempt *a, struct error *err)
{
    if (a->fault.status == 0 || a->corrections == CORRECTIONS_MAX)
        return false;
    bool corrected =
        correct_region(a, err) || correct_clock(a) || correct_credentials(a, err) || correct_by_asking(a, err);
    a->corrections += corrected;
    return corrected;
}

/* ---- again? ---- */

/* Certainly refused before anything was done. */
static bool is_undone(const struct attempt *a)
{
    int status = a->fault.status;
    if (status == 0)
        return !a->answer->sent;
    return status == 503 || status == 429 || (status >= 300 && status < 500);
}

/* What is tried again though its kind is not worth it: the error is made one that is. */
static void soften(struct attempt *a, struct error *err)
{
    bool damaged =
        is_code(a, "BadDigest") || is_code(a, "XAmzContentSHA256Mismatch") || is_code(a, "XAmzContentChecksumMismatch");
    if (damaged && !a->call->damage_is_final && a->digests++ < DIGESTS_MAX)
        err->rc = RC_UNAVAILABLE;
    if (is_code(a, "ConditionalRequestConflict")) /* two writes met; neither condition was looked at */
        err->rc = RC_UNAVAILABLE;
}

static struct retrying retrying_of(const struct s3 *self, const struct s3_call *call)
{
    struct retrying retrying = {.policy = self->policy,
                                .clock = self->with.clock,
                                .random = self->with.random,
                                .observer = self->with.retries,
                                .stop = self->with.stop};
    int *attempts = &retrying.policy.attempts_max;
    if (call->caller_tries_again && *attempts > ATTEMPTS_CONDITIONAL)
        *attempts = ATTEMPTS_CONDITIONAL;
    if (!self->answered && *attempts > ATTEMPTS_AT_FIRST)
        *attempts = ATTEMPTS_AT_FIRST;
    return retrying;
}

RC s3_send(struct s3 *self, const struct s3_call *call, struct http_answer *answer, bool *ret_ambiguous,
           struct error *err)
{
    struct attempt attempt = {.self = self, .call = call, .answer = answer};
    struct retrying retrying = retrying_of(self, call);
    bool ambiguous = false;
    enum rc rc;
    for (;;) {
        rc = attempt_once(&attempt, err);
        if (rc == RC_OK)
            break;
        if (attempt_correct(&attempt, err))
            continue;
        soften(&attempt, err);
        rc = err->rc;
        bool undone = is_undone(&attempt);
        if ((call->repeat == S3_NOT_DONE && !undone) ||
            (call->conflict_is_final && is_code(&attempt, "ConditionalRequestConflict")) ||
            !retry_again(&retrying, err))
            break;
        ambiguous |= !undone;
    }
    aws_credentials_release(&attempt.who);
    if (ret_ambiguous != NULL)
        *ret_ambiguous = ambiguous;
    if (rc != RC_OK)
        TRY(opening_check_stop(self->with.stop, err));
    return rc;
}
