/* lineitem ROWS FILE: the table of the measurements, 18 columns of TPC-H's lineitem with a key and a cursor, as the
 * tab-separated text that LOAD DATA reads. Rows are a function of their number of rows: every run makes the same file.
 *
 * Distributions, names and the pool of comments follow the TPC-H specification (4.2.2.13, 4.2.2.14) as far as they
 * matter to encodings: how many different values a column has, in which order, and how well text compresses. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICK(list) list[chance() % (sizeof(list) / sizeof(*(list)))]
enum { POOL_BYTES = 20 << 20, SENTENCE_MAX = 4096, LINE_MAX_BYTES = 1024 };

static const char *const nouns[] = {
    "foxes",       "ideas",      "theodolites", "pinto beans", "instructions", "dependencies", "excuses",   "platelets",
    "asymptotes",  "courts",     "dolphins",    "multipliers", "sauternes",    "warthogs",     "frets",     "dinos",
    "attainments", "somas",      "patterns",    "forges",      "braids",       "frays",        "warhorses", "dugouts",
    "notornis",    "epitaphs",   "pearls",      "tithes",      "waters",       "orbits",       "gifts",     "sheaves",
    "depths",      "sentiments", "decoys",      "realms",      "pains",        "grouches",     "escapades", "packages",
    "requests",    "accounts",   "deposits"};
static const char *const verbs[] = {
    "sleep",     "wake",     "are",    "cajole", "haggle", "nag",     "use",    "boost",   "affix",  "detect",
    "integrate", "maintain", "nod",    "was",    "lose",   "solve",   "thrash", "promise", "engage", "hinder",
    "print",     "x-ray",    "breach", "eat",    "grow",   "impress", "mold",   "poach",   "serve",  "run",
    "dazzle",    "snooze",   "doze",   "unwind", "kindle", "play",    "hang",   "believe", "doubt"};
static const char *const adjectives[] = {
    "furious", "sly",    "careful", "blithe", "quick",    "fluffy",    "slow",     "quiet",  "ruthless", "thin",
    "close",   "dogged", "daring",  "brave",  "stealthy", "permanent", "enticing", "idle",   "busy",     "regular",
    "final",   "ironic", "even",    "bold",   "silent",   "special",   "pending",  "express"};
static const char *const adverbs[] = {"sometimes", "always",  "never",    "furiously", "slyly",   "carefully",
                                      "blithely",  "quickly", "fluffily", "slowly",    "quietly", "ruthlessly",
                                      "thinly",    "closely", "doggedly", "daringly",  "bravely", "finally"};
static const char *const prepositions[] = {
    "about",  "above",   "according to", "across",      "after",   "against",    "along",  "among",
    "around", "at",      "before",       "behind",      "beneath", "between",    "beyond", "despite",
    "during", "except",  "from",         "in place of", "inside",  "instead of", "near",   "of",
    "on",     "outside", "past",         "since",       "through", "to",         "under"};
static const char *const ends[] = {".", ".", ".", ";", "?", "!", "--"};
static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"};
static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};

static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

/* splitmix64 */
static uint64_t chance(void)
{
    uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int64_t between(int64_t low, int64_t high) { return low + (int64_t)(chance() % (uint64_t)(high - low + 1)); }

/* ---- comments are cut out of a pool of sentences ---- */

static char *pool;
static size_t pool_len;

static void word(const char *text)
{
    if (pool_len > 0)
        pool[pool_len++] = ' ';
    size_t len = strlen(text);
    memcpy(pool + pool_len, text, len);
    pool_len += len;
}

static void noun_phrase(void)
{
    switch (chance() % 3) {
    case 0: break;
    case 1: word(PICK(adjectives)); break;
    default: word(PICK(adverbs)); word(PICK(adjectives));
    }
    word(PICK(nouns));
}

static void verb_phrase(void)
{
    word(PICK(verbs));
    if (chance() % 2)
        word(PICK(adverbs));
}

static void sentence(void)
{
    noun_phrase();
    verb_phrase();
    if (chance() % 2) {
        word(PICK(prepositions));
        word("the");
        noun_phrase();
    }
    const char *end = PICK(ends);
    memcpy(pool + pool_len, end, strlen(end));
    pool_len += strlen(end);
}

/* ---- a row ---- */

static char *put_text(char *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to, text, len);
    to[len] = '\t';
    return to + len + 1;
}

static char *put_digits(char *to, int64_t value, int width)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0 || n < width);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

static char *put_int(char *to, int64_t value)
{
    to = put_digits(to, value, 1);
    *to = '\t';
    return to + 1;
}

static char *put_cents(char *to, int64_t cents)
{
    to = put_digits(to, cents / 100, 1);
    *to++ = '.';
    to = put_digits(to, cents % 100, 2);
    *to = '\t';
    return to + 1;
}

/* Days since 1970-01-01, http://howardhinnant.github.io/date_algorithms.html#civil_from_days */
static char *put_date(char *to, int64_t days, char end)
{
    int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    to = put_digits(to, yoe + era * 400 + (month <= 2), 4);
    *to++ = '-';
    to = put_digits(to, month, 2);
    *to++ = '-';
    to = put_digits(to, doy - (153 * mp + 2) / 5 + 1, 2);
    *to = end;
    return to + 1;
}

static char *put_time(char *to, int64_t us)
{
    to = put_date(to, us / INT64_C(86400000000), ' ');
    int64_t second = us / 1000000 % 86400;
    to = put_digits(to, second / 3600, 2);
    *to++ = ':';
    to = put_digits(to, second / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, second % 60, 2);
    *to++ = '.';
    return put_digits(to, us % 1000000, 6);
}

struct order {
    int64_t number, lines, line, date;
};

static void write_row(FILE *out, int64_t id, struct order *order)
{
    enum { TODAY = 9298, FIRST = 8035, LAST = 8035 + 2405 }; /* 1995-06-17, 1992-01-01, 1998-08-02 */
    char line[LINE_MAX_BYTES], *to = line;
    if (order->line == order->lines)
        *order = (struct order){order->number + 1, between(1, 7), 0, between(FIRST, LAST)};
    order->line++;
    int64_t part = between(1, 100000), quantity = between(1, 50),
            price = 90000 + part / 10 % 20001 + 100 * (part % 1000);
    int64_t shipped = order->date + between(1, 121), received = shipped + between(1, 30);
    to = put_int(to, id);
    to = put_int(to, order->number / 8 * 32 + order->number % 8);
    to = put_int(to, part);
    to = put_int(to, between(1, 5000));
    to = put_int(to, order->line);
    to = put_cents(to, quantity * 100);
    to = put_cents(to, quantity * price);
    to = put_cents(to, between(0, 10));
    to = put_cents(to, between(0, 8));
    to = put_text(to, received > TODAY ? "N" : chance() % 2 ? "R" : "A");
    to = put_text(to, shipped > TODAY ? "O" : "F");
    to = put_date(to, shipped, '\t');
    to = put_date(to, order->date + between(30, 90), '\t');
    to = put_date(to, received, '\t');
    to = put_text(to, PICK(instructions));
    to = put_text(to, PICK(modes));
    size_t length = (size_t)between(10, 43);
    memcpy(to, pool + chance() % (POOL_BYTES - 64), length);
    to[length] = '\t';
    /* 2024-01-01 and 10 s a row, up to an hour late: nearly in the order of the keys */
    to = put_time(to + length + 1, INT64_C(19723) * 86400000000 + id * 10000000 + between(0, INT64_C(3600000000)));
    *to++ = '\n';
    fwrite(line, 1, (size_t)(to - line), out);
}

int main(int argc, char **argv)
{
    FILE *out = argc == 3 ? fopen(argv[2], "w") : NULL;
    int64_t rows = argc == 3 ? strtoll(argv[1], NULL, 10) : 0;
    if (out == NULL || rows <= 0) {
        fprintf(stderr, "usage: lineitem ROWS FILE\n");
        return 2;
    }
    pool = malloc(POOL_BYTES + SENTENCE_MAX);
    while (pool != NULL && pool_len < POOL_BYTES)
        sentence();
    struct order order = {0};
    for (int64_t id = 1; pool != NULL && id <= rows; id++)
        write_row(out, id, &order);
    free(pool);
    return pool == NULL || fclose(out) != 0;
}
