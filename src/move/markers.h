/* Completion markers: what orchestrators wait for (docs/markers.md). One folder for each table of a run,
 *
 *     completion_markers/<pipeline>/<table>/<stamp>/ execution_metadata.json, table_metrics.json, completion_marker.txt
 *
 * or, of a table that failed, execution_metadata.json and failure_marker.txt. All that they say stands in the run's
 * document (announce.h), so that they can be written again from it. */
#pragma once

#include "base/json.h"
#include "move/cleaned.h"
#include "store/store.h"

struct run;

enum {
    MARKER_STAMP_TEXT = 129, /* of a stamp: `{{ ts_nodash }}`, or `{{ run_id }}` of an orchestrator */
    MARKERS_MAX = 1 << 20,   /* that are looked at in one go */
};

/* RC_CONFIG: it cannot be one segment of a key. `by` is where it was given: "--marker-stamp". */
RC marker_check_stamp(const char *stamp, const char *by, struct error *err);

/* ---- writing: by plain PUTs, completion_marker.txt last (an identity that may only put and list is enough) ---- */

struct marker_place {
    struct store *store;
    const char *stamp;
    bool tell; /* each step is worth a line of the log */
};
/* The folder of one table of the document. RC_DATA: the document is not that of a run, or does not speak of `table`. */
RC marker_write(const struct marker_place *place, const json_t *document, const char *table, struct error *err);
/* Fills the result of the run's one table, and the run's own name and times, from what its last announcement told of:
 * S, and the waybills and receipts that lead there. Then announce_document() says it again, but for what was not kept
 * (durations of the extraction: null). RC_NOT_FOUND: nothing was ever announced. */
RC marker_recall(struct run *run, struct error *err);

/* ---- looking ---- */

enum marker_state {
    MARKER_UNFINISHED, /* neither text is there: its run is about to write them, or ended there */
    MARKER_COMPLETE,
    MARKER_FAILED,
    MARKER_BOTH, /* of several runs with one stamp; how the last one ended is in execution_metadata.json */
};

struct marker {
    const char *pipeline, *table, *stamp;
    const char *folder; /* key of the folder, with its last '/' */
    enum marker_state state;
    bool has_metrics;
    int64_t modified_us; /* of its newest object, by the store's clock */
};
struct marker_list {
    struct marker *items;
    int count;
};
/* Each NULL: any; a table only with its pipeline, a stamp only with its table. */
struct marker_filter {
    const char *pipeline, *table, *stamp;
    int64_t after_us; /* 0: of any age; else newer than this, by the store's clock */
};
/* By folder; one listing and no other request. */
RC marker_list(struct store *store, const struct marker_filter *filter, struct arena *arena, struct marker_list *ret,
               struct error *err);
/* Newest first. */
void marker_sort(struct marker_list *list);

/* What a folder says of its table. Of a run of one table that is what its summary says, as it was documented. */
struct marker_story {
    json_t *document;    /* execution_metadata.json, as it is */
    const char *status;  /* "success", "failed"; lives in the document */
    const char *failure; /* why; NULL: it does not say. The document's, too */
    int64_t rows, files; /* -1: it does not say */
    double seconds;      /* less than 0: it does not say */
};
RC marker_read(struct store *store, const struct marker *marker, struct marker_story *ret, struct error *err);
void marker_story_release(struct marker_story *self);
/* Another object of the folder, whole: "completion_marker.txt". */
RC marker_read_object(struct store *store, const struct marker *marker, const char *name, struct buf *ret,
                      struct error *err);
/* MARKER_BOTH becomes what its metadata says. */
RC marker_settle(struct store *store, struct marker *marker, struct error *err);

/* ---- cleaning ---- */

/* Folders whose newest object is not newer than `until_us` by the store's clock (store_now), by exact key: nothing but
 * the four names above, each in such a folder. completion_marker.txt goes first, so that nobody finds it alone. */
RC marker_clean(struct store *store, const struct marker_filter *filter, int64_t until_us, bool dry,
                struct arena *arena, struct cleaned *ret, struct error *err);
