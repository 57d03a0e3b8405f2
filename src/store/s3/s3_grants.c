/* Which rights the requests of this store take, as an IAM policy for this bucket and these prefixes.
 *
 * S3 tells nobody's rights: what can be is tried out with an object of our own, and what only a run does is unknown.
 * ListBucket stands without a condition on s3:prefix: it is also what makes S3 say 404, and not 403, of an object that
 * is not there, and that request has no prefix.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html */
#include "base/json.h"
#include "store/s3/s3_intern.h"

/* ---- the policy ---- */

static const char *partition_of(const char *region)
{
    if (strncmp(region, "cn-", 3) == 0)
        return "aws-cn";
    return strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

static json_t *statement(const char *sid, const char *const *actions, json_t *resource)
{
    json_t *json = json_object(), *list = json_array();
    for (int i = 0; actions[i] != NULL; i++)
        json_array_append_new(list, json_string(actions[i]));
    json_put_text(json, "Sid", sid);
    json_put_text(json, "Effect", "Allow");
    json_put(json, "Action", list);
    json_put(json, "Resource", resource);
    return json;
}

static json_t *objects_of(const struct s3 *self, const char *partition, const struct store_use *use)
{
    AUTO_RELEASE(buf) arn = {0};
    json_t *list = json_array();
    for (int i = 0; i < use->prefix_count; i++) {
        buf_reset(&arn);
        buf_addf(&arn, "arn:%s:s3:::%s/%s*", partition, self->bucket, use->prefixes[i]);
        json_array_append_new(list, json_string(arn.at));
    }
    return list;
}

/* NULL: none is needed. S3's own key, aws/s3, is open to everybody who may use the bucket. */
static json_t *keys_of(const struct s3 *self, const char *partition, const char *region)
{
    static const char *const actions[] = {"kms:GenerateDataKey", "kms:Decrypt", NULL};
    AUTO_RELEASE(buf) arn = {0};
    const char *key = self->kms_key_id;
    if (key == NULL || strncmp(or_empty(self->sse), "aws:kms", 7) != 0)
        return NULL;
    bool is_alias = strncmp(key, "alias/", 6) == 0;
    if (strncmp(key, "arn:", 4) == 0)
        buf_add_str(&arn, str(key));
    else
        buf_addf(&arn, "arn:%s:kms:%s:*:key/%s", partition, region, is_alias ? "*" : key);
    json_t *json = statement("WaybillKey", actions, json_string(arn.at));
    if (is_alias) {
        json_t *condition = json_object(), *equals = json_object();
        json_put_text(equals, "kms:ResourceAliases", key);
        json_put(condition, "ForAnyValue:StringEquals", equals);
        json_put(json, "Condition", condition);
    }
    return json;
}

static const char *policy_of(struct s3 *self, const struct store_use *use, struct arena *arena)
{
    static const char *const on_objects[] = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject",
                                             "s3:AbortMultipartUpload", NULL};
    static const char *const on_bucket[] = {"s3:ListBucket", "s3:ListBucketMultipartUploads", NULL};
    AUTO_RELEASE(buf) text = {0};
    AUTO_JSON *policy = json_object();
    json_t *statements = json_array();
    char region[S3_REGION_TEXT];
    pthread_mutex_lock(&self->mutex);
    snprintf(region, sizeof(region), "%s", self->learnt.region);
    pthread_mutex_unlock(&self->mutex);
    const char *partition = partition_of(region);
    json_array_append_new(statements, statement("WaybillObjects", on_objects, objects_of(self, partition, use)));
    json_array_append_new(statements,
                          statement("WaybillLists", on_bucket,
                                    json_string(arena_print(arena, "arn:%s:s3:::%s", partition, self->bucket))));
    json_t *keys = keys_of(self, partition, region);
    if (keys != NULL)
        json_array_append_new(statements, keys);
    json_put_text(policy, "Version", "2012-10-17");
    json_put(policy, "Statement", statements);
    json_write(policy, &text);
    while (text.len > 0 && text.at[text.len - 1] == '\n')
        text.at[--text.len] = '\0';
    return arena_str(arena, buf_str(&text));
}

/* ---- what can be tried ---- */

/* What becomes of the trial object and its upload, one after the other. */
struct trial {
    struct s3 *self;
    const char *key, *prefix;
    struct upload upload;
};

static RC try_put(struct trial *t, struct error *err)
{
    return s3_put(&t->self->base, t->key, S("trial"), UNCONDITIONAL, NULL, err);
}

static RC try_get(struct trial *t, struct error *err)
{
    AUTO_RELEASE(buf) got = {0};
    return s3_get(&t->self->base, t->key, 64, &got, NULL, err);
}

static RC try_delete(struct trial *t, struct error *err)
{
    struct deleted_object item = {.key = t->key};
    TRY(s3_delete(&t->self->base, &item, 1, err));
    return item.rc == RC_OK ? RC_OK : fail(err, item.rc, "%s", item.text);
}

static RC try_abort(struct trial *t, struct error *err)
{
    TRY(s3_upload_begin(&t->self->base, t->key, &t->upload, err));
    return s3_upload_abort(&t->self->base, t->key, t->upload.id, err);
}

static RC try_list(struct trial *t, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct object_list list;
    return s3_list(&t->self->base, t->prefix, NULL, &arena, &list, err);
}

static RC try_upload_list(struct trial *t, struct error *err)
{
    AUTO_RELEASE(arena) arena = {0};
    struct upload_list list;
    return s3_upload_list(&t->self->base, t->prefix, NULL, &arena, &list, err);
}

static const struct {
    const char *action, *what;
    RC (*tried)(struct trial *t, struct error *err);
} trials[] = {
    {"s3:PutObject", "marks and waybills", try_put},
    {"s3:GetObject", "reading them back", try_get},
    {"s3:AbortMultipartUpload", "uploads that are given up", try_abort},
    {"s3:DeleteObject", "what is cleaned", try_delete},
    {"s3:ListBucket", "finding waybills, and telling what is not there", try_list},
    {"s3:ListBucketMultipartUploads", "uploads that a dead run left", try_upload_list},
};
enum { TRIALS = sizeof(trials) / sizeof(*trials), OBJECT_TRIALS = 4 };

/* Where nothing could be written, there is nothing to read, to abort and to delete: of these nobody knows. */
static RC add_trials(struct trial *t, const char *policy, struct grant_list *ret, struct error *err)
{
    bool has_object = false;
    for (int i = 0; i < TRIALS; i++) {
        enum rc rc = i > 0 && i < OBJECT_TRIALS && !has_object ? RC_NOT_FOUND : trials[i].tried(t, err);
        if (rc != RC_OK && rc != RC_DENIED && rc != RC_NOT_FOUND)
            return rc;
        has_object |= i == 0 && rc == RC_OK;
        grants_add(ret, &(struct grant){
                            .right = arena_print(ret->arena, "%s, tried at '%s'", trials[i].action,
                                                 i < OBJECT_TRIALS ? t->key : t->prefix),
                            .what = trials[i].what,
                            .state = rc == RC_OK       ? GRANT_THERE
                                     : rc == RC_DENIED ? GRANT_MISSING
                                                       : GRANT_UNKNOWN,
                            .statement = policy,
                        });
    }
    return RC_OK;
}

static void add_prefix(const char *prefix, const char *policy, struct grant_list *ret)
{
    grants_add(ret, &(struct grant){
                        .right = arena_print(ret->arena, "the same four below '%s'", prefix),
                        .what = "not tried: only a run writes there",
                        .state = GRANT_UNKNOWN,
                        .statement = policy,
                    });
}

RC s3_grants(struct store *base, const struct store_use *use, struct grant_list *ret, struct error *err)
{
    struct trial trial = {.self = (struct s3 *)base, .key = use->trial, .prefix = use->prefixes[0]};
    const char *policy = policy_of(trial.self, use, ret->arena);
    enum rc rc = add_trials(&trial, policy, ret, err);
    upload_release(&trial.upload);
    TRY(rc);
    for (int i = 0; i < use->prefix_count; i++) {
        if (!str_has_prefix(str(use->trial), str(use->prefixes[i])))
            add_prefix(use->prefixes[i], policy, ret);
    }
    return RC_OK;
}
