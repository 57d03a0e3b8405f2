/* lease: who has the right to change a scope, and taking it away by an operator's word. */
#include "cli/session.h"
#include "cli/show.h"
#include "move/route.h"

struct lease_flags {
    const char *pipeline, *table;
};

#define PIPELINE                                                                                                       \
    OPTION("pipeline", STRING, lease_flags, pipeline, .letter = 'p', .argument = "NAME",                               \
           .help = "pipeline; the only one, or the default one, without")

static const struct option list_table[] = {PIPELINE};
static const struct option break_table[] = {
    PIPELINE,
    OPTION("table", STRING, lease_flags, table, .letter = 't', .argument = "NAME", .required = true,
           .help = "table of the source"),
};

/* ---- list ---- */

static void add_lease(struct text_table *table, json_t *leases, const struct route *r, const struct lease *lease)
{
    bool gone = lease_owner_is_gone(lease, host_real());
    text_table_add(table, r->config->name);
    text_table_add(table, lease->run_id);
    text_table_add(table, lease->host);
    text_table_addf(table, "%lld", (long long)lease->pid);
    text_table_add(table, lease->beat_at);
    text_table_add(table, gone ? "gone; the next run takes it" : "beats, or runs out");
    json_t *json = lease_to_json(lease);
    json_put_text(json, "table", r->config->name);
    json_put(json, "owner_is_gone", json_boolean(gone));
    json_array_append_new(leases, json);
}

static RC add_leases(struct session *self, struct text_table *table, json_t *leases, struct error *err)
{
    for (int i = 0; i < self->run->route_count; i++) {
        struct route *r = &self->run->routes[i];
        TRY(scope_read(r->scope, err));
        const struct lease lease = scope_lease(r->scope);
        if (lease.held)
            add_lease(table, leases, r, &lease);
    }
    return RC_OK;
}

static RC run_list(struct cli *cli, struct error *err)
{
    static const char *const heads[] = {"table", "run", "host", "pid", "last beat", "owner"};
    const struct lease_flags *flags = cli->flags;
    AUTO_RELEASE(session) session = {.cli = cli};
    AUTO_RELEASE(text_table) table = {.columns = 6, .right = 1 << 3};
    AUTO_JSON *document = json_object();
    json_t *leases = json_array();
    const struct session_wants wants = {.pipeline = flags->pipeline, .known = true};
    const struct run_options options = {0};
    json_put(document, "leases", leases);
    TRY(session_open(&session, &wants, err));
    session_begin(&session, &options, NULL);
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    TRY(add_leases(&session, &table, leases, err));
    if (cli_is_json(cli))
        print_json(cli, document);
    else if (json_array_size(leases) == 0)
        fprintf(cli->out, "no lease is held in pipeline %s\n", session.pipeline->name);
    else
        text_table_print(&table, cli->out);
    return RC_OK;
}

/* ---- break ---- */

static RC break_it(struct cli *cli, struct scope *scope, const struct lease *lease, struct error *err)
{
    if (lease->held)
        TRY(scope_break(scope, err));
    if (cli_is_json(cli)) {
        AUTO_JSON *document = json_object();
        json_put_text(document, "scope", scope_name(scope));
        json_put(document, "broken", lease_to_json(lease));
        print_json(cli, document);
        return RC_OK;
    }
    print_safe(cli->out, scope_name(scope));
    if (lease->held)
        fprintf(cli->out, ": the lease of run %s (%s, pid %lld) is broken; what that run still does is refused\n",
                lease->run_id, or_empty(lease->host), (long long)lease->pid);
    else
        fprintf(cli->out, ": no lease is held\n");
    return RC_OK;
}

static RC run_break(struct cli *cli, struct error *err)
{
    const struct lease_flags *flags = cli->flags;
    AUTO_RELEASE(session) session = {.cli = cli};
    const struct session_wants wants = {.pipeline = flags->pipeline, .tables = {(const char *[]){flags->table}, 1}};
    const struct run_options options = {0};
    TRY(session_open(&session, &wants, err));
    session_begin(&session, &options, NULL);
    struct scope *scope = session.run->routes[0].scope;
    TRY(scope_read(scope, err));
    if (!scope_exists(scope)) {
        fail(err, RC_NOT_FOUND, "'%s' has no lease: there is no scope document '%s' in '%s'", scope_name(scope),
             scope_key(scope), session.store->address);
        return fail_todo(err, "check the names with `waybill status`");
    }
    const struct lease lease = scope_lease(scope);
    return break_it(cli, scope, &lease, err);
}

const struct command cmd_lease_list = {
    .path = "lease list",
    .group = GROUP_MARK,
    .summary = "Says which run works on which table of a pipeline",
    .flags = &OPTION_TABLE(list_table),
    .flags_bytes = sizeof(struct lease_flags),
    .examples = "  waybill lease list -p shop\n",
    .run = run_list,
};
const struct command cmd_lease_break = {
    .path = "lease break",
    .group = GROUP_MARK,
    .summary = "Takes the lease of a table away from a run that is gone for good",
    .flags = &OPTION_TABLE(break_table),
    .flags_bytes = sizeof(struct lease_flags),
    .about =
        "Not needed in general: the lease of a run that is gone runs out by itself. It is safe at any time: whatever\n"
        "its owner still does is refused.\n",
    .examples = "  waybill lease break -p shop -t orders\n",
    .run = run_break,
};
