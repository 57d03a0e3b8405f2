#include "world/fault_http.h"

#include <stdlib.h>

struct fault_http {
    struct http base;
    struct http *inner;
    struct fault_plan *plan;
};

/* What S3 is asked for, as far as a tally wants to know. */
static const char *operation_of(const struct http_request *request)
{
    static const struct {
        const char *method, *query, *name;
    } known[] = {{"PUT", "uploadId=", "PUT-part"},         {"POST", "uploadId=", "POST-complete"},
                 {"POST", "uploads=", "POST-upload"},      {"POST", "delete=", "POST-delete"},
                 {"DELETE", "uploadId=", "DELETE-upload"}, {"GET", "uploads=", "GET-uploads"},
                 {"GET", "list-type=", "GET-list"}};
    const char *query = strchr(request->url, '?');
    for (size_t i = 0; query != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(request->method, known[i].method) == 0 && strstr(query, known[i].query) != NULL)
            return known[i].name;
    }
    return request->method;
}

static void forget(struct http_answer *ret, bool sent)
{
    http_answer_release(ret);
    ret->content_length = -1;
    ret->sent = sent;
}

static RC fault_send(struct http *base, const struct http_request *request, struct http_answer *ret, struct error *err)
{
    struct fault_http *self = (struct fault_http *)base;
    enum fault fault = fault_ask(self->plan, "http", operation_of(request));
    if (fault == FAULT_NONE || fault == FAULT_STALL)
        return http_send(self->inner, request, ret, err);
    bool is_read = strcmp(request->method, "GET") == 0;
    if (fault_does_call(fault) || (fault == FAULT_TORN && is_read))
        (void)!http_send(self->inner, request, ret, err);
    forget(ret, fault != FAULT_FAIL && fault != FAULT_CRASH_BEFORE);
    return fault_does_call(fault) ? fault_answer(fault, RC_OK, err) : fault_refuse(fault, err);
}

static void fault_free(struct http *base)
{
    http_free(((struct fault_http *)base)->inner);
    free(base);
}

static const struct http_ops fault_ops = {.send = fault_send, .free = fault_free};

struct http *fault_http_new(struct http *inner, struct fault_plan *plan)
{
    struct fault_http *self = xcalloc(1, sizeof(*self));
    *self = (struct fault_http){.base.ops = &fault_ops, .inner = inner, .plan = plan};
    return &self->base;
}
