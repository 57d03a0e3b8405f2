#include "standin/s3/server.h"

#include <assert.h>
#include <strings.h>

#include "io/sigv4.h"
#include "standin/s3/parts.h"

static char *copy_of(const char *text) { return text != NULL ? xstrdup(text) : NULL; }

struct s3_server *s3_server_new(struct mem_objects *objects, const struct s3_server_options *options)
{
    struct s3_server *self = xcalloc(1, sizeof(*self));
    pthread_mutex_init(&self->mutex, NULL);
    self->objects = objects;
    self->bucket = xstrdup(options->bucket);
    self->region = xstrdup(options->region);
    self->access_key = xstrdup(options->access_key);
    self->secret_key = xstrdup(options->secret_key);
    self->session_token = copy_of(options->session_token);
    self->clock = options->clock;
    self->keys = sigv4_keys_new();
    return self;
}

void s3_server_free(struct s3_server *self)
{
    if (self == NULL)
        return;
    pthread_mutex_destroy(&self->mutex);
    sigv4_keys_free(self->keys);
    free(self->bucket);
    free(self->region);
    free(self->access_key);
    free(self->secret_key);
    free(self->session_token);
    free(self);
}

void s3_server_set(struct s3_server *self, struct s3_manners manners)
{
    pthread_mutex_lock(&self->mutex);
    self->manners = manners;
    pthread_mutex_unlock(&self->mutex);
}

void s3_server_script(struct s3_server *self, const struct s3_script *line)
{
    pthread_mutex_lock(&self->mutex);
    assert(self->script_count < S3_SCRIPT_MAX);
    self->script[self->script_count].line = *line;
    self->script[self->script_count].left_until = line->at > 0 ? line->at - 1 : 0;
    self->script[self->script_count++].left = line->times != 0 ? line->times : 1;
    pthread_mutex_unlock(&self->mutex);
}

int s3_server_count(struct s3_server *self, enum s3_operation operation)
{
    pthread_mutex_lock(&self->mutex);
    int count = self->counts[operation];
    pthread_mutex_unlock(&self->mutex);
    return count;
}

/* ---- taking a request apart ---- */

const char *s3_asked_header(const struct s3_asked *asked, const char *name)
{
    for (int i = 0; i < asked->request->header_count; i++) {
        if (strcasecmp(asked->request->headers[i].name, name) == 0)
            return asked->request->headers[i].value;
    }
    return NULL;
}

const char *s3_asked_query(const struct s3_asked *asked, const char *name)
{
    for (int i = 0; i < asked->query_count; i++) {
        if (strcmp(asked->query[i].name, name) == 0)
            return asked->query[i].value;
    }
    return NULL;
}

static void add_decoded(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool encoded = text.at[i] == '%' && i + 2 < text.len;
        char c = encoded ? (char)strtol((char[]){text.at[i + 1], text.at[i + 2], '\0'}, NULL, 16) : text.at[i];
        buf_add(out, &c, 1);
        i += encoded ? 2 : 0;
    }
}

/* The buffer must not move: pairs point into it. */
static void take_query(struct s3_asked *asked, const char *text)
{
    buf_reserve(&asked->names, 2 * strlen(text) + 2);
    while (*text != '\0' && asked->query_count < S3_PAIRS_MAX) {
        size_t len = strcspn(text, "&"), name_len = strcspn(text, "=&");
        struct http_pair *pair = &asked->query[asked->query_count++];
        pair->name = asked->names.at + asked->names.len;
        add_decoded((struct str){text, name_len}, &asked->names);
        buf_add(&asked->names, "", 1);
        pair->value = asked->names.at + asked->names.len;
        if (len > name_len)
            add_decoded((struct str){text + name_len + 1, len - name_len - 1}, &asked->names);
        buf_add(&asked->names, "", 1);
        text += len + (text[len] == '&');
    }
}

static enum s3_operation bucket_operation(const struct s3_asked *asked)
{
    const char *method = asked->request->method;
    if (strcmp(method, "HEAD") == 0)
        return S3_HEAD_BUCKET;
    if (strcmp(method, "POST") == 0 && s3_asked_query(asked, "delete") != NULL)
        return S3_DELETE_MANY;
    if (strcmp(method, "GET") == 0 && s3_asked_query(asked, "uploads") != NULL)
        return S3_UPLOAD_LIST;
    return strcmp(method, "GET") == 0 && text_eq(s3_asked_query(asked, "list-type"), "2") ? S3_LIST : S3_ANY;
}

static enum s3_operation object_operation(const struct s3_asked *asked)
{
    const char *method = asked->request->method;
    bool of_upload = s3_asked_query(asked, "uploadId") != NULL;
    if (strcmp(method, "PUT") == 0)
        return of_upload ? S3_UPLOAD_PART : S3_PUT;
    if (strcmp(method, "GET") == 0)
        return S3_GET;
    if (strcmp(method, "HEAD") == 0)
        return S3_HEAD;
    if (strcmp(method, "DELETE") == 0)
        return of_upload ? S3_UPLOAD_ABORT : S3_DELETE;
    if (strcmp(method, "POST") == 0 && of_upload)
        return S3_UPLOAD_COMPLETE;
    return strcmp(method, "POST") == 0 && s3_asked_query(asked, "uploads") != NULL ? S3_UPLOAD_BEGIN : S3_ANY;
}

/* Virtual-host style ("bucket.host") or path style. False: another bucket. */
static bool take_apart(const struct s3_server *self, struct s3_asked *asked)
{
    const char *target = asked->request->target, *host = or_empty(s3_asked_header(asked, "host"));
    size_t bucket_len = strlen(self->bucket), path_len = strcspn(target, "?");
    add_decoded((struct str){target, path_len}, &asked->path);
    take_query(asked, target[path_len] == '?' ? target + path_len + 1 : "");
    bool named = strncmp(host, self->bucket, bucket_len) == 0 && host[bucket_len] == '.';
    const char *rest = asked->path.at + 1;
    if (!named) {
        if (strncmp(rest, self->bucket, bucket_len) != 0 || (rest[bucket_len] != '/' && rest[bucket_len] != '\0'))
            return false;
        rest += bucket_len + (rest[bucket_len] == '/');
    }
    asked->key = *rest != '\0' ? rest : NULL;
    asked->operation = asked->key != NULL ? object_operation(asked) : bucket_operation(asked);
    return true;
}

static void asked_release(struct s3_asked *self)
{
    buf_release(&self->path);
    buf_release(&self->names);
    buf_release(&self->altered);
}

/* ---- the script ---- */

/* The line that fits this request; NULL: none. */
static const struct s3_script *line_of(struct s3_server *self, enum s3_operation operation)
{
    const struct s3_script *found = NULL;
    for (int i = 0; i < self->script_count; i++) {
        if (self->script[i].line.on != operation && self->script[i].line.on != S3_ANY)
            continue;
        if (self->script[i].left_until > 0) {
            self->script[i].left_until--;
        } else if (self->script[i].left != 0 && found == NULL) {
            self->script[i].left -= self->script[i].left > 0;
            found = &self->script[i].line;
        }
    }
    return found;
}

static void flip_bit(char *at, size_t len)
{
    if (len > 0)
        at[len / 2] = (char)(at[len / 2] ^ 1);
}

static void reply_scripted(const struct s3_script *line, struct s3_answer *ret)
{
    buf_reset(&ret->headers);
    s3_reply_error(ret, line->status, line->code, line->element);
    if (line->header != NULL)
        s3_reply_header(ret, "%s", line->header);
}

/* Before the work; false: it is not done. */
static bool misdeed_before(const struct s3_script *line, struct s3_asked *asked, struct s3_answer *ret)
{
    switch (line->misdeed) {
    case S3_REFUSES: reply_scripted(line, ret); return false;
    case S3_ERROR_IN_200:
        s3_reply_error(ret, 200, line->code, line->element);
        ret->body.len = 0;
        buf_addf(&ret->body, "   \n  <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        s3_xml_text(&ret->body, "Code", line->code);
        buf_addf(&ret->body, "<Message>We encountered an internal error. Please try again.</Message></Error>");
        return false;
    case S3_CUTS_REQUEST: ret->ending = S3_NO_ANSWER; return false;
    case S3_ALTERS_REQUEST:
        buf_add_str(&asked->altered, asked->body);
        flip_bit(asked->altered.at, asked->altered.len);
        asked->body = buf_str(&asked->altered);
        return true;
    default: return true;
    }
}

static void misdeed_after(const struct s3_script *line, struct s3_answer *ret)
{
    switch (line->misdeed) {
    case S3_DOES_AND_SAYS: reply_scripted(line, ret); break;
    case S3_LOSES_ANSWER: ret->ending = S3_NO_ANSWER; break;
    case S3_CUTS_ANSWER: ret->ending = S3_CUT; break;
    case S3_STALLS: ret->ending = S3_HANGS; break;
    case S3_ALTERS_ANSWER: flip_bit(ret->body.at, ret->body.len); break;
    default: break;
    }
    ret->cut_at = ret->body.len / 2;
}

/* ---- the work ---- */

static void do_it(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    static void (*const work[S3_OPERATION_COUNT])(struct s3_server *, const struct s3_asked *, struct s3_answer *) = {
        [S3_PUT] = s3_do_put,
        [S3_GET] = s3_do_get,
        [S3_HEAD] = s3_do_get,
        [S3_DELETE] = s3_do_delete,
        [S3_DELETE_MANY] = s3_do_delete_many,
        [S3_LIST] = s3_do_list,
        [S3_UPLOAD_BEGIN] = s3_do_upload_begin,
        [S3_UPLOAD_PART] = s3_do_upload_part,
        [S3_UPLOAD_COMPLETE] = s3_do_upload_complete,
        [S3_UPLOAD_ABORT] = s3_do_upload_abort,
        [S3_UPLOAD_LIST] = s3_do_upload_list,
    };
    if (asked->key != NULL && strlen(asked->key) > S3_KEY_BYTES_MAX) {
        s3_reply_error(ret, 400, "KeyTooLongError", NULL);
    } else if (asked->operation == S3_HEAD_BUCKET) {
        ret->status = 200;
    } else if (work[asked->operation] == NULL) {
        s3_reply_error(ret, 501, "NotImplemented", NULL);
    } else {
        pthread_mutex_lock(&self->objects->mutex);
        work[asked->operation](self, asked, ret);
        pthread_mutex_unlock(&self->objects->mutex);
    }
}

static void finish(struct s3_server *self, const struct s3_asked *asked, struct s3_answer *ret)
{
    char stamp[STAMP_TEXT];
    s3_print_time(self->clock->now_us(self->clock) + self->manners.clock_offset_us, stamp);
    s3_reply_header(ret, "Date: %s", stamp);
    s3_reply_header(ret, "x-amz-request-id: 4442587FB7D0A2F9");
    if (asked->operation == S3_HEAD_BUCKET)
        s3_reply_header(ret, "x-amz-bucket-region: %s", self->region);
    if (ret->status != 204)
        s3_reply_header(ret, "Content-Length: %zu", ret->body.len);
    if (strcmp(asked->request->method, "HEAD") == 0)
        buf_reset(&ret->body);
}

static void answer(struct s3_server *self, struct s3_asked *asked, struct s3_answer *ret)
{
    bool ours = take_apart(self, asked);
    self->counts[asked->operation]++;
    self->counts[S3_ANY] += asked->operation != S3_ANY;
    const struct s3_script *line = line_of(self, asked->operation);
    if (line != NULL && !misdeed_before(line, asked, ret))
        return;
    if (s3_check_auth(self, asked, ret)) {
        if (ours)
            do_it(self, asked, ret);
        else
            s3_reply_error(ret, 404, "NoSuchBucket", NULL);
    }
    if (line != NULL)
        misdeed_after(line, ret);
}

void s3_server_answer(struct s3_server *self, const struct s3_request *request, struct s3_answer *ret)
{
    struct s3_asked asked = {.request = request, .body = request->body};
    s3_answer_release(ret);
    pthread_mutex_lock(&self->mutex);
    answer(self, &asked, ret);
    finish(self, &asked, ret);
    pthread_mutex_unlock(&self->mutex);
    asked_release(&asked);
}
