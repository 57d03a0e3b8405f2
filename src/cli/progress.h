/* How a run looks while it goes on: live lines on a terminal, log lines or JSON otherwise. Standard error only. */
#pragma once

#include "base/clock.h"
#include "cli/command.h"
#include "move/progress.h"

/* What it draws on; a test gives its own. */
struct progress_screen {
    void (*write)(void *context, const char *bytes, size_t len);
    void (*size)(void *context, int *ret_columns, int *ret_rows); /* of the terminal now */
    int64_t (*memory_bytes)(void *context);                       /* the process's peak */
    void *context;
};

struct progress_view;
/* `kind` PROGRESS_AUTO: a bar when standard error is a terminal, else log lines. `screen` NULL: standard error, where
 * live lines are drawn anew twice a second while nothing is told. */
struct progress_view *progress_view_new(enum progress_kind kind, struct clock *clock,
                                        const struct progress_screen *screen);
struct progress *progress_of(struct progress_view *self);     /* what the engine is given */
bool progress_view_is_live(const struct progress_view *self); /* it draws lines that are drawn again */
/* Log lines go through here while lines are live (base/log.h, sink): they scroll by above them. */
void progress_view_log(void *self, const char *line, int len);
/* Leaves the last state standing. */
void progress_view_free(struct progress_view *self);
AUTO_DEFINE(progress_view)
