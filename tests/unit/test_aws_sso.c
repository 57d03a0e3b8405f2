/* A person who has signed in by `aws sso login`: whose keys that gives, and how the token of the login is renewed. */
#include "aws_story.h"
#include "world/folder.h"

/* sha1 of "corp", and of "https://corp.awsapps.com/start" */
#define SESSION_TOKEN "sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
#define LEGACY_TOKEN  "sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json"
#define SSO_URL       "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?role_name=Read%20Only&account_id=1"
#define SSO_KEYS                                                                                                       \
    "{\"roleCredentials\": {\"accessKeyId\": \"SSO\", \"secretAccessKey\": \"hush\", \"sessionToken\": \"t0ken\", "    \
    "\"expiration\": 1800003600000}}"

static void write_sso_profiles(void)
{
    write_file("config", "[profile new]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Read Only\n"
                         "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n"
                         "[profile old]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
                         "sso_account_id = 1\nsso_role_name = Read Only\n"
                         "[profile half]\nsso_session = corp\nsso_account_id = 1\n"
                         "[profile lost]\nsso_session = nowhere\nsso_account_id = 1\nsso_role_name = x\n"
                         "[profile odd]\nsso_session = corp\nsso_region = us-east-1\nsso_account_id = 1\n"
                         "sso_role_name = x\n");
}

static void a_token_of_sso_login_is_exchanged_for_a_roles_keys(void **state)
{
    write_sso_profiles();
    write_file(SESSION_TOKEN, "{\"accessToken\": \"t0ken-of-sso\", \"expiresAt\": \"2027-01-15T12:00:00Z\"}");
    answer("GET", SSO_URL, 200, SSO_KEYS);
    assert_string_equal(keys_with("new"), "SSO/hush/t0ken");
    assert_true(was_sent("x-amz-sso_bearer_token: t0ken-of-sso"));
    write_file(LEGACY_TOKEN, "{\"accessToken\": \"t0ken-of-old\", \"expiresAt\": \"2027-01-15T12:00:00UTC\"}");
    answer("GET", SSO_URL, 200, SSO_KEYS);
    assert_string_equal(about_with("old"),
                        "profile 'old', SSO role 'Read Only' of account 1, until 2027-01-15T09:00:00Z");
    assert_true(was_sent("t0ken-of-old"));
}

/* As `aws sso login` leaves it where the session is one of [sso-session]. */
#define RENEWABLE(token, expires)                                                                                      \
    "{\"startUrl\": \"https://corp.awsapps.com/start\", \"region\": \"eu-west-1\", \"accessToken\": \"" token          \
    "\", \"expiresAt\": \"" expires "\", \"clientId\": \"client\", \"clientSecret\": \"hush-client\", "                \
    "\"registrationExpiresAt\": \"2027-03-01T00:00:00Z\", \"refreshToken\": \"hush-again\", \"theirs\": [1]}"
#define OIDC_URL "https://oidc.eu-west-1.amazonaws.com/token"
#define RENEWED                                                                                                        \
    "{\"accessToken\": \"t0ken-renewed\", \"tokenType\": \"Bearer\", \"expiresIn\": 28800, \"refreshToken\": "         \
    "\"hush-next\"}"

static const char *read_token(void)
{
    AUTO_RELEASE(buf) text = {0};
    folder_read(aws.folder, ".aws/" SESSION_TOKEN, &text);
    return arena_str(&aws.arena, buf_str(&text));
}

static void a_token_that_ends_soon_is_renewed_and_kept(void **state)
{
    write_sso_profiles();
    write_file(SESSION_TOKEN, RENEWABLE("t0ken-of-sso", "2027-01-15T08:14:00Z"));
    answer("POST", OIDC_URL, 200, RENEWED);
    answer("GET", SSO_URL, 200, SSO_KEYS);
    assert_string_equal(keys_with("new"), "SSO/hush/t0ken");
    assert_true(was_sent("x-amz-sso_bearer_token: t0ken-renewed"));
    const char *kept = read_token();
    assert_non_null(strstr(kept, "\"accessToken\":\"t0ken-renewed\",\"expiresAt\":\"2027-01-15T16:00:00Z\""));
    assert_non_null(strstr(kept, "\"refreshToken\":\"hush-next\",\"theirs\":[1]"));
    answer("GET", SSO_URL, 200, SSO_KEYS); /* and is not renewed again */
    assert_string_equal(keys_with("new"), "SSO/hush/t0ken");
}

static void what_it_takes_to_renew_a_token_is_sent(void **state)
{
    write_sso_profiles();
    write_file(SESSION_TOKEN, RENEWABLE("t0ken-of-sso", "2027-01-15T07:00:00Z"));
    set("AWS_ENDPOINT_URL_SSO_OIDC", "http://127.0.0.1:1/");
    answer("POST", "http://127.0.0.1:1/token", 400, "{\"error\": \"invalid_grant\"}");
    says(keys_with("new"),
         "denied: AWS credentials: profile 'new', SSO: the session expired at 2027-01-15T07:00:00Z, and "
         "could not be renewed: HTTP 400, invalid_grant (sign in: aws sso login --profile new)");
    assert_true(was_sent("{\"clientId\":\"client\",\"clientSecret\":\"hush-client\",\"refreshToken\":\"hush-again\","
                         "\"grantType\":\"refresh_token\"}"));
    answer("POST", "http://127.0.0.1:1/token", 0, ""); /* no connection: the same command may do */
    says(keys_with("new"), "unavailable: ");
    answer("POST", "http://127.0.0.1:1/token", 200, "{\"accessToken\": \"a b\", \"expiresIn\": 1}");
    says(keys_with("new"), "could not be renewed: the answer has no accessToken");
}

static void a_token_that_still_holds_is_used_when_it_cannot_be_renewed(void **state)
{
    write_sso_profiles();
    write_file(SESSION_TOKEN, RENEWABLE("t0ken-of-sso", "2027-01-15T08:14:00Z"));
    answer("POST", OIDC_URL, 500, "{}");
    answer("GET", SSO_URL, 200, SSO_KEYS);
    assert_string_equal(keys_with("new"), "SSO/hush/t0ken");
    assert_true(was_sent("x-amz-sso_bearer_token: t0ken-of-sso"));
}

static void another_process_renews_it(void)
{
    write_file(SESSION_TOKEN, RENEWABLE("t0ken-of-another", "2027-01-15T16:00:00Z"));
}

/* A refresh token serves once: whoever comes second is refused, and what it has read before may be void. */
static void a_token_that_another_process_has_renewed_meanwhile_is_the_one_to_use(void **state)
{
    write_sso_profiles();
    write_file(SESSION_TOKEN, RENEWABLE("t0ken-of-sso", "2027-01-15T08:14:00Z"));
    answer("POST", OIDC_URL, 400, "{\"error\": \"invalid_grant\"}");
    meanwhile(another_process_renews_it);
    answer("GET", SSO_URL, 200, SSO_KEYS);
    assert_string_equal(keys_with("new"), "SSO/hush/t0ken");
    assert_true(was_sent("x-amz-sso_bearer_token: t0ken-of-another"));

    write_file(SESSION_TOKEN, RENEWABLE("t0ken-of-sso", "2027-01-15T07:00:00Z")); /* and has expired */
    answer("POST", OIDC_URL, 0, "");
    meanwhile(another_process_renews_it);
    answer("GET", SSO_URL, 200, SSO_KEYS);
    assert_string_equal(keys_with("new"), "SSO/hush/t0ken");
    assert_true(was_sent("x-amz-sso_bearer_token: t0ken-of-another"));
    assert_non_null(strstr(read_token(), "t0ken-of-another"));
}

static void whoever_is_not_signed_in_is_told_how(void **state)
{
    write_sso_profiles();
    says(keys_with("new"), "profile 'new', SSO: the token");
    says(keys_with("new"), "(sign in: aws sso login --profile new)");
    write_file(SESSION_TOKEN, "{\"accessToken\": \"t0ken\", \"expiresAt\": \"2027-01-15T07:59:59Z\"}");
    says(keys_with("new"),
         "denied: AWS credentials: profile 'new', SSO: the session expired at 2027-01-15T07:59:59Z (sign "
         "in: aws sso login --profile new)");
    write_file(SESSION_TOKEN, "t0ken, but no JSON");
    says(keys_with("new"), "the answer is not JSON (line 1");
    write_file(SESSION_TOKEN, "{\"accessToken\": \"t0ken\", \"expiresAt\": \"2027-01-15T12:00:00Z\"}");
    answer("GET", SSO_URL, 401, "{}");
    says(keys_with("new"), "the session has ended (HTTP 401) (sign in: aws sso login --profile new)");
    answer("GET", SSO_URL, 403, "{}");
    says(keys_with("new"), "the role 'Read Only' of account 1 is not assigned to whoever signed in (HTTP 403) ()");
    says(keys_with("half"), "profile 'half' is to sign in by SSO, and has no sso_role_name");
    says(keys_with("lost"), "has no [sso-session nowhere]");
    says(keys_with("odd"), "say different things of sso_region");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_STORY(a_token_of_sso_login_is_exchanged_for_a_roles_keys),
        AWS_STORY(a_token_that_ends_soon_is_renewed_and_kept),
        AWS_STORY(what_it_takes_to_renew_a_token_is_sent),
        AWS_STORY(a_token_that_still_holds_is_used_when_it_cannot_be_renewed),
        AWS_STORY(a_token_that_another_process_has_renewed_meanwhile_is_the_one_to_use),
        AWS_STORY(whoever_is_not_signed_in_is_told_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
