/* Who signs a request to AWS or to a server that speaks its protocol.
 *
 * An identity asks providers in the order of AWS's own tools; what the first of them has is kept until it is about to
 * expire, or until a server has refused it as expired. Which providers:
 *   keys in the configuration                           these alone
 *   a profile named in the configuration                that profile alone
 *   neither                                             the environment; the profile of AWS_PROFILE or "default", with
 *                                                       web identity; the container; the machine (EC2)
 * `role_arn` in the configuration: the role is then taken with them. A profile's own order: role_arn (with
 * source_profile or credential_source), web identity, SSO, keys of the credentials file, credential_process, keys of
 * the config file.
 *
 * Variables, as AWS documents them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
 * AWS_CREDENTIAL_EXPIRATION; AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE; AWS_WEB_IDENTITY_TOKEN_FILE,
 * AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME; AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, ..._FULL_URI,
 * AWS_CONTAINER_AUTHORIZATION_TOKEN, ..._FILE; AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT, ..._MODE;
 * AWS_REGION, AWS_DEFAULT_REGION; AWS_ENDPOINT_URL_STS, ..._SSO, ..._SSO_OIDC, AWS_ENDPOINT_URL,
 * AWS_STS_REGIONAL_ENDPOINTS, AWS_CA_BUNDLE. */
#pragma once

#include <stdatomic.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "io/http.h"

enum {
    AWS_ACCESS_KEY_TEXT = 129,
    AWS_FROM_TEXT = 320,
    AWS_REGION_TEXT = 64,
    AWS_RENEW_BEFORE_S =
        15 * 60,               /* this long before they expire new ones are looked for; who asks meanwhile has these */
    AWS_RENEW_NOW_S = 10 * 60, /* and from here on everybody waits for the new ones */
    AWS_RENEW_EVERY_S = 60,    /* but they are not looked for more often than this while these are valid */
};

/* One set of keys. The access key is a name and no secret: it stands in every request and in URLs. */
struct aws_credentials {
    char access_key[AWS_ACCESS_KEY_TEXT];
    struct secret secret_key;
    struct secret session_token;  /* not set: keys of a user, which do not expire by themselves */
    int64_t expires_us;           /* 0: not known */
    char from[AWS_FROM_TEXT];     /* whose they are, for people: "the environment", "profile 'etl', role arn:..." */
    char region[AWS_REGION_TEXT]; /* of the machine that gave them; "": not known */
};
void aws_credentials_release(struct aws_credentials *self);

/* What the configuration says, and the world. NULL and "" are alike: not given. */
struct aws_config {
    const char *access_key; /* with secret_key */
    const struct secret *secret_key, *session_token;
    const char *profile;
    const char *role_arn, *external_id; /* a role that is taken with whatever keys there are */
    const char *region;                 /* of STS; by default as aws_region_find finds it */
    const char *sts_endpoint;
    const char *ca_file, *ca_dir, *proxy; /* for STS and SSO; ca_file by default AWS_CA_BUNDLE */
    struct clock *clock;
    const atomic_int *stop;
    const char *(*environment)(const char *name); /* NULL: this process's */
    struct http *http;                            /* NULL: libcurl; else the network, which outlives the identity */
};

struct aws_identity;
/* Looks nowhere yet. RC_CONFIG: half of a pair of keys, or keys and a profile. Texts of `config` are copied. */
RC aws_identity_new(const struct aws_config *config, struct aws_identity **ret, struct error *err);
void aws_identity_free(struct aws_identity *self);
AUTO_DEFINE(aws_identity)

/* A copy of what is valid now. From several threads at once, as all of these: one of them looks, the others wait for
 * it, or have the old ones where these last. RC_CONFIG: there are none anywhere; the message says where it looked, the
 * advice what to do. Any other: the provider that should have them could not give them. */
RC aws_identity_get(struct aws_identity *self, struct aws_credentials *ret, struct error *err);
/* A server said that `refused` has expired (ExpiredToken, TokenRefreshRequired, InvalidToken). RC_OK: the next get has
 * others; RC_DENIED: there are none newer, and the message says where these are from. */
RC aws_identity_renew(struct aws_identity *self, const struct aws_credentials *refused, struct error *err);
/* "profile 'etl', until 2026-11-21T14:26:36Z", of the keys there are; NULL: none were needed yet. */
const char *aws_identity_about(struct aws_identity *self, struct arena *arena);

/* The region of AWS_REGION, AWS_DEFAULT_REGION or the profile; *ret NULL: nobody says. */
RC aws_region_find(const struct aws_config *config, struct arena *arena, const char **ret, struct error *err);
/* AWS_CA_BUNDLE; NULL: not set. `environment` NULL: this process's, here and below. */
const char *aws_ca_bundle(const char *(*environment)(const char *name));
/* AWS_ENDPOINT_URL_<service>, else AWS_ENDPOINT_URL, without a '/' at the end; NULL: AWS's own. */
const char *aws_endpoint_find(const char *(*environment)(const char *name), const char *service, struct arena *arena);
