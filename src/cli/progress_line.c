#include "cli/progress_line.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/print.h"

enum {
    NAME_COLUMNS_MIN = 14,
    NAME_COLUMNS_MAX = 40,
    RECENT_MS = 30000, /* how long ago work counts for less than half of the rate that the rest is expected at */
    KNOWN_MS = 1000    /* less work than that tells no rate */
};

/* ---- what is told of a table ---- */

/* Time without rows counts as work only in a phase that moves rows; behind the last one, a table waits for others. */
void live_learn(struct live *self, const struct progress_state *next, int64_t now_ms)
{
    int64_t ms = now_ms - self->seen_ms, work = next->work - self->state.work;
    self->seen_ms = now_ms;
    if (work < 0 || (work == 0 && (!self->state.is_working || next->is_done)))
        return;
    double keep = RECENT_MS / (double)(RECENT_MS + ms);
    self->worked_ms += (double)ms;
    self->recent_work = self->recent_work * keep + (double)work;
    self->recent_ms = self->recent_ms * keep + (double)ms;
}

struct rates live_rates(const struct live *self)
{
    const struct progress_state *s = &self->state;
    struct rates rates = {.eta_seconds = -1};
    if (self->worked_ms > 0) {
        rates.rows = (double)s->rows * 1000 / self->worked_ms;
        rates.bytes = (double)s->bytes * 1000 / self->worked_ms;
    }
    bool is_known = !s->is_done && s->work_total > s->work && self->recent_ms >= KNOWN_MS && self->recent_work > 0;
    if (is_known)
        rates.eta_seconds =
            (int64_t)((double)(s->work_total - s->work) / self->recent_work * self->recent_ms / 1000 + 0.5);
    return rates;
}

/* ---- its line ---- */

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

/* As wide as it may be; of a longer one the end, which tells tables of one schema apart. */
static void add_name(struct buf *out, const char *name, int columns)
{
    int width = print_width(name), skip = width > columns ? width - columns + 2 : 0;
    buf_addf(out, "%s", skip > 0 ? ".." : "");
    while (skip > 0 && *name != '\0') {
        name++;
        skip -= ((unsigned char)*name & 0xC0) != 0x80;
    }
    add_cut(out, name, columns);
    buf_addf(out, "%*s", width < columns ? columns - width : 0, "");
}

static int name_columns(const struct progress_look *look)
{
    int most = look->columns / 3 < NAME_COLUMNS_MAX ? look->columns / 3 : NAME_COLUMNS_MAX;
    most = most > NAME_COLUMNS_MIN ? most : NAME_COLUMNS_MIN;
    return look->name_columns < most ? look->name_columns : most;
}

/* What a line says of a table, in this order; where it is too long, the one of the highest rank is left out. */
struct piece {
    int rank;
    char text[48];
};

__attribute__((format(printf, 3, 4))) static int add_piece(struct piece *piece, int rank, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    piece->rank = rank;
    vsnprintf(piece->text, sizeof(piece->text), fmt, args);
    va_end(args);
    return 1;
}

enum { PIECES_MAX = 7 };

static int pieces_of(const struct live *live, const struct progress_look *look, struct piece *out)
{
    const struct progress_state *s = &live->state;
    struct rates rates = live_rates(live);
    const int64_t sent = s->work - s->rows; /* to the target; committed or not */
    char text[HUMAN_TEXT];
    int n = 0;
    human_count(s->rows, text);
    n += add_piece(&out[n], 0, "%s rows", text);
    human_count(sent, text);
    if (sent > 0 && !(live->state.is_through && sent == s->rows))
        n += add_piece(&out[n], 3, "%s sent", text);
    human_count((int64_t)rates.rows, text);
    n += add_piece(&out[n], 2, "%s/s", text);
    human_bytes(s->bytes, text);
    n += add_piece(&out[n], 4, "%s", text);
    human_bytes((int64_t)rates.bytes, text);
    n += add_piece(&out[n], 6, "%s/s", text);
    human_bytes(look->memory_bytes, text);
    if (s->tables <= 1)
        n += add_piece(&out[n], 5, "mem %s", text);
    human_time(rates.eta_seconds, text);
    if (rates.eta_seconds >= 0)
        n += add_piece(&out[n], 1, "eta %s", text);
    return n;
}

static int drop_one(struct piece *pieces, int count)
{
    int drop = 0;
    for (int i = 1; i < count; i++)
        drop = pieces[i].rank > pieces[drop].rank ? i : drop;
    memmove(&pieces[drop], &pieces[drop + 1], sizeof(*pieces) * (size_t)(count - drop - 1));
    return count - 1;
}

static int width_of(const struct piece *pieces, int count)
{
    int width = 0;
    for (int i = 0; i < count; i++)
        width += 2 + print_width(pieces[i].text);
    return width;
}

/* "orders  extract   1m12s  1,234,567 rows  834,567 sent  45,678/s  93.1 MB  4.2 MB/s  mem 61.0 MB  eta 3m07s" */
void live_line(const struct live *live, const char *word, const struct progress_look *look, struct buf *out)
{
    struct piece pieces[PIECES_MAX];
    AUTO_RELEASE(buf) line = {0};
    char elapsed[HUMAN_TEXT];
    int count = pieces_of(live, look, pieces);
    human_time((look->now_ms - live->begun_ms) / 1000, elapsed);
    add_name(&line, live->table, name_columns(look));
    buf_addf(&line, "  %-8s  %6s", word, elapsed);
    if (live->waits_for[0] != '\0') {
        buf_addf(&line, "  for %s", live->waits_for);
        count = 0;
    }
    while (count > 1 && print_width(line.at) + width_of(pieces, count) > look->columns - 1)
        count = drop_one(pieces, count);
    for (int i = 0; i < count; i++)
        buf_addf(&line, "  %s", pieces[i].text);
    add_cut(out, line.at, look->columns - 1); /* the last column would wrap */
}

void total_line(int through, int failed, int tables, int64_t begun_ms, const struct progress_look *look,
                struct buf *out)
{
    AUTO_RELEASE(buf) line = {0};
    char elapsed[HUMAN_TEXT], memory[HUMAN_TEXT];
    human_time((look->now_ms - begun_ms) / 1000, elapsed);
    human_bytes(look->memory_bytes, memory);
    buf_addf(&line, "%d of %d tables through", through, tables);
    if (failed > 0)
        buf_addf(&line, ", %d failed", failed);
    buf_addf(&line, "  %s  mem %s", elapsed, memory);
    add_cut(out, line.at, look->columns - 1);
}
