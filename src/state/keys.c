#include "state/keys.h"

#include "base/clock.h"

char *key_segment(struct arena *arena, const char *name)
{
    AUTO_RELEASE(buf) out = {0};
    bool dots = name[strspn(name, ".")] == '\0';
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '/' || c == '%' || c < 0x20 || c == 0x7F || dots)
            buf_addf(&out, "%%%02X", c);
        else
            buf_add(&out, at, 1);
    }
    return arena_str(arena, buf_str(&out));
}

char *key_segment_name(struct arena *arena, struct str segment)
{
    char *name = arena_take(arena, segment.len + 1), *to = name;
    for (size_t i = 0; i < segment.len; i++) {
        *to = segment.at[i];
        if (segment.at[i] == '%' && i + 2 < segment.len) {
            char digits[] = {segment.at[i + 1], segment.at[i + 2], '\0'};
            unsigned char byte = (unsigned char)strtoul(digits, NULL, 16);
            memcpy(to, &byte, 1);
            i += 2;
        }
        to++;
    }
    return name;
}

char *key_scope_prefix(struct arena *arena, const char *pipeline)
{
    return arena_print(arena, "watermark/tables/%s/", key_segment(arena, pipeline));
}

char *key_scope(struct arena *arena, const char *pipeline, const char *table)
{
    return arena_print(arena, "%s%s.json", key_scope_prefix(arena, pipeline), key_segment(arena, table));
}

char *key_histories_prefix(struct arena *arena, const char *pipeline)
{
    return arena_print(arena, "watermark/history/%s/", key_segment(arena, pipeline));
}

char *key_history_prefix(struct arena *arena, const char *pipeline, const char *table)
{
    return arena_print(arena, "%s%s/", key_histories_prefix(arena, pipeline), key_segment(arena, table));
}

char *key_history(struct arena *arena, const char *pipeline, const char *table, int64_t now_us, int64_t epoch)
{
    return arena_print(arena, "%s%lld-%lld.json", key_history_prefix(arena, pipeline, table),
                       (long long)(now_us / 1000), (long long)epoch);
}

char *key_pipeline_prefix(struct arena *arena, const char *prefix, const char *pipeline)
{
    size_t len = strlen(prefix);
    while (len > 0 && prefix[len - 1] == '/')
        len--;
    return arena_print(arena, "%.*s%s%s/", (int)len, prefix, len > 0 ? "/" : "", key_segment(arena, pipeline));
}

char *key_table_prefix(struct arena *arena, const char *prefix, const char *pipeline, const char *table)
{
    return arena_print(arena, "%s%s/", key_pipeline_prefix(arena, prefix, pipeline), key_segment(arena, table));
}

char *key_waybill(struct arena *arena, const char *table_prefix, int64_t now_us, const char *waybill_id)
{
    char stamp[STAMP_TEXT];
    stamp_print(now_us, 0, stamp);
    return arena_print(arena, "%sdt=%.10s/wb=%s/waybill.json", table_prefix, stamp, waybill_id);
}

char *key_beside(struct arena *arena, const char *waybill_key, const char *name)
{
    const char *slash = strrchr(waybill_key, '/');
    return arena_print(arena, "%.*s%s", slash != NULL ? (int)(slash + 1 - waybill_key) : 0, waybill_key, name);
}

char *key_manifest(struct arena *arena, const char *file_key) { return key_beside(arena, file_key, "manifest.json"); }

char *key_markers_prefix(struct arena *arena, const char *pipeline, const char *table, const char *stamp)
{
    const char *const parts[] = {pipeline, table, stamp};
    char *key = arena_text(arena, KEY_MARKERS);
    for (int i = 0; i < 3 && parts[i] != NULL; i++)
        key = arena_print(arena, "%s%s/", key, i < 2 ? key_segment(arena, parts[i]) : parts[i]);
    return key;
}

char *key_marker(struct arena *arena, const char *pipeline, const char *table, const char *stamp, const char *name)
{
    return arena_print(arena, "%s%s", key_markers_prefix(arena, pipeline, table, stamp), name);
}
