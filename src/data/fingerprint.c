#include "data/fingerprint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 512, FINGERPRINT_VERSION = 1, SHORT_BYTES = 16, TOTAL_DIGITS = 32, COLUMN_DIGITS = 16 };

/* Odd numbers without a pattern: digits of the fractional parts of square roots of primes, as SHA-512 has them. */
#define KEY_VALUE  UINT64_C(0x6a09e667f3bcc909)
#define KEY_SECOND UINT64_C(0xbb67ae8584caa73b)
#define KEY_NULL   UINT64_C(0x3c6ef372fe94f82b)
#define KEY_TEXT   UINT64_C(0xa54ff53a5f1d36f1)
#define KEY_ROW    UINT64_C(0x510e527fade682d1)
#define KEY_TOTAL  UINT64_C(0x9b05688c2b3e6c1f)

/* ---- one value ---- */

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t word_hash(uint64_t word) { return fold(word ^ KEY_VALUE, KEY_SECOND); }

static inline uint64_t load8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t load4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Up to 16 bytes as two words that overlap where there are less. */
static inline uint64_t short_hash(const char *at, size_t len)
{
    uint64_t first = 0, last = 0;
    if (len >= sizeof(uint64_t)) {
        first = load8(at);
        last = load8(at + len - sizeof(uint64_t));
    } else if (len >= sizeof(uint32_t)) {
        first = load4(at);
        last = load4(at + len - sizeof(uint32_t));
    } else if (len > 0) {
        first = (uint64_t)(uint8_t)at[0] | (uint64_t)(uint8_t)at[len / 2] << 8 | (uint64_t)(uint8_t)at[len - 1] << 16;
    }
    return fold(first ^ KEY_TEXT ^ len, last ^ KEY_SECOND);
}

static uint64_t long_hash(const char *at, size_t len)
{
    uint64_t hash = KEY_TEXT ^ len;
    const char *end = at + len;
    for (; end - at > SHORT_BYTES; at += SHORT_BYTES)
        hash = fold(load8(at) ^ KEY_SECOND, load8(at + sizeof(uint64_t)) ^ hash);
    return fold(load8(end - SHORT_BYTES) ^ KEY_SECOND, load8(end - sizeof(uint64_t)) ^ hash);
}

static inline uint64_t text_hash(const char *at, size_t len)
{
    return len <= SHORT_BYTES ? short_hash(at, len) : long_hash(at, len);
}

/* ---- a block of a column ---- */

/* Rows [from, from + count) of a column; what they come to is added to `sum` and mixed into `rows`, one per row. */
struct block {
    const struct ArrowArray *array;
    int64_t from, count;
    uint64_t *rows;
};

static inline bool is_there(const uint8_t *bits, int64_t row) { return (bits[row >> 3] >> (row & 7)) & 1; }

/* The hash of value `i` of the block, for all that are there; what lies under a NULL says nothing. Two loops, since
 * most columns have no NULL, and this is done for every value that is ever moved. */
#define MIX(hash)                                                                                                      \
    do {                                                                                                               \
        const uint8_t *validity = block->array->buffers[0];                                                            \
        uint64_t sum = 0, *rows = block->rows;                                                                         \
        const int64_t count = block->count;                                                                            \
        for (int64_t i = 0; validity == NULL && i < count; i++) {                                                      \
            uint64_t hashed = hash;                                                                                    \
            sum += hashed;                                                                                             \
            rows[i] = (rows[i] ^ hashed) * KEY_ROW;                                                                    \
        }                                                                                                              \
        for (int64_t i = 0; validity != NULL && i < count; i++) {                                                      \
            uint64_t hashed = is_there(validity, block->from + i) ? hash : KEY_NULL;                                   \
            sum += hashed;                                                                                             \
            rows[i] = (rows[i] ^ hashed) * KEY_ROW;                                                                    \
        }                                                                                                              \
        return sum;                                                                                                    \
    } while (0)

#define MIX_WORDS(type, widened)                                                                                       \
    do {                                                                                                               \
        const type *values = (const type *)block->array->buffers[1] + block->from;                                     \
        MIX(word_hash((uint64_t)(widened)values[i]));                                                                  \
    } while (0)

static uint64_t mix_bools(const struct block *block)
{
    const uint64_t of[] = {word_hash(0), word_hash(1)};
    const uint8_t *bits = block->array->buffers[1];
    MIX(of[is_there(bits, block->from + i)]);
}

static uint64_t mix_decimals(const struct block *block)
{
    enum { HALF = sizeof(uint64_t) };
    const char *at = (const char *)block->array->buffers[1] + block->from * 2 * HALF;
    MIX(fold(load8(at + i * 2 * HALF) ^ KEY_VALUE, load8(at + i * 2 * HALF + HALF) ^ KEY_SECOND));
}

static uint64_t mix_texts(const struct block *block)
{
    const int32_t *offsets = (const int32_t *)block->array->buffers[1] + block->from;
    const char *data = block->array->buffers[2];
    MIX(text_hash(data + offsets[i], (size_t)(offsets[i + 1] - offsets[i])));
}

static uint64_t mix_values(enum type type, const struct block *block)
{
    switch (type) {
    case TYPE_BOOL: return mix_bools(block);
    case TYPE_INT16: MIX_WORDS(int16_t, int64_t);
    case TYPE_INT32:
    case TYPE_DATE: MIX_WORDS(int32_t, int64_t);
    case TYPE_FLOAT: MIX_WORDS(uint32_t, uint64_t);
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_DOUBLE: MIX_WORDS(uint64_t, uint64_t);
    case TYPE_DECIMAL: return mix_decimals(block);
    case TYPE_UTF8:
    case TYPE_BINARY: return mix_texts(block);
    }
    return 0;
}

void fingerprint_add(struct fingerprint *self, const struct batch *batch)
{
    uint64_t rows[BLOCK_ROWS];
    assert(batch->schema->count == self->schema->count);
    for (int64_t from = 0; from < batch->rows; from += BLOCK_ROWS) {
        int64_t count = batch->rows - from < BLOCK_ROWS ? batch->rows - from : BLOCK_ROWS;
        memset(rows, 0, sizeof(rows));
        for (int column = 0; column < self->schema->count; column++) {
            const struct block block = {batch->array.children[column], from, count, rows};
            self->columns[column] += mix_values(self->schema->fields[column].type, &block);
        }
        for (int64_t i = 0; i < count; i++)
            self->total += (unsigned __int128)(rows[i] ^ KEY_TOTAL) * ((rows[i] << 32 | rows[i] >> 32) ^ KEY_VALUE);
    }
    self->rows += batch->rows;
}

/* ---- the whole ---- */

void fingerprint_init(struct fingerprint *self, const struct schema *schema)
{
    *self = (struct fingerprint){.schema = schema};
    self->columns = xcalloc((size_t)schema->count + 1, sizeof(*self->columns));
}

void fingerprint_release(struct fingerprint *self)
{
    free(self->columns);
    *self = (struct fingerprint){0};
}

/* Of the same columns. */
static void fingerprint_merge(struct fingerprint *self, const struct fingerprint *more)
{
    assert(self->schema->count == more->schema->count);
    self->rows += more->rows;
    self->total += more->total;
    for (int i = 0; i < self->schema->count; i++)
        self->columns[i] += more->columns[i];
}

/* ---- its text ---- */

const char *fingerprint_print(const struct fingerprint *self, struct arena *arena)
{
    AUTO_RELEASE(buf) text = {0};
    buf_addf(&text, "%d:%" PRId64 ":%016" PRIx64 "%016" PRIx64 ":", FINGERPRINT_VERSION, self->rows,
             (uint64_t)(self->total >> 64), (uint64_t)self->total);
    for (int i = 0; i < self->schema->count; i++)
        buf_addf(&text, "%s%016" PRIx64, i > 0 ? "," : "", self->columns[i]);
    return arena_str(arena, buf_str(&text));
}

/* Exactly so many digits; NULL: they are not there. */
static const char *hex_read(const char *at, int digits, unsigned __int128 *ret)
{
    unsigned __int128 value = 0;
    for (int i = 0; i < digits; i++) {
        static const char all[] = "0123456789abcdef";
        const char *digit = at[i] != '\0' ? strchr(all, at[i]) : NULL;
        if (digit == NULL)
            return NULL;
        value = value << 4 | (unsigned)(digit - all);
    }
    *ret = value;
    return at + digits;
}

/* Into one of zero rows. */
static bool fingerprint_read(struct fingerprint *self, const char *text)
{
    char *at;
    if (strtoll(text, &at, 10) != FINGERPRINT_VERSION || *at != ':')
        return false;
    self->rows = strtoll(at + 1, &at, 10);
    const char *next = *at == ':' ? hex_read(at + 1, TOTAL_DIGITS, &self->total) : NULL;
    for (int i = 0; next != NULL && i < self->schema->count; i++) {
        unsigned __int128 sum = 0;
        next = *next == (i == 0 ? ':' : ',') ? hex_read(next + 1, COLUMN_DIGITS, &sum) : NULL;
        self->columns[i] = (uint64_t)sum;
    }
    return next != NULL && (*next == '\0' || (self->schema->count == 0 && text_eq(next, ":")));
}

bool fingerprint_merge_text(struct fingerprint *self, const char *text)
{
    AUTO_RELEASE(fingerprint) more;
    fingerprint_init(&more, self->schema);
    if (text == NULL || !fingerprint_read(&more, text))
        return false;
    fingerprint_merge(self, &more);
    return true;
}

static bool is_known_version(const char *text)
{
    char *at;
    return text != NULL && strtoll(text, &at, 10) == FINGERPRINT_VERSION && *at == ':';
}

RC fingerprint_check(const struct fingerprint *self, const char *expected, struct error *err)
{
    AUTO_RELEASE(fingerprint) was;
    fingerprint_init(&was, self->schema);
    if (!is_known_version(expected))
        return RC_OK;
    if (!fingerprint_read(&was, expected))
        return fail(err, RC_DATA, "the fingerprint that was kept is not one of %d columns", self->schema->count);
    if (self->rows != was.rows)
        return fail(err, RC_DATA, "there are %" PRId64 " rows; %" PRId64 " were read from the source", self->rows,
                    was.rows);
    for (int i = 0; i < self->schema->count; i++) {
        if (self->columns[i] != was.columns[i])
            return fail(err, RC_DATA, "the values of column '%s' are not those that were read from the source",
                        self->schema->fields[i].name);
    }
    if (self->total != was.total)
        return fail(err, RC_DATA, "values have changed places between the rows since they were read from the source");
    return RC_OK;
}

/* ---- a reader that checks ---- */

struct checking_reader {
    struct batch_reader base;
    struct batch_reader *inner;
    struct fingerprint seen;
    const char *expected, *name;
};

static RC checking_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct checking_reader *self = (struct checking_reader *)base;
    enum rc rc = batch_reader_next(self->inner, ret, err);
    if (rc == RC_OK && *ret != NULL)
        fingerprint_add(&self->seen, *ret);
    else if (rc == RC_OK)
        rc = fingerprint_check(&self->seen, self->expected, err);
    return rc == RC_DATA ? fail_in(err, "'%s'", self->name) : rc;
}

static void checking_free(struct batch_reader *base)
{
    struct checking_reader *self = (struct checking_reader *)base;
    batch_reader_free(self->inner);
    fingerprint_release(&self->seen);
    free(self);
}

struct batch_reader *fingerprint_reader(struct batch_reader *inner, const struct schema *schema, const char *expected,
                                        const char *name)
{
    static const struct batch_reader_ops ops = {.next = checking_next, .free = checking_free};
    struct checking_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct checking_reader){.base = {&ops}, .inner = inner, .expected = expected, .name = name};
    fingerprint_init(&self->seen, schema);
    return &self->base;
}
