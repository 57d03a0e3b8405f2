/* Who signs a request to AWS or to a server that speaks its protocol. */
#pragma once

#include "base/secret.h"

enum { AWS_ACCESS_KEY_TEXT = 129 };

/* One set of keys. The access key is a name and no secret: it stands in every request and in URLs. */
struct aws_credentials {
    char access_key[AWS_ACCESS_KEY_TEXT];
    struct secret secret_key;
    struct secret session_token; /* not set: keys of a user, which do not expire by themselves */
    int64_t expires_us;          /* 0: not known */
};
void aws_credentials_release(struct aws_credentials *self);
