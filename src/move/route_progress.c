#include "move/route.h"

/* Counting what there is, and waiting for another run, are no measure of how fast rows move. A later bound is: every
 * chunk has one. The lock is held. */
static bool route_is_working(const struct route *r)
{
    static const char *const work[] = {"begin", "extract", "seal", "load"};
    for (size_t i = 0; i < sizeof(work) / sizeof(*work); i++) {
        if (text_eq(r->phase, work[i]))
            return true;
    }
    return text_eq(r->phase, "bound") && r->result.rows_extracted > 0;
}

/* Rows to extract and rows to load; the lock is held. */
static int64_t route_work_total(const struct route *r)
{
    int64_t extracts = route_extracts(r) ? r->rows_total : 0;
    if (extracts < 0 || r->loads_waiting < 0)
        return -1;
    return route_loads(r) ? 2 * extracts + r->loads_waiting : extracts;
}

/* The lock is held. */
static void route_tell(struct route *r, bool done)
{
    bool is_through = text_eq(r->phase, "announce");
    struct progress_state state = {
        .table = r->config->name,
        .phase = or_empty(r->phase),
        .rows = r->result.rows_extracted,
        .bytes = r->result.bytes_staged,
        .rows_total = r->rows_total,
        .work = r->result.rows_extracted + r->loaded,
        .work_total = route_work_total(r),
        .is_working = route_is_working(r),
        .is_through = is_through,
        .is_done = done,
        .tables = r->run->route_count,
        .waits_for = text_eq(r->phase, "waiting") ? r->waits_for : NULL,
        .result = !done && !is_through ? NULL
                  : r->result.through  ? "success"
                  : r->result.skipped  ? "skipped"
                                       : "failed",
    };
    progress_update(r->run->world.progress, &state);
}

void route_progress(struct route *r, const char *phase, bool done)
{
    pthread_mutex_lock(&r->run->lock);
    r->phase = phase;
    r->rows_total = r->bound.taken ? r->bound.rows_total : -1;
    route_tell(r, done);
    pthread_mutex_unlock(&r->run->lock);
}

void route_loaded(struct route *r, int64_t rows, int64_t waiting)
{
    pthread_mutex_lock(&r->run->lock);
    r->loaded = rows;
    r->loads_waiting = waiting;
    route_tell(r, false);
    pthread_mutex_unlock(&r->run->lock);
}

void route_extracted(struct route *r, const struct extracted *more)
{
    pthread_mutex_lock(&r->run->lock);
    r->result.rows_extracted += more->rows;
    r->result.files_created += more->files;
    r->result.bytes_raw += more->bytes_raw;
    r->result.bytes_staged += more->bytes_staged;
    route_tell(r, false);
    pthread_mutex_unlock(&r->run->lock);
}

void route_warn(struct route *r, const char *text)
{
    const char *before = r->result.warning;
    if (before == NULL)
        r->result.warning = text;
    else if (strstr(before, text) == NULL)
        r->result.warning = arena_print(&r->arena, "%s; %s", before, text);
}

struct extracted route_extracted_so_far(const struct route *r)
{
    const struct table_result *result = &r->result;
    return (struct extracted){result->rows_extracted, result->files_created, result->bytes_raw, result->bytes_staged};
}
