#include "state/scope.h"

#include <assert.h>
#include <pthread.h>

#include "state/keys.h"
#include "state/scope_json.h"
#include "state/settle.h"

/* A write whose fate is not known yet: nothing else may be written before it is (design: write_id). */
struct unsettled {
    json_t *doc; /* NULL: none */
    char write_id[UUID_TEXT];
    struct marks marks;
    struct lease lease;
    int64_t sent_ms;
    bool is_beat; /* the marks are those of the write before */
};

struct scope {
    struct scope_world world;
    struct arena arena; /* of the working thread only */
    const char *pipeline, *table, *name, *key, *flags;
    pthread_mutex_t lock; /* over everything below, against the heartbeat */
    json_t *doc;          /* NULL: there is no S */
    char etag[ETAG_TEXT];
    struct marks marks;
    struct lease lease;
    char beat_at[STAMP_TEXT];
    bool mine;
    int64_t beat_sent_ms; /* monotonic: when the last successful write was sent */
    struct unsettled unsettled;
};

static const char *flags_of(struct arena *arena, const char *pipeline, const char *table)
{
    AUTO_RELEASE(buf) flags = {0};
    buf_addf(&flags, "-p ");
    buf_add_word(&flags, pipeline);
    buf_addf(&flags, " -t ");
    buf_add_word(&flags, table);
    return arena_str(arena, buf_str(&flags));
}

struct scope *scope_new(const struct scope_world *world, const char *pipeline, const char *table)
{
    struct scope *self = xcalloc(1, sizeof(*self));
    self->world = *world;
    self->pipeline = arena_text(&self->arena, pipeline);
    self->table = arena_text(&self->arena, table);
    self->name = arena_print(&self->arena, "%s/%s", pipeline, table);
    self->key = key_scope(&self->arena, pipeline, table);
    self->flags = flags_of(&self->arena, pipeline, table);
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void scope_free(struct scope *self)
{
    if (self == NULL)
        return;
    json_decref(self->doc);
    json_decref(self->unsettled.doc);
    pthread_mutex_destroy(&self->lock);
    arena_release(&self->arena);
    free(self);
}

const char *scope_name(const struct scope *self) { return self->name; }
const char *scope_key(const struct scope *self) { return self->key; }
const char *scope_flags(const struct scope *self) { return self->flags; }
bool scope_exists(const struct scope *self) { return self->doc != NULL; }
const struct marks *scope_marks(const struct scope *self) { return &self->marks; }
const json_t *scope_document(const struct scope *self) { return self->doc; }
struct arena *scope_arena(struct scope *self) { return &self->arena; }

bool scope_is_mine(const struct scope *self)
{
    struct scope *scope = (struct scope *)(uintptr_t)self;
    pthread_mutex_lock(&scope->lock);
    bool mine = scope->mine;
    pthread_mutex_unlock(&scope->lock);
    return mine;
}

struct lease scope_lease(struct scope *self)
{
    pthread_mutex_lock(&self->lock);
    struct lease lease = self->lease;
    pthread_mutex_unlock(&self->lock);
    return lease;
}

/* ---- reading ---- */

/* An earlier copy must not be put back: its ETag would revive an old owner. */
static RC scope_is_damaged(const struct scope *self, struct error *err)
{
    return fail_todo(err,
                     "move it away, then go on from what the target holds: waybill watermark restore --from-target %s",
                     self->flags);
}

/* The lock is held from the question to the answer: a beat in between would make the ETag an old one. */
static RC scope_read_locked(struct scope *self, struct error *err)
{
    AUTO_RELEASE(buf) text = {0};
    AUTO_JSON *doc = NULL;
    struct object_info info = {0};
    char *what = arena_print(&self->arena, "scope document '%s' in '%s'", self->key, self->world.store->name);
    enum rc rc = store_get(self->world.store, self->key, JSON_DOCUMENT_BYTES_MAX, &text, &info, err);
    struct marks marks = {0};
    struct lease lease = {0};
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return fail_in(err, "reading the scope document");
    if (rc == RC_OK) {
        if (json_read(buf_str(&text), what, &doc, err) != RC_OK)
            return scope_is_damaged(self, err);
        if (json_int(doc, "format", 0) > SCOPE_FORMAT) {
            fail(err, RC_DATA, "the %s has format %lld; this waybill knows formats up to %d", what,
                 (long long)json_int(doc, "format", 0), SCOPE_FORMAT);
            return fail_todo(err, "a newer waybill wrote it: use that version (or newer) for this pipeline");
        }
        if (marks_from_json(doc, &self->arena, &marks, &lease, err) != RC_OK) {
            fail_in(err, "the %s", what);
            return scope_is_damaged(self, err);
        }
    }
    json_decref(self->doc);
    self->doc = TAKE(doc);
    memcpy(self->etag, info.etag, ETAG_TEXT);
    self->marks = marks;
    self->lease = lease;
    return RC_OK;
}

RC scope_read(struct scope *self, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = scope_read_locked(self, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- writing; the lock is held ---- */

static RC lost_to_another(struct scope *self, struct str there, struct error *err)
{
    AUTO_JSON *doc = NULL;
    self->mine = false;
    const char *run = NULL, *host = NULL;
    struct error ignored;
    if (there.len > 0 && json_read(there, "", &doc, &ignored) == RC_OK) {
        run = json_text(json_object_get(doc, "lease"), "run_id");
        host = json_text(json_object_get(doc, "lease"), "host");
    }
    if (run == NULL)
        fail(err, RC_LEASE, "the lease on '%s' was lost: its scope document was changed by someone else", self->name);
    else
        fail(err, RC_LEASE, "the lease on '%s' was lost to run %s on %s", self->name, run, or_empty(host));
    fail_id(err, "lease-lost");
    return fail_todo(err, "nothing was harmed; see `waybill lease list -p %s`, and run again when it is free",
                     self->pipeline);
}

/* A beat changes the lease only: the working thread reads marks and document while the heartbeat beats. */
static void scope_adopt_written(struct scope *self, struct unsettled *written)
{
    if (!written->is_beat) {
        json_decref(self->doc);
        self->doc = TAKE(written->doc);
        self->marks = written->marks;
    }
    json_decref(written->doc);
    written->doc = NULL;
    self->lease = written->lease;
    self->beat_sent_ms = written->sent_ms;
    self->mine = self->lease.held && strcmp(self->lease.run_id, self->world.run_id) == 0;
}

/* Sends the unsettled write until its fate is known. On a transient failure, or a stop, it stays unsettled. */
static RC scope_send(struct scope *self, struct error *err)
{
    AUTO_RELEASE(buf) body = {0}, there = {0};
    struct settling with = {self->world.store, self->world.clock, self->world.random};
    enum settled settled;
    json_write(self->unsettled.doc, &body);
    enum rc rc =
        settle_replace(&with, self->key, buf_str(&body), self->unsettled.write_id, self->etag, &settled, &there, err);
    if (rc != RC_OK && (rc_is_transient(rc) || rc_is_stop(rc)))
        return fail_in(err, "writing the scope document");
    if (rc == RC_OK && settled == SETTLED_WRITTEN) {
        scope_adopt_written(self, &self->unsettled);
        return RC_OK;
    }
    json_decref(self->unsettled.doc);
    self->unsettled.doc = NULL;
    if (rc != RC_OK)
        return fail_in(err, "writing the scope document");
    return lost_to_another(self, buf_str(&there), err);
}

static RC scope_put(struct scope *self, const struct marks *marks, const struct lease *lease, struct error *err)
{
    struct clock *clock = self->world.clock;
    char now[STAMP_TEXT];
    stamp_print(clock->now_us(clock), 0, now);
    struct unsettled *next = &self->unsettled;
    next->marks = *marks;
    next->lease = *lease;
    if (next->marks.created_at == NULL)
        next->marks.created_at = arena_text(&self->arena, now);
    uuid7(clock, self->world.random, next->write_id);
    next->doc = self->doc != NULL ? json_deep_copy(self->doc) : scope_document_new(self->pipeline, self->table);
    marks_to_json(next->doc, &next->marks, &next->lease, next->write_id, now);
    next->sent_ms = clock->mono_ms(clock);
    return scope_send(self, err);
}

RC scope_settle(struct scope *self, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = self->unsettled.doc != NULL ? scope_send(self, err) : RC_OK;
    pthread_mutex_unlock(&self->lock);
    return rc;
}

static struct lease lease_own(struct scope *self, int64_t beat)
{
    const struct host *host = self->world.host;
    struct clock *clock = self->world.clock;
    stamp_print(clock->now_us(clock), 3, self->beat_at);
    struct lease lease = {
        .held = true,
        .host = host->name,
        .boot_id = host->boot_id,
        .pid_ns = host->pid_ns,
        .pid = host->pid,
        .pid_start = host->pid_start,
        .beat = beat,
        .beat_at = self->beat_at,
        .ttl_ms = self->world.ttl_ms,
    };
    snprintf(lease.run_id, sizeof(lease.run_id), "%s", self->world.run_id);
    return lease;
}

/* ---- taking ---- */

bool lease_owner_is_gone(const struct lease *lease, const struct host *host)
{
    return text_eq(lease->boot_id, host->boot_id) && text_eq(lease->pid_ns, host->pid_ns) &&
           host->is_gone(host, lease->pid, lease->pid_start);
}

static RC lease_is_held(struct scope *self, const struct lease *lease, struct error *err)
{
    fail(err, RC_LEASE, "'%s' is being moved by run %s on %s (pid %lld); its last beat was at %s", self->name,
         lease->run_id, or_empty(lease->host), (long long)lease->pid, or_empty(lease->beat_at));
    fail_id(err, "lease-held");
    return fail_todo(err, "wait for it to end; if that run is gone for good: waybill lease break %s", self->flags);
}

/* Until the lease in S is free to take: its owner gave it, is certainly gone, or did not beat for a whole TTL. */
static RC scope_watch(struct scope *self, struct error *err)
{
    enum { TTL_MS_MIN = 1000 };
    struct clock *clock = self->world.clock;
    struct lease first = self->lease;
    int64_t ttl = first.ttl_ms > TTL_MS_MIN ? first.ttl_ms : TTL_MS_MIN, since = clock->mono_ms(clock);
    if (!first.held || lease_owner_is_gone(&first, self->world.host))
        return RC_OK;
    for (int64_t waited = 0; waited < ttl; waited = clock->mono_ms(clock) - since) {
        if (self->world.waiting != NULL)
            self->world.waiting(self->world.context, &first, waited);
        int64_t step = ttl / 12 < 1000 ? ttl / 12 : 1000;
        clock->sleep_ms(clock, step < ttl - waited ? step : ttl - waited);
        if (self->world.stopped != NULL && self->world.stopped(self->world.context, err))
            return err->rc;
        TRY(scope_read(self, err));
        if (!self->lease.held)
            return RC_OK;
        if (strcmp(self->lease.run_id, first.run_id) != 0 || self->lease.beat != first.beat)
            return lease_is_held(self, &self->lease, err);
    }
    return RC_OK;
}

/* With a scope of its own for each look, so that a long wait takes no more memory than a short one. */
static RC scope_look(const struct scope *self, struct error *err)
{
    AUTO(scope) *look = scope_new(&self->world, self->pipeline, self->table);
    TRY(scope_read(look, err));
    return scope_watch(look, err);
}

RC scope_await(struct scope *self, int64_t wait_ms, struct error *err)
{
    enum { PAUSE_MS = 1000 };
    struct clock *clock = self->world.clock;
    const int64_t since = clock->mono_ms(clock);
    for (;;) {
        enum rc rc = scope_look(self, err);
        int64_t left = wait_ms - (clock->mono_ms(clock) - since);
        if (rc != RC_LEASE)
            return rc;
        if (left <= 0)
            return rc;
        clock->sleep_ms(clock, left < PAUSE_MS ? left : PAUSE_MS);
        if (self->world.stopped != NULL && self->world.stopped(self->world.context, err))
            return err->rc;
    }
}

RC scope_take(struct scope *self, const struct marks *marks, int64_t target_token, struct error *err)
{
    TRY(scope_watch(self, err));
    pthread_mutex_lock(&self->lock);
    struct marks next = marks != NULL ? *marks : self->marks;
    next.token = (self->marks.token > target_token ? self->marks.token : target_token) + 1;
    struct lease lease = lease_own(self, 1);
    self->unsettled.is_beat = false;
    enum rc rc = scope_put(self, &next, &lease, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* `marks` NULL: a beat, or a give, of what is in S. The lock is held. */
static RC scope_put_mine(struct scope *self, const struct marks *marks, bool keep_lease, struct error *err)
{
    if (self->unsettled.doc != NULL) {
        assert(marks == NULL ||
               self->unsettled.is_beat); /* marks made before a write of open fate was settled are stale */
        TRY(scope_send(self, err));
    }
    if (!self->mine)
        return lost_to_another(self, (struct str){0}, err);
    struct lease lease = keep_lease ? lease_own(self, self->lease.beat + 1) : (struct lease){0};
    struct marks next = marks != NULL ? *marks : self->marks;
    self->unsettled.is_beat = marks == NULL;
    return scope_put(self, &next, &lease, err);
}

static RC scope_put_own(struct scope *self, const struct marks *marks, bool keep_lease, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    enum rc rc = scope_put_mine(self, marks, keep_lease, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

RC scope_write(struct scope *self, const struct marks *marks, struct error *err)
{
    return scope_put_own(self, marks, true, err);
}
RC scope_give(struct scope *self, const struct marks *marks, struct error *err)
{
    return scope_put_own(self, marks, false, err);
}
RC scope_beat(struct scope *self, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    bool waits = self->unsettled.doc != NULL && !self->unsettled.is_beat;
    enum rc rc = waits ? RC_OK : scope_put_mine(self, NULL, true, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

RC scope_guard(struct scope *self, struct error *err)
{
    struct clock *clock = self->world.clock;
    pthread_mutex_lock(&self->lock);
    bool late = !self->mine || clock->mono_ms(clock) - self->beat_sent_ms > self->lease.ttl_ms * 2 / 3;
    pthread_mutex_unlock(&self->lock);
    return late ? scope_put_own(self, NULL, true, err) : RC_OK;
}

RC scope_break(struct scope *self, struct error *err)
{
    pthread_mutex_lock(&self->lock);
    struct marks next = self->marks;
    next.token++;
    self->unsettled.is_beat = false;
    enum rc rc = scope_put(self, &next, &(struct lease){0}, err);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

RC scope_keep_history(struct scope *self, const char *change, const char *reason, const char *author, struct error *err)
{
    struct clock *clock = self->world.clock;
    AUTO_RELEASE(buf) body = {0};
    char now[STAMP_TEXT];
    int64_t now_us = clock->now_us(clock);
    stamp_print(now_us, 3, now);
    AUTO_JSON *entry = json_object();
    json_put_int(entry, "format", SCOPE_FORMAT);
    json_put_text(entry, "at", now);
    json_put_text(entry, "author", author);
    json_put_text(entry, "change", change);
    json_put_text(entry, "reason", reason);
    json_put(entry, "document", self->doc != NULL ? json_deep_copy(self->doc) : json_null());
    json_write(entry, &body);
    const char *key = key_history(&self->arena, self->pipeline, self->table, now_us, self->marks.epoch);
    if (store_put(self->world.store, key, buf_str(&body), UNCONDITIONAL, NULL, err) != RC_OK)
        return fail_in(err, "keeping the history of '%s'", self->name);
    return RC_OK;
}
