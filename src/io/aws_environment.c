/* AWS_ACCESS_KEY_ID and its companions. */
#include "io/aws_provider.h"

RC aws_environment_look(struct aws_search *self, struct aws_credentials *ret, struct error *err)
{
    const char *access_key = aws_variable(self->config, "AWS_ACCESS_KEY_ID");
    const char *secret_key = aws_variable(self->config, "AWS_SECRET_ACCESS_KEY");
    const char *token = aws_variable(self->config, "AWS_SESSION_TOKEN");
    const char *expires = aws_variable(self->config, "AWS_CREDENTIAL_EXPIRATION");
    if (access_key == NULL && secret_key == NULL) {
        buf_addf(self->looked, "AWS_ACCESS_KEY_ID is not set");
        return RC_NOT_FOUND;
    }
    if (access_key == NULL || secret_key == NULL) {
        fail(err, RC_CONFIG, "the environment has %s, but not %s",
             access_key == NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
             access_key == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
        return fail_todo(err, "set both or none of the two");
    }
    if (aws_credentials_take(str(access_key), str(secret_key), str(or_empty(token)), ret, err) != RC_OK)
        return fail_in(err, "the environment");
    if (expires != NULL && !stamp_parse(expires, &ret->expires_us))
        return fail(err, RC_CONFIG, "AWS_CREDENTIAL_EXPIRATION is '%s', which is not a time like 2026-01-31T12:00:00Z",
                    expires);
    snprintf(ret->from, sizeof(ret->from), "the environment");
    return RC_OK;
}
