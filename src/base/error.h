/* Errors: a caller-owned `struct error` filled where the failure is known, and an enum that says what kind it is.
 *
 * Three kinds of failure are never mixed: a bug asserts, no memory aborts (the next run resumes), the world returns RC.
 * A message has four parts: what failed, on which object, why (`text`), and what to do about it (`todo`). Both are
 * UTF-8, whatever went into them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* id, name, worth a retry, exit status of the program */
#define RC_TABLE(X)                                                                                                    \
    X(RC_OK, "ok", false, 0)                                                                                           \
    X(RC_FAILED, "failed", false, 1)                                                                                   \
    X(RC_CONFIG, "config", false, 2)       /* usage or configuration */                                                \
    X(RC_NOT_FOUND, "not-found", false, 4) /* in the world, not in the configuration */                                \
    X(RC_NO_PLACE, "not-found", false, 4)  /* where things should be: a bucket; never read as "no such object" */      \
    X(RC_THROTTLED, "throttled", true, 5)                                                                              \
    X(RC_UNAVAILABLE, "unavailable", true, 5) /* also: an answer was lost, the fate is open */                         \
    X(RC_BUSY, "busy", true, 5)                                                                                        \
    X(RC_AGAIN, "busy", true, 5)         /* a transaction that others got in the way of: all of it anew (S50) */       \
    X(RC_UNKNOWN, "unknown", true, 5)    /* a COMMIT whose answer was lost */                                          \
    X(RC_CONFLICT, "conflict", false, 6) /* the condition of a write did not hold */                                   \
    X(RC_DATA, "data", false, 6)         /* counts, checksums, values, chain */                                        \
    X(RC_LEASE, "lease", false, 7)                                                                                     \
    X(RC_DENIED, "denied", false, 8)                                                                                   \
    X(RC_DEADLINE, "deadline", false, 5) /* the time the run was given is over */                                      \
    X(RC_INTERRUPTED, "interrupted", false, 130)                                                                       \
    X(RC_TERMINATED, "terminated", false, 143)

#define RC_ENUM(id, name, transient, status) id,
enum rc { RC_TABLE(RC_ENUM) };

#define RC __attribute__((warn_unused_result)) enum rc

struct error {
    enum rc rc;
    int http_status, retry_after_ms; /* 0 when the remote did not say */
    const char *id;                  /* a word of docs/errors.md; NULL: its kind's name is enough */
    char vendor[24];                 /* the remote's own code: "SQLITE_FULL", "SlowDown" */
    char text[1024];                 /* "extracting 'orders': page 3 of 'shop.db': disk I/O error" */
    char todo[512];                  /* "check the disk, then run the same command again"; may be empty */
};

/* Fills err and returns rc, so that a failure is one line: return fail(err, RC_DATA, "...", ...); */
enum rc fail(struct error *err, enum rc rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts context in front of the text ("copying 'orders': ..."), returns err->rc. */
enum rc fail_in(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says what the user can do; an advice that is already there stays (the innermost knows best). Returns err->rc. */
enum rc fail_todo(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Names the failure for docs/errors.md and for programs; stable, and a literal. The innermost stays. Returns err->rc.
 */
enum rc fail_id(struct error *err, const char *id);
/* Its id: what fail_id gave, else the name of its kind. */
const char *error_id(const struct error *err);

/* What to do: as it was said; of a right that is missing, where that is found out, when nobody has said. NULL: nothing.
 */
const char *error_todo(const struct error *err);
#define ERROR_ID(word) word /* in a table whose ids go to fail_id: tests find them by this */
/* RC_DENIED, RC_NOT_FOUND, RC_UNAVAILABLE ... for an errno; the text ends in its strerror. */
enum rc fail_errno(struct error *err, int number, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* The analyzer reads one file at a time, and has to be told that these never return RC_OK. (Their definitions stand
 * in parentheses, which keeps a macro away.) */
static inline enum rc analyzer_failed(enum rc rc)
{
    if (rc == RC_OK)
        __builtin_unreachable();
    return rc;
}
#define fail(...)       analyzer_failed((fail)(__VA_ARGS__))
#define fail_in(...)    analyzer_failed((fail_in)(__VA_ARGS__))
#define fail_todo(...)  analyzer_failed((fail_todo)(__VA_ARGS__))
#define fail_id(...)    analyzer_failed((fail_id)(__VA_ARGS__))
#define fail_errno(...) analyzer_failed((fail_errno)(__VA_ARGS__))
#endif

const char *rc_name(enum rc rc);
bool rc_is_transient(enum rc rc);
int rc_exit_status(enum rc rc);
/* The program was asked to end, by a signal or by --deadline: nothing is wrong with what was under way. */
static inline bool rc_is_stop(enum rc rc) { return rc == RC_INTERRUPTED || rc == RC_TERMINATED || rc == RC_DEADLINE; }

#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        enum rc try_rc = (expr);                                                                                       \
        if (try_rc != RC_OK)                                                                                           \
            return try_rc;                                                                                             \
    } while (0)
