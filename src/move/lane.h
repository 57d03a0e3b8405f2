/* One reader's rows on their way into files. Lanes share nothing but the route: each has a Parquet writer, an uploader
 * and (but the first) a thread of its own. Their buffers last for the whole run. */
#pragma once

#include "move/largest.h"
#include "move/quarantine.h"

/* What the lanes of one chunk know of each other: the first failure ends them all. */
struct together {
    pthread_mutex_t lock;
    struct error failure; /* rc RC_OK: none */
};

struct lane {
    struct worker *worker; /* the lane is its job */
    struct uploader uploader;
    /* the chunk's part, set by whoever begins it */
    struct route *route;
    struct together *together;
    struct batch_reader *reader;
    struct stage_sizes sizes;
    int number, count; /* of lanes: every count-th number is one of its files */
    /* what became of it */
    struct stage_file file;
    bool file_open;
    struct arena arena; /* of the files' texts */
    struct waybill_file *files;
    int file_count;
    struct quarantine quarantine;
    struct waybill_file aside; /* its file */
    int64_t aside_rows;        /* 0: there is none */
    struct largest largest;
    int64_t rows; /* that were read */
};

/* The first lane has no thread of its own: it is where it is begun. */
struct lane *lane_new(bool threads, bool is_first);
void lane_free(struct lane *self);

/* Reads to the end, and stages. */
void lane_begin(struct lane *self, struct route *route, struct together *together, struct stage_sizes sizes);
void lane_wait(struct lane *self);
/* When all have been waited for: frees the reader, and gives up what was not staged after a failure of any of them. */
void lane_end(struct lane *self);
