#include "state/settle.h"

#include "base/json.h"
#include "io/retry.h"

static const struct retry settle_budget = {.attempts_max = 6, .wait_ms_first = 100, .wait_ms_max = 2000};

static struct retrying settle_retrying(const struct settling *with)
{
    return (struct retrying){.policy = settle_budget, .clock = with->clock, .random = with->random};
}

RC settle_create(const struct settling *with, const char *key, struct str body, enum settled *ret, struct buf *there,
                 struct error *err)
{
    struct retrying retrying = settle_retrying(with);
    for (;;) {
        enum rc rc = store_put(with->store, key, body, IF_NONE_MATCH, NULL, err);
        if (rc == RC_CONFLICT) {
            buf_reset(there);
            rc = store_get(with->store, key, JSON_DOCUMENT_BYTES_MAX, there, NULL, err);
            if (rc == RC_OK)
                *ret = str_eq(buf_str(there), body) ? SETTLED_WRITTEN : SETTLED_OTHER;
        } else if (rc == RC_OK) {
            *ret = SETTLED_WRITTEN;
        }
        if (rc == RC_OK || !retry_again(&retrying, err))
            return rc;
    }
}

static bool is_own(struct str there, const char *write_id)
{
    struct error ignored;
    AUTO_JSON *doc = NULL;
    return json_read(there, "", &doc, &ignored) == RC_OK && text_eq(json_text(doc, "write_id"), write_id);
}

/* One attempt: *ret_known stays false when the write has not happened (yet) and must be sent again. */
static RC replace_once(const struct settling *with, const char *key, struct str body, const char *write_id,
                       char etag[ETAG_TEXT], enum settled *ret, bool *ret_known, struct buf *there, struct error *err)
{
    struct object_info info;
    enum rc rc = store_put(with->store, key, body, etag[0] != '\0' ? IF_MATCH(etag) : IF_NONE_MATCH, &info, err);
    if (rc == RC_OK) {
        memcpy(etag, info.etag, ETAG_TEXT);
        *ret = SETTLED_WRITTEN;
        *ret_known = true;
        return RC_OK;
    }
    if (rc != RC_CONFLICT && !rc_is_transient(rc))
        return rc;
    struct error put_error = *err;
    buf_reset(there);
    rc = store_get(with->store, key, JSON_DOCUMENT_BYTES_MAX, there, &info, err);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    bool missing = rc == RC_NOT_FOUND;
    if (!missing && is_own(buf_str(there), write_id)) {
        memcpy(etag, info.etag, ETAG_TEXT);
        *ret = SETTLED_WRITTEN;
        *ret_known = true;
    } else if (missing ? etag[0] != '\0' : strcmp(info.etag, etag) != 0) {
        *ret = SETTLED_OTHER;
        *ret_known = true;
    } else {
        *err = put_error;
        err->rc = RC_UNAVAILABLE; /* also a 409 that is nobody's write: send the same body again */
        return RC_UNAVAILABLE;
    }
    return RC_OK;
}

RC settle_replace(const struct settling *with, const char *key, struct str body, const char *write_id,
                  char etag[ETAG_TEXT], enum settled *ret, struct buf *there, struct error *err)
{
    struct retrying retrying = settle_retrying(with);
    for (;;) {
        bool known = false;
        enum rc rc = replace_once(with, key, body, write_id, etag, ret, &known, there, err);
        if (known || !retry_again(&retrying, err))
            return rc;
    }
}
