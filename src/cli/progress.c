#include "cli/progress.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "base/worker.h"
#include "cli/print.h"
#include "cli/progress_line.h"

enum {
    ROWS_MIN = 4, /* a terminal has at least so many */
    DRAW_MS = 100,
    TICK_MS = 500, /* a terminal is drawn anew so often while nothing is told: time goes by */
    LOG_MS = 5000,
    JSON_MS = 1000,
};

struct progress_view {
    struct progress progress; /* the first: what the engine holds is the whole */
    enum progress_kind kind;
    struct clock *clock;
    struct progress_screen screen;
    struct live *live;
    int count, room;
    int through, failed; /* tables that nothing moves of any more */
    int64_t begun_ms;
    int name_columns; /* of the longest name so far */
    int drawn;        /* lines on the screen that are live */
    int64_t drawn_ms;
    pthread_mutex_t lock; /* updates and lines of the log come from any thread */
    pthread_t ticker;
    pthread_cond_t wake;
    bool ticks, is_ending;
};

/* ---- the real screen ---- */

static void stderr_write(void *context, const char *bytes, size_t len)
{
    ssize_t written = write(STDERR_FILENO, bytes, len);
    (void)written; /* a run does not fail because nobody looks */
}

static void stderr_size(void *context, int *ret_columns, int *ret_rows)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *ret_columns = is_known ? size.ws_col : 80;
    *ret_rows = is_known ? size.ws_row : 24;
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

/* ---- live lines ---- */

static void add_erase(struct progress_view *view, struct buf *out)
{
    if (view->drawn > 1)
        buf_addf(out, "\x1b[%dA", view->drawn - 1);
    if (view->drawn > 0)
        buf_addf(out, "\r\x1b[J");
    view->drawn = 0;
}

static struct progress_look look_of(const struct progress_view *view)
{
    struct progress_look look = {.name_columns = view->name_columns, .now_ms = view->clock->mono_ms(view->clock)};
    view->screen.size(view->screen.context, &look.columns, &look.rows);
    look.memory_bytes = view->screen.memory_bytes(view->screen.context);
    return look;
}

/* One for each table at work, as far as there is room. */
static int lines_of_tables(const struct progress_view *view, const struct progress_look *look)
{
    int lines = 0, room = look->rows > ROWS_MIN ? look->rows - 2 : ROWS_MIN - 2;
    for (int i = 0; i < view->count; i++)
        lines += !view->live[i].stands;
    return lines < room ? lines : room;
}

static bool has_total(const struct progress_view *view) { return view->count > 0 && view->live[0].state.tables > 1; }

static int lines_wanted(const struct progress_view *view)
{
    const struct progress_look look = look_of(view);
    return lines_of_tables(view, &look) + has_total(view);
}

static void add_live(struct progress_view *view, struct buf *out)
{
    const struct progress_look look = look_of(view);
    int left = lines_of_tables(view, &look);
    view->drawn = left + has_total(view);
    view->drawn_ms = look.now_ms;
    for (int i = 0; i < view->count && left > 0; i++) {
        if (view->live[i].stands)
            continue;
        live_line(&view->live[i], view->live[i].state.phase, &look, out);
        buf_addf(out, "%s", --left > 0 || has_total(view) ? "\n" : "");
    }
    if (has_total(view))
        total_line(view->through, view->failed, view->live[0].state.tables, view->begun_ms, &look, out);
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

/* The last line of a table comes when nothing of it moves any more, and is not repeated at the end of the run. */
static void stand(struct progress_view *view, struct live *live, const char *word)
{
    const struct progress_look look = look_of(view);
    AUTO_RELEASE(buf) last = {0};
    live_line(live, word, &look, &last);
    buf_addf(&last, "\n");
    live->stands = true;
    draw(view, last.at, last.len);
}

static void tell_bar(struct progress_view *view, struct live *live)
{
    const struct progress_state *s = &live->state;
    if (live->stands)
        live->stands = s->is_through || s->is_done; /* an audit at the end is something to be seen again */
    else if (s->is_through)
        stand(view, live, text_eq(s->result, "success") ? "through" : s->result);
    else if (s->is_done && !live->was_through)
        stand(view, live, s->result);
    if (view->drawn != lines_wanted(view) || view->clock->mono_ms(view->clock) - view->drawn_ms >= DRAW_MS)
        draw(view, NULL, 0);
}

/* ---- lines for machines ---- */

static void tell_log(struct progress_view *view, struct live *live)
{
    const struct progress_state *s = &live->state;
    struct rates rates = live_rates(live);
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
    struct rates rates = live_rates(live);
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

static struct live *find_live(struct progress_view *view, const char *table)
{
    for (int i = 0; i < view->count; i++) {
        if (text_eq(view->live[i].table, table))
            return &view->live[i];
    }
    if (view->count == view->room) {
        view->room = view->room > 0 ? 2 * view->room : 16;
        view->live = xrealloc(view->live, sizeof(*view->live) * (size_t)view->room);
    }
    int64_t now_ms = view->clock->mono_ms(view->clock);
    int width = print_width(table);
    struct live *live = &view->live[view->count++];
    *live = (struct live){.table = xstrdup(table), .begun_ms = now_ms, .told_ms = now_ms, .seen_ms = now_ms};
    view->name_columns = width > view->name_columns ? width : view->name_columns;
    return live;
}

static void forget(struct progress_view *view, struct live *live)
{
    size_t behind = (size_t)(&view->live[view->count] - live - 1);
    free(live->table);
    memmove(live, live + 1, sizeof(*live) * behind);
    view->count--;
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
}

static void count_through(struct progress_view *view, struct live *live)
{
    if (live->was_through || !(live->state.is_through || live->state.is_done))
        return;
    *(text_eq(live->state.result, "success") ? &view->through : &view->failed) += 1;
}

static void update(struct progress *progress, const struct progress_state *state)
{
    struct progress_view *view = (struct progress_view *)progress;
    if (view->kind == PROGRESS_NONE)
        return;
    pthread_mutex_lock(&view->lock);
    struct live *live = find_live(view, state->table);
    live_learn(live, state, view->clock->mono_ms(view->clock));
    live->state = *state;
    snprintf(live->waits_for, sizeof(live->waits_for), "%s", or_empty(state->waits_for));
    count_through(view, live);
    if (view->kind == PROGRESS_BAR)
        tell_bar(view, live);
    else
        tell_line(view, live);
    live->was_through |= state->is_through;
    if (state->is_done)
        forget(view, live);
    if (view->count == 0 && view->drawn > 0)
        draw(view, NULL, 0); /* nothing is left to be seen of what was live */
    pthread_mutex_unlock(&view->lock);
}

/* ---- time goes by ---- */

static void *tick(void *context)
{
    struct progress_view *view = context;
    pthread_mutex_lock(&view->lock);
    while (!view->is_ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)TICK_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&view->wake, &view->lock, &until);
        if (!view->is_ending && view->drawn > 0 && view->clock->mono_ms(view->clock) - view->drawn_ms >= TICK_MS)
            draw(view, NULL, 0);
    }
    pthread_mutex_unlock(&view->lock);
    return NULL;
}

static void ticker_start(struct progress_view *view)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&view->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    view->ticks = true;
    thread_start(&view->ticker, tick, view);
}

static void ticker_end(struct progress_view *view)
{
    if (!view->ticks)
        return;
    pthread_mutex_lock(&view->lock);
    view->is_ending = true;
    pthread_cond_signal(&view->wake);
    pthread_mutex_unlock(&view->lock);
    pthread_join(view->ticker, NULL);
    pthread_cond_destroy(&view->wake);
}

/* ---- the view ---- */

struct progress_view *progress_view_new(enum progress_kind kind, struct clock *clock,
                                        const struct progress_screen *screen)
{
    static const struct progress_screen real = {stderr_write, stderr_size, peak_memory, NULL};
    struct progress_view *view = xcalloc(1, sizeof(*view));
    pthread_mutex_init(&view->lock, NULL);
    view->progress.update = update;
    view->kind = kind != PROGRESS_AUTO ? kind : is_terminal() ? PROGRESS_BAR : PROGRESS_LOG;
    view->clock = clock;
    view->begun_ms = clock->mono_ms(clock);
    view->screen = screen != NULL ? *screen : real;
    if (screen == NULL && view->kind == PROGRESS_BAR)
        ticker_start(view);
    return view;
}

struct progress *progress_of(struct progress_view *self) { return &self->progress; }

bool progress_view_is_live(const struct progress_view *self) { return self->kind == PROGRESS_BAR; }

void progress_view_free(struct progress_view *self)
{
    if (self == NULL)
        return;
    ticker_end(self);
    if (self->drawn > 0)
        self->screen.write(self->screen.context, "\n", 1);
    for (int i = 0; i < self->count; i++)
        free(self->live[i].table);
    free(self->live);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
