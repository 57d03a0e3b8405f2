/* Who signs a request to AWS or to a server that speaks its protocol.
 *
 * An identity is a list of providers that are asked in order; what the first of them has is kept until it is about to
 * expire, or until a server has refused it as expired. Which providers:
 *   keys in the configuration                           these alone
 *   a profile named in the configuration                that profile alone
 *   neither                                             the environment, then the profile of AWS_PROFILE or "default"
 * Environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION. Profiles:
 * io/aws_profile.h. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"

enum {
    AWS_ACCESS_KEY_TEXT = 129,
    AWS_RENEW_BEFORE_S = 15 * 60, /* this long before they expire new ones are looked for */
    AWS_RENEW_EVERY_S = 60,       /* and not more often than this */
};

/* One set of keys. The access key is a name and no secret: it stands in every request and in URLs. */
struct aws_credentials {
    char access_key[AWS_ACCESS_KEY_TEXT];
    struct secret secret_key;
    struct secret session_token; /* not set: keys of a user, which do not expire by themselves */
    int64_t expires_us;          /* 0: not known */
};
void aws_credentials_release(struct aws_credentials *self);

/* One place where credentials may be. */
struct aws_provider;
struct aws_provider_ops {
    /* Looks anew each time. RC_NOT_FOUND: none here, and `looked` got half a sentence that says so ("AWS_ACCESS_KEY_ID
     * is not set"); any other failure ends the search: they are here and cannot be had. */
    RC (*look)(struct aws_provider *self, struct aws_credentials *ret, struct buf *looked, struct error *err);
    void (*free)(struct aws_provider *self);
};
struct aws_provider {
    const struct aws_provider_ops *ops;
    char name[512]; /* for messages: "the environment" */
};

struct aws_config {
    const char *access_key;             /* with secret_key; NULL or "": none configured */
    const struct secret *secret_key;    /* NULL or not set: none */
    const struct secret *session_token; /* NULL or not set: none */
    const char *profile;                /* NULL or "": as the environment says */
    struct clock *clock;
    const char *(*environment)(const char *name); /* NULL: this process's */
};

struct aws_identity;
/* Looks nowhere yet. RC_CONFIG: half of a pair of keys, or keys and a profile. `config` need not outlive it. */
RC aws_identity_new(const struct aws_config *config, struct aws_identity **ret, struct error *err);
void aws_identity_free(struct aws_identity *self);
AUTO_DEFINE(aws_identity)

/* A copy of what is valid now. From several threads at once, as all of these. RC_CONFIG: there are none anywhere; the
 * message says where it looked, the advice what to do. */
RC aws_identity_get(struct aws_identity *self, struct aws_credentials *ret, struct error *err);
/* A server said that `refused` has expired (ExpiredToken, TokenRefreshRequired, InvalidToken). RC_OK: the next get has
 * others; RC_DENIED: there are none newer, and the message says where these are from. */
RC aws_identity_renew(struct aws_identity *self, const struct aws_credentials *refused, struct error *err);

/* The region of AWS_REGION, AWS_DEFAULT_REGION or the profile; *ret NULL: nobody says. */
RC aws_region_find(const struct aws_config *config, struct arena *arena, const char **ret, struct error *err);
