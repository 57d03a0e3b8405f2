#include "sweep/tally.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FAILURES_SHOWN_MAX = 10 };

struct tally_line {
    const char *text;
    int64_t count;
};

struct tally *tally_new(void) { return xcalloc(1, sizeof(struct tally)); }

void tally_free(struct tally *self)
{
    if (self == NULL)
        return;
    free(self->tuples);
    free(self->cells);
    buf_release(&self->failed);
    arena_release(&self->arena);
    free(self);
}

/* Sorted lists: the tables have some thousand lines. Where the text is, or would be. */
static int line_find(const struct tally_line *lines, int count, const char *text)
{
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(lines[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void line_add(struct arena *arena, struct tally_line **lines, int *count, int *size, const char *text,
                     int64_t times)
{
    int low = line_find(*lines, *count, text);
    if (low < *count && strcmp((*lines)[low].text, text) == 0) {
        (*lines)[low].count += times;
        return;
    }
    if (*count == *size) {
        *size = *size != 0 ? *size * 2 : 256;
        *lines = xrealloc(*lines, sizeof(**lines) * (size_t)*size);
    }
    memmove(*lines + low + 1, *lines + low, sizeof(**lines) * (size_t)(*count - low));
    (*lines)[low] = (struct tally_line){arena_text(arena, text), times};
    (*count)++;
}

static void tuple_add(struct tally *self, const char *text, int64_t times)
{
    line_add(&self->arena, &self->tuples, &self->tuple_count, &self->tuple_size, text, times);
}

static void cell_add(struct tally *self, const char *text, int64_t times)
{
    line_add(&self->arena, &self->cells, &self->cell_count, &self->cell_size, text, times);
}

void tally_position(struct tally *self, const char *scenario, const char *what, const char *fault, bool real)
{
    char text[256];
    const char *seam = strchr(what, ' ');
    snprintf(text, sizeof(text), "%s %s %s", scenario, what, fault);
    tuple_add(self, text, 1);
    snprintf(text, sizeof(text), "%s %s", seam != NULL ? seam + 1 : what, fault);
    cell_add(self, text, 1);
    self->positions++;
    self->real_positions += real;
}

bool tally_knows(const struct tally *self, const char *scenario, const char *what, const char *fault)
{
    char text[256];
    snprintf(text, sizeof(text), "%s %s %s", scenario, what, fault);
    int at = line_find(self->tuples, self->tuple_count, text);
    return at < self->tuple_count && strcmp(self->tuples[at].text, text) == 0;
}

void tally_failure(struct tally *self, const char *scenario, const char *fault, int at, const char *what, bool real,
                   const char *why)
{
    if (self->failures++ < FAILURES_SHOWN_MAX)
        buf_addf(&self->failed, "FAILED --scenario %s --fault %s --at %d%s (%s)\n%s", scenario, fault, at,
                 real ? " [real]" : "", what, why);
}

void tally_write(const struct tally *self, FILE *to)
{
    fprintf(to, "%" PRId64 " %" PRId64 " %" PRId64 " %zu\n", self->positions, self->real_positions, self->failures,
            self->failed.len);
    fputs(or_empty(self->failed.at), to);
    for (int i = 0; i < self->tuple_count; i++)
        fprintf(to, "t %" PRId64 " %s\n", self->tuples[i].count, self->tuples[i].text);
    for (int i = 0; i < self->cell_count; i++)
        fprintf(to, "c %" PRId64 " %s\n", self->cells[i].count, self->cells[i].text);
}

void tally_read(struct tally *self, FILE *from)
{
    int64_t positions, real_positions, failures, times;
    size_t len;
    char kind, text[256];
    if (fscanf(from, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %zu", &positions, &real_positions, &failures, &len) != 4 ||
        fgetc(from) != '\n')
        return;
    self->positions += positions;
    self->real_positions += real_positions;
    self->failures += failures;
    buf_reserve(&self->failed, len + 1);
    self->failed.len += fread(self->failed.at + self->failed.len, 1, len, from);
    self->failed.at[self->failed.len] = '\0';
    while (fscanf(from, " %c %" SCNd64 " %255[^\n]", &kind, &times, text) == 3) {
        if (kind == 't')
            tuple_add(self, text, times);
        else
            cell_add(self, text, times);
    }
}

/* ---- the table: a line per seam and operation, a column per fault ---- */

static void print_row(const char *name, const int64_t *counts, int count)
{
    printf("%-26s", name);
    for (int i = 0; i < count; i++)
        printf(" %12" PRId64, counts[i]);
    printf("\n");
}

/* The cells, "store put late", are sorted: the lines of one operation follow each other. */
static void print_table(const struct tally *self, const char *const *faults, int fault_count)
{
    char name[128] = "";
    int64_t *counts = xcalloc((size_t)fault_count, sizeof(*counts));
    printf("%-26s", "calls hit");
    for (int i = 0; i < fault_count; i++)
        printf(" %12s", faults[i]);
    printf("\n");
    for (int i = 0; i < self->cell_count; i++) {
        const char *text = self->cells[i].text, *fault = strrchr(text, ' ');
        if (name[0] != '\0' && (strlen(name) != (size_t)(fault - text) || strncmp(name, text, strlen(name)) != 0)) {
            print_row(name, counts, fault_count);
            memset(counts, 0, (size_t)fault_count * sizeof(*counts));
        }
        snprintf(name, sizeof(name), "%.*s", (int)(fault - text), text);
        for (int c = 0; c < fault_count; c++)
            counts[c] += strcmp(fault + 1, faults[c]) == 0 ? self->cells[i].count : 0;
    }
    if (name[0] != '\0')
        print_row(name, counts, fault_count);
    free(counts);
}

void tally_print(const struct tally *self, const char *const *faults, int fault_count)
{
    print_table(self, faults, fault_count);
    if (self->failed.len > 0)
        printf("\n%s", self->failed.at);
    printf("\n%d distinct (scenario, arrow, seam, operation, fault), %" PRId64 " positions, of these %" PRId64
           " over a real directory and SQLite\n",
           self->tuple_count, self->positions, self->real_positions);
    printf("%" PRId64 " passed, %" PRId64 " failed\n", self->positions - self->failures, self->failures);
}
