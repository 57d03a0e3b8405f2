/* The profile files of AWS's tools, ~/.aws/credentials and ~/.aws/config, parted by a NUL; the first line names the
 * profile.
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    AUTO_RELEASE(arena) arena = {0};
    AUTO_RELEASE(buf) looked = {0};
    struct error err = {0};
    struct aws_credentials keys = {0};
    const char *region;
    char *profile = fuzz_text(fuzz_until(&in, '\n'));
    credentials = fuzz_file(0, fuzz_until(&in, '\0'));
    config = fuzz_file(1, fuzz_rest(&in));
    struct aws_provider *provider = aws_profile_new(profile, environment);
    enum rc rc = provider->ops->look(provider, &keys, &looked, &err);
    if (rc == RC_NOT_FOUND)
        assert(looked.len > 0);
    else
        fuzz_check(rc, &err);
    if (rc == RC_OK)
        assert(keys.access_key[0] != '\0' && secret_is_set(&keys.secret_key));
    rc = aws_profile_region(profile, environment, &arena, &region, &err);
    fuzz_check(rc, &err);
    aws_credentials_release(&keys);
    provider->ops->free(provider);
    free(profile);
    return 0;
}
