/* Says which AWS credentials this program finds in its environment, for tests/integration/test_aws_chain.py:
 *
 *     aws_tool [PROFILE]       {"access_key": ..., "secret_key": ..., "token": ..., "region": ..., "about": ...}
 *
 * Errors go to stderr; the exit status is the program's for that kind of error. Keys of tests only: it prints secrets.
 */
#include <stdio.h>

#include "base/json.h"
#include "io/aws_credentials.h"

static RC say(const char *profile, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(aws_credentials) keys = {0};
    AUTO_RELEASE(buf) out = {0};
    AUTO(aws_identity) *identity = NULL;
    AUTO_JSON *said = json_object();
    const char *region = NULL;
    const struct aws_config config = {.profile = profile, .clock = clock_real()};
    TRY(aws_identity_new(&config, &identity, err));
    TRY(aws_identity_get(identity, &keys, err));
    TRY(aws_region_find(&config, &arena, &region, err));
    json_put_text(said, "access_key", keys.access_key);
    json_put_text(said, "secret_key", secret_reveal(&keys.secret_key));
    json_put_text(said, "token", secret_is_set(&keys.session_token) ? secret_reveal(&keys.session_token) : NULL);
    json_put_text(said, "region", region);
    json_put_text(said, "about", aws_identity_about(identity, &arena));
    json_write(said, &out);
    fputs(out.at, stdout);
    return RC_OK;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (say(argc > 1 ? argv[1] : NULL, &err) == RC_OK)
        return 0;
    fprintf(stderr, "%s\n%s\n", err.text, err.todo);
    return rc_exit_status(err.rc);
}
