/* Where AWS credentials come from, in which order, how they are renewed, and what is said when there are none. */
#include <pthread.h>

#include "aws_story.h"

/* ---- where they come from ---- */

static void the_environment_comes_before_profiles(void **state)
{
    write_file("credentials", "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n");
    assert_string_equal(keys_with(NULL), "FILE/s/");
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "e");
    assert_string_equal(keys_with(NULL), "ENV/e/");
    set("AWS_SESSION_TOKEN", "t");
    assert_string_equal(keys_with(NULL), "ENV/e/t");
    set("AWS_PROFILE", "default");
    assert_string_equal(keys_with(NULL), "ENV/e/t");
}

static void a_profile_of_the_configuration_comes_before_the_environment(void **state)
{
    write_file("credentials", "[default]\naws_access_key_id=D\naws_secret_access_key=d\n"
                              "[etl]\naws_access_key_id=E\naws_secret_access_key=e\naws_session_token=t\n");
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "e");
    assert_string_equal(keys_with("etl"), "E/e/t");
    assert_string_equal(keys_with("default"), "D/d/");
}

static void aws_profile_names_the_profile_and_two_variables_the_files(void **state)
{
    write_file("credentials", "[etl]\naws_access_key_id=E\naws_secret_access_key=e\n");
    write_file("other", "[etl]\naws_access_key_id=O\naws_secret_access_key=o\n");
    set("AWS_PROFILE", "etl");
    assert_string_equal(keys_with(NULL), "E/e/");
    set("AWS_SHARED_CREDENTIALS_FILE", path_of("other"));
    assert_string_equal(keys_with(NULL), "O/o/");
    set("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
    assert_string_equal(keys_with(NULL), "E/e/");
    set("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    write_file("other", "[profile etl]\naws_access_key_id=C\naws_secret_access_key=c\n");
    set("AWS_CONFIG_FILE", path_of("other"));
    assert_string_equal(keys_with(NULL), "C/c/");
}

static void a_pair_comes_from_one_file_and_the_credentials_file_is_first(void **state)
{
    write_file("config", "[profile etl]\naws_access_key_id=C\naws_secret_access_key=c\naws_session_token=c\n"
                         "[etl]\naws_access_key_id=X\naws_secret_access_key=x\n");
    assert_string_equal(keys_with("etl"), "C/c/c");
    write_file("credentials", "[profile etl]\naws_access_key_id=X\naws_secret_access_key=x\n"
                              "[etl]\naws_access_key_id=E\naws_secret_access_key=e\n");
    assert_string_equal(keys_with("etl"), "E/e/");
}

static void files_are_read_as_aws_tools_read_them(void **state)
{
    write_file("config", "; a comment\n# another = x\n\n[ default ]  # of mine\r\naws_access_key_id =  A  \r\n"
                         "s3 =\n  aws_access_key_id = NESTED\naws_secret_access_key = a+b/c=#d\t; mine\n"
                         "  aws_session_token = nested\n[profile \"two words\"]\naws_access_key_id=T\n"
                         "aws_secret_access_key=t\n[sso-session default]\naws_access_key_id=S\nnonsense\n[unclosed");
    assert_string_equal(keys_with("default"), "A/a+b/c=#d/");
    assert_string_equal(keys_with("two words"), "T/t/");
}

static void keys_of_the_configuration_stand_alone(void **state)
{
    struct secret secret = {0}, token = {0};
    struct aws_config config = aws_story_config();
    config.access_key = "MINE";
    config.secret_key = &secret;
    config.session_token = &token;
    struct aws_identity *identity = NULL;
    struct error err = {0};
    set("AWS_ACCESS_KEY_ID", "ENV");
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_CONFIG);
    assert_string_equal(err.text, "of access_key_id and secret_access_key only one is given");
    secret_set(&secret, S("m"));
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_OK);
    assert_string_equal(keys_of(identity), "MINE/m/");
    aws_identity_free(identity);
    secret_set(&token, S("t"));
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_OK);
    secret_release(&secret); /* it has its own copy */
    secret_release(&token);
    assert_string_equal(keys_of(identity), "MINE/m/t");
    aws_identity_free(identity);
    secret_set(&secret, S("m"));
    config.profile = "etl";
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_CONFIG);
    secret_release(&secret);
}

static void the_region_comes_from_the_environment_or_the_profile(void **state)
{
    struct aws_config config = aws_story_config();
    struct error err = {0};
    const char *region = "unset";
    assert_int_equal(aws_region_find(&config, &aws.arena, &region, &err), RC_OK);
    assert_null(region);
    write_file("config", "[default]\nregion = eu-west-1\n[profile etl]\nregion=us-west-2\n");
    assert_int_equal(aws_region_find(&config, &aws.arena, &region, &err), RC_OK);
    assert_string_equal(region, "eu-west-1");
    config.profile = "etl";
    assert_int_equal(aws_region_find(&config, &aws.arena, &region, &err), RC_OK);
    assert_string_equal(region, "us-west-2");
    set("AWS_DEFAULT_REGION", "eu-north-1");
    assert_int_equal(aws_region_find(&config, &aws.arena, &region, &err), RC_OK);
    assert_string_equal(region, "eu-north-1");
    set("AWS_REGION", "eu-south-1");
    assert_int_equal(aws_region_find(&config, &aws.arena, &region, &err), RC_OK);
    assert_string_equal(region, "eu-south-1");
}

/* ---- what is said when there are none ---- */

static void where_there_are_none_the_message_names_every_place(void **state)
{
    write_file("config", "[profile other]\nregion = eu-west-1\n");
    const char *said = keys_with(NULL);
    assert_string_equal(said, arena_print(&aws.arena,
                                          "config: there are no AWS credentials: AWS_ACCESS_KEY_ID is not set; "
                                          "AWS_WEB_IDENTITY_TOKEN_FILE is not set; there is no file '%s'; '%s' has no "
                                          "profile 'default'; AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and ..._FULL_URI "
                                          "are not set; AWS_EC2_METADATA_DISABLED is set (give the connection an "
                                          "access_key_id and a secret_access_key, or set AWS_ACCESS_KEY_ID and "
                                          "AWS_SECRET_ACCESS_KEY, or make a profile with 'aws configure')",
                                          path_of("credentials"), path_of("config")));
    write_file("config", "[default]\nregion = eu-west-1\n");
    assert_non_null(
        strstr(keys_with(NULL), arena_print(&aws.arena, "profile 'default' in '%s' has no keys", path_of("config"))));
}

static void half_a_pair_and_a_profile_that_is_missing_are_errors(void **state)
{
    set("AWS_SECRET_ACCESS_KEY", "hush");
    assert_string_equal(keys_with(NULL), "config: AWS credentials: the environment has AWS_SECRET_ACCESS_KEY, but not "
                                         "AWS_ACCESS_KEY_ID (set both or none of the two)");
    write_file("credentials", "[half]\naws_secret_access_key=hush\n");
    const char *said = keys_with("half");
    assert_non_null(strstr(said, "has only one of aws_access_key_id and aws_secret_access_key"));
    assert_null(strstr(said, "hush"));
    assert_non_null(strstr(keys_with("missing"), "there is no profile 'missing'"));
}

static void a_way_that_is_not_understood_is_named_and_no_other_keys_are_taken(void **state)
{
    write_file("config", "[profile login]\nlogin_session = x\naws_access_key_id=E\naws_secret_access_key=e\n");
    assert_non_null(strstr(keys_with("login"), "takes its keys by login_session, which is not understood here"));
    assert_non_null(strstr(keys_with("login"), "aws configure export-credentials --profile login --format env"));
}

static void a_file_that_cannot_be_read_is_an_error_and_not_a_file_without_keys(void **state)
{
    set("AWS_SHARED_CREDENTIALS_FILE", aws.folder);
    const char *said = keys_with(NULL);
    assert_non_null(strstr(said, arena_print(&aws.arena, "reading '%s'", aws.folder)));
}

/* ---- expiry ---- */

static void keys_are_kept_until_a_server_refuses_them_and_then_looked_for_again(void **state)
{
    write_file("credentials", "[default]\naws_access_key_id=OLD\naws_secret_access_key=o\n");
    AUTO(aws_identity) *identity = identity_of(NULL);
    AUTO_RELEASE(aws_credentials) old = {0};
    struct error err = {0};
    assert_int_equal(aws_identity_get(identity, &old, &err), RC_OK);
    write_file("credentials", "[default]\naws_access_key_id=NEW\naws_secret_access_key=n\n");
    assert_string_equal(keys_of(identity), "OLD/o/");
    assert_int_equal(aws_identity_renew(identity, &old, &err), RC_OK);
    assert_string_equal(keys_of(identity), "NEW/n/");
    /* A second thread that was refused with the same old keys does not look again. */
    write_file("credentials", "[default]\naws_access_key_id=NEWER\naws_secret_access_key=n\n");
    assert_int_equal(aws_identity_renew(identity, &old, &err), RC_OK);
    assert_string_equal(keys_of(identity), "NEW/n/");
}

static void where_nothing_newer_is_found_renewing_says_whose_keys_have_expired(void **state)
{
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    AUTO(aws_identity) *identity = identity_of(NULL);
    AUTO_RELEASE(aws_credentials) keys = {0};
    struct error err = {0};
    assert_int_equal(aws_identity_get(identity, &keys, &err), RC_OK);
    assert_int_equal(aws_identity_renew(identity, &keys, &err), RC_DENIED);
    assert_string_equal(err.text,
                        "the session token of the environment (access key ENV) has expired (or was revoked), and "
                        "there is no newer one");
    assert_non_null(strstr(err.todo, "get new credentials"));
}

static void shortly_before_they_expire_new_keys_are_looked_for_but_not_at_every_request(void **state)
{
    set("AWS_ACCESS_KEY_ID", "OLD");
    set("AWS_SECRET_ACCESS_KEY", "s");
    set("AWS_CREDENTIAL_EXPIRATION", "2027-01-15T09:00:00Z");
    AUTO(aws_identity) *identity = identity_of(NULL);
    assert_true(stamp_parse("2027-01-15T08:00:00Z", &aws.now_us));
    assert_string_equal(keys_of(identity), "OLD/s/");
    set("AWS_ACCESS_KEY_ID", "NEW");
    aws.now_us += INT64_C(44) * 60 * 1000000;
    aws.mono_ms += 44 * 60 * 1000;
    assert_string_equal(keys_of(identity), "OLD/s/");
    aws.now_us += INT64_C(2) * 60 * 1000000;
    aws.mono_ms += 2 * 60 * 1000;
    assert_string_equal(keys_of(identity), "NEW/s/");
    set("AWS_ACCESS_KEY_ID", "NEWER");
    aws.mono_ms += 59 * 1000;
    assert_string_equal(keys_of(identity), "NEW/s/");
    aws.mono_ms += 1000;
    assert_string_equal(keys_of(identity), "NEWER/s/");
    /* A search that fails leaves the old ones: whether they are still good is the server's to say. */
    set("AWS_SECRET_ACCESS_KEY", "");
    aws.mono_ms += 60 * 1000;
    assert_string_equal(keys_of(identity), "NEWER/s/");
}

static void *get_often(void *identity)
{
    for (int i = 0; i < 200; i++) {
        AUTO_RELEASE(aws_credentials) keys = {0};
        struct error err = {0};
        if (aws_identity_get(identity, &keys, &err) != RC_OK ||
            strcmp(keys.access_key, secret_reveal(&keys.secret_key)) != 0)
            return identity;
        if (i % 20 == 0 && aws_identity_renew(identity, &keys, &err) != RC_DENIED)
            return identity;
    }
    return NULL;
}

static void threads_get_and_renew_side_by_side(void **state)
{
    write_file("credentials", "[default]\naws_access_key_id=SAME\naws_secret_access_key=SAME\n");
    AUTO(aws_identity) *identity = identity_of(NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_often, identity), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_STORY(the_environment_comes_before_profiles),
        AWS_STORY(a_profile_of_the_configuration_comes_before_the_environment),
        AWS_STORY(aws_profile_names_the_profile_and_two_variables_the_files),
        AWS_STORY(a_pair_comes_from_one_file_and_the_credentials_file_is_first),
        AWS_STORY(files_are_read_as_aws_tools_read_them),
        AWS_STORY(keys_of_the_configuration_stand_alone),
        AWS_STORY(the_region_comes_from_the_environment_or_the_profile),
        AWS_STORY(where_there_are_none_the_message_names_every_place),
        AWS_STORY(half_a_pair_and_a_profile_that_is_missing_are_errors),
        AWS_STORY(a_way_that_is_not_understood_is_named_and_no_other_keys_are_taken),
        AWS_STORY(a_file_that_cannot_be_read_is_an_error_and_not_a_file_without_keys),
        AWS_STORY(keys_are_kept_until_a_server_refuses_them_and_then_looked_for_again),
        AWS_STORY(where_nothing_newer_is_found_renewing_says_whose_keys_have_expired),
        AWS_STORY(shortly_before_they_expire_new_keys_are_looked_for_but_not_at_every_request),
        AWS_STORY(threads_get_and_renew_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
