/* A JSON text, sent to an address that is itself the secret: an incoming webhook of Slack, and what works like one. */
#pragma once

#include "base/secret.h"
#include "io/http.h"
#include "io/opening.h"

struct webhook {
    const struct secret *url; /* https://..., or http://; no message shows more of it than its host */
    struct http *http;        /* NULL: libcurl */
    struct opening with;
};
/* RC_OK: the server took it. Tried again where that may help: a message that comes twice is better than none. */
RC webhook_post(const struct webhook *self, struct str json, struct error *err);
