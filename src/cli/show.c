#include "cli/show.h"

static void add_key(const struct position *self, struct buf *out)
{
    for (int i = 0; i < self->key_count; i++)
        buf_addf(out, "%s%s", i > 0 ? ", " : "", self->key[i]);
}

void show_position(const struct position *self, struct buf *out)
{
    switch (self->shape) {
    case POSITION_NONE: buf_addf(out, "-"); return;
    case POSITION_AT: buf_addf(out, "%s%s", self->at, self->key_count > 0 ? ", up to key " : ""); break;
    case POSITION_WALK:
        buf_addf(out, "first load, below %s%s", self->at, self->key_count > 0 ? ", up to key " : "");
        break;
    case POSITION_AFTER: buf_addf(out, "up to key "); break;
    }
    add_key(self, out);
}

void text_table_add_position(struct text_table *table, const struct position *self)
{
    AUTO_RELEASE(buf) text = {0};
    show_position(self, &text);
    text_table_add(table, text.at);
}

void text_table_add_lease(struct text_table *table, const struct lease *self)
{
    if (self->held)
        text_table_addf(table, "%s pid %lld, last beat %s", or_empty(self->host), (long long)self->pid,
                        or_empty(self->beat_at));
    else
        text_table_add(table, NULL);
}

json_t *lease_to_json(const struct lease *self)
{
    if (!self->held)
        return json_null();
    json_t *json = json_object();
    json_put_text(json, "run_id", self->run_id);
    json_put_text(json, "host", self->host);
    json_put_int(json, "pid", self->pid);
    json_put_text(json, "beat_at", self->beat_at);
    json_put_int(json, "ttl_seconds", self->ttl_ms / 1000);
    return json;
}

void show_count(int64_t number, const char *what, struct buf *out)
{
    char text[HUMAN_TEXT];
    human_count(number, text);
    buf_addf(out, "%s %s%s", text, what, number == 1 ? "" : "s");
}
