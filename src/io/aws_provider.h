/* What the providers of AWS credentials share: one search through them, and a function for each, in a file of its own.
 * Nobody but io/aws_*.c includes this.
 *
 * Each looks anew every time. RC_NOT_FOUND: there are none here, and search->looked got half a sentence that says so
 * ("AWS_ACCESS_KEY_ID is not set"); any other failure ends the search: they are here and cannot be had. No text holds a
 * secret, and answers are never quoted. */
#pragma once

#include <strings.h>

#include "base/json.h"
#include "io/aws_credentials.h"
#include "io/aws_profile.h"

enum { AWS_ANSWER_BYTES_MAX = 256 << 10, AWS_ROLES_MAX = 8 };

struct aws_search {
    const struct aws_config *config;
    struct aws_profiles *profiles; /* NULL until the profile is looked at */
    const char *profile;           /* never NULL */
    bool profile_is_asked;         /* by the configuration or AWS_PROFILE: then it has to exist */
    bool profile_alone;            /* the configuration names it: nothing of the environment is looked at */
    const char *region;            /* for STS; NULL: not known */
    struct http *services;         /* STS and SSO */
    struct http *metadata;         /* of the container or the machine: no proxy, little patience */
    struct arena *arena;           /* of texts that are no secrets */
    struct buf *looked;
};

RC aws_environment_look(struct aws_search *self, struct aws_credentials *ret, struct error *err);
RC aws_profile_look(struct aws_search *self, struct aws_credentials *ret, struct error *err); /* and web identity */
RC aws_container_look(struct aws_search *self, struct aws_credentials *ret, struct error *err);
RC aws_machine_look(struct aws_search *self, struct aws_credentials *ret, struct error *err); /* EC2's IMDSv2 */

/* What a profile takes its keys by; RC_NOT_FOUND does not happen. */
RC aws_process_look(struct aws_search *self, const char *profile, const char *command, struct aws_credentials *ret,
                    struct error *err);
RC aws_sso_look(struct aws_search *self, const char *profile, struct aws_credentials *ret, struct error *err);

/* What a profile, or its sso-session, says of SSO; none is NULL but `session`: the older form, without a section. */
struct aws_sso {
    const char *session, *start_url, *region, *account, *role;
};
/* The token of `aws sso login`, renewed where it ends soon and can be. RC_DENIED: a person has to sign in. */
RC aws_sso_token(struct aws_search *self, const struct aws_sso *sso, struct secret *ret, struct error *err);

/* A role that is taken for a while. Texts may be NULL but for `arn`. */
struct aws_role {
    const char *arn, *session_name, *external_id, *duration_s;
};
RC aws_role_take(struct aws_search *self, const struct aws_role *role, const struct aws_credentials *by,
                 struct aws_credentials *ret, struct error *err);
RC aws_role_take_by_token(struct aws_search *self, const struct aws_role *role, const char *token_file,
                          struct aws_credentials *ret, struct error *err);

/* ---- helpers ---- */

static inline bool is_empty(const char *text) { return text == NULL || text[0] == '\0'; }
/* Both files, once a search. */
RC aws_search_profiles(struct aws_search *self, struct error *err);
/* For a failure where keys were to be had: a file or an address that is not there is no place without keys. Returns
 * err->rc. */
enum rc aws_not_none(struct error *err);
/* The variable, or NULL when it is not set or empty. */
const char *aws_variable(const struct aws_config *config, const char *name);
/* The profile's setting as a text of the arena (no secrets); NULL: not set. */
const char *aws_setting(const struct aws_search *self, const char *profile, const char *name);

/* RC_CONFIG: one of them is too long. `token` of len 0: none. */
RC aws_credentials_take(struct str access_key, struct str secret_key, struct str token, struct aws_credentials *ret,
                        struct error *err);
/* The names of the four fields in a JSON answer. `expires` may be missing from it; the token too. */
struct aws_fields {
    const char *access_key, *secret_key, *token, *expires;
};
/* Reads {AccessKeyId, ...}. RC_DATA: not such a document; the message says what it lacks. */
RC aws_answer_take(const json_t *answer, const struct aws_fields *fields, struct aws_credentials *ret,
                   struct error *err);
/* RC_DATA: not JSON. The message quotes nothing. The caller owns *ret. */
RC aws_json_read(struct str text, json_t **ret, struct error *err);
/* A small file that holds a secret, up to SECRET_BYTES_MAX; `what` names it in messages: "the token". */
RC aws_file_read(const char *path, const char *what, struct secret_buf *ret, struct error *err);
/* One GET whose 2xx answer lies in `answer` afterwards; other statuses are failures with their number. The caller
 * wipes. */
RC aws_get(struct http *http, const char *url, const struct http_pair *headers, int header_count,
           struct http_answer *answer, struct error *err);
void aws_answer_wipe(struct http_answer *answer);
