#include "data/key_set.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

/* ---- one key ---- */

/* Its texts, each with a NUL behind it. */
static bool add_texts_of(const struct batch *batch, const int *columns, int count, int64_t row, struct buf *out)
{
    for (int i = 0; i < count; i++) {
        if (columns[i] < 0 || batch_is_null(batch, columns[i], row) ||
            !profile_print_value(batch, columns[i], row, out))
            return false;
        buf_add(out, "", 1);
    }
    return true;
}

static void add_texts_at(const struct key_list *keys, int place, struct buf *out)
{
    for (int i = 0; i < keys->columns; i++) {
        const char *text = keys->texts[place * keys->columns + i];
        buf_add(out, text, strlen(text) + 1);
    }
}

/* FNV-1a; nobody chooses keys to harm an audit, and one that did would be slow. */
static uint64_t hash_of(struct str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- all of them ---- */

void key_set_init(struct key_set *self, const struct schema *schema, const int *key, int key_count)
{
    *self = (struct key_set){.slot_count = SLOTS_MIN};
    key_list_init(&self->keys, schema, key, key_count);
    self->slots = xcalloc(SLOTS_MIN, sizeof(*self->slots));
}

void key_set_release(struct key_set *self)
{
    key_list_release(&self->keys);
    free(self->slots);
    *self = (struct key_set){0};
}

static bool is_at(const struct key_set *self, int place, const char *texts)
{
    for (int i = 0; i < self->keys.columns; i++) {
        if (strcmp(self->keys.texts[place * self->keys.columns + i], texts) != 0)
            return false;
        texts += strlen(texts) + 1;
    }
    return true;
}

/* The slot that has this key, or the free one where it belongs. */
static int *slot_of(const struct key_set *self, struct str texts)
{
    uint64_t at = hash_of(texts);
    for (;; at++) {
        int *slot = &self->slots[at & (uint64_t)(self->slot_count - 1)];
        if (*slot == 0 || is_at(self, *slot - 1, texts.at))
            return slot;
    }
}

static void keep(struct key_list *keys, const char *texts)
{
    for (int i = 0; i < keys->columns; i++) {
        key_list_add(keys, str(texts));
        texts += strlen(texts) + 1;
    }
}

static void grow(struct key_set *self)
{
    self->slot_count *= 2;
    free(self->slots);
    self->slots = xcalloc((size_t)self->slot_count, sizeof(*self->slots));
    for (int place = 0; place < self->keys.count; place++) {
        AUTO_RELEASE(buf) texts = {0};
        add_texts_at(&self->keys, place, &texts);
        *slot_of(self, buf_str(&texts)) = place + 1;
    }
}

static int add(struct key_set *self, struct str texts)
{
    int *slot = slot_of(self, texts);
    if (*slot == 0) {
        keep(&self->keys, texts.at);
        *slot = self->keys.count;
    }
    int place = *slot - 1;
    if (self->keys.count > self->slot_count / 2)
        grow(self);
    return place;
}

void key_set_init_copy(struct key_set *self, const struct key_list *keys)
{
    *self = (struct key_set){.slot_count = SLOTS_MIN, .keys.columns = keys->columns};
    memcpy(self->keys.fields, keys->fields, sizeof(keys->fields));
    self->slots = xcalloc(SLOTS_MIN, sizeof(*self->slots));
    for (int row = 0; row < keys->count; row++) {
        AUTO_RELEASE(buf) texts = {0};
        add_texts_at(keys, row, &texts);
        add(self, buf_str(&texts));
    }
}

int key_set_find(const struct key_set *self, const struct batch *batch, const int *columns, int64_t row)
{
    AUTO_RELEASE(buf) texts = {0};
    if (self->keys.count == 0 || !add_texts_of(batch, columns, self->keys.columns, row, &texts))
        return -1;
    return *slot_of(self, buf_str(&texts)) - 1;
}

int key_set_add(struct key_set *self, const struct batch *batch, const int *columns, int64_t row)
{
    AUTO_RELEASE(buf) texts = {0};
    if (!add_texts_of(batch, columns, self->keys.columns, row, &texts))
        return -1;
    return add(self, buf_str(&texts));
}
