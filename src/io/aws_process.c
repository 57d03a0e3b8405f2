/* credential_process of a profile: a command that prints keys as JSON. It is split into words as a shell would, and run
 * without one. */
#include "io/aws_provider.h"
#include "io/subprocess.h"

enum { WORDS_MAX = 64, PROCESS_DEADLINE_MS = 60000 };

/* One word of `text` into `out`, quotes and backslashes as in a POSIX shell. False: the end. */
static bool next_word(const char **text, struct buf *out, bool *ret_open)
{
    const char *at = *text;
    char quote = '\0';
    buf_reset(out);
    while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
        at++;
    if (*at == '\0')
        return false;
    for (; *at != '\0' && (quote != '\0' || strchr(" \t\r\n", *at) == NULL); at++) {
        bool escapes =
            *at == '\\' && quote != '\'' && at[1] != '\0' && (quote == '\0' || strchr("\"\\", at[1]) != NULL);
        if (escapes)
            buf_add(out, ++at, 1);
        else if (quote == '\0' && (*at == '\'' || *at == '"'))
            quote = *at;
        else if (quote != '\0' && *at == quote)
            quote = '\0';
        else
            buf_add(out, at, 1);
    }
    *ret_open |= quote != '\0';
    *text = at;
    return true;
}

static RC split(const char *command, struct arena *arena, const char *ret[WORDS_MAX + 1], struct error *err)
{
    AUTO_RELEASE(buf) word = {0};
    bool is_open = false;
    int count = 0;
    while (count <= WORDS_MAX && next_word(&command, &word, &is_open))
        ret[count++] = arena_str(arena, buf_str(&word));
    if (is_open)
        return fail(err, RC_CONFIG, "a quote is not closed");
    if (count == 0 || count > WORDS_MAX)
        return fail(err, RC_CONFIG, "it has %s", count == 0 ? "no word" : "too many words");
    ret[count] = NULL;
    return RC_OK;
}

/* The last line that is not empty, cut: what a program that fails says why by. */
static struct str last_line(struct str text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.at[text.len - 1]) != NULL)
        text.len--;
    size_t begin = text.len;
    while (begin > 0 && text.at[begin - 1] != '\n')
        begin--;
    size_t len = text.len - begin;
    return (struct str){text.at + begin, len < 240 ? len : 240};
}

static RC take_output(struct str output, struct aws_credentials *ret, struct error *err)
{
    static const struct aws_fields fields = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
    AUTO_JSON *answer = NULL;
    TRY(aws_json_read(output, &answer, err));
    if (json_int(answer, "Version", -1) != 1)
        return fail(err, RC_DATA, "the answer is not of \"Version\": 1");
    return aws_answer_take(answer, &fields, ret, err);
}

static RC run(struct aws_search *self, const char *command, struct aws_credentials *ret, struct error *err)
{
    const char *argv[WORDS_MAX + 1];
    AUTO_RELEASE(secret_buf) output = {0};
    AUTO_RELEASE(buf) said = {0};
    int status = 0;
    TRY(split(command, self->arena, argv, err));
    secret_buf_init(&output, SECRET_BYTES_MAX + 8192);
    const struct subprocess process = {
        .argv = argv, .deadline_ms = PROCESS_DEADLINE_MS, .output_bytes_max = SECRET_BYTES_MAX, .errors = &said};
    TRY(subprocess_run(&process, self->config->clock, &output.buf, &status, err));
    struct str why = last_line(buf_str(&said));
    if (status != 0)
        return fail(err, RC_CONFIG, "'%s' ended with exit status %d%s" STR_FMT, argv[0], status,
                    why.len > 0 ? ": " : "", STR_ARG(why));
    if (take_output(buf_str(&output.buf), ret, err) != RC_OK)
        return fail_in(err, "'%s'", argv[0]);
    return RC_OK;
}

RC aws_process_look(struct aws_search *self, const char *profile, const char *command, struct aws_credentials *ret,
                    struct error *err)
{
    if (run(self, command, ret, err) != RC_OK) {
        fail_in(err, "profile '%s', credential_process", profile);
        fail_todo(err,
                  "run the command by hand: it has to print {\"Version\": 1, \"AccessKeyId\": ..., "
                  "\"SecretAccessKey\": ...} and end with status 0 within %d s",
                  PROCESS_DEADLINE_MS / 1000);
        return aws_not_none(err);
    }
    snprintf(ret->from, sizeof(ret->from), "profile '%.200s', credential_process", profile);
    return RC_OK;
}
