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
};

/* Standard output goes into `ret` (also when the command fails), standard input and error are /dev/null. *ret_status is
 * the exit status, or 128 + the signal. RC_NOT_FOUND, RC_DENIED: it could not be started. RC_UNAVAILABLE: not done in
 * time. RC_DATA: too much output. No message holds any of the output, nor argv past argv[0]. */
RC subprocess_run(const struct subprocess *command, struct clock *clock, struct buf *ret, int *ret_status,
                  struct error *err);
