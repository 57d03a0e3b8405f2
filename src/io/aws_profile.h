/* The shared files of AWS's tools: ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE) with sections [name], and
 * ~/.aws/config (AWS_CONFIG_FILE) with sections [profile name], [default] and [sso-session name]. A file that is not
 * there is an empty one. Settings below an indented block ("s3 =") are not seen. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum { AWS_PROFILE_FILE_BYTES_MAX = 1 << 20 };
enum aws_file { AWS_CREDENTIALS_FILE, AWS_CONFIG_FILE };

/* Both files as they were when they were read. */
struct aws_profiles;
RC aws_profiles_read(const char *(*environment)(const char *name), struct aws_profiles **ret, struct error *err);
void aws_profiles_free(struct aws_profiles *self); /* wipes */
AUTO_DEFINE(aws_profiles)

/* Texts are views, as long as `self` lives; len 0: not set. */
bool aws_profiles_has(const struct aws_profiles *self, enum aws_file file, const char *profile);
struct str aws_profiles_in(const struct aws_profiles *self, enum aws_file file, const char *profile,
                           const char *setting);
struct str aws_profiles_get(const struct aws_profiles *self, const char *profile,
                            const char *setting); /* first found */
bool aws_profiles_has_session(const struct aws_profiles *self, const char *session);
struct str aws_profiles_session(const struct aws_profiles *self, const char *session, const char *setting);

const char *aws_profiles_path(const struct aws_profiles *self, enum aws_file file);
bool aws_profiles_is_there(const struct aws_profiles *self, enum aws_file file);
