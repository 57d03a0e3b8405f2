/* Any source, made to fail where a plan says. Every operation and every page of a reader is a call; TORN loses the page
 * that was read, and the reader with it. */
#pragma once

#include "connect/source.h"
#include "world/fault.h"

/* Takes over `inner`. The plan must outlive the source. */
struct source *fault_source_new(struct source *inner, struct fault_plan *plan);
