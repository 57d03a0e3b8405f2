/* What stories about waybill.yml share: a folder of each test's own, in which w.yml is written anew and loaded. */
#pragma once

#include "io/secret_resolve.h"
#include "move/config.h"
#include "test.h"
#include "world/folder.h"

struct config_story {
    char *folder;
    struct arena arena; /* of what a test makes */
    struct secret_resolver resolver;
    struct config *config; /* as it was loaded last; NULL: it was refused */
};
extern struct config_story story;

int config_story_begin(void **state);
int config_story_end(void **state);
#define CONFIG_CASE(name) cmocka_unit_test_setup_teardown(name, config_story_begin, config_story_end)

#define CONNECTIONS                                                                                                    \
    "connections:\n"                                                                                                   \
    "  shop: {type: sqlite, path: shop.db}\n"                                                                          \
    "  lake: {type: directory, path: lake}\n"                                                                          \
    "  dw: {type: sqlite, path: dw.db}\n"
#define PIPELINE "pipelines:\n  p:\n    source: shop\n    stage: {store: lake}\n    target: dw\n"
#define TABLE    "    tables:\n      " /* behind the two above: what follows begins at line 11, column 7 */

void config_story_write(const char *name, const char *text); /* a file beside w.yml */
RC config_story_load(const char *text, struct error *err);
void assert_loads(const char *text);
/* The text is a mistake in the configuration, with this message and advice (in which files have no folder); NULL: with
 * some advice, for there is no mistake without. */
void assert_refused(const char *text, const char *message, const char *todo);
void assert_message(const char *message, const char *expected);
const struct pipeline_config *pick(const char *name); /* a pipeline of what was loaded; NULL: the only one */
