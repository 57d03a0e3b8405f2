/* Runs a command to its end, within a time and an amount of output. No shell is involved unless argv names one. */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

struct subprocess {
    const char *const *argv; /* NULL at the end; argv[0] is looked up in PATH */
    const char *folder;      /* to run in; NULL: this process's */
    int64_t deadline_ms; /* from the start; then the command and its children in the same process group are killed */
    size_t output_bytes_max; /* of its standard output; more is an error */
    struct buf *errors;      /* the beginning of its standard error, SUBPROCESS_ERROR_BYTES at most; NULL: not wanted */
};
enum { SUBPROCESS_ERROR_BYTES = 4096 };

/* Standard output goes into `ret` (also when the command fails), standard input is /dev/null, as is
 * standard error where it is not wanted. *ret_status is the exit status, or 128 + the signal. RC_NOT_FOUND, RC_DENIED:
 * it could not be started. RC_UNAVAILABLE: not done in time. RC_DATA: too much output. No message holds any of the
 * output, nor argv past argv[0]. */
RC subprocess_run(const struct subprocess *command, struct clock *clock, struct buf *ret, int *ret_status,
                  struct error *err);
