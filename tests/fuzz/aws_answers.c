/* What hands out AWS credentials: JSON of a container or a machine, XML of STS, the token of a login and what renews
 * it, through the whole search. The input: a byte that says who is asked, for a login the token's file, and answers of
 * theirs, each ended by a NUL.
 *
 * Parser: src/io/aws_answer.c:aws_credentials_take,aws_json_read,field,aws_answer_take
 * Parser: src/io/aws_role.c:ends_in,take_element,rc_of,take_answer src/io/aws_machine.c:get_token,get_word,get_keys
 * Parser: src/io/aws_sso_token.c src/io/aws_sso.c:exchange
 * Bytes: 2048 */
#include "fuzz.h"
#include "io/aws_credentials.h"
#include "io/http.h"
#include "world/folder.h"
#include "world/world_clock.h"

struct scripted {
    struct http base;
    struct fuzz *in;
    int asked;
};

static RC scripted_send(struct http *base, const struct http_request *request, struct http_answer *ret,
                        struct error *err)
{
    static const int statuses[] = {200, 200, 200, 400, 403, 404, 500};
    struct scripted *self = (struct scripted *)base;
    ret->sent = true;
    if (self->in->left == 0 || self->asked++ == 8)
        return fail(err, RC_UNAVAILABLE, "nobody answers");
    ret->status = statuses[fuzz_choice(self->in, sizeof(statuses) / sizeof(*statuses))];
    struct str body = fuzz_until(self->in, '\0');
    if (body.len > request->answer_bytes_max)
        return fail(err, RC_DATA, "too large");
    for (const char *at = request->url; *at != '\0'; at++)
        assert((unsigned char)*at > 0x20 && (unsigned char)*at < 0x7F);
    for (int i = 0; i < request->header_count; i++)
        assert(strpbrk(request->headers[i].value, "\r\n") == NULL);
    buf_reset(&ret->body);
    buf_add_str(&ret->body, body);
    ret->received = body.len;
    return RC_OK;
}

static void scripted_free(struct http *base) {}

static const struct http_ops scripted_ops = {.send = scripted_send, .free = scripted_free};

static int who; /* is asked */

/* Where the token of a login lies; it goes when the program ends. */
static char *home;
static void forget_home(void) { folder_free(home); }

static void write_token(struct str text)
{
    static const char *const folders[] = {".aws", ".aws/sso", ".aws/sso/cache"};
    if (home == NULL) {
        home = folder_new();
        atexit(forget_home);
        for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
            folder_make(home, folders[i]);
    }
    folder_write(home, ".aws/sso/cache/84a516841ba77a5b4648de2cd0dfcb30ea46dbb4.json", text); /* SHA-1 of "c" */
}

static const char *environment(const char *name)
{
    static const struct {
        int who;
        const char *name, *value;
    } variables[] = {{0, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys"},
                     {2, "AWS_WEB_IDENTITY_TOKEN_FILE", NULL},
                     {2, "AWS_ROLE_ARN", "arn:aws:iam::1:role/x"},
                     {3, "AWS_ACCESS_KEY_ID", "AKID"},
                     {3, "AWS_SECRET_ACCESS_KEY", "hush"}};
    if (who == 4 && strcmp(name, "AWS_CONFIG_FILE") == 0)
        return fuzz_file(1, S("[default]\nsso_session=c\nsso_account_id=1\nsso_role_name=r\n"
                              "[sso-session c]\nsso_start_url=https://c/start\nsso_region=eu-west-1\n"));
    if (who == 4 && strcmp(name, "HOME") == 0)
        return home;
    if (strcmp(name, "AWS_CONFIG_FILE") == 0 || strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
        return "/dev/null";
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        if (variables[i].who == who && strcmp(variables[i].name, name) == 0)
            return variables[i].value != NULL ? variables[i].value : fuzz_file(0, S("a.b.c"));
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz in = {bytes, size};
    struct scripted http = {.base.ops = &scripted_ops, .in = &in};
    struct world_clock clock;
    struct error err = {0};
    AUTO(aws_identity) *identity = NULL;
    struct aws_credentials keys = {0};
    world_clock_init(&clock, INT64_C(1795000000000000), 1);
    who = fuzz_choice(&in, 5);
    if (who == 4)
        write_token(fuzz_until(&in, '\0'));
    const struct aws_config config = {.clock = &clock.clock,
                                      .environment = environment,
                                      .http = &http.base,
                                      .role_arn = who == 3 ? "arn:aws:iam::1:role/y" : NULL,
                                      .region = "eu-west-1"};
    enum rc rc = aws_identity_new(&config, &identity, &err);
    assert(rc == RC_OK);
    rc = aws_identity_get(identity, &keys, &err);
    fuzz_check(rc, &err);
    if (rc == RC_OK)
        assert(keys.access_key[0] != '\0' && secret_is_set(&keys.secret_key));
    aws_credentials_release(&keys);
    return 0;
}
