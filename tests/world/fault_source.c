#include "world/fault_source.h"

struct fault_source {
    struct source base;
    struct source *inner;
    struct fault_plan *plan;
};

static struct fault_source *of(struct source *base) { return (struct fault_source *)base; }

/* Reading changes nothing, so a call that is made and whose answer is lost only differs for what comes after it. */
#define FAULTY(operation, call)                                                                                        \
    do {                                                                                                               \
        enum fault fault = fault_ask(of(base)->plan, "source", operation);                                             \
        if (!fault_does_call(fault))                                                                                   \
            return fault_refuse(fault, err);                                                                           \
        return fault_answer(fault, call, err);                                                                         \
    } while (0)

static RC fault_identity(struct source *base, struct arena *arena, const char **ret_id, struct error *err)
{
    FAULTY("identity", source_identity(of(base)->inner, arena, ret_id, err));
}

static RC fault_place(struct source *base, const char *kept, struct arena *arena, struct source_place *ret,
                      struct error *err)
{
    FAULTY("place", source_place(of(base)->inner, kept, arena, ret, err));
}

static RC fault_tables(struct source *base, struct arena *arena, const char ***ret_names, int *ret_count,
                       struct error *err)
{
    FAULTY("tables", source_tables(of(base)->inner, arena, ret_names, ret_count, err));
}

static RC fault_describe(struct source *base, const struct table_request *request, const struct table **ret,
                         struct error *err)
{
    FAULTY("describe", source_describe(of(base)->inner, request, ret, err));
}

static RC fault_now(struct source *base, int64_t *ret_us, struct error *err)
{
    FAULTY("now", source_now(of(base)->inner, ret_us, err));
}

static RC fault_oldest_open(struct source *base, struct open_transactions *ret, struct error *err)
{
    FAULTY("oldest_open", source_oldest_open(of(base)->inner, ret, err));
}

static RC fault_ceiling(struct source *base, const struct table *table, struct arena *arena, const char **ret,
                        struct error *err)
{
    FAULTY("ceiling", source_ceiling(of(base)->inner, table, arena, ret, err));
}

static RC fault_facts(struct source *base, const struct table *table, const struct range *range,
                      struct range_facts *ret, struct error *err)
{
    FAULTY("facts", source_facts(of(base)->inner, table, range, ret, err));
}

static RC fault_profile(struct source *base, const struct table *table, const struct count_request *request,
                        struct profile *ret, struct key_list *ret_changed, struct error *err)
{
    FAULTY("profile", source_profile(of(base)->inner, table, request, ret, ret_changed, err));
}

static RC fault_boundary(struct source *base, const struct table *table, const struct range *range, int64_t rows,
                         struct arena *arena, struct position *ret_cut, bool *ret_is_cut, struct error *err)
{
    FAULTY("boundary", source_boundary(of(base)->inner, table, range, rows, arena, ret_cut, ret_is_cut, err));
}

static RC fault_split(struct source *base, const struct table *table, const struct range *range, int readers,
                      struct arena *arena, struct range *ret_ranges, int *ret_count, struct error *err)
{
    FAULTY("split", source_split(of(base)->inner, table, range, readers, arena, ret_ranges, ret_count, err));
}

/* ---- readers ---- */

struct fault_reader {
    struct batch_reader base;
    struct batch_reader *inner;
    struct fault_plan *plan;
};

static RC fault_next(struct batch_reader *base, const struct batch **ret, struct error *err)
{
    struct fault_reader *self = (struct fault_reader *)base;
    const struct batch *batch = NULL;
    enum fault fault = fault_ask(self->plan, "source", "next");
    if (fault == FAULT_TORN)
        TRY(batch_reader_next(self->inner, &batch, err));
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, batch_reader_next(self->inner, &batch, err), err));
    *ret = batch;
    return RC_OK;
}

static void fault_reader_free(struct batch_reader *base)
{
    struct fault_reader *self = (struct fault_reader *)base;
    batch_reader_free(self->inner);
    free(self);
}

static RC fault_read(struct source *base, const struct table *table, const struct range *range,
                     struct batch_reader **ret, struct error *err)
{
    static const struct batch_reader_ops ops = {.next = fault_next, .free = fault_reader_free};
    AUTO(batch_reader) *inner = NULL;
    enum fault fault = fault_ask(of(base)->plan, "source", "read");
    if (!fault_does_call(fault))
        return fault_refuse(fault, err);
    TRY(fault_answer(fault, source_read(of(base)->inner, table, range, &inner, err), err));
    struct fault_reader *self = xcalloc(1, sizeof(*self));
    *self = (struct fault_reader){.base.ops = &ops, .inner = TAKE(inner), .plan = of(base)->plan};
    *ret = &self->base;
    return RC_OK;
}

static void fault_free(struct source *base)
{
    source_free(of(base)->inner);
    free(of(base));
}

struct source *fault_source_new(struct source *inner, struct fault_plan *plan)
{
    static const struct source_ops ops = {
        .type = "fault",
        .identity = fault_identity,
        .tables = fault_tables,
        .describe = fault_describe,
        .now = fault_now,
        .oldest_open = fault_oldest_open,
        .ceiling = fault_ceiling,
        .facts = fault_facts,
        .boundary = fault_boundary,
        .split = fault_split,
        .read = fault_read,
        .profile = fault_profile,
        .place = fault_place,
        .free = fault_free,
    };
    struct fault_source *self = xcalloc(1, sizeof(*self));
    *self = (struct fault_source){.base = {.ops = &ops,
                                           .name = inner->name,
                                           .address = inner->address,
                                           .readers_max = inner->readers_max,
                                           .knows_kin = inner->knows_kin,
                                           .shares_snapshot = inner->shares_snapshot},
                                  .inner = inner,
                                  .plan = plan};
    return &self->base;
}
