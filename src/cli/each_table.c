#include "cli/each_table.h"

#include "base/log.h"

void each_table_begin(struct each_table *self, struct cli *cli, const char *const *heads, int count, int right)
{
    *self = (struct each_table){.cli = cli, .table = {.columns = count, .right = right}, .rows = json_array()};
    for (int i = 0; i < count; i++)
        text_table_add(&self->table, heads[i]);
}

RC each_table_look(struct each_table *self, const struct session_wants *wants,
                   void (*look)(struct each_table *self, struct route *r), struct error *err)
{
    AUTO_RELEASE(session) session = {.cli = self->cli};
    const struct run_options options = {0};
    TRY(session_open(&session, wants, err));
    session_begin(&session, &options, NULL);
    for (int i = 0; i < session.run->route_count; i++) {
        struct route *r = &session.run->routes[i];
        log_context(NULL, r->run->pipeline->name, r->config->name);
        look(self, r);
    }
    return RC_OK;
}

json_t *each_table_object(struct each_table *self, const struct route *r, const struct error *err)
{
    json_t *object = err->rc != RC_OK ? error_to_json(err) : json_object();
    json_put_text(object, "pipeline", r->run->pipeline->name);
    json_put_text(object, "table", r->config->name);
    json_array_append_new(self->rows, object);
    return object;
}

void each_table_warn(struct each_table *self, const struct route *r, const char *text)
{
    buf_addf(&self->warnings, "%s: %s", r->config->name, text);
    buf_add(&self->warnings, "", 1);
}

static void print_warnings(const struct each_table *self)
{
    const struct str all = buf_str(&self->warnings);
    for (const char *line = all.at; line < all.at + all.len; line += strlen(line) + 1) {
        fprintf(self->cli->out, "warning: ");
        print_safe(self->cli->out, line);
        fprintf(self->cli->out, "\n");
    }
}

RC each_table_end(struct each_table *self, enum rc rc)
{
    log_context(NULL, NULL, NULL);
    if (rc == RC_OK && cli_is_json(self->cli)) {
        AUTO_JSON *document = json_object();
        json_put(document, "tables", json_incref(self->rows));
        print_json(self->cli, document);
    } else if (rc == RC_OK) {
        text_table_print(&self->table, self->cli->out);
        print_warnings(self);
    }
    if (rc == RC_OK)
        self->cli->status = outcome_status(&self->outcome);
    text_table_release(&self->table);
    buf_release(&self->warnings);
    json_decref(self->rows);
    return rc;
}
