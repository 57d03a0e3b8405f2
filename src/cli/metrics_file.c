#include "cli/metrics_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/file.h"
#include "move/look.h"

#define FRESH_UNTIL "waybill_table_fresh_timestamp_seconds"

enum { FILE_BYTES_MAX = 16 << 20 };

/* What one sample is made of; a table's where `r` is set. */
struct sample {
    const struct run *run;
    const struct route *r;
    int status;
    int64_t waiting; /* -1: not known */
    double before;   /* this sample's value in the file before; -1: it has none */
};

/* False: not known. */
typedef bool value_fn(const struct sample *s, double *ret);

static double seconds(int64_t us) { return (double)us / 1e6; }

static bool exit_status(const struct sample *s, double *ret)
{
    *ret = s->status;
    return true;
}

static bool started(const struct sample *s, double *ret)
{
    *ret = seconds(s->run->started_us);
    return true;
}

static bool lasted(const struct sample *s, double *ret)
{
    *ret =
        seconds(s->r != NULL ? s->r->result.ended_us - s->r->result.started_us : s->run->ended_us - s->run->started_us);
    return true;
}

static bool failures(const struct sample *s, double *ret)
{
    int failed = 0;
    for (int i = 0; i < s->run->route_count; i++)
        failed += !s->run->routes[i].result.through;
    *ret = failed;
    return true;
}

static bool last_success(const struct sample *s, double *ret)
{
    bool is_well = s->r != NULL ? s->r->result.through : s->status == 0;
    *ret = is_well ? seconds(s->r != NULL ? s->r->result.ended_us : s->run->ended_us) : s->before;
    return *ret >= 0;
}

static bool success(const struct sample *s, double *ret)
{
    *ret = s->r->result.through;
    return true;
}

#define COUNT_OF(field)                                                                                                \
    static bool field(const struct sample *s, double *ret)                                                             \
    {                                                                                                                  \
        *ret = (double)s->r->result.field;                                                                             \
        return true;                                                                                                   \
    }
COUNT_OF(rows_extracted)
COUNT_OF(rows_loaded)
COUNT_OF(rows_quarantined)
COUNT_OF(bytes_staged)
COUNT_OF(waybills)

static bool waiting(const struct sample *s, double *ret)
{
    *ret = (double)s->waiting;
    return s->waiting >= 0;
}

/* Only where the rows are in the target now, or there is none. */
static bool fresh_until(const struct sample *s, double *ret)
{
    const struct table_result *result = &s->r->result;
    bool is_known = result->through && result->fresh_us != 0 && !s->run->options.backup_only;
    *ret = is_known ? seconds(result->fresh_us) : s->before;
    return *ret >= 0;
}

static bool freshness(const struct sample *s, double *ret)
{
    double until;
    bool is_known = fresh_until(s, &until);
    *ret = seconds(s->run->ended_us) - until;
    return is_known;
}

static const struct metric {
    const char *name, *help;
    bool is_table;
    value_fn *value;
} metrics[] = {
    {"waybill_run_exit_status", "Exit status of the last run.", false, exit_status},
    {"waybill_run_start_timestamp_seconds", "When the last run began.", false, started},
    {"waybill_run_duration_seconds", "How long the last run took.", false, lasted},
    {"waybill_run_failed_tables", "Tables of the last run that are not through.", false, failures},
    {"waybill_run_last_success_timestamp_seconds", "When a run was last through with exit status 0.", false,
     last_success},
    {"waybill_table_success", "1: the last run is through with this table.", true, success},
    {"waybill_table_last_success_timestamp_seconds", "When a run was last through with this table.", true,
     last_success},
    {"waybill_table_duration_seconds", "How long the last run took for this table.", true, lasted},
    {"waybill_table_rows_extracted", "Rows that the last run read and sealed.", true, rows_extracted},
    {"waybill_table_rows_loaded", "Rows that the last run committed in the target.", true, rows_loaded},
    {"waybill_table_rows_quarantined", "Rows that the last run set aside, since they do not fit.", true,
     rows_quarantined},
    {"waybill_table_bytes_staged", "Bytes of the files that the last run staged.", true, bytes_staged},
    {"waybill_table_waybills_sealed", "Waybills that the last run sealed.", true, waybills},
    {"waybill_table_waybills_waiting", "Waybills that are sealed and not loaded.", true, waiting},
    {FRESH_UNTIL, "What was committed in the source before is in the target; on the source's clock.", true,
     fresh_until},
    {"waybill_table_freshness_seconds", "How long before the end of the last run that was.", true, freshness},
};

/* ---- the file before ---- */

static void read_before(const char *path, struct buf *ret)
{
    char block[4096];
    FILE *file = fopen(path, "re");
    ret->max = FILE_BYTES_MAX + sizeof(block);
    for (size_t got; file != NULL && ret->len < FILE_BYTES_MAX && (got = fread(block, 1, sizeof(block), file)) > 0;)
        buf_add(ret, block, got);
    if (file != NULL)
        fclose(file);
}

static double value_before(const struct buf *before, const char *series)
{
    size_t len = strlen(series);
    for (const char *at = before->len > 0 ? strstr(before->at, series) : NULL; at != NULL;
         at = strstr(at + 1, series)) {
        if ((at == before->at || at[-1] == '\n') && at[len] == ' ')
            return strtod(at + len, NULL);
    }
    return -1;
}

/* ---- the file ---- */

static void add_label(const char *name, const char *value, struct buf *out)
{
    buf_addf(out, "%s=\"", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n')
            buf_add_str(out, S("\\n"));
        else
            buf_addf(out, "%s%c", *at == '\\' || *at == '"' ? "\\" : "", *at);
    }
    buf_add_str(out, S("\""));
}

/* "waybill_table_success{pipeline="p",table="orders"}" */
static void add_series(const char *name, const struct sample *s, struct buf *out)
{
    buf_addf(out, "%s{", name);
    add_label("pipeline", s->run->pipeline->name, out);
    if (s->r != NULL) {
        buf_add_str(out, S(","));
        add_label("table", s->r->config->name, out);
    }
    buf_add_str(out, S("}"));
}

static void add_sample(const struct metric *metric, struct sample *s, const struct buf *before, struct buf *out)
{
    AUTO_RELEASE(buf) series = {0}, kept = {0};
    double value;
    add_series(metric->name, s, &series);
    add_series(metric->value == freshness ? FRESH_UNTIL : metric->name, s, &kept);
    s->before = value_before(before, kept.at);
    if (metric->value(s, &value))
        buf_addf(out, "%s %.15g\n", series.at, value);
}

/* -1 where the store does not say. */
static int64_t waiting_of(struct run *run, struct route *r)
{
    struct standing standing;
    struct error ignored; /* the run's own failure is what is told */
    if (run->world.store == NULL || look_standing(r, &standing, &ignored) != RC_OK)
        return -1;
    return standing.waiting;
}

RC metrics_file_write(const char *path, struct run *run, int status, struct error *err)
{
    AUTO_RELEASE(buf) before = {0}, out = {0};
    int64_t *waits = xcalloc((size_t)run->route_count + 1, sizeof(*waits));
    struct sample sample = {.run = run, .status = status};
    read_before(path, &before);
    for (int i = 0; i < run->route_count; i++)
        waits[i] = waiting_of(run, &run->routes[i]);
    for (size_t m = 0; m < sizeof(metrics) / sizeof(*metrics); m++) {
        const struct metric *metric = &metrics[m];
        buf_addf(&out, "# HELP %s %s\n# TYPE %s gauge\n", metric->name, metric->help, metric->name);
        for (int i = 0; i < (metric->is_table ? run->route_count : 1); i++) {
            sample.r = metric->is_table ? &run->routes[i] : NULL;
            sample.waiting = waits[i];
            add_sample(metric, &sample, &before, &out);
        }
    }
    free(waits);
    if (file_write_atomic(path, buf_str(&out), 0644, err) != RC_OK)
        return fail_in(err, "writing the metrics");
    return RC_OK;
}
