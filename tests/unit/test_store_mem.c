/* The in-memory store keeps a store's promises, and misbehaves where it is told to. */
#include "conform/store_suite.h"
#include "store/probe.h"
#include "test.h"
#include "world/mem_store.h"

static void *suite_setup(void) { return mem_objects_new(clock_real()); }
static void suite_teardown(void *objects) { mem_objects_free(objects); }
static struct store *suite_open(void *objects) { return mem_store_open(objects, "lake"); }

static const struct store_kind kind = {
    .name = "store: memory", .setup = suite_setup, .teardown = suite_teardown, .open = suite_open, .rounds = 200};

int main(void) { return store_suite_run(&kind); }
