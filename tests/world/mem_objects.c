#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "world/mem_objects.h"

int mem_entry_index(const struct mem_objects *self, const char *key, bool *ret_found)
{
    int low = 0, high = self->count;
    while (low < high) {
        int middle = (low + high) / 2;
        int order = strcmp(self->items[middle].key, key);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

struct entry *mem_entry_find(const struct mem_objects *self, const char *key)
{
    bool found;
    int index = mem_entry_index(self, key, &found);
    return found ? &self->items[index] : NULL;
}

static struct entry *entry_make(struct mem_objects *self, const char *key)
{
    bool found;
    int index = mem_entry_index(self, key, &found);
    if (found)
        return &self->items[index];
    if (self->count == self->size) {
        self->size = self->size != 0 ? self->size * 2 : 16;
        self->items = xrealloc(self->items, (size_t)self->size * sizeof(*self->items));
    }
    memmove(&self->items[index + 1], &self->items[index], (size_t)(self->count - index) * sizeof(*self->items));
    self->count++;
    self->items[index] = (struct entry){.key = xstrdup(key)};
    return &self->items[index];
}

struct entry *mem_entry_write(struct mem_objects *self, const char *key, struct str body)
{
    struct entry *entry = entry_make(self, key);
    buf_reset(&entry->body);
    buf_add_str(&entry->body, body);
    entry->info = (struct object_info){.bytes = (int64_t)body.len, .modified_us = self->clock->now_us(self->clock)};
    sha256_hex(body, entry->info.checksum);
    snprintf(entry->info.etag, sizeof(entry->info.etag), "%s", entry->info.checksum);
    return entry;
}

bool mem_entry_remove(struct mem_objects *self, const char *key)
{
    bool found;
    int index = mem_entry_index(self, key, &found);
    if (!found)
        return false;
    free(self->items[index].key);
    buf_release(&self->items[index].body);
    self->count--;
    memmove(&self->items[index], &self->items[index + 1], (size_t)(self->count - index) * sizeof(*self->items));
    return true;
}

struct pending *mem_pending_add(struct mem_objects *self, const char *key)
{
    if (self->upload_count == self->upload_size) {
        self->upload_size = self->upload_size != 0 ? self->upload_size * 2 : 16;
        self->uploads = xrealloc(self->uploads, (size_t)self->upload_size * sizeof(*self->uploads));
    }
    struct pending *pending = xcalloc(1, sizeof(*pending));
    pending->key = xstrdup(key);
    pending->started_us = self->clock->now_us(self->clock);
    self->uploads[self->upload_count++] = pending;
    return pending;
}

struct pending *mem_pending_find(const struct mem_objects *self, const char *id)
{
    static const struct str prefix = {"upload-", 7};
    struct str text = str(id);
    int64_t number;
    if (!str_has_prefix(text, prefix) ||
        !str_to_int64((struct str){text.at + prefix.len, text.len - prefix.len}, &number) || number < 1 ||
        number > self->upload_count)
        return NULL;
    return self->uploads[number - 1];
}

void mem_pending_release_parts(struct pending *self)
{
    for (int i = 0; i < self->parts; i++)
        buf_release(&self->part[i]);
    free(self->part);
    self->part = NULL;
    self->parts = 0;
}

struct mem_objects *mem_objects_new(struct clock *clock)
{
    struct mem_objects *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->mutex, NULL);
    self->clock = clock;
    return self;
}

void mem_objects_free(struct mem_objects *self)
{
    if (self == NULL)
        return;
    while (self->count > 0)
        mem_entry_remove(self, self->items[self->count - 1].key);
    for (int i = 0; i < self->upload_count; i++) {
        mem_pending_release_parts(self->uploads[i]);
        free(self->uploads[i]->key);
        free(self->uploads[i]);
    }
    free(self->uploads);
    free(self->items);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

void mem_objects_set(struct mem_objects *self, struct mem_manners manners) { self->manners = manners; }
int mem_objects_count(const struct mem_objects *self) { return self->count; }

struct mem_object mem_objects_at(const struct mem_objects *self, int index)
{
    assert(index >= 0 && index < self->count);
    const struct entry *entry = &self->items[index];
    return (struct mem_object){entry->key, buf_str(&entry->body), entry->info.modified_us};
}

bool mem_objects_find(const struct mem_objects *self, const char *key, struct mem_object *ret)
{
    const struct entry *entry = mem_entry_find(self, key);
    if (entry == NULL)
        return false;
    *ret = (struct mem_object){entry->key, buf_str(&entry->body), entry->info.modified_us};
    return true;
}

int64_t mem_objects_bytes(const struct mem_objects *self)
{
    int64_t bytes = 0;
    for (int i = 0; i < self->count; i++)
        bytes += self->items[i].info.bytes;
    return bytes;
}

int mem_objects_uploads(const struct mem_objects *self)
{
    int open = 0;
    for (int i = 0; i < self->upload_count; i++)
        open += self->uploads[i]->state == UPLOAD_OPEN;
    return open;
}

const char *mem_objects_upload_key(const struct mem_objects *self, int index)
{
    for (int i = 0; i < self->upload_count; i++) {
        if (self->uploads[i]->state == UPLOAD_OPEN && index-- == 0)
            return self->uploads[i]->key;
    }
    return NULL;
}

void mem_objects_put(struct mem_objects *self, const char *key, struct str body) { mem_entry_write(self, key, body); }
bool mem_objects_remove(struct mem_objects *self, const char *key) { return mem_entry_remove(self, key); }

bool mem_objects_damage(struct mem_objects *self, const char *key, size_t offset)
{
    struct entry *entry = mem_entry_find(self, key);
    if (entry == NULL || offset >= entry->body.len)
        return false;
    entry->body.at[offset] = (char)(entry->body.at[offset] ^ 1);
    return true;
}
