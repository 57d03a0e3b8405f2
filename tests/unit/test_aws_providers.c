/* Each place that AWS credentials come from, and what is said when it fails: the network's answers are written down
 * here. That real tools find the same in the same places: tests/integration/test_aws_chain.py. */
#include <sys/stat.h>
#include <unistd.h>

#include "aws_story.h"

#define STS_URL "https://sts.eu-west-1.amazonaws.com/"
#define JSON_KEYS                                                                                                      \
    "{\"Code\": \"Success\", \"AccessKeyId\": \"GOT\", \"SecretAccessKey\": \"hush\", \"Token\": \"t0ken\", "          \
    "\"Expiration\": \"2027-01-15T14:00:00Z\"}"

static const char *sts_keys(const char *access_key)
{
    return arena_print(&aws.arena,
                       "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"
                       "<AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId>"
                       "<SecretAccessKey>hush</SecretAccessKey><SessionToken>t0ken</SessionToken>"
                       "<Expiration>2027-01-15T09:00:00Z</Expiration></Credentials></AssumeRoleResult>"
                       "</AssumeRoleResponse>",
                       access_key);
}

static const char *sts_error(const char *code, const char *message)
{
    return arena_print(&aws.arena,
                       "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
                       "</ErrorResponse>",
                       code, message);
}

static void use_region(void) { set("AWS_REGION", "eu-west-1"); }

/* ---- roles ---- */

static void a_role_is_taken_with_the_keys_of_its_source_profile(void **state)
{
    use_region();
    write_file("config", "[profile app]\nrole_arn = arn:aws:iam::1:role/app\nsource_profile = base\n"
                         "external_id = a&b\nrole_session_name = nightly\nduration_seconds = 3600\n");
    write_file("credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=hush\n");
    answer("POST", STS_URL, 200, sts_keys("ROLE"));
    assert_string_equal(keys_with("app"), "ROLE/hush/t0ken");
    assert_true(was_sent("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fapp&"
                         "RoleSessionName=nightly&DurationSeconds=3600&ExternalId=a%26b"));
    assert_true(was_sent("authorization: AWS4-HMAC-SHA256 Credential=BASE/20270115/eu-west-1/sts/aws4_request"));
    answer("POST", STS_URL, 200, sts_keys("ROLE"));
    assert_string_equal(about_with("app"), arena_print(&aws.arena,
                                                       "the role arn:aws:iam::1:role/app, taken with the keys of "
                                                       "profile 'base' in '%s', until 2027-01-15T09:00:00Z",
                                                       path_of("credentials")));
}

static void roles_may_lead_to_roles(void **state)
{
    use_region();
    write_file("config", "[profile third]\nrole_arn=arn:3\nsource_profile=second\n"
                         "[profile second]\nrole_arn=arn:2\nsource_profile=first\n"
                         "[profile first]\naws_access_key_id=BASE\naws_secret_access_key=hush\n");
    answer("POST", STS_URL, 200, sts_keys("TWO"));
    answer("POST", STS_URL, 200, sts_keys("THREE"));
    assert_string_equal(keys_with("third"), "THREE/hush/t0ken");
    assert_true(was_sent("RoleArn=arn%3A3"));
    assert_true(was_sent("Credential=TWO/"));
    assert_true(was_sent("x-amz-security-token: t0ken"));
}

static void a_profile_may_take_its_role_with_its_own_keys(void **state)
{
    use_region();
    write_file("config", "[profile self]\nrole_arn=arn:1\nsource_profile=self\n");
    write_file("credentials", "[self]\naws_access_key_id=OWN\naws_secret_access_key=hush\n");
    answer("POST", STS_URL, 200, sts_keys("ROLE"));
    assert_string_equal(keys_with("self"), "ROLE/hush/t0ken");
    assert_true(was_sent("Credential=OWN/"));
}

static void profiles_that_lead_in_a_circle_are_told(void **state)
{
    write_file("config",
               "[profile a]\nrole_arn=arn:1\nsource_profile=b\n[profile b]\nrole_arn=arn:2\nsource_profile=c\n"
               "[profile c]\nrole_arn=arn:3\nsource_profile=a\n[profile s]\nrole_arn=arn:1\nsource_profile=s\n"
               "[profile m]\nrole_arn=arn:1\nsource_profile=missing\n");
    says(keys_with("a"), "lead in a circle: a -> b -> c -> a (one of them has to have keys of its own)");
    says(keys_with("s"), "lead in a circle: s -> s");
    says(keys_with("m"), "profile 'm' has 'source_profile = missing', and there is no such profile");
}

static void a_role_may_be_taken_with_the_environments_keys(void **state)
{
    use_region();
    write_file("config", "[profile app]\nrole_arn=arn:1\ncredential_source=Environment\n");
    says(keys_with("app"), "'credential_source = Environment', and there are no keys: AWS_ACCESS_KEY_ID is not set");
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    answer("POST", STS_URL, 200, sts_keys("ROLE"));
    assert_string_equal(keys_with("app"), "ROLE/hush/t0ken");
    assert_true(was_sent("Credential=ENV/"));
}

static void a_role_that_says_too_little_or_too_much_is_refused(void **state)
{
    write_file("config", "[profile none]\nrole_arn=arn:1\n"
                         "[profile both]\nrole_arn=arn:1\nsource_profile=x\ncredential_source=Environment\n"
                         "[profile odd]\nrole_arn=arn:1\ncredential_source=Elsewhere\n"
                         "[profile code]\nrole_arn=arn:1\nsource_profile=x\nmfa_serial=arn:mfa\n"
                         "[profile long]\nrole_arn=arn:1\nsource_profile=base\nduration_seconds=an hour\n"
                         "[profile base]\naws_access_key_id=B\naws_secret_access_key=hush\n");
    says(keys_with("none"), "has a role_arn and neither source_profile nor credential_source");
    says(keys_with("both"), "has a role_arn and both source_profile and credential_source");
    says(keys_with("odd"),
         "'credential_source = Elsewhere', which is not Environment, Ec2InstanceMetadata or EcsContainer");
    says(keys_with("code"), "profile 'code' asks for a code (mfa_serial), and nobody is there to type it");
    says(keys_with("code"), "export-credentials --profile code");
    says(keys_with("long"), "duration_seconds is 'an hour'");
}

static void a_role_that_is_denied_names_the_role_and_whose_keys_asked(void **state)
{
    use_region();
    write_file("config", "[profile app]\nrole_arn=arn:1\nsource_profile=base\n"
                         "[profile base]\naws_access_key_id=BASE\naws_secret_access_key=hush\n");
    answer("POST", STS_URL, 403, sts_error("AccessDenied", "User: arn:u is not authorized to perform: sts:AssumeRole"));
    const char *said = keys_with("app");
    says(said, "denied: AWS credentials: profile 'app': taking the role 'arn:1' with the keys of profile 'base'");
    says(said,
         "asking STS at https://sts.eu-west-1.amazonaws.com: HTTP 403, AccessDenied: User: arn:u is not authorized");
    says(said, "the role's trust policy must name who takes it (access key BASE)");
    answer("POST", STS_URL, 200, "<AssumeRoleResponse><AssumeRoleResult>");
    says(keys_with("app"), "the answer holds no keys with a token and a time they expire at");
    answer("POST", STS_URL, 0, "");
    says(keys_with("app"), "unavailable: AWS credentials: profile 'app'");
    answer("POST", STS_URL, 503, "busy");
    says(keys_with("app"), "throttled: ");
}

static void a_connections_own_role_is_taken_with_whatever_keys_there_are(void **state)
{
    struct aws_config config = aws_story_config();
    AUTO(aws_identity) *identity = NULL;
    struct error err = {0};
    config.role_arn = "arn:aws:iam::1:role/lake";
    config.external_id = "x";
    config.region = "eu-west-1";
    set("AWS_ACCESS_KEY_ID", "ENV");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_OK);
    answer("POST", STS_URL, 200, sts_keys("ROLE"));
    assert_string_equal(keys_of(identity), "ROLE/hush/t0ken");
    assert_true(was_sent("ExternalId=x"));
    config.role_arn = NULL;
    aws_identity_free(TAKE(identity));
    assert_int_equal(aws_identity_new(&config, &identity, &err), RC_CONFIG);
}

static void sts_is_asked_where_the_region_and_the_variables_say(void **state)
{
    write_file("config", "[profile app]\nrole_arn=arn:1\nsource_profile=base\nregion=cn-north-1\n"
                         "[profile base]\naws_access_key_id=BASE\naws_secret_access_key=hush\n"
                         "[profile old]\nrole_arn=arn:1\nsource_profile=base\nsts_regional_endpoints=legacy\n");
    answer("POST", "https://sts.cn-north-1.amazonaws.com.cn/", 200, sts_keys("A"));
    assert_string_equal(keys_with("app"), "A/hush/t0ken");
    answer("POST", "https://sts.amazonaws.com/", 200, sts_keys("B")); /* nobody says a region */
    assert_string_equal(keys_with("old"), "B/hush/t0ken");
    assert_true(was_sent("/us-east-1/sts/aws4_request"));
    set("AWS_REGION", "eu-west-1");
    answer("POST", "https://sts.amazonaws.com/", 200, sts_keys("C"));
    assert_string_equal(keys_with("old"), "C/hush/t0ken");
    set("AWS_REGION", "eu-south-2"); /* younger than the old endpoint's list */
    answer("POST", "https://sts.eu-south-2.amazonaws.com/", 200, sts_keys("D"));
    assert_string_equal(keys_with("old"), "D/hush/t0ken");
    set("AWS_STS_REGIONAL_ENDPOINTS", "regional");
    set("AWS_REGION", "eu-west-1");
    answer("POST", STS_URL, 200, sts_keys("E"));
    assert_string_equal(keys_with("old"), "E/hush/t0ken");
    set("AWS_ENDPOINT_URL", "http://all:1/");
    answer("POST", "http://all:1/", 200, sts_keys("F"));
    assert_string_equal(keys_with("old"), "F/hush/t0ken");
    set("AWS_ENDPOINT_URL_STS", "http://sts:2");
    answer("POST", "http://sts:2/", 200, sts_keys("G"));
    assert_string_equal(keys_with("old"), "G/hush/t0ken");
    set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    answer("POST", STS_URL, 200, sts_keys("H"));
    assert_string_equal(keys_with("old"), "H/hush/t0ken");
}

/* ---- web identity ---- */

static void a_web_identitys_token_takes_a_role_without_a_signature(void **state)
{
    use_region();
    write_file("token", "t0ken.of+kubernetes\n");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", path_of("token"));
    says(keys_with(NULL), "but no role to take with it (set AWS_ROLE_ARN");
    set("AWS_ROLE_ARN", "arn:1");
    answer("POST", STS_URL, 200, sts_keys("WEB"));
    assert_string_equal(keys_with(NULL), "WEB/hush/t0ken");
    assert_true(was_sent("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3A1&RoleSessionName=waybill&"
                         "WebIdentityToken=t0ken.of%2Bkubernetes"));
    assert_false(was_sent("authorization"));
    write_file("token", "another"); /* it is read anew each time */
    set("AWS_ROLE_SESSION_NAME", "pod");
    answer("POST", STS_URL, 200, sts_keys("WEB"));
    assert_string_equal(keys_with(NULL), "WEB/hush/t0ken");
    assert_true(was_sent("RoleSessionName=pod&WebIdentityToken=another"));
    answer("POST", STS_URL, 400, sts_error("ExpiredTokenException", "Token expired"));
    says(keys_with(NULL), "denied: AWS credentials: taking the role 'arn:1' with the token in");
    unlink(path_of("token"));
    says(keys_with(NULL), "the web identity's token");
}

static void the_variables_of_web_identity_do_not_count_for_a_profile_that_is_named(void **state)
{
    use_region();
    write_file("token", "t0ken");
    write_file("config", "[profile pod]\nweb_identity_token_file = /nowhere\nrole_arn = arn:2\n");
    write_file("credentials", "[etl]\naws_access_key_id=E\naws_secret_access_key=e\n");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", path_of("token"));
    set("AWS_ROLE_ARN", "arn:1");
    assert_string_equal(keys_with("etl"), "E/e/");
    says(keys_with("pod"), "with the token in '/nowhere'");
}

/* ---- credential_process ---- */

/* A script below ~/.aws that prints `text` and ends with `status`. */
static const char *script(const char *name, const char *text)
{
    write_file(name, text);
    assert_int_equal(chmod(path_of(name), 0700), 0);
    return path_of(name);
}

static void use_process(const char *command)
{
    write_file("config", arena_print(&aws.arena, "[profile p]\ncredential_process = %s\n", command));
}

static void a_process_prints_keys_and_its_words_are_split_as_a_shells_and_nothing_more(void **state)
{
    const char *path =
        script("keys", "#!/bin/sh\nprintf '{\"Version\": 1, \"AccessKeyId\": \"%s\", \"SecretAccessKey\": "
                       "\"hush\", \"SessionToken\": \"t0ken\", \"Expiration\": \"2027-01-15T10:00:00Z\"}' "
                       "\"$1|$2|$3|$#\"\n");
    use_process(arena_print(&aws.arena, "\"%s\" one 'two  words' a\\ \"b $HOME\";echo", path));
    assert_string_equal(keys_with("p"), "one|two  words|a b $HOME;echo|3/hush/t0ken");
    assert_string_equal(about_with("p"), "profile 'p', credential_process, until 2027-01-15T10:00:00Z");
}

static void a_process_that_fails_is_told_with_its_last_words(void **state)
{
    use_process(script("fails",
                       "#!/bin/sh\necho '{\"SecretAccessKey\": \"hush\"}'\necho first >&2\necho 'no vault here' >&2\n"
                       "exit 3\n"));
    says(keys_with("p"), "ended with exit status 3: no vault here (run the command by hand");
    use_process(script("odd", "#!/bin/sh\necho '{\"Version\": 2, \"AccessKeyId\": \"hush\"}'\n"));
    says(keys_with("p"), "the answer is not of \"Version\": 1");
    use_process(script("half", "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"A\"}'\n"));
    says(keys_with("p"), "the answer has no 'SecretAccessKey'");
    use_process(script("text", "#!/bin/sh\necho hush\n"));
    says(keys_with("p"), "the answer is not JSON");
    use_process("/nowhere/at/all");
    says(keys_with("p"), "'/nowhere/at/all' could not be started");
    use_process("\"open");
    says(keys_with("p"), "a quote is not closed");
}

/* ---- containers ---- */

static void a_containers_agent_gives_keys(void **state)
{
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
    answer("GET", "http://169.254.170.2/v2/credentials/x", 200, JSON_KEYS);
    assert_string_equal(keys_with(NULL), "GOT/hush/t0ken");
    assert_false(was_sent("authorization"));
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t0ken-one");
    answer("GET", "http://169.254.170.23/v1/credentials", 200, JSON_KEYS);
    assert_string_equal(about_with(NULL), "the container's role (169.254.170.23), until 2027-01-15T14:00:00Z");
    assert_true(was_sent("authorization: t0ken-one"));
    write_file("token", "t0ken-of-file");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path_of("token"));
    answer("GET", "http://169.254.170.23/v1/credentials", 200, JSON_KEYS);
    assert_string_equal(keys_with(NULL), "GOT/hush/t0ken");
    assert_true(was_sent("authorization: t0ken-of-file"));
}

static void a_containers_token_goes_nowhere_else(void **state)
{
    static const char *const refused[] = {"http://example.com/x",    "http://127.0.0.1.example.com/",
                                          "ftp://127.0.0.1/",        "http://127.0.0.1@example.com",
                                          "http://[fd00:ec2::24]/",  "http:///x",
                                          "http://169.254.169.254/x"};
    static const char *const allowed[] = {"http://127.3.2.1:8080/x", "http://[::1]:1/", "http://localhost/x",
                                          "http://[fd00:ec2::23]/v1", "https://example.com/x"};
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t0ken");
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", refused[i]);
        says(keys_with(NULL), "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to");
    }
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", allowed[i]);
        answer("GET", allowed[i], 200, JSON_KEYS);
        assert_string_equal(keys_with(NULL), "GOT/hush/t0ken");
    }
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t0ken\r\nX-Evil: 1");
    says(keys_with(NULL), "AWS_CONTAINER_AUTHORIZATION_TOKEN holds a line break");
}

static void where_a_container_says_where_its_keys_are_no_others_are_taken(void **state)
{
    set("AWS_EC2_METADATA_DISABLED", NULL);
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
    answer("GET", "http://127.0.0.1:1/x", 404, "");
    says(keys_with(NULL), "config: AWS credentials: the container's credentials at '127.0.0.1': HTTP 404");
    answer("GET", "http://127.0.0.1:1/x", 0, "");
    says(keys_with(NULL), "unavailable: AWS credentials: the container's credentials at '127.0.0.1': no connection");
    answer("GET", "http://127.0.0.1:1/x", 200,
           "{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"hush\", "
           "\"Expiration\": \"soon\"}");
    says(keys_with(NULL), "the answer's 'Expiration' is not a time");
}

/* ---- machines ---- */

#define MACHINE "http://127.0.0.1:9/latest/"

static void use_machine(void)
{
    set("AWS_EC2_METADATA_DISABLED", NULL);
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9/");
}

static void a_machines_role_gives_keys_and_its_region(void **state)
{
    struct error err = {0};
    AUTO_RELEASE(aws_credentials) keys = {0};
    use_machine();
    answer("PUT", MACHINE "api/token", 200, "t0ken-of-the-machine");
    answer("GET", MACHINE "meta-data/iam/security-credentials/", 200, "etl-role\n");
    answer("GET", MACHINE "meta-data/iam/security-credentials/etl-role", 200, JSON_KEYS);
    answer("GET", MACHINE "meta-data/placement/region", 200, "eu-north-1");
    AUTO(aws_identity) *identity = identity_of(NULL);
    assert_int_equal(aws_identity_get(identity, &keys, &err), RC_OK);
    assert_string_equal(keys.access_key, "GOT");
    assert_string_equal(keys.region, "eu-north-1");
    assert_string_equal(keys.from, "the EC2 machine's role 'etl-role'");
    assert_true(was_sent("x-aws-ec2-metadata-token: t0ken-of-the-machine"));
    assert_false(was_sent("authorization"));
}

static void where_there_is_no_machine_service_that_is_one_more_place_without_keys(void **state)
{
    use_machine();
    answer("PUT", MACHINE "api/token", 0, "");
    says(keys_with(NULL), "config: there are no AWS credentials: ");
    answer("PUT", MACHINE "api/token", 403, "");
    says(keys_with(NULL), "the EC2 metadata service at http://127.0.0.1:9: HTTP 403 to the request for a token");
    answer("PUT", MACHINE "api/token", 200, "t0ken");
    answer("GET", MACHINE "meta-data/iam/security-credentials/", 404, "");
    says(keys_with(NULL), "config: there are no AWS credentials: ");
    answer("PUT", MACHINE "api/token", 200, "t0ken");
    answer("GET", MACHINE "meta-data/iam/security-credentials/", 200, "role");
    answer("GET", MACHINE "meta-data/iam/security-credentials/role", 200,
           "{\"Code\": \"AssumeRoleUnauthorizedAccess\", \"Message\": \"EC2 cannot assume the role\"}");
    says(keys_with(NULL), "the EC2 machine's role 'role': AssumeRoleUnauthorizedAccess: EC2 cannot assume the role");
}

static void the_machines_service_has_two_addresses_and_can_be_switched_off(void **state)
{
    set("AWS_EC2_METADATA_DISABLED", "TRUE");
    says(keys_with(NULL), "AWS_EC2_METADATA_DISABLED is set");
    set("AWS_EC2_METADATA_DISABLED", "false");
    answer("PUT", "http://169.254.169.254/latest/api/token", 0, "");
    says(keys_with(NULL), "at http://169.254.169.254: no connection");
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    answer("PUT", "http://[fd00:ec2::254]/latest/api/token", 0, "");
    says(keys_with(NULL), "at http://[fd00:ec2::254]: no connection");
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "both");
    says(keys_with(NULL), "is 'both', and not IPv4 or IPv6");
}

/* ---- when ---- */

static void pass(int minutes)
{
    aws.now_us += (int64_t)minutes * 60 * 1000000;
    aws.mono_ms += (int64_t)minutes * 60 * 1000;
}

static const char *container_keys(const char *access_key, const char *expires)
{
    return arena_print(&aws.arena,
                       "{\"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"hush\", \"Token\": \"t0ken\", \"Expiration\": "
                       "\"%s\"}",
                       access_key, expires);
}

static void keys_are_renewed_before_they_expire_and_a_failure_does_no_harm_while_they_last(void **state)
{
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
    AUTO(aws_identity) *identity = identity_of(NULL);
    answer("GET", "http://127.0.0.1:1/x", 200, container_keys("FIRST", "2027-01-15T09:00:00Z"));
    assert_string_equal(keys_of(identity), "FIRST/hush/t0ken");
    pass(44);
    assert_string_equal(keys_of(identity), "FIRST/hush/t0ken");
    pass(2);
    answer("GET", "http://127.0.0.1:1/x", 0, "");
    assert_string_equal(keys_of(identity), "FIRST/hush/t0ken");
    assert_string_equal(keys_of(identity), "FIRST/hush/t0ken"); /* not at every request */
    pass(5);
    answer("GET", "http://127.0.0.1:1/x", 0, "");
    assert_string_equal(keys_of(identity), "FIRST/hush/t0ken");
    pass(10); /* they have expired */
    answer("GET", "http://127.0.0.1:1/x", 0, "");
    says(keys_of(identity), "unavailable: AWS credentials: the container's credentials");
    answer("GET", "http://127.0.0.1:1/x", 200, container_keys("SECOND", "2027-01-15T10:00:00Z"));
    assert_string_equal(keys_of(identity), "SECOND/hush/t0ken");
}

static void keys_that_look_expired_when_they_are_given_are_for_the_server_to_judge(void **state)
{
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
    AUTO(aws_identity) *identity = identity_of(NULL);
    answer("GET", "http://127.0.0.1:1/x", 200, container_keys("OLD", "2027-01-15T07:00:00Z"));
    assert_string_equal(keys_of(identity), "OLD/hush/t0ken");
    assert_string_equal(keys_of(identity), "OLD/hush/t0ken");
    pass(1);
    answer("GET", "http://127.0.0.1:1/x", 200, container_keys("NEW", "2027-01-15T12:00:00Z"));
    assert_string_equal(keys_of(identity), "NEW/hush/t0ken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AWS_STORY(a_role_is_taken_with_the_keys_of_its_source_profile),
        AWS_STORY(roles_may_lead_to_roles),
        AWS_STORY(a_profile_may_take_its_role_with_its_own_keys),
        AWS_STORY(profiles_that_lead_in_a_circle_are_told),
        AWS_STORY(a_role_may_be_taken_with_the_environments_keys),
        AWS_STORY(a_role_that_says_too_little_or_too_much_is_refused),
        AWS_STORY(a_role_that_is_denied_names_the_role_and_whose_keys_asked),
        AWS_STORY(a_connections_own_role_is_taken_with_whatever_keys_there_are),
        AWS_STORY(sts_is_asked_where_the_region_and_the_variables_say),
        AWS_STORY(a_web_identitys_token_takes_a_role_without_a_signature),
        AWS_STORY(the_variables_of_web_identity_do_not_count_for_a_profile_that_is_named),
        AWS_STORY(a_process_prints_keys_and_its_words_are_split_as_a_shells_and_nothing_more),
        AWS_STORY(a_process_that_fails_is_told_with_its_last_words),
        AWS_STORY(a_containers_agent_gives_keys),
        AWS_STORY(a_containers_token_goes_nowhere_else),
        AWS_STORY(where_a_container_says_where_its_keys_are_no_others_are_taken),
        AWS_STORY(a_machines_role_gives_keys_and_its_region),
        AWS_STORY(where_there_is_no_machine_service_that_is_one_more_place_without_keys),
        AWS_STORY(the_machines_service_has_two_addresses_and_can_be_switched_off),
        AWS_STORY(keys_are_renewed_before_they_expire_and_a_failure_does_no_harm_while_they_last),
        AWS_STORY(keys_that_look_expired_when_they_are_given_are_for_the_server_to_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
