/* The directory store from the command line, for tests that look at it from outside: system calls, a full disk, rights.
 *
 *     store_tool FOLDER put KEY FILE [new|ETAG]        new: If-None-Match; ETAG: If-Match
 *     store_tool FOLDER upload KEY FILE PART_BYTES [new|ETAG]
 *     store_tool FOLDER get|head|delete KEY
 *     store_tool FOLDER list|uploads PREFIX
 *     store_tool FOLDER abort KEY UPLOAD_ID
 *     store_tool FOLDER probe
 *
 * Says what was done on stdout, errors on stderr; the exit status is the program's for that kind of error. */
#include <stdio.h>
#include <stdlib.h>

#include "store/local.h"
#include "store/probe.h"

struct call {
    struct store *store;
    const char *first, *second, *third, *fourth;
};

static struct condition condition_of(const char *word)
{
    if (word[0] == '\0')
        return UNCONDITIONAL;
    return strcmp(word, "new") == 0 ? IF_NONE_MATCH : IF_MATCH(word);
}

static RC file_read(const char *path, struct buf *ret, struct error *err)
{
    char block[1 << 16];
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return fail(err, RC_CONFIG, "cannot read '%s'", path);
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
        buf_add(ret, block, got);
    fclose(file);
    return RC_OK;
}

static void info_print(const struct object_info *info) { printf("%lld %s\n", (long long)info->bytes, info->etag); }

static RC do_put(const struct call *call, struct error *err)
{
    struct object_info info;
    AUTO_RELEASE(buf) body = {0};
    TRY(file_read(call->second, &body, err));
    TRY(store_put(call->store, call->first, buf_str(&body), condition_of(call->third), &info, err));
    info_print(&info);
    return RC_OK;
}

static RC do_upload(const struct call *call, struct error *err)
{
    struct object_info info;
    AUTO_RELEASE(buf) body = {0};
    AUTO_RELEASE(upload) upload = {0};
    int64_t part_bytes = 0;
    if (!str_to_bytes(str(call->third), &part_bytes) || part_bytes < 1)
        return fail(err, RC_CONFIG, "'%s' is no size", call->third);
    TRY(file_read(call->second, &body, err));
    TRY(store_upload_begin(call->store, call->first, &upload, err));
    for (struct str rest = buf_str(&body); rest.len > 0;) {
        size_t bytes = rest.len < (size_t)part_bytes ? rest.len : (size_t)part_bytes;
        TRY(store_upload_part(call->store, &upload, (struct str){rest.at, bytes}, err));
        rest = (struct str){rest.at + bytes, rest.len - bytes};
    }
    TRY(store_upload_complete(call->store, &upload, condition_of(call->fourth), &info, err));
    info_print(&info);
    return RC_OK;
}

static RC do_get(const struct call *call, struct error *err)
{
    AUTO_RELEASE(buf) body = {0};
    TRY(store_get(call->store, call->first, (size_t)1 << 30, &body, NULL, err));
    fwrite(body.at, 1, body.len, stdout);
    return RC_OK;
}

static RC do_head(const struct call *call, struct error *err)
{
    struct object_info info;
    TRY(store_head(call->store, call->first, &info, err));
    info_print(&info);
    return RC_OK;
}

static RC do_delete(const struct call *call, struct error *err)
{
    struct deleted_object item = {.key = call->first};
    TRY(store_delete(call->store, &item, 1, err));
    return item.rc == RC_OK ? RC_OK : fail(err, item.rc, "%s", item.text);
}

static RC do_list(const struct call *call, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct object_list page = {0};
    do {
        TRY(store_list(call->store, call->first, page.next, &arena, &page, err));
        for (int i = 0; i < page.count; i++)
            printf("%s\n", page.items[i].key);
    } while (page.next != NULL);
    return RC_OK;
}

static RC do_uploads(const struct call *call, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct upload_list page = {0};
    do {
        TRY(store_upload_list(call->store, call->first, page.next, &arena, &page, err));
        for (int i = 0; i < page.count; i++)
            printf("%s %s\n", page.items[i].upload_id, page.items[i].key);
    } while (page.next != NULL);
    return RC_OK;
}

static RC do_abort(const struct call *call, struct error *err)
{
    return store_upload_abort(call->store, call->first, call->second, err);
}

static RC do_probe(const struct call *call, struct error *err)
{
    return store_probe(call->store, clock_real(), random_real(), err);
}

static const struct verb {
    const char *name;
    int words_min;
    RC (*run)(const struct call *call, struct error *err);
} verbs[] = {
    {"put", 2, do_put},         {"upload", 3, do_upload}, {"get", 1, do_get},
    {"head", 1, do_head},       {"delete", 1, do_delete}, {"list", 1, do_list},
    {"uploads", 1, do_uploads}, {"abort", 2, do_abort},   {"probe", 0, do_probe},
};

static RC run(int words, char **word, struct error *err)
{
    AUTO(store) *store = NULL;
    for (size_t i = 0; words >= 3 && i < sizeof(verbs) / sizeof(*verbs); i++) {
        if (strcmp(word[2], verbs[i].name) != 0 || words - 3 < verbs[i].words_min)
            continue;
        TRY(local_store_open("lake", word[1], clock_real(), random_real(), &store, err));
        const struct call call = {.store = store,
                                  .first = words > 3 ? word[3] : "",
                                  .second = words > 4 ? word[4] : "",
                                  .third = words > 5 ? word[5] : "",
                                  .fourth = words > 6 ? word[6] : ""};
        return verbs[i].run(&call, err);
    }
    return fail(err, RC_CONFIG, "usage: store_tool FOLDER put|upload|get|head|delete|list|uploads|abort|probe ...");
}

int main(int words, char **word)
{
    struct error err = {0};
    enum rc rc = run(words, word, &err);
    if (rc != RC_OK)
        fprintf(stderr, "%s: %s\n%s\n", rc_name(rc), err.text, err.todo);
    return rc_exit_status(rc);
}
