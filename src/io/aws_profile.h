/* The shared profiles of AWS's tools: ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE) with sections [name], and
 * ~/.aws/config (AWS_CONFIG_FILE) with sections [profile name] and [default]. A pair of keys comes from one file, the
 * credentials file first. Profiles that only tell how to get keys (role_arn, sso_*, credential_process) are refused by
 * name. */
#pragma once

#include "io/aws_credentials.h"

enum { AWS_PROFILE_FILE_BYTES_MAX = 1 << 20 };

/* profile NULL: AWS_PROFILE, else "default", which need not exist. `environment` outlives it. */
struct aws_provider *aws_profile_new(const char *profile, const char *(*environment)(const char *name));
/* The profile's region; *ret NULL: it has none. */
RC aws_profile_region(const char *profile, const char *(*environment)(const char *name), struct arena *arena,
                      const char **ret, struct error *err);
