/* What a configuration text stands for: ${VAR} from the environment, and for secrets also files and commands.
 *
 *     "${HOME}/shop.db"                   in any text; $$ is one $; a $ before anything else stays
 *     password: "${DB_PASSWORD}"          unset is an error that names the variable and its place (S64)
 *     password: "file:dw.password"        the file's content; relative to the configuration file
 *     password: "cmd:pass show dw/etl"    what `sh -uc` prints, run in the configuration file's folder
 *
 * One newline at the end of a file or a command's output is dropped. An empty secret, another exit status than 0, more
 * than SECRET_BYTES_MAX or CMD_DEADLINE_MS are errors. What a variable holds is taken as it is, never looked at again:
 * a password may begin with "cmd:". Everything after "cmd:" is the shell's, ${VAR} included. */
#pragma once

#include "base/clock.h"
#include "base/options.h"

enum { CMD_DEADLINE_MS = 30000, RESOLVED_BYTES_MAX = 1 << 20 };

struct secret_resolver {
    struct resolver resolver; /* to be given to config_load and options_read */
    struct clock *clock;
    const char *(*environment)(const char *name); /* NULL: not set */
    int64_t cmd_deadline_ms;
};

/* With this process's environment. */
void secret_resolver_init(struct secret_resolver *self, struct clock *clock);
