#include "cli/progress.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/print.h"

enum {
    LIVE_MAX = 16,
    NAME_COLUMNS = 28,
    NARROW_NAME_COLUMNS = 14,
    NARROW_COLUMNS = 100,
    DRAW_MS = 100,
    LOG_MS = 5000,
    JSON_MS = 1000,
    RECENT_MS = 30000, /* how long ago work counts for less than half of the rate that the rest is expected at */
    KNOWN_MS = 1000    /* less work than that tells no rate */
};

/* A table under way. */
struct live {
    char *table;
    char waits_for[160];         /* "" : nobody */
    struct progress_state state; /* its texts are not kept; `phase` is a word of the program's own */
    int64_t told_ms, seen_ms;
    double worked_ms;              /* without waits */
    double recent_work, recent_ms; /* what was long ago has faded out of both */
};

struct progress_view {
    struct progress progress; /* the first: what the engine holds is the whole */
    enum progress_kind kind;
    struct clock *clock;
    struct progress_screen screen;
    struct live live[LIVE_MAX];
    int count;
    int drawn; /* lines on the screen that are live */
    int64_t drawn_ms;
    pthread_mutex_t lock; /* updates and lines of the log come from any thread */
};

/* ---- the real screen ---- */

static void stderr_write(void *context, const char *bytes, size_t len)
{
    ssize_t written = write(STDERR_FILENO, bytes, len);
    (void)written; /* a run does not fail because nobody looks */
}

static int stderr_columns(void *context)
{
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static int64_t peak_memory(void *context)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

static bool is_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term != NULL && !text_eq(term, "dumb");
}

/* ---- what is told of a table ---- */

/* Numbers of one table at one moment. */
struct rates {
    double rows, bytes;  /* per second of work */
    int64_t eta_seconds; /* -1: not known */
};

/* Time without rows counts as work only in a phase that moves rows; behind the last one, a table waits for others. */
static void learn(struct live *live, const struct progress_state *next, int64_t now_ms)
{
    int64_t ms = now_ms - live->seen_ms, work = next->work - live->state.work;
    live->seen_ms = now_ms;
    if (work < 0 || (work == 0 && (!live->state.is_working || next->is_done)))
        return;
    double keep = RECENT_MS / (double)(RECENT_MS + ms);
    live->worked_ms += (double)ms;
    live->recent_work = live->recent_work * keep + (double)work;
    live->recent_ms = live->recent_ms * keep + (double)ms;
}

static struct rates rates_of(const struct live *live)
{
    const struct progress_state *s = &live->state;
    struct rates rates = {.eta_seconds = -1};
    if (live->worked_ms > 0) {
        rates.rows = (double)s->rows * 1000 / live->worked_ms;
        rates.bytes = (double)s->bytes * 1000 / live->worked_ms;
    }
    bool is_known = !s->is_done && s->work_total > s->work && live->recent_ms >= KNOWN_MS && live->recent_work > 0;
    if (is_known)
        rates.eta_seconds =
            (int64_t)((double)(s->work_total - s->work) / live->recent_work * live->recent_ms / 1000 + 0.5);
    return rates;
}

/* Cut to a number of characters, control characters made harmless. */
static void add_cut(struct buf *out, const char *text, int columns)
{
    int used = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c & 0xC0) != 0x80 && ++used > columns)
            return;
        buf_addf(out, "%c", c < 0x20 || c == 0x7F ? '?' : c);
    }
}

/* "orders                        extract  1,234,567 rows  45,678/s  93.1 MB  4.2 MB/s  mem 61.0 MB  eta 3m07s" */
static void add_line(const struct progress_view *view, const struct live *live, struct buf *out)
{
    const struct progress_state *s = &live->state;
    struct rates rates = rates_of(live);
    char rows[HUMAN_TEXT], row_rate[HUMAN_TEXT], bytes[HUMAN_TEXT], byte_rate[HUMAN_TEXT], memory[HUMAN_TEXT],
        eta[HUMAN_TEXT];
    AUTO_RELEASE(buf) name = {0};
    AUTO_RELEASE(buf) line = {0};
    human_count(s->rows, rows);
    human_count((int64_t)rates.rows, row_rate);
    human_bytes(s->bytes, bytes);
    human_bytes((int64_t)rates.bytes, byte_rate);
    human_bytes(view->screen.memory_bytes(view->screen.context), memory);
    int columns = view->screen.columns(view->screen.context);
    int name_columns = columns < NARROW_COLUMNS ? NARROW_NAME_COLUMNS : NAME_COLUMNS;
    add_cut(&name, live->table, name_columns);
    buf_addf(&line, "%s%*s  %-8s  ", or_empty(name.at), name_columns - print_width(or_empty(name.at)), "",
             s->is_done ? or_empty(s->result) : or_empty(s->phase));
    if (live->waits_for[0] != '\0')
        buf_addf(&line, "for %s", live->waits_for);
    else
        buf_addf(&line, "%s rows  %s/s  %s  %s/s  mem %s", rows, row_rate, bytes, byte_rate, memory);
    if (rates.eta_seconds >= 0) {
        human_time(rates.eta_seconds, eta);
        buf_addf(&line, "  eta %s", eta);
    }
    add_cut(out, line.at, columns - 1); /* the last column would wrap */
}

/* ---- live lines ---- */

static void add_erase(struct progress_view *view, struct buf *out)
{
    if (view->drawn > 1)
        buf_addf(out, "\x1b[%dA", view->drawn - 1);
    if (view->drawn > 0)
        buf_addf(out, "\r\x1b[J");
    view->drawn = 0;
}

static void add_live(struct progress_view *view, struct buf *out)
{
    for (int i = 0; i < view->count; i++) {
        buf_addf(out, "%s", i > 0 ? "\n" : "");
        add_line(view, &view->live[i], out);
    }
    view->drawn = view->count;
    view->drawn_ms = view->clock->mono_ms(view->clock);
}

/* `standing` is text that stays above the live lines, whole lines; NULL: none. */
static void draw(struct progress_view *view, const char *standing, size_t len)
{
    AUTO_RELEASE(buf) out = {0};
    add_erase(view, &out);
    if (standing != NULL)
        buf_add(&out, standing, len);
    add_live(view, &out);
    if (out.len > 0)
        view->screen.write(view->screen.context, out.at, out.len);
}

void progress_view_log(void *self, const char *line, int len)
{
    struct progress_view *view = self;
    pthread_mutex_lock(&view->lock);
    draw(view, line, (size_t)len);
    pthread_mutex_unlock(&view->lock);
}

static void tell_bar(struct progress_view *view, struct live *live)
{
    if (!live->state.is_done) {
        if (view->drawn != view->count || view->clock->mono_ms(view->clock) - view->drawn_ms >= DRAW_MS)
            draw(view, NULL, 0);
        return;
    }
    AUTO_RELEASE(buf) last = {0};
    add_line(view, live, &last);
    buf_addf(&last, "\n");
    free(live->table);
    *live = view->live[--view->count];
    draw(view, last.at, last.len);
}

/* ---- lines for machines ---- */

static void tell_log(struct progress_view *view, struct live *live)
{
    const struct progress_state *s = &live->state;
    struct rates rates = rates_of(live);
    int64_t memory = view->screen.memory_bytes(view->screen.context);
    if (s->is_done)
        log_info("progress.done", KV("of", live->table), KV("result", s->result), KV("rows", s->rows),
                 KV("rows_per_second", (int64_t)rates.rows), KV("bytes", s->bytes), KV("memory_bytes", memory));
    else
        log_info("progress", KV("of", live->table), KV("phase", s->phase), KV("rows", s->rows),
                 KV("rows_total", s->rows_total), KV("rows_per_second", (int64_t)rates.rows), KV("bytes", s->bytes),
                 KV("memory_bytes", memory), KV("eta_seconds", rates.eta_seconds));
}

static void tell_json(struct progress_view *view, struct live *live)
{
    const struct progress_state *s = &live->state;
    struct rates rates = rates_of(live);
    AUTO_JSON *line = json_object();
    AUTO_RELEASE(buf) text = {0};
    json_put_text(line, "event", "progress");
    json_put_text(line, "table", live->table);
    json_put_text(line, "phase", s->phase);
    json_put_int(line, "rows", s->rows);
    json_put(line, "rows_total", s->rows_total >= 0 ? json_integer(s->rows_total) : json_null());
    json_put_int(line, "rows_per_second", (int64_t)rates.rows);
    json_put_int(line, "bytes", s->bytes);
    json_put_int(line, "bytes_per_second", (int64_t)rates.bytes);
    json_put_int(line, "memory_bytes", view->screen.memory_bytes(view->screen.context));
    json_put(line, "eta_seconds", rates.eta_seconds >= 0 ? json_integer(rates.eta_seconds) : json_null());
    json_put_text(line, "waits_for", live->waits_for[0] != '\0' ? live->waits_for : NULL);
    json_put(line, "done", json_boolean(s->is_done));
    json_put_text(line, "result", s->result);
    json_write_line(line, &text);
    buf_addf(&text, "\n");
    view->screen.write(view->screen.context, text.at, text.len);
}

/* ---- updates ---- */

/* Of those that wait for the end of the run, the one that has stood there longest makes room for one at work. */
static int live_to_drop(const struct progress_view *view)
{
    for (int i = 0; i < view->count; i++) {
        if (text_eq(view->live[i].state.phase, "announce"))
            return i;
    }
    return 0;
}

static struct live *find_live(struct progress_view *view, const char *table)
{
    for (int i = 0; i < view->count; i++) {
        if (text_eq(view->live[i].table, table))
            return &view->live[i];
    }
    if (view->count == LIVE_MAX) {
        int drop = live_to_drop(view);
        free(view->live[drop].table);
        memmove(&view->live[drop], &view->live[drop + 1], sizeof(view->live[0]) * (size_t)(--view->count - drop));
    }
    int64_t now_ms = view->clock->mono_ms(view->clock);
    struct live *live = &view->live[view->count++];
    *live = (struct live){.table = xstrdup(table), .told_ms = now_ms, .seen_ms = now_ms};
    return live;
}

static void tell_line(struct progress_view *view, struct live *live)
{
    int64_t every_ms = view->kind == PROGRESS_JSON ? JSON_MS : LOG_MS, now_ms = view->clock->mono_ms(view->clock);
    if (!live->state.is_done && now_ms - live->told_ms < every_ms)
        return;
    live->told_ms = now_ms;
    if (view->kind == PROGRESS_JSON)
        tell_json(view, live);
    else
        tell_log(view, live);
    if (live->state.is_done) {
        free(live->table);
        *live = view->live[--view->count];
    }
}

static void update(struct progress *progress, const struct progress_state *state)
{
    struct progress_view *view = (struct progress_view *)progress;
    if (view->kind == PROGRESS_NONE)
        return;
    pthread_mutex_lock(&view->lock);
    struct live *live = find_live(view, state->table);
    learn(live, state, view->clock->mono_ms(view->clock));
    live->state = *state;
    snprintf(live->waits_for, sizeof(live->waits_for), "%s", or_empty(state->waits_for));
    if (view->kind == PROGRESS_BAR)
        tell_bar(view, live);
    else
        tell_line(view, live);
    pthread_mutex_unlock(&view->lock);
}

struct progress_view *progress_view_new(enum progress_kind kind, struct clock *clock,
                                        const struct progress_screen *screen)
{
    static const struct progress_screen real = {stderr_write, stderr_columns, peak_memory, NULL};
    struct progress_view *view = xcalloc(1, sizeof(*view));
    pthread_mutex_init(&view->lock, NULL);
    view->progress.update = update;
    view->kind = kind != PROGRESS_AUTO ? kind : is_terminal() ? PROGRESS_BAR : PROGRESS_LOG;
    view->clock = clock;
    view->screen = screen != NULL ? *screen : real;
    return view;
}

struct progress *progress_of(struct progress_view *self) { return &self->progress; }

bool progress_view_is_live(const struct progress_view *self) { return self->kind == PROGRESS_BAR; }

void progress_view_free(struct progress_view *self)
{
    if (self == NULL)
        return;
    if (self->drawn > 0)
        self->screen.write(self->screen.context, "\n", 1);
    for (int i = 0; i < self->count; i++)
        free(self->live[i].table);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
