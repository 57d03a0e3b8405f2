#include "cli/marker_store.h"

#include "state/keys.h"

/* A name with a slip in it would be found out when all rows are moved, and nothing can be announced. */
static RC check_new_bucket(struct store *store, const char *given, struct error *err)
{
    struct arena arena = {0};
    struct object_list page;
    enum rc rc = store_list(store, KEY_MARKERS, NULL, &arena, &page, err);
    arena_release(&arena);
    if (rc == RC_DENIED) /* it may still be allowed to write there */
        return RC_OK;
    if (rc == RC_NO_PLACE) {
        err->rc = RC_CONFIG;
        fail_in(err, "--s3-completion-bucket '%s' is no store connection, and no bucket", given);
    }
    return rc == RC_OK ? RC_OK : err->rc;
}

RC marker_store_open(struct cli *cli, const char *given, const struct pipeline_config *pipeline, struct store **ret,
                     struct error *err)
{
    const char *like = pipeline != NULL ? pipeline->stage_store : NULL, *name = NULL;
    AUTO(store) *store = NULL;
    bool is_new = false;
    TRY(config_find_bucket(cli->config, given, like, "--s3-completion-bucket", &name, &is_new, err));
    TRY(config_open_store(cli->config, name, cli->clock, random_real(), &store, err));
    if (is_new)
        TRY(check_new_bucket(store, given, err));
    *ret = TAKE(store);
    return RC_OK;
}

/* ---- the marker verbs ---- */

static bool is_listed(const struct config *config, const char *name)
{
    for (int i = 0; i < config->pipeline_count; i++) {
        if (text_eq(config->pipelines[i].name, name))
            return true;
    }
    return false;
}

/* Markers may be those of a pipeline that this configuration does not have. */
static RC pick_pipeline(struct marker_session *self, const char *name, bool is_needed,
                        const struct pipeline_config **ret, struct error *err)
{
    struct cli *cli = self->cli;
    struct error ignored;
    *ret = NULL;
    if (name == NULL && is_needed && cli->config->pipeline_count == 0) {
        fail(err, RC_CONFIG, "'%s' needs -p or --pipeline where no configuration names one", cli->command->path);
        return fail_todo(err, "add --pipeline NAME: whose markers are meant");
    }
    if (name == NULL && is_needed)
        TRY(cli_pick(cli, NULL, ret, err));
    else if (name == NULL ? cli->config->pipeline_count > 0 : is_listed(cli->config, name))
        if (cli_pick(cli, name, ret, &ignored) != RC_OK)
            *ret = NULL; /* then a bucket's bare name is refused */
    self->pipeline = name != NULL ? arena_text(&self->arena, name) : is_needed ? (*ret)->name : NULL;
    return RC_OK;
}

RC marker_session_open(struct marker_session *self, const char *bucket, const char *pipeline, bool needs_pipeline,
                       struct error *err)
{
    const struct pipeline_config *picked = NULL;
    TRY(cli_load_for(self->cli, &bucket, 1, err));
    TRY(pick_pipeline(self, pipeline, needs_pipeline, &picked, err));
    return marker_store_open(self->cli, bucket, picked, &self->store, err);
}

void marker_session_release(struct marker_session *self)
{
    store_free(TAKE(self->store));
    arena_release(&self->arena);
}
