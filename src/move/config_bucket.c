/* The place of completion markers, as --s3-completion-bucket names it: a connection, a URI, or a bucket's own name. */
#include "move/config_intern.h"

static const char *bucket_of(const struct connection_config *connection)
{
    const struct yaml_node *node = yaml_find(connection->node, "bucket");
    return store_type_find(connection->type) != NULL && node != NULL ? node->text : NULL;
}

/* RC_CONFIG for what the layout has no place for. */
static RC add_uri(struct config *self, const char *uri, const char *by, const char **ret_name, struct error *err)
{
    const char *prefix;
    TRY(config_add_uri(self, uri, by, ret_name, &prefix, err));
    if (prefix[0] == '\0' || text_eq(prefix, "/"))
        return RC_OK;
    fail(err, RC_CONFIG, "%s: markers lie at the top of a bucket, below completion_markers/, and not below '%s'", by,
         prefix);
    return fail_todo(err, "leave the path out");
}

/* Several connections may lead to one bucket, with other keys: `like` goes first, else it must be clear. */
static RC find_by_bucket(struct config *self, const char *bucket, const char *like, const char **ret, struct error *err)
{
    *ret = NULL;
    for (int i = 0; i < self->connection_count; i++) {
        const struct connection_config *connection = &self->connections[i];
        if (!text_eq(bucket_of(connection), bucket))
            continue;
        if (text_eq(connection->name, like)) {
            *ret = connection->name;
            return RC_OK;
        }
        if (*ret != NULL) {
            fail(err, RC_CONFIG, "the bucket '%s' is that of '%s' and of '%s'", bucket, *ret, connection->name);
            return fail_todo(err, "name the connection instead of the bucket: it says whose keys are used");
        }
        *ret = connection->name;
    }
    return RC_OK;
}

/* All that `like` has, but for the bucket. */
static RC add_bucket(struct config *self, const char *bucket, const struct connection_config *like, const char *by,
                     const char **ret, struct error *err)
{
    const struct where at = {by, 1, 1};
    struct yaml_node *node = config_node(&self->arena, bucket, NULL, at);
    for (const struct yaml_node *option = like->node->first; option != NULL; option = option->next) {
        struct yaml_node *copy = arena_take(&self->arena, sizeof(*copy));
        *copy = *option;
        copy->next = NULL;
        if (text_eq(copy->key, "bucket"))
            copy = config_node(&self->arena, "bucket", bucket, at);
        config_node_add(node, copy);
    }
    TRY(config_take_connection(self, node, like->type, err));
    *ret = node->key;
    return RC_OK;
}

static RC no_store(const struct config *self, const char *given, const char *by, struct error *err)
{
    AUTO_RELEASE(buf) stores = {0};
    for (int i = 0; i < self->connection_count; i++) {
        if (store_type_find(self->connections[i].type) != NULL)
            buf_addf(&stores, "%s'%s'", stores.len > 0 ? ", " : "", self->connections[i].name);
    }
    fail(err, RC_CONFIG, "%s '%s': '%s' has no store connection of that name or bucket", by, given, self->path);
    return fail_todo(err,
                     "it takes the name of a store connection, s3://BUCKET, or, where the stage is in S3, the name of "
                     "another bucket there; the stores of '%s': %s",
                     self->path, stores.len > 0 ? stores.at : "none");
}

RC config_find_bucket(struct config *self, const char *given, const char *like, const char *by, const char **ret_name,
                      bool *ret_new, struct error *err)
{
    const struct connection_config *stage = like != NULL ? config_connection(self, like) : NULL;
    const struct connection_config *named = config_connection(self, given);
    *ret_new = false;
    if (config_is_uri(given))
        return add_uri(self, given, by, ret_name, err);
    if (named != NULL && store_type_find(named->type) != NULL) {
        *ret_name = named->name;
        return RC_OK;
    }
    TRY(find_by_bucket(self, given, like, ret_name, err));
    if (*ret_name != NULL)
        return RC_OK;
    if (named != NULL || stage == NULL || bucket_of(stage) == NULL)
        return no_store(self, given, by, err);
    *ret_new = true;
    return add_bucket(self, given, stage, by, ret_name, err);
}
