#include "io/http.h"

#include <strings.h>

void http_answer_release(struct http_answer *self)
{
    buf_release(&self->body);
    buf_release(&self->headers);
}

/* `headers` holds "name:value" texts, one behind the other, each ended by a NUL. */
void http_header_add(struct http_answer *self, struct str line)
{
    const char *colon = memchr(line.at, ':', line.len);
    if (colon == NULL || self->headers.len + line.len + 2 > HTTP_HEADERS_BYTES_MAX)
        return;
    const char *value = colon + 1, *end = line.at + line.len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
        end--;
    buf_add(&self->headers, line.at, (size_t)(colon + 1 - line.at));
    buf_add(&self->headers, value, (size_t)(end - value));
    buf_add(&self->headers, "", 1);
}

const char *http_header(const struct http_answer *self, const char *name)
{
    const char *found = NULL;
    size_t len = strlen(name);
    for (const char *at = buf_str(&self->headers).at; *at != '\0'; at += strlen(at) + 1) {
        if (strncasecmp(at, name, len) == 0 && at[len] == ':')
            found = at + len + 1;
    }
    return found;
}

enum rc http_status_rc(int status)
{
    switch (status) {
    case 401:
    case 403:
    case 407: return RC_DENIED;
    case 404:
    case 410: return RC_NOT_FOUND;
    case 409:
    case 412: return RC_CONFLICT;
    case 408:
    case 500:
    case 502:
    case 504: return RC_UNAVAILABLE;
    case 429:
    case 503: return RC_THROTTLED;
    default: return status >= 200 && status < 300 ? RC_OK : RC_FAILED;
    }
}
