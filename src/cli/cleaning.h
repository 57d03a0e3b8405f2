/* What the verbs that delete have in common: they show what they found, and ask. */
#pragma once

#include "cli/print.h"
#include "move/cleaned.h"

/* Only a person who sees the question can answer it: RC_CONFIG on anything but a terminal, unless it is forced. `what`
 * is found, in the singular: "orphan". */
RC cleaning_ask(struct cli *cli, const char *what, const struct cleaned *found, bool force, bool *ret_yes,
                struct error *err);
/* "NAME: 3 files, 12.3 MB" and a few of them; `what` in the singular. */
void cleaning_print_found(struct cli *cli, const char *name, const char *what, const struct cleaned *found);
void cleaning_print_deleted(struct cli *cli, const char *name, const struct cleaned *found);
/* Puts count, bytes, samples, deleted and failed. */
void cleaning_to_json(json_t *json, const struct cleaned *found, bool was_deleted);
/* Keys that could not be deleted, as an error; RC_OK: there were none. */
enum rc cleaning_judge(const char *name, const char *what, const struct cleaned *found, struct error *err);
/* A copy that lives in `arena`. */
struct cleaned cleaned_copy(const struct cleaned *from, struct arena *arena);
