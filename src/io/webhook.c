#include "io/webhook.h"

enum { ANSWER_BYTES_MAX = 64 << 10, DEADLINE_MS = 30000, ANSWER_SHOWN = 80, RETRY_AFTER_S_MAX = 60 };

static RC check_url(const char *url, struct error *err)
{
    if (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0)
        return RC_OK;
    fail(err, RC_CONFIG, "the webhook's address does not begin with https:// or http://");
    return fail_todo(err, "it looks like https://hooks.slack.com/services/...");
}

/* "https://hooks.slack.com": all of the address that may be seen. */
static struct str host_of(const char *url)
{
    const char *host = strstr(url, "://") + 3, *at = host;
    size_t len = strcspn(host, "/?#");
    for (size_t i = 0; i < len; i++)
        at = host[i] == '@' ? host + i + 1 : at;
    return (struct str){at, len - (size_t)(at - host)};
}

/* Slack answers with a word: "invalid_payload", "no_service". */
static void add_word(const struct http_answer *answer, char ret[ANSWER_SHOWN])
{
    struct str body = buf_str(&answer->body);
    size_t len = 0;
    while (len < body.len && len < ANSWER_SHOWN - 1 &&
           ((body.at[len] >= 'a' && body.at[len] <= 'z') || body.at[len] == '_' || body.at[len] == ' '))
        len++;
    snprintf(ret, ANSWER_SHOWN, "%.*s", len == body.len ? (int)len : 0, body.at);
}

static RC attempt(const struct webhook *self, struct http *http, struct str json, struct error *err)
{
    const char *url = secret_reveal(self->url);
    const struct http_pair headers[] = {{"content-type", "application/json; charset=utf-8"}};
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .headers = headers,
                                         .header_count = 1,
                                         .body = json,
                                         .answer_bytes_max = ANSWER_BYTES_MAX};
    AUTO_RELEASE(http_answer) answer = {0};
    struct str host = host_of(url);
    char word[ANSWER_SHOWN];
    TRY(http_send(http, &request, &answer, err));
    enum rc rc = http_status_rc(answer.status);
    if (rc == RC_OK)
        return RC_OK;
    add_word(&answer, word);
    fail(err, rc, "the webhook at " STR_FMT " said HTTP %d%s%s", STR_ARG(host), answer.status,
         word[0] != '\0' ? ": " : "", word);
    err->http_status = answer.status;
    const char *after = http_header(&answer, "retry-after");
    int64_t seconds;
    if (after != NULL && str_to_int64(str(after), &seconds) && seconds > 0)
        err->retry_after_ms = (int)(seconds < RETRY_AFTER_S_MAX ? seconds : RETRY_AFTER_S_MAX) * 1000;
    return fail_todo(err, "look whether the webhook still exists, and is the one that was meant");
}

RC webhook_post(const struct webhook *self, struct str json, struct error *err)
{
    AUTO(http) *own = NULL;
    struct retrying retrying = {.policy = {.attempts_max = 5, .wait_ms_first = 250, .wait_ms_max = 5000},
                                .clock = self->with.clock,
                                .random = self->with.random,
                                .observer = self->with.retries,
                                .stop = self->with.stop};
    TRY(check_url(secret_reveal(self->url), err));
    if (self->http == NULL)
        own = http_curl_new(&(struct http_options){.deadline_ms = DEADLINE_MS, .stop = self->with.stop});
    while (attempt(self, self->http != NULL ? self->http : own, json, err) != RC_OK) {
        if (retry_again(&retrying, err))
            continue;
        enum rc rc = err->rc;
        TRY(opening_check_stop(self->with.stop, err));
        return rc;
    }
    return RC_OK;
}
