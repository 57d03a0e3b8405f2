#include "move/cleaned.h"

#include "state/scope.h"

int64_t cleaned_until(int64_t now_us, int64_t age_ms) { return age_ms != 0 ? now_us - age_ms * 1000 : INT64_MAX; }

void remover_release(struct remover *self) { arena_release(&self->keys); }

static void note_failures(struct remover *self)
{
    for (int i = 0; i < self->waiting; i++) {
        if (self->batch[i].rc == RC_OK)
            continue;
        self->ret.failed++;
        if (self->ret.failure == NULL)
            self->ret.failure = arena_text(self->arena, self->batch[i].text);
    }
}

RC remover_finish(struct remover *self, struct error *err)
{
    if (self->waiting == 0)
        return RC_OK;
    if (self->scope != NULL)
        TRY(scope_guard(self->scope, err));
    TRY(store_delete(self->store, self->batch, self->waiting, err));
    note_failures(self);
    self->waiting = 0;
    self->batch = NULL;
    arena_reset(&self->keys);
    return RC_OK;
}

RC remover_add(struct remover *self, const char *key, int64_t bytes, struct error *err)
{
    struct cleaned *ret = &self->ret;
    ret->count++;
    ret->bytes += bytes;
    if (ret->sample_count < CLEANED_SAMPLES)
        ret->samples[ret->sample_count++] = arena_text(self->arena, key);
    if (self->dry)
        return RC_OK;
    if (self->batch == NULL)
        self->batch = arena_take(&self->keys, sizeof(*self->batch) * LIST_PAGE_MAX);
    self->batch[self->waiting++] = (struct deleted_object){.key = arena_text(&self->keys, key)};
    return self->waiting == LIST_PAGE_MAX ? remover_finish(self, err) : RC_OK;
}
