#include "move/mapping.h"

struct type_verdict verdict_join(const struct type_verdict *first, const struct type_verdict *second,
                                 struct arena *arena)
{
    const struct type_verdict *worse = second->fidelity > first->fidelity ? second : first;
    struct type_verdict joined = *worse;
    if (joined.as == NULL)
        joined.as = worse == first ? second->as : first->as;
    if (first->why != NULL && second->why != NULL)
        joined.why = arena_print(arena, "%s; %s", first->why, second->why);
    else
        joined.why = first->why != NULL ? first->why : second->why;
    return joined;
}

static const struct column_wish *wish_of(const struct route *r, const char *column)
{
    for (int i = 0; i < r->config->wish_count; i++) {
        if (text_eq(r->config->wishes[i].column, column))
            return &r->config->wishes[i];
    }
    return NULL;
}

/* Up to the stage: what the source says of its type, or what was wished for. */
static struct type_verdict staged_verdict(const struct route *r, int source, const struct field *staged)
{
    const struct column_wish *wish = wish_of(r, r->table->schema->fields[source].name);
    if (staged->made != NULL)
        return (struct type_verdict){FIDELITY_LOSSY, staged->made, NULL};
    if (wish != NULL && text_eq(wish->as, "double"))
        return (struct type_verdict){FIDELITY_LOSSY, "the nearest double", NULL};
    if (r->table->verdicts == NULL || (wish != NULL && wish->as != NULL))
        return (struct type_verdict){FIDELITY_EXACT, NULL, NULL};
    return r->table->verdicts[source];
}

struct mapping mapping_of(struct route *r, int column)
{
    int source = r->shaping != NULL ? shaping_from(r->shaping, column) : column;
    struct mapping mapping = {.source = &r->table->schema->fields[source], .staged = &route_schema(r)->fields[column]};
    mapping.verdict = staged_verdict(r, source, mapping.staged);
    if (r->target == NULL)
        return mapping;
    mapping.target = target_type_of(r->target, mapping.staged);
    mapping.verdict = verdict_join(&mapping.verdict, &mapping.target.verdict, &r->arena);
    return mapping;
}

RC mapping_check(struct route *r, struct error *err)
{
    for (int i = 0; i < route_schema(r)->count; i++) {
        const struct mapping mapping = mapping_of(r, i);
        const struct column_wish *wish = wish_of(r, mapping.source->name);
        bool is_wished = wish != NULL && (wish->as != NULL || wish->treatment != TREAT_NONE);
        if (mapping.verdict.fidelity == FIDELITY_LOSSY && !is_wished)
            return type_fail_lossy(r->table->name, mapping.source->name, mapping.source->source_type, &mapping.verdict,
                                   err);
    }
    return RC_OK;
}
