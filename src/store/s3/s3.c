#include "store/s3/s3.h"

#include <stdlib.h>

#include "store/s3/s3_intern.h"

enum { WAIT_MS_FIRST = 200, WAIT_MS_MAX = 20000 };

static void s3_free(struct store *base)
{
    struct s3 *self = (struct s3 *)base;
    char *const texts[] = {self->name, self->address,    self->bucket,        self->endpoint,
                           self->sse,  self->kms_key_id, self->storage_class, self->owner};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free(texts[i]);
    http_free(self->own_http);
    sigv4_keys_free(self->keys);
    aws_identity_free(self->identity);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

static const char *s3_credentials(struct store *base, struct arena *arena)
{
    return aws_identity_about(((struct s3 *)base)->identity, arena);
}

static RC s3_lend(struct store *base, struct aws_credentials *ret, struct error *err)
{
    if (aws_identity_get(((struct s3 *)base)->identity, ret, err) != RC_OK)
        return fail_in(err, "store '%s'", base->name);
    return RC_OK;
}

/* One that was guessed is no answer before the server has confirmed it. */
static void s3_region(struct store *base, char ret[STORE_REGION_TEXT])
{
    struct s3 *self = (struct s3 *)base;
    pthread_mutex_lock(&self->mutex);
    bool is_known = self->region_given || self->answered;
    snprintf(ret, STORE_REGION_TEXT, "%s", is_known ? self->learnt.region : "");
    pthread_mutex_unlock(&self->mutex);
}

static const struct store_ops s3_ops = {
    .type = "s3",
    .put = s3_put,
    .get = s3_get,
    .get_range = s3_get_range,
    .head = s3_head,
    .list = s3_list,
    .delete = s3_delete,
    .upload_begin = s3_upload_begin,
    .upload_part = s3_upload_part,
    .upload_complete = s3_upload_complete,
    .upload_abort = s3_upload_abort,
    .upload_list = s3_upload_list,
    .probe = s3_probe,
    .credentials = s3_credentials,
    .lend = s3_lend,
    .region = s3_region,
    .grants = s3_grants,
    .free = s3_free,
};

static char *copy_of(const char *text) { return text != NULL && text[0] != '\0' ? xstrdup(text) : NULL; }

/* ---- the endpoint ---- */

static RC bad_endpoint(const char *name, const char *endpoint, const char *why, struct error *err)
{
    fail(err, RC_CONFIG, "opening store '%s': the endpoint '%s' %s", name, endpoint, why);
    return fail_todo(err,
                     "write it as https://host, https://host:port or http://host:port; the bucket has an option of "
                     "its own");
}

/* Without a '/' at its end and without the scheme's own port, as the Host header has to be. */
static RC read_endpoint(const char *name, const char *endpoint, struct s3 *self, struct error *err)
{
    self->is_https = true;
    if (endpoint == NULL || endpoint[0] == '\0')
        return RC_OK;
    self->is_https = strncmp(endpoint, "https://", 8) == 0;
    if (!self->is_https && strncmp(endpoint, "http://", 7) != 0)
        return bad_endpoint(name, endpoint, "does not begin with https:// or http://", err);
    const char *host = strstr(endpoint, "://") + 3, *port = self->is_https ? ":443" : ":80";
    size_t len = strlen(host);
    while (len > 0 && host[len - 1] == '/')
        len--;
    if (len == 0 || strcspn(host, "/?#@ ") < len)
        return bad_endpoint(name, endpoint, "is more than a host and a port, or less", err);
    size_t port_len = strlen(port);
    if (len > port_len && strncmp(host + len - port_len, port, port_len) == 0)
        len -= port_len;
    self->endpoint = xstrdup(endpoint);
    self->endpoint[(size_t)(host - endpoint) + len] = '\0';
    return RC_OK;
}

/* ---- who and where ---- */

static RC read_identity(const char *name, const struct s3_options *options, struct s3 *self, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    const struct aws_config config = {.access_key = options->access_key_id,
                                      .secret_key = &options->secret_access_key,
                                      .session_token = &options->session_token,
                                      .profile = options->profile,
                                      .role_arn = options->role_arn,
                                      .external_id = options->external_id,
                                      .region = options->region,
                                      .sts_endpoint = options->sts_endpoint,
                                      .ca_file = options->ca_file,
                                      .ca_dir = options->ca_dir,
                                      .proxy = options->proxy,
                                      .clock = self->with.clock,
                                      .stop = self->with.stop};
    const char *region = options->region;
    self->region_given = region != NULL && region[0] != '\0';
    enum rc rc = aws_identity_new(&config, &self->identity, err);
    if (rc == RC_OK && !self->region_given)
        rc = aws_region_find(&config, &arena, &region, err);
    if (rc != RC_OK)
        return fail_in(err, "opening store '%s'", name);
    self->region_guessed = region == NULL || region[0] == '\0';
    if (self->region_guessed)
        region = "us-east-1"; /* it tells where the bucket is */
    if (!s3_is_region(region))
        return fail(err, RC_CONFIG, "opening store '%s': '%.100s' is no region", name, region);
    snprintf(self->learnt.region, sizeof(self->learnt.region), "%s", region);
    return RC_OK;
}

static RC check_bucket(const char *name, const char *bucket, struct error *err)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t len = strlen(bucket);
    if (len >= 3 && len <= 255 && strspn(bucket, legal) == len)
        return RC_OK;
    fail(err, RC_CONFIG, "opening store '%s': '%.100s' cannot be a bucket's name", name, bucket);
    return fail_todo(err,
                     "give the name alone, without s3:// and without a path; a path goes into the stage's 'prefix'");
}

/* A certificate for *.s3.amazonaws.com does not cover a bucket with dots; a server of one's own has seldom a name for
 * each bucket. */
static bool is_path_style(const struct s3_options *options, const struct s3 *self)
{
    if (options->path_style != S3_PATH_AUTO)
        return options->path_style == S3_PATH_TRUE;
    return self->endpoint != NULL || strchr(options->bucket, '.') != NULL;
}

static RC check_trust(const char *name, const struct s3_options *options, struct error *err)
{
    if (options->key_file == NULL || options->cert_file != NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "opening store '%s': it has a 'tls_key' and no 'tls_cert'", name);
    return fail_todo(err, "give the certificate that belongs to the key as 'tls_cert'");
}

static struct http *http_of(const struct s3_options *options, const struct opening *with)
{
    return http_curl_new(&(struct http_options){
        .connect_ms = options->connect_ms,
        .deadline_ms = options->deadline_ms,
        .stall_ms = options->stall_ms,
        .proxy = options->proxy,
        .ca_file = options->ca_file,
        .ca_dir = options->ca_dir,
        .cert_file = options->cert_file,
        .key_file = options->key_file,
        .tls_unverified = !options->tls_verify,
        .stop = with->stop,
    });
}

RC s3_store_open(const char *name, const struct s3_options *options, const struct opening *with, struct http *http,
                 struct store **ret, struct error *err)
{
    TRY(check_bucket(name, options->bucket, err));
    TRY(check_trust(name, options, err));
    struct s3 *self = xcalloc(1, sizeof(*self));
    AUTO(store) *opened = &self->base;
    size_t address_bytes = strlen(options->bucket) + sizeof("s3://");
    pthread_mutex_init(&self->mutex, NULL);
    self->base.ops = &s3_ops;
    self->with = *with;
    TRY(read_endpoint(name, options->endpoint, self, err));
    self->base.tls = self->is_https ? "TLS" : "none";
    TRY(read_identity(name, options, self, err));
    self->name = xstrdup(name);
    self->bucket = xstrdup(options->bucket);
    self->address = xcalloc(1, address_bytes);
    snprintf(self->address, address_bytes, "s3://%s", options->bucket);
    self->sse = copy_of(options->kms_key_id != NULL && options->sse == NULL ? "aws:kms" : options->sse);
    self->kms_key_id = copy_of(options->kms_key_id);
    self->storage_class = copy_of(options->storage_class);
    self->owner = copy_of(options->expected_bucket_owner);
    self->path_style = is_path_style(options, self);
    self->md5 = options->checksum == S3_MD5;
    self->etag_quotes = options->etag_quotes;
    self->look_before_complete = options->look_before_complete;
    self->policy = (struct retry){(int)options->attempts, WAIT_MS_FIRST, WAIT_MS_MAX};
    self->keys = sigv4_keys_new();
    self->own_http = http == NULL ? http_of(options, with) : NULL;
    self->http = http != NULL ? http : self->own_http;
    self->base.name = self->name;
    self->base.address = self->address;
    self->base.part_bytes_min = S3_PART_BYTES_MIN;
    self->base.checksum = options->checksum == S3_CRC32C ? CHECKSUM_CRC32C : CHECKSUM_CRC64NVME;
    *ret = TAKE(opened);
    return RC_OK;
}

/* ---- the type ---- */

static const char *const path_styles[] = {"auto", "true", "false", NULL};
static const char *const checksums[] = {"crc64nvme", "crc32c", "md5", NULL};

static const struct option s3_table[] = {
    OPTION("bucket", STRING, s3_options, bucket, .required = true, .help = "bucket that holds the objects"),
    OPTION("region", STRING, s3_options, region,
           .help = "its region; by default as AWS's tools find it: AWS_REGION, the profile, or what the server says"),
    OPTION("endpoint", STRING, s3_options, endpoint,
           .help = "http(s)://host[:port] of a server that is not AWS; AWS_ENDPOINT_URL_S3 without"),
    OPTION("path_style", ENUM, s3_options, path_style, .preset = "auto", .names = path_styles,
           .help =
               "the bucket stands in the path and not in the host's name; auto: with an endpoint, or a dotted name"),
    OPTION("profile", STRING, s3_options, profile, .help = "profile of ~/.aws/config and ~/.aws/credentials"),
    OPTION("role_arn", STRING, s3_options, role_arn,
           .help = "role that is taken at STS with the keys that were found, arn:aws:iam::ACCOUNT:role/NAME"),
    OPTION("external_id", STRING, s3_options, external_id, .help = "what the role's trust policy asks for, if it does"),
    OPTION("sts_endpoint", STRING, s3_options, sts_endpoint,
           .help = "http(s)://host[:port] of the STS that gives roles; AWS_ENDPOINT_URL_STS, or AWS's, without"),
    OPTION("access_key_id", STRING, s3_options, access_key_id,
           .help = "access key; by default the environment's or the profile's"),
    OPTION("secret_access_key", SECRET, s3_options, secret_access_key, .help = "its secret key"),
    OPTION("session_token", SECRET, s3_options, session_token, .help = "its token, where it is a temporary key"),
    OPTION("tls_ca", PATH, s3_options, ca_file,
           .help = "PEM file with the authorities that are trusted; AWS_CA_BUNDLE, or the system's, without"),
    OPTION("tls_ca_dir", PATH, s3_options, ca_dir, .help = "folder of such files, hashed by c_rehash"),
    OPTION("tls_cert", PATH, s3_options, cert_file,
           .help = "PEM file with our own certificate, for a server that asks its clients for one"),
    OPTION("tls_key", PATH, s3_options, key_file, .help = "its key, where it is not in the same file"),
    OPTION("tls_verify", BOOL, s3_options, tls_verify, .preset = "true",
           .help = "false: whoever answers is believed to be the server"),
    OPTION("proxy", STRING, s3_options, proxy,
           .help = "http://host:port to go through; by default as https_proxy and no_proxy say"),
    OPTION("checksum", ENUM, s3_options, checksum, .preset = "crc64nvme", .names = checksums,
           .help = "what the server confirms of each object; md5: by ETag, for servers that ignore checksums"),
    OPTION("etag_quotes", BOOL, s3_options, etag_quotes, .preset = "true",
           .help = "false: If-Match is sent without quotes, which old Ceph gateways need"),
    OPTION("look_before_complete", BOOL, s3_options, look_before_complete, .preset = "false",
           .help = "true: for servers that complete an upload whatever its condition says"),
    OPTION("sse", STRING, s3_options, sse, .help = "encryption of new objects: AES256, aws:kms or aws:kms:dsse"),
    OPTION("kms_key_id", STRING, s3_options, kms_key_id, .help = "key of the encryption by KMS"),
    OPTION("storage_class", STRING, s3_options, storage_class, .help = "of new objects, such as STANDARD_IA"),
    OPTION("expected_bucket_owner", STRING, s3_options, expected_bucket_owner,
           .help = "account that must own the bucket; another's of the same name is refused"),
    OPTION("attempts", INT, s3_options, attempts, .preset = "10", .min = 1, .max = 100,
           .help = "how often a request is sent before it has failed"),
    OPTION("connect_timeout", DURATION, s3_options, connect_ms, .preset = "10s", .min = 1, .max = 600000,
           .help = "time to have a connection"),
    OPTION("timeout", DURATION, s3_options, deadline_ms, .preset = "10m", .min = 1, .max = 86400000,
           .help = "time for a request and its answer"),
    OPTION("stall_timeout", DURATION, s3_options, stall_ms, .preset = "30s", .min = 1000, .max = 600000,
           .help = "a connection slower than 1 KiB/s for so long is given up"),
};

static RC s3_open(const char *name, const void *options, const struct opening *with, struct store **ret,
                  struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct s3_options filled = *(const struct s3_options *)options;
    if (filled.endpoint == NULL)
        filled.endpoint = aws_endpoint_find(NULL, "S3", &arena);
    if (filled.ca_file == NULL && filled.ca_dir == NULL)
        filled.ca_file = aws_ca_bundle(NULL);
    return s3_store_open(name, &filled, with, NULL, ret, err);
}

const struct store_type s3_type = {
    .name = "s3",
    .summary = "a bucket of Amazon S3, or of a server that speaks its protocol",
    .options = OPTION_TABLE(s3_table),
    .options_bytes = sizeof(struct s3_options),
    .open = s3_open,
};
