/* The profile files of AWS's tools, ~/.aws/credentials and ~/.aws/config, parted by a NUL; the first line names a
 * profile, or a session.
 *
 * Parser: src/io/aws_profile.c
 * Bytes: 1024 */
#include "fuzz.h"
#include "io/aws_profile.h"

static const char *credentials, *config;

static const char *environment(const char *name)
{
    if (strcmp(name, "AWS_CONFIG_FILE") == 0)
        return config;
    return strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0 ? credentials : NULL;
}

/* A setting is one line without blanks around it. */
static void check_setting(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        assert(value.at[i] != '\n');
    assert(value.len == 0 ||
           (strchr(" \t\r", value.at[0]) == NULL && strchr(" \t\r", value.at[value.len - 1]) == NULL) ||
           value.at[0] == '\0' || value.at[value.len - 1] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const settings[] = {"aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region",
                                           "role_arn",          "credential_process",    "sso_session"};
    struct fuzz in = {bytes, size};
    AUTO(aws_profiles) *profiles = NULL;
    struct error err = {0};
    char *name = fuzz_text(fuzz_until(&in, '\n'));
    credentials = fuzz_file(0, fuzz_until(&in, '\0'));
    config = fuzz_file(1, fuzz_rest(&in));
    enum rc rc = aws_profiles_read(environment, &profiles, &err);
    fuzz_check(rc, &err);
    for (size_t i = 0; rc == RC_OK && i < sizeof(settings) / sizeof(*settings); i++) {
        struct str here = aws_profiles_in(profiles, AWS_CREDENTIALS_FILE, name, settings[i]),
                   there = aws_profiles_in(profiles, AWS_CONFIG_FILE, name, settings[i]),
                   any = aws_profiles_get(profiles, name, settings[i]);
        check_setting(any);
        check_setting(aws_profiles_session(profiles, name, settings[i]));
        assert(str_eq(any, here.len != 0 ? here : there));
        assert(here.len == 0 || aws_profiles_has(profiles, AWS_CREDENTIALS_FILE, name));
        assert(there.len == 0 || aws_profiles_has(profiles, AWS_CONFIG_FILE, name));
    }
    free(name);
    return 0;
}
