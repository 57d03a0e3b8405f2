#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"

static struct log_config log_now = {.level = LOG_NONE};
static _Thread_local struct {
    const char *run_id, *pipeline, *table;
} log_about;

void log_configure(const struct log_config *config) { log_now = *config; }

void log_context(const char *run_id, const char *pipeline, const char *table)
{
    log_about.run_id = run_id;
    log_about.pipeline = pipeline;
    log_about.table = table;
}

static void quote(struct buf *out, const char *text)
{
    buf_add(out, "\"", 1);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c == '\n')
            buf_add(out, "\\n", 2);
        else if (c < 0x20 || c == 0x7F)
            buf_addf(out, "\\u%04x", c);
        else
            buf_add(out, at, 1);
    }
    buf_add(out, "\"", 1);
}

/* Bare words stay bare; what could be taken for something else, or reach a terminal as a command, is quoted. */
static bool needs_quotes(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == '"' || *at == '=' || *at == '\\' || *at == 0x7F)
            return true;
    }
    return text[0] == '\0';
}

static void add_value(struct buf *out, const struct kv *pair, bool json)
{
    switch (pair->kind) {
    case KV_INT: buf_addf(out, "%lld", (long long)pair->number); return;
    case KV_REAL: buf_addf(out, "%.2f", pair->real); return;
    case KV_BOOL: buf_addf(out, "%s", pair->number ? "true" : "false"); return;
    case KV_TEXT: break;
    }
    if (pair->text == NULL)
        buf_addf(out, "null");
    else if (json || needs_quotes(pair->text))
        quote(out, pair->text);
    else
        buf_addf(out, "%s", pair->text);
}

static void add_pair(struct buf *out, const struct kv *pair, bool json)
{
    buf_addf(out, json ? ",\"%s\":" : " %s=", pair->key);
    add_value(out, pair, json);
}

void log_write(enum log_level level, const char *event, const struct kv *pairs, int count)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "none"};
    if (level < log_now.level || log_now.clock == NULL)
        return;
    bool json = log_now.format == LOG_JSON;
    char stamp[STAMP_TEXT];
    stamp_print(log_now.clock->now_us(log_now.clock), 3, stamp);
    AUTO_RELEASE(buf) line = {0};
    if (json)
        buf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", stamp, names[level], event);
    else
        buf_addf(&line, "%s %-5s %s", stamp, names[level], event);
    struct kv about[] = {kv_text("run", log_about.run_id), kv_text("pipeline", log_about.pipeline),
                         kv_text("table", log_about.table)};
    for (int i = 0; i < 3; i++) {
        if (about[i].text != NULL)
            add_pair(&line, &about[i], json);
    }
    for (int i = 0; i < count; i++)
        add_pair(&line, &pairs[i], json);
    buf_addf(&line, json ? "}\n" : "\n");
    if (log_now.sink != NULL) {
        log_now.sink(log_now.context, line.at, (int)line.len);
        return;
    }
    ssize_t written = write(STDERR_FILENO, line.at, line.len); /* one write: lines of several processes do not mix */
    (void)written;
}
