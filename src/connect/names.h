/* Names of columns and tables, as every source looks at them. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

/* A column whose name tells that each update changes it: "updated_at". */
bool name_says_changed(const char *column);
/* A name as YAML: quoted where it must be. */
const char *yaml_name(struct arena *arena, const char *name);
