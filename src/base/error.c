#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define RC_NAME(id, name, transient, status)      [id] = name,
#define RC_TRANSIENT(id, name, transient, status) [id] = transient,
#define RC_STATUS(id, name, transient, status)    [id] = status,

const char *rc_name(enum rc rc)
{
    static const char *const names[] = {RC_TABLE(RC_NAME)};
    return names[rc];
}

bool rc_is_transient(enum rc rc)
{
    static const bool transients[] = {RC_TABLE(RC_TRANSIENT)};
    return transients[rc];
}

int rc_exit_status(enum rc rc)
{
    static const int statuses[] = {RC_TABLE(RC_STATUS)};
    return statuses[rc];
}

/* How many bytes the character at `at` has; 0: it is not UTF-8. */
static size_t character_bytes(const char *at)
{
    size_t left = strnlen(at, 4);
    for (size_t len = 1; len <= left; len++) {
        if (str_is_utf8((struct str){at, len}))
            return len;
    }
    return 0;
}

/* A text that was cut to fit may end inside a character, and a file's name may be any bytes; JSON takes UTF-8 only. */
static void make_utf8(char *text)
{
    if (str_is_utf8(str(text)))
        return;
    while (*text != '\0') {
        size_t len = character_bytes(text);
        if (len == 0)
            *text = '?';
        text += len != 0 ? len : 1;
    }
}

enum rc(fail)(struct error *err, enum rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    *err = (struct error){.rc = rc};
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    make_utf8(err->text);
    return rc;
}

enum rc(fail_in)(struct error *err, const char *fmt, ...)
{
    char inner[sizeof(err->text)];
    memcpy(inner, err->text, sizeof(inner));
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    size_t used = strlen(err->text);
    int room = (int)(sizeof(err->text) - used) - 3;
    if (room > 0)
        snprintf(err->text + used, sizeof(err->text) - used, ": %.*s", room, inner);
    make_utf8(err->text);
    return err->rc;
}

enum rc(fail_todo)(struct error *err, const char *fmt, ...)
{
    if (err->todo[0] != '\0')
        return err->rc;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->todo, sizeof(err->todo), fmt, args);
    va_end(args);
    make_utf8(err->todo);
    return err->rc;
}

enum rc(fail_id)(struct error *err, const char *id)
{
    if (err->id == NULL)
        err->id = id;
    return err->rc;
}

const char *error_id(const struct error *err) { return err->id != NULL ? err->id : rc_name(err->rc); }

const char *error_todo(const struct error *err)
{
    if (err->todo[0] != '\0')
        return err->todo;
    bool is_right = err->rc == RC_DENIED && text_eq(error_id(err), "no-right");
    return is_right ? "`waybill check --grants` says which right it is, and which statement grants it" : NULL;
}

static enum rc rc_from_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: return RC_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return RC_DENIED;
    case EEXIST: return RC_CONFLICT;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY: return RC_BUSY;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case EIO:
    case EINTR: return RC_UNAVAILABLE;
    default: return RC_FAILED;
    }
}

enum rc(fail_errno)(struct error *err, int number, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    *err = (struct error){.rc = rc_from_errno(number)};
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(number));
    make_utf8(err->text);
    if (number == ENOSPC || number == EDQUOT)
        fail_todo(err, "free some space, then run the same command again: it goes on where it stopped");
    else if (number == EROFS)
        fail_todo(err, "the file system is read-only: give a path that can be written");
    else if (number == EACCES || number == EPERM)
        fail_todo(err, "give this user the right to it (ls -ld shows the owner and the mode)");
    return err->rc;
}
