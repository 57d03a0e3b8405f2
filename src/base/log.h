/* One event per line on stderr, as text for people or JSON for machines. Only cli, web and move log; everything below
 * returns. Every line carries time (ms, Z), level, event, and the context set by log_context: run, pipeline, table.
 *
 *     log_info("file.staged", KV("file", key), KV("rows", rows), KV("seconds", 1.5));
 *
 * A struct secret (base/secret.h) cannot be given to KV: it does not compile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NONE };
enum log_format { LOG_TEXT, LOG_JSON };

struct kv {
    const char *key;
    enum { KV_TEXT, KV_INT, KV_REAL, KV_BOOL } kind;
    const char *text; /* NULL prints as null */
    int64_t number;
    double real;
};

static inline struct kv kv_text(const char *key, const char *v)
{
    return (struct kv){.key = key, .kind = KV_TEXT, .text = v};
}
static inline struct kv kv_int(const char *key, int64_t v)
{
    return (struct kv){.key = key, .kind = KV_INT, .number = v};
}
static inline struct kv kv_real(const char *key, double v)
{
    return (struct kv){.key = key, .kind = KV_REAL, .real = v};
}
static inline struct kv kv_bool(const char *key, bool v)
{
    return (struct kv){.key = key, .kind = KV_BOOL, .number = v};
}

#define KV(name, value)                                                                                                \
    _Generic((value), char *: kv_text, const char *: kv_text, bool: kv_bool, int: kv_int, unsigned: kv_int, long: kv_int, \
             unsigned long: kv_int, long long: kv_int, double: kv_real)(name, value)

#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define LOG_AT(level, ...)                                                                                             \
    LOG_PICK(__VA_ARGS__, LOG_MANY, LOG_MANY, LOG_MANY, LOG_MANY, LOG_MANY, LOG_MANY, LOG_MANY, LOG_MANY, LOG_ONE)     \
    (level, __VA_ARGS__)
#define LOG_PICK(a, b, c, d, e, f, g, h, i, which, ...) which
#define LOG_ONE(level, event)                           log_write(level, event, NULL, 0)
#define LOG_MANY(level, event, ...)                                                                                    \
    log_write(level, event, (struct kv[]){__VA_ARGS__}, (int)(sizeof((struct kv[]){__VA_ARGS__}) / sizeof(struct kv)))

void log_write(enum log_level level, const char *event, const struct kv *pairs, int count);

/* What the whole process logs with. `sink` NULL: stderr. Called once, at start; tests give a sink of their own. */
struct log_config {
    enum log_level level;
    enum log_format format;
    struct clock *clock;
    void (*sink)(void *context, const char *line, int len); /* one whole line with its newline; NULL: stderr */
    void *context;
};
void log_configure(const struct log_config *config);

/* The thread's context; NULL leaves a field out. The texts must outlive the context. */
void log_context(const char *run_id, const char *pipeline, const char *table);
