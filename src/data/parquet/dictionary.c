#include "data/parquet/dictionary.h"

#include <assert.h>
#include <stdlib.h>

#include "data/parquet/plain.h"

enum { SLOT_BITS_FIRST = 8, ENTRIES_FIRST = 128 };

struct dictionary {
    enum physical physical;
    int width;       /* of a number; 0: texts */
    uint32_t *slots; /* index + 1; 0: free; never more than half of them taken */
    int slot_bits;
    uint32_t count, capacity;
    struct buf plain;
    uint64_t *keys;    /* texts: as short_key or long_key say */
    struct str *texts; /* made anew for dictionary_dense */
    uint32_t *offsets; /* texts: where their bytes begin in `plain` */
    uint32_t *lengths;
};

struct dictionary *dictionary_new(const struct storage *storage)
{
    struct dictionary *self = xcalloc(1, sizeof(*self));
    bool is_text = storage->physical == PHYSICAL_BYTE_ARRAY;
    assert(is_text || storage->width == 4 || storage->width == 8);
    self->physical = storage->physical;
    self->width = is_text ? 0 : storage->width;
    self->slot_bits = SLOT_BITS_FIRST;
    self->slots = xcalloc((size_t)1 << self->slot_bits, sizeof(*self->slots));
    return self;
}

void dictionary_free(struct dictionary *self)
{
    if (self == NULL)
        return;
    free(self->slots);
    free(self->keys);
    free(self->texts);
    free(self->offsets);
    free(self->lengths);
    buf_release(&self->plain);
    free(self);
}

int64_t dictionary_count(const struct dictionary *self) { return self->count; }
struct str dictionary_plain(const struct dictionary *self) { return buf_str(&self->plain); }

size_t dictionary_held_bytes(const struct dictionary *self)
{
    size_t of_text = sizeof(*self->keys) + sizeof(*self->texts) + sizeof(*self->offsets) + sizeof(*self->lengths);
    return self->plain.size + ((size_t)1 << self->slot_bits) * sizeof(*self->slots) + self->capacity * of_text;
}

static uint64_t hash(uint64_t key) { return key * UINT64_C(0x9E3779B97F4A7C15); }
static uint32_t slot_of(const struct dictionary *self, uint64_t key)
{
    return (uint32_t)(hash(key) >> (64 - self->slot_bits));
}

static uint64_t number_at(const struct dictionary *self, uint32_t index)
{
    uint32_t narrow;
    uint64_t wide;
    if (self->width == sizeof(wide)) {
        memcpy(&wide, self->plain.at + (size_t)index * sizeof(wide), sizeof(wide));
        return wide;
    }
    memcpy(&narrow, self->plain.at + (size_t)index * sizeof(narrow), sizeof(narrow));
    return narrow;
}

/* Twice the slots; every entry finds its place among them anew. */
static void slots_grow(struct dictionary *self)
{
    free(self->slots);
    self->slot_bits++;
    self->slots = xcalloc((size_t)1 << self->slot_bits, sizeof(*self->slots));
    uint32_t mask = (1u << self->slot_bits) - 1;
    for (uint32_t i = 0; i < self->count; i++) {
        uint32_t slot = slot_of(self, self->width == 0 ? self->keys[i] : number_at(self, i));
        while (self->slots[slot] != 0)
            slot = (slot + 1) & mask;
        self->slots[slot] = i + 1;
    }
}

/* Room for one more of `bytes` bytes in PLAIN; false: the dictionary is full. */
static bool make_room(struct dictionary *self, size_t bytes)
{
    if (self->count == INDICES_MAX || self->plain.len + bytes > DICTIONARY_BYTES_MAX)
        return false;
    if (self->count >= 1u << (self->slot_bits - 1))
        slots_grow(self);
    buf_reserve(&self->plain, bytes);
    return true;
}

/* ---- numbers ---- */

#define INDEX_NUMBERS(type)                                                                                            \
    do {                                                                                                               \
        const type *values = (const type *)dense->values + first;                                                      \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            type value = values[i], entry;                                                                             \
            uint32_t slot = slot_of(self, value), mask = (1u << self->slot_bits) - 1, taken;                           \
            while ((taken = self->slots[slot]) != 0) {                                                                 \
                memcpy(&entry, self->plain.at + (size_t)(taken - 1) * sizeof(entry), sizeof(entry));                   \
                if (entry == value)                                                                                    \
                    break;                                                                                             \
                slot = (slot + 1) & mask;                                                                              \
            }                                                                                                          \
            if (taken == 0 && (taken = number_add(self, value)) == 0)                                                  \
                return i;                                                                                              \
            indices[i] = (uint16_t)(taken - 1);                                                                        \
        }                                                                                                              \
        return count;                                                                                                  \
    } while (0)

/* Index + 1, or 0: full. The slots may have moved. */
static uint32_t entry_add(struct dictionary *self, uint64_t key)
{
    uint32_t mask = (1u << self->slot_bits) - 1, slot = slot_of(self, key);
    while (self->slots[slot] != 0)
        slot = (slot + 1) & mask;
    return self->slots[slot] = ++self->count;
}

static uint32_t number_add(struct dictionary *self, uint64_t value)
{
    if (!make_room(self, (size_t)self->width))
        return 0;
    memcpy(self->plain.at + self->plain.len, &value, (size_t)self->width); /* little-endian: its low bytes */
    self->plain.len += (size_t)self->width;
    return entry_add(self, value);
}

static int64_t index_narrow(struct dictionary *self, const struct dense *dense, int64_t first, int64_t count,
                            uint16_t *indices)
{
    INDEX_NUMBERS(uint32_t);
}

static int64_t index_wide(struct dictionary *self, const struct dense *dense, int64_t first, int64_t count,
                          uint16_t *indices)
{
    INDEX_NUMBERS(uint64_t);
}

/* ---- texts ---- */

enum { SHORT_BYTES = 7 };

static uint64_t load(const char *at, size_t bytes)
{
    uint64_t wide = 0;
    uint32_t low, high;
    if (bytes == sizeof(wide)) {
        memcpy(&wide, at, sizeof(wide));
    } else if (bytes >= sizeof(low)) { /* the two overlap */
        memcpy(&low, at, sizeof(low));
        memcpy(&high, at + bytes - sizeof(high), sizeof(high));
        wide = low | (uint64_t)high << (8 * (bytes - sizeof(high)));
    } else if (bytes > 0) {
        wide = (uint8_t)at[0] | (uint64_t)(uint8_t)at[bytes / 2] << (8 * (bytes / 2)) |
               (uint64_t)(uint8_t)at[bytes - 1] << (8 * (bytes - 1));
    }
    return wide;
}

/* A short text is told by its key alone: its bytes and its length. A long one is compared. */
static uint64_t key_of(struct str text)
{
    if (text.len <= SHORT_BYTES)
        return load(text.at, text.len) | (uint64_t)text.len << 56;
    uint64_t key = hash(text.len);
    for (size_t i = 0; i + 8 < text.len; i += 8) {
        key = hash(key ^ load(text.at + i, 8));
        key ^= key >> 32;
    }
    return hash(key ^ load(text.at + text.len - 8, 8)) | UINT64_C(1) << 63;
}

static bool is_entry(const struct dictionary *self, uint32_t index, uint64_t key, struct str text)
{
    if (self->keys[index] != key)
        return false;
    return text.len <= SHORT_BYTES ||
           (self->lengths[index] == text.len && memcmp(self->plain.at + self->offsets[index], text.at, text.len) == 0);
}

static void entries_grow(struct dictionary *self)
{
    if (self->count < self->capacity)
        return;
    self->capacity = self->capacity == 0 ? ENTRIES_FIRST : 2 * self->capacity;
    self->keys = xrealloc(self->keys, self->capacity * sizeof(*self->keys));
    self->texts = xrealloc(self->texts, self->capacity * sizeof(*self->texts));
    self->offsets = xrealloc(self->offsets, self->capacity * sizeof(*self->offsets));
    self->lengths = xrealloc(self->lengths, self->capacity * sizeof(*self->lengths));
}

static uint32_t text_add(struct dictionary *self, uint64_t key, struct str text)
{
    uint32_t len = (uint32_t)text.len;
    if (text.len > DICTIONARY_BYTES_MAX || !make_room(self, TEXT_LENGTH_BYTES + text.len))
        return 0;
    entries_grow(self);
    buf_add(&self->plain, &len, TEXT_LENGTH_BYTES);
    self->keys[self->count] = key;
    self->offsets[self->count] = (uint32_t)self->plain.len;
    self->lengths[self->count] = len;
    buf_add(&self->plain, text.at, text.len);
    return entry_add(self, key);
}

static int64_t index_texts(struct dictionary *self, const struct str *texts, int64_t count, uint16_t *indices)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t key = key_of(texts[i]);
        uint32_t slot = slot_of(self, key), mask = (1u << self->slot_bits) - 1, taken;
        while ((taken = self->slots[slot]) != 0 && !is_entry(self, taken - 1, key, texts[i]))
            slot = (slot + 1) & mask;
        if (taken == 0 && (taken = text_add(self, key, texts[i])) == 0)
            return i;
        indices[i] = (uint16_t)(taken - 1);
    }
    return count;
}

int64_t dictionary_index(struct dictionary *self, const struct dense *dense, int64_t first, int64_t count,
                         uint16_t *indices)
{
    switch (self->width) {
    case 0: return index_texts(self, (const struct str *)dense->values + first, count, indices);
    case sizeof(uint32_t): return index_narrow(self, dense, first, count, indices);
    default: return index_wide(self, dense, first, count, indices);
    }
}

void dictionary_dense(struct dictionary *self, int64_t first, struct dense *ret)
{
    int64_t count = self->count - first;
    *ret = (struct dense){.rows = count, .count = count};
    if (count == 0)
        return;
    for (int64_t i = first; self->width == 0 && i < self->count; i++)
        self->texts[i] = (struct str){self->plain.at + self->offsets[i], self->lengths[i]};
    ret->values =
        self->width == 0 ? (const void *)(self->texts + first) : (const void *)(self->plain.at + first * self->width);
}
