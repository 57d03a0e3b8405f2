#include "world/fault_target.h"

#include <stdlib.h>

struct fault_target {
    struct target base;
    struct target_ops ops; /* what the inner one can, this one can */
    struct target *inner;
    struct fault_plan *plan;
    bool is_lost; /* after RC_UNKNOWN, until reconnect */
};

static struct fault_target *of(struct target *base) { return (struct fault_target *)base; }

static enum fault ask(struct fault_target *self, const char *operation)
{
    bool is_refused = self->is_lost && !self->plan->crashed;
    return is_refused ? FAULT_FAIL : fault_ask(self->plan, "target", operation);
}

/* The connection is gone, the server does not know yet. */
static void leave_session(struct fault_target *self)
{
    struct error ignored;
    enum rc rc = target_reconnect(self->inner, &ignored);
    (void)rc; /* the next call tells */
}

static RC fault_position(struct target *base, const struct target_table *table, struct arena *arena,
                         struct target_position *ret, struct error *err)
{
    struct fault_target *self = of(base);
    struct target_position at;
    enum fault fault = ask(self, "position");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, target_position(self->inner, table, arena, &at, err), err));
    *ret = at;
    return RC_OK;
}

static RC fault_check_owner(struct target *base, const struct target_table *table, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "check_owner");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, target_check_owner(self->inner, table, err), err);
}

static RC fault_create_position(struct target *base, const struct target_table *table, const char *target_id,
                                struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "create_position");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, target_create_position(self->inner, table, target_id, err), err);
}

static RC fault_fence(struct target *base, const struct target_table *table, int64_t token, struct arena *arena,
                      struct target_position *ret, struct error *err)
{
    struct fault_target *self = of(base);
    struct target_position at;
    enum fault fault = ask(self, "fence");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, target_fence(self->inner, table, token, arena, &at, err), err));
    *ret = at;
    return RC_OK;
}

static RC fault_prepare(struct target *base, const struct target_table *table, bool dry, struct buf *ret_ddl,
                        struct error *err)
{
    struct fault_target *self = of(base);
    AUTO_RELEASE(buf) ddl = {0};
    enum fault fault = ask(self, "prepare");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, target_prepare(self->inner, table, dry, &ddl, err), err));
    buf_add_str(ret_ddl, buf_str(&ddl));
    return RC_OK;
}

static RC fault_is_there(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "is_there");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, target_is_there(self->inner, table, ret, err), err);
}

static RC fault_has_rows(struct target *base, const struct target_table *table, bool *ret, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "has_rows");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, target_has_rows(self->inner, table, ret, err), err);
}

static RC fault_begin(struct target *base, const struct target_table *table, const struct target_move *move,
                      bool *ret_moved, struct error *err)
{
    struct fault_target *self = of(base);
    bool moved = false;
    enum fault fault = ask(self, "begin");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    enum rc rc = target_begin(self->inner, table, move, &moved, err);
    if (fault == FAULT_LATE)
        leave_session(self);
    TRY(fault_answer(fault, rc, err));
    *ret_moved = moved;
    return RC_OK;
}

/* ---- half a file ---- */

struct half_reader {
    struct batch_reader base;
    struct batch_reader *inner;
    struct batch cut;
    int64_t rows_left;
};

static RC half_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct half_reader *self = (struct half_reader *)base;
    const struct batch *batch = NULL;
    if (self->rows_left == 0)
        return fault_refuse(FAULT_TORN, err);
    TRY(batch_reader_next(self->inner, &batch, err));
    if (batch == NULL)
        return fault_refuse(FAULT_TORN, err);
    self->cut = *batch;
    if (self->cut.rows > self->rows_left)
        self->cut.rows = self->cut.array.length = self->rows_left;
    self->rows_left -= self->cut.rows;
    *ret = &self->cut;
    return RC_OK;
}

static void half_free(struct batch_reader *base)
{
    batch_reader_free(((struct half_reader *)base)->inner);
    free(base);
}

static const struct batch_reader_ops half_ops = {.next = half_next, .free = half_free};

static RC half_open(const struct staged_file *file, struct batch_reader **ret, struct error *err)
{
    const struct staged_file *whole = file->context;
    AUTO(batch_reader) *inner = NULL;
    TRY(whole->open(whole, &inner, err));
    struct half_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct half_reader){.base = {&half_ops}, .inner = TAKE(inner), .rows_left = whole->rows / 2};
    *ret = &self->base;
    return RC_OK;
}

static RC fault_load_file(struct target *base, const struct staged_file *file, int64_t *ret_rows, struct error *err)
{
    struct fault_target *self = of(base);
    int64_t rows = 0;
    enum fault fault = ask(self, "load_file");
    if (fault == FAULT_TORN) {
        struct staged_file half = *file;
        half.open = half_open;
        half.context = (void *)(uintptr_t)file;
        return target_load_file(self->inner, &half, &rows, err);
    }
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, target_load_file(self->inner, file, &rows, err), err));
    *ret_rows = rows;
    return RC_OK;
}

/* ---- the end of a load ---- */

static RC fault_apply(struct target *base, int64_t rows, struct load_counts *ret, struct error *err)
{
    struct fault_target *self = of(base);
    struct load_counts counts;
    enum fault fault = ask(self, "apply");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, target_apply(self->inner, rows, &counts, err), err));
    *ret = counts;
    return RC_OK;
}

static RC fail_unknown(struct fault_target *self, struct error *err)
{
    self->is_lost = true;
    return fail(err, RC_UNKNOWN, "injected: the answer to COMMIT was lost");
}

static RC fault_commit(struct target *base, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "commit");
    if (fault == FAULT_TORN) {
        leave_session(self);
        return fail_unknown(self, err);
    }
    if (fault == FAULT_FAIL) {
        target_rollback(self->inner); /* certainly not committed, and over */
        return fault_refuse(fault, err);
    }
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    enum rc rc = target_commit(self->inner, err);
    self->is_lost = rc == RC_UNKNOWN;
    if (fault == FAULT_LATE && rc == RC_OK)
        return fail_unknown(self, err);
    return fault_answer(fault, rc, err);
}

static void fault_rollback(struct target *base)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "rollback");
    if (fault_does_call(fault))
        target_rollback(self->inner);
    else if (fault != FAULT_CRASH_BEFORE)
        leave_session(self);
}

static RC fault_reconnect(struct target *base, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = fault_ask(self->plan, "target", "reconnect");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, target_reconnect(self->inner, err), err));
    self->is_lost = false;
    return RC_OK;
}

static RC fault_check(struct target *base, bool *ret_is_new, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "check");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, target_check(self->inner, ret_is_new, err), err);
}

static void fault_free(struct target *base)
{
    target_free(of(base)->inner);
    free(base);
}

static void fault_type_of(const struct target *base, const struct field *field, struct target_type *ret)
{
    *ret = target_type_of(((const struct fault_target *)base)->inner, field);
}

static bool fault_has_gaps(const struct target *base, const struct field *field)
{
    return target_has_gaps(((const struct fault_target *)base)->inner, field);
}

static bool fault_holds(const struct target *base, const struct batch *batch, int column, int64_t row,
                        const char **ret_why)
{
    return target_holds(((const struct fault_target *)base)->inner, batch, column, row, ret_why);
}

static RC fault_profile(struct target *base, const struct target_table *table, const struct key_list *without,
                        struct profile *ret, struct error *err)
{
    struct fault_target *self = of(base);
    enum fault fault = ask(self, "profile");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    return fault_answer(fault, target_profile(self->inner, table, without, ret, err), err);
}

static const struct target_ops fault_ops = {
    .type = "fault",
    .type_of = fault_type_of,
    .has_gaps = fault_has_gaps,
    .holds = fault_holds,
    .position = fault_position,
    .check_owner = fault_check_owner,
    .create_position = fault_create_position,
    .fence = fault_fence,
    .prepare = fault_prepare,
    .is_there = fault_is_there,
    .has_rows = fault_has_rows,
    .begin = fault_begin,
    .load_file = fault_load_file,
    .apply = fault_apply,
    .commit = fault_commit,
    .rollback = fault_rollback,
    .reconnect = fault_reconnect,
    .check = fault_check,
    .profile = fault_profile,
    .free = fault_free,
};

struct target *fault_target_new(struct target *inner, struct fault_plan *plan)
{
    struct fault_target *self = xcalloc(1, sizeof(*self));
    *self = (struct fault_target){.base = {.ops = &self->ops,
                                           .name = inner->name,
                                           .address = inner->address,
                                           .is_exclusive = inner->is_exclusive},
                                  .ops = fault_ops,
                                  .inner = inner,
                                  .plan = plan};
    self->ops.features = inner->ops->features;
    self->ops.swap_note = inner->ops->swap_note;
    return &self->base;
}
