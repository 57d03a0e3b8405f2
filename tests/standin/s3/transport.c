#include "standin/s3/transport.h"

#include <assert.h>

struct s3_transport {
    struct http base;
    struct s3_server *server;
};

/* The body of a 2xx answer goes where the caller wants it, at most as much as it wants. */
static RC take_body(const struct http_request *request, struct str body, struct http_answer *ret, struct error *err)
{
    bool well = ret->status >= 200 && ret->status < 300;
    size_t most = well ? request->answer_bytes_max : HTTP_ERROR_BYTES_MAX;
    if (well && body.len > most)
        return fail(err, RC_DATA, "the answer of 'standin' is larger than %zu bytes", most);
    ret->received = body.len < most ? body.len : most;
    if (well && request->into != NULL)
        memcpy(request->into, body.at, ret->received);
    else
        buf_add(&ret->body, body.at, ret->received);
    return RC_OK;
}

/* "Name: value\r\n" lines as http_header reads them. */
static void take_headers(struct str lines, struct http_answer *ret)
{
    while (lines.len > 0) {
        const char *end = memmem(lines.at, lines.len, "\r\n", 2), *colon = memmem(lines.at, lines.len, ": ", 2);
        buf_add(&ret->headers, lines.at, (size_t)(colon - lines.at) + 1);
        buf_add(&ret->headers, colon + 2, (size_t)(end - colon) - 2);
        buf_add(&ret->headers, "", 1);
        lines.len -= (size_t)(end - lines.at) + 2;
        lines.at = end + 2;
    }
}

static RC take_answer(const struct http_request *request, const struct s3_answer *answer, struct http_answer *ret,
                      struct error *err)
{
    int64_t length = -1;
    ret->sent = true;
    if (answer->ending == S3_NO_ANSWER)
        return fail(err, RC_UNAVAILABLE, "no answer from 'standin': the connection was cut");
    ret->status = answer->status;
    take_headers(buf_str(&answer->headers), ret);
    const char *text = http_header(ret, "content-length");
    ret->content_length = text != NULL && str_to_int64(str(text), &length) ? length : -1;
    struct str body = buf_str(&answer->body);
    bool whole = answer->ending == S3_WHOLE;
    TRY(take_body(request, whole ? body : (struct str){body.at, answer->cut_at}, ret, err));
    return whole ? RC_OK : fail(err, RC_UNAVAILABLE, "the answer of 'standin' was cut short");
}

static void answer_reset(struct http_answer *ret)
{
    buf_reset(&ret->body);
    buf_reset(&ret->headers);
    ret->status = 0;
    ret->content_length = -1;
    ret->received = 0;
    ret->sent = false;
}

static RC transport_send(struct http *base, const struct http_request *request, struct http_answer *ret,
                         struct error *err)
{
    struct s3_transport *self = (struct s3_transport *)base;
    struct s3_answer answer = {0};
    const char *target = strchr(strstr(request->url, "://") + 3, '/');
    assert(target != NULL);
    const struct s3_request asked = {.method = request->method,
                                     .target = target,
                                     .headers = request->headers,
                                     .header_count = request->header_count,
                                     .body = request->body};
    answer_reset(ret);
    s3_server_answer(self->server, &asked, &answer);
    enum rc rc = take_answer(request, &answer, ret, err);
    s3_answer_release(&answer);
    return rc;
}

static void transport_free(struct http *base) { free(base); }

static const struct http_ops transport_ops = {.send = transport_send, .free = transport_free};

struct http *s3_transport_new(struct s3_server *server)
{
    struct s3_transport *self = xcalloc(1, sizeof(*self));
    *self = (struct s3_transport){.base = {.ops = &transport_ops}, .server = server};
    return &self->base;
}
