/* Deleting many objects by exact key: in batches, and what became of each key is looked at. */
#pragma once

#include "base/arena.h"
#include "store/store.h"

enum { CLEANED_SAMPLES = 5 };

/* What is no newer than this is so old. A store's clock may have whole seconds in one answer and more in another: any
 * age (0) is any age. */
int64_t cleaned_until(int64_t now_us, int64_t age_ms);

/* What a cleaner found, and what became of it. */
struct cleaned {
    int64_t count, bytes; /* found, and deleted unless it only looked */
    const char *samples[CLEANED_SAMPLES];
    int sample_count;
    int64_t failed;      /* keys that could not be deleted */
    const char *failure; /* the first one: which key, and why; NULL: none */
};

struct scope;
/* Zero-initialise, and fill in the first four. */
struct remover {
    struct store *store;
    struct scope *scope; /* whose lease is guarded before every batch; NULL: none has to be */
    bool dry;            /* only counts */
    struct arena *arena; /* of the texts in `ret` */
    struct cleaned ret;
    struct arena keys; /* of the batch */
    struct deleted_object *batch;
    int waiting;
};
void remover_release(struct remover *self);
/* Copies the key. What was added may be deleted now or later, in the order of adding. */
RC remover_add(struct remover *self, const char *key, int64_t bytes, struct error *err);
/* What still waits. */
RC remover_finish(struct remover *self, struct error *err);
