/* --metrics-file: the run's numbers in Prometheus' text format, for the textfile collector of node_exporter. The file
 * is written whole, also when the run fails: when a table was last well, and how far it was fresh, then stays as the
 * file before said. https://prometheus.io/docs/instrumenting/exposition_formats/ */
#pragma once

#include "move/run.h"

/* `status`: of the program. Looks into the store for what waits; what cannot be known is left out. */
RC metrics_file_write(const char *path, struct run *run, int status, struct error *err);
