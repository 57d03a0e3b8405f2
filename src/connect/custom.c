#include "connect/custom.h"

#include <ctype.h>
#include <strings.h>

#include "base/clock.h"

static const char *const parameter_names[] = {"lower", "upper", "limit"};

/* ---- words of a statement ---- */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_PARAMETER,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_SEMICOLON,
    TOKEN_OTHER,
    TOKEN_BAD
};
struct token {
    enum token_kind kind;
    struct str text;
    enum custom_parameter parameter;
    const char *why; /* TOKEN_BAD */
};

static bool is_letter(char c) { return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80; }
static bool is_in_word(char c) { return is_letter(c) || isdigit((unsigned char)c) || c == '$'; }

/* Behind the closing quote; NULL: there is none. Doubled, it is one of the text's own. */
static const char *end_of_quoted(const char *at, char quote, bool has_backslashes)
{
    for (at++; *at != '\0'; at++) {
        bool is_pair = (*at == '\\' && has_backslashes && at[1] != '\0') || (*at == quote && at[1] == quote);
        if (is_pair)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return NULL;
}

/* $tag$ ... $tag$: behind it; NULL: it does not end; `at` itself: it is none. */
static const char *end_of_dollars(const char *at)
{
    size_t tag = 1;
    while (is_letter(at[tag]) || (tag > 1 && isdigit((unsigned char)at[tag])))
        tag++;
    if (at[tag] != '$')
        return at;
    for (const char *end = at + tag + 1; *end != '\0'; end++) {
        if (strncmp(end, at, tag + 1) == 0)
            return end + tag + 1;
    }
    return NULL;
}

/* Behind a comment; NULL: it does not end. */
static const char *end_of_comment(const char *at, bool is_nested)
{
    int depth = 1;
    for (at += 2; *at != '\0'; at++) {
        if (at[0] == '*' && at[1] == '/' && --depth == 0)
            return at + 2;
        if (is_nested && at[0] == '/' && at[1] == '*') {
            depth++;
            at++;
        }
    }
    return NULL;
}

/* Where # begins one, 5--3 is 8. */
static bool is_line_comment(const char *at, const struct custom_dialect *dialect)
{
    if (at[0] == '-' && at[1] == '-')
        return !dialect->has_hash_comments || at[2] == '\0' || isspace((unsigned char)at[2]);
    return at[0] == '#' && dialect->has_hash_comments;
}

/* Blanks and comments; *ret_why is set where that does not end well. */
static const char *skip_blanks(const char *at, const struct custom_dialect *dialect, const char **ret_why)
{
    for (;;) {
        if (isspace((unsigned char)*at)) {
            at++;
        } else if (is_line_comment(at, dialect)) {
            at += strcspn(at, "\n");
        } else if (at[0] == '/' && at[1] == '*') {
            if (dialect->has_hash_comments && (at[2] == '!' || (at[2] == 'M' && at[3] == '!'))) {
                *ret_why = "it has a comment that the server executes";
                return at;
            }
            const char *end = end_of_comment(at, dialect->has_nested_comments);
            if (end == NULL) {
                *ret_why = "a comment in it does not end";
                return at;
            }
            at = end;
        } else {
            return at;
        }
    }
}

static const char *end_of_text(const char *at, const struct custom_dialect *dialect)
{
    bool is_escaped = dialect->has_dollar_quotes && (*at == 'e' || *at == 'E') && at[1] == '\'';
    if (is_escaped)
        return end_of_quoted(at + 1, '\'', true);
    if (*at == '\'' || *at == '"')
        return end_of_quoted(at, *at, dialect->has_backslashes);
    if (*at == '`')
        return end_of_quoted(at, '`', false);
    if (*at == '[' && dialect->has_brackets)
        return end_of_quoted(at, ']', false);
    return *at == '$' && dialect->has_dollar_quotes ? end_of_dollars(at) : at;
}

/* :lower, but not the cast of ::text or an assignment. */
static bool is_parameter(const char *start, const char *at, struct token *ret)
{
    if (*at != ':' || (at > start && at[-1] == ':') || !is_letter(at[1]))
        return false;
    for (int i = 0; i < CUSTOM_PARAMETERS; i++) {
        size_t len = strlen(parameter_names[i]);
        if (strncmp(at + 1, parameter_names[i], len) == 0 && !is_in_word(at[1 + len])) {
            *ret = (struct token){TOKEN_PARAMETER, {at, len + 1}, (enum custom_parameter)i, NULL};
            return true;
        }
    }
    *ret = (struct token){
        .kind = TOKEN_BAD, .text = {at, 0}, .why = "it has a placeholder other than :lower, :upper and :limit"};
    return true;
}

static struct token next_token(const char *start, const char *at, const struct custom_dialect *dialect)
{
    const char *why = NULL;
    struct token token = {.kind = TOKEN_OTHER};
    at = skip_blanks(at, dialect, &why);
    const char *end = why == NULL ? end_of_text(at, dialect) : at;
    if (why == NULL && end == NULL)
        why = "a text or a name in it does not end";
    if (why != NULL)
        return (struct token){.kind = TOKEN_BAD, .text = {at, 0}, .why = why};
    if (*at == '\0')
        return (struct token){.kind = TOKEN_END, .text = {at, 0}};
    if (end > at) {
        token.text = (struct str){at, (size_t)(end - at)};
        return token;
    }
    if (is_parameter(start, at, &token))
        return token;
    token.text = (struct str){at, 1};
    if (is_letter(*at)) {
        token.kind = TOKEN_WORD;
        while (is_in_word(at[token.text.len]))
            token.text.len++;
    } else if (strchr("();", *at) != NULL) {
        token.kind = *at == '(' ? TOKEN_OPEN : *at == ')' ? TOKEN_CLOSE : TOKEN_SEMICOLON;
    }
    return token;
}

static const char *behind(const struct token *token) { return token->text.at + token->text.len; }

static bool is_word(const struct token *token, const char *word)
{
    return token->kind == TOKEN_WORD && token->text.len == strlen(word) &&
           strncasecmp(token->text.at, word, token->text.len) == 0;
}

/* ---- the statement ---- */

/* NULL: one SELECT; else what is wrong. */
static const char *find_fault(const char *sql, const struct custom_dialect *dialect)
{
    static const char *const others[] = {"insert", "update", "delete", "into", "merge", "replace", "call"};
    int depth = 0;
    struct token token = next_token(sql, sql, dialect);
    bool is_select = is_word(&token, "select"), is_with = is_word(&token, "with");
    if (token.kind != TOKEN_BAD && !is_select && !is_with)
        return "it does not begin with SELECT or WITH";
    for (; token.kind != TOKEN_END; token = next_token(sql, behind(&token), dialect)) {
        if (token.kind == TOKEN_BAD)
            return token.why;
        if (token.kind == TOKEN_SEMICOLON) {
            struct token last = next_token(sql, behind(&token), dialect);
            return last.kind == TOKEN_END ? (depth == 0 ? NULL : "a parenthesis in it is not closed")
                                          : "it is more than one statement";
        }
        depth += (token.kind == TOKEN_OPEN) - (token.kind == TOKEN_CLOSE);
        if (depth < 0)
            return "a parenthesis in it is closed that was not opened";
        for (size_t i = 0; is_with && i < sizeof(others) / sizeof(*others); i++) {
            struct token follows = next_token(sql, behind(&token), dialect);
            if (is_word(&token, others[i]) && follows.kind != TOKEN_OPEN)
                return "it changes something";
        }
        if (is_select && is_word(&token, "into"))
            return "it writes what it selects (INTO)";
    }
    return depth == 0 ? NULL : "a parenthesis in it is not closed";
}

RC custom_check(const char *table, const char *sql, const struct custom_dialect *dialect, struct error *err)
{
    const char *fault = find_fault(sql, dialect);
    if (fault == NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "the 'sql' of '%s' is not one SELECT: %s", table, fault);
    return fail_todo(err, "write one: sql: \"SELECT ... WHERE updated_at >= :lower AND updated_at < :upper\"");
}

enum rc custom_fail(const char *table, struct error *err)
{
    if (err->rc != RC_FAILED && err->rc != RC_DATA && err->rc != RC_NOT_FOUND)
        return fail_in(err, "the 'sql' of '%s'", table);
    err->rc = RC_CONFIG;
    err->todo[0] = '\0'; /* what is said of a table's columns is not meant for a statement's */
    fail_todo(err,
              "try it in a client of the server, with times for :lower and :upper, in SELECT * FROM (...) AS t: each "
              "column needs a name of its own");
    return fail_in(err, "the 'sql' of '%s'", table);
}

void custom_write(const char *sql, const struct custom_dialect *dialect, const char *const instead[CUSTOM_PARAMETERS],
                  struct buf *out)
{
    const char *from = sql;
    buf_add_str(out, S("("));
    for (struct token token = next_token(sql, sql, dialect);; token = next_token(sql, behind(&token), dialect)) {
        bool is_last = token.kind == TOKEN_END || token.kind == TOKEN_SEMICOLON || token.kind == TOKEN_BAD;
        if (token.kind != TOKEN_PARAMETER && !is_last)
            continue;
        buf_add(out, from, (size_t)(token.text.at - from));
        if (is_last)
            break;
        buf_add_str(out, str(instead[token.parameter]));
        from = behind(&token);
    }
    buf_add_str(out, S("\n)")); /* a comment may end it */
}

/* ---- its bounds ---- */

enum { LEAST_YEAR = 1, GREATEST_YEAR = 9999 };

static int64_t stamp_of(const struct form *form, const struct position *position, bool is_timed, int year)
{
    int64_t us;
    if (is_timed && position->at != NULL && form_parse(form, position->at, &us))
        return us;
    return days_from_date(year, year == LEAST_YEAR ? 1 : 12, year == LEAST_YEAR ? 1 : 31) * INT64_C(86400000000);
}

void custom_bounds(const struct form *form, const struct range *range, char ret_lower[CURSOR_TEXT],
                   char ret_upper[CURSOR_TEXT])
{
    bool is_timed = range->kind == RANGE_CURSOR || range->kind == RANGE_TIME;
    int64_t lower = stamp_of(form, &range->lo, is_timed, LEAST_YEAR);
    int64_t upper = stamp_of(form, &range->hi, is_timed, GREATEST_YEAR), tick = form_round_up(form, 1);
    if (is_timed && range->lo.at != NULL)
        lower -= tick;
    if (is_timed)
        upper += tick;
    form_print(form, lower, ret_lower);
    form_print(form, upper, ret_upper);
}
