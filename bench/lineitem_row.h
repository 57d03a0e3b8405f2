/* Rows of the table of the measurements: 18 columns of TPC-H's lineitem with a key and a cursor. A row is a function of
 * its number and the rows before it: every run makes the same table.
 *
 * Distributions, names and the pool of comments follow the TPC-H specification (4.2.2.13, 4.2.2.14) as far as they
 * matter to encodings: how many different values a column has, in which order, and how well text compresses. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PICK(list) list[chance() % (sizeof(list) / sizeof(*(list)))]
enum { POOL_BYTES = 20 << 20, SENTENCE_MAX = 4096 };

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

struct lineitem {
    int64_t id, order, part, supplier, line, quantity, price, discount, tax; /* the last four in hundredths */
    int64_t shipped, committed, received;                                    /* days since 1970-01-01 */
    const char *return_flag, *status, *instruction, *mode;
    const char *comment;
    size_t comment_len;
    int64_t updated_us;
};

/* Made by lineitem_start; the next row is lineitem_next's. */
struct lineitems {
    int64_t id, number, lines, line, date;
};

static void lineitem_start(struct lineitems *self)
{
    pool = malloc(POOL_BYTES + SENTENCE_MAX);
    if (pool == NULL)
        abort();
    while (pool_len < POOL_BYTES)
        sentence();
    *self = (struct lineitems){0};
}

static void lineitem_next(struct lineitems *self, struct lineitem *row)
{
    enum { TODAY = 9298, FIRST = 8035, LAST = 8035 + 2405 }; /* 1995-06-17, 1992-01-01, 1998-08-02 */
    if (self->line == self->lines)
        *self = (struct lineitems){self->id, self->number + 1, between(1, 7), 0, between(FIRST, LAST)};
    row->id = ++self->id;
    row->line = ++self->line;
    row->part = between(1, 100000);
    row->quantity = between(1, 50) * 100;
    row->price = row->quantity / 100 * (90000 + row->part / 10 % 20001 + 100 * (row->part % 1000));
    row->order = self->number / 8 * 32 + self->number % 8;
    row->shipped = self->date + between(1, 121);
    row->received = row->shipped + between(1, 30);
    row->supplier = between(1, 5000);
    row->discount = between(0, 10);
    row->tax = between(0, 8);
    row->return_flag = row->received > TODAY ? "N" : chance() % 2 ? "R" : "A";
    row->status = row->shipped > TODAY ? "O" : "F";
    row->committed = self->date + between(30, 90);
    row->instruction = PICK(instructions);
    row->mode = PICK(modes);
    row->comment_len = (size_t)between(10, 43);
    row->comment = pool + chance() % (POOL_BYTES - 64);
    /* 2024-01-01 and 10 s a row, up to an hour late: nearly in the order of the keys */
    row->updated_us = INT64_C(19723) * 86400000000 + row->id * 10000000 + between(0, INT64_C(3600000000));
}
