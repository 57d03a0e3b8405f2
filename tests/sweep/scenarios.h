/* What runs while the faults come: increments x modes x (first, incremental, recovery ...). */
#pragma once

#include "world/world.h"

struct scenario {
    const char *name;
    enum world_variant variant;
    void (*setup)(struct world *world); /* what happened before, without faults */
    struct run_options options;         /* of the command that is hit, and run again */
    bool no_target;
    struct world_rules rules; /* after that command */
};

extern const struct scenario scenarios[];
extern const int scenario_count;
