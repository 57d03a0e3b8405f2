/* What runs while the faults come: increments x modes x (first, incremental, recovery ...). */
#pragma once

#include "world/world.h"

enum { ARROWS_MAX = 8 };
typedef struct world_report command_fn(struct world *world, bool hit);
/* Whether what a command says of itself fits its world; else why it does not. */
typedef bool holds_fn(struct world *world, const struct world_report *report, struct buf *why);

struct scenario {
    const char *name;
    enum world_variant variant;
    void (*setup)(struct world *world); /* what happened before, without faults */
    struct run_options options;         /* of the command that is hit, and run again */
    bool no_target;
    struct world_rules rules;       /* after that command */
    command_fn *command;            /* NULL: a run */
    command_fn *meanwhile;          /* what a second process does inside a call of it; NULL: a run */
    bool in_memory;                 /* nothing like it over real components */
    const char *seam;               /* only its calls are hit; NULL: all seams' */
    const char *arrows[ARROWS_MAX]; /* only calls within these are hit; none: within all */
    holds_fn *holds; /* more that must hold when the command has ended, hurt or not, and alone in its world; NULL: no */
    int sparse;      /* as --sparse, where that is not larger */
};

extern const struct scenario scenarios[];
extern const int scenario_count;
