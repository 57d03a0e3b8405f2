/* bound: whether the source still has what it had at the last waybill. Rows may be missing where it has not, with every
 * run green. */
#include <inttypes.h>

#include "base/log.h"
#include "move/arrows.h"
#include "move/history.h"

/* Under the lease; a plan keeps nothing. The next run compares with what the source is now, also where this one has
 * nothing to seal. */
static RC bound_accept_source(struct route *r, struct error *err)
{
    const struct error why = *err;
    r->bound.is_accepted = true;
    if (!scope_is_mine(r->scope))
        return RC_OK;
    TRY(scope_keep_history(r->scope, HISTORY_ACCEPT_SOURCE, arena_print(&r->arena, "--accept-source: %s", why.text),
                           "sync", err));
    history_prune(r);
    return RC_OK;
}

const char *bound_set_back(struct route *r, int64_t to_us)
{
    char stamp[STAMP_TEXT];
    stamp_print(to_us, 0, stamp);
    return arena_print(&r->arena, "waybill watermark set %s --timestamp %s%s", scope_flags(r->scope), stamp,
                       r->mode == MODE_APPEND ? " --allow-duplicates" : "");
}

/* ---- another server, or one that is not what it was ---- */

static enum rc bound_refuse_server(struct route *r, struct error *err)
{
    fail(err, RC_DATA, "'%s' is another server than the one '%s' was read from: %s, and was %s", r->source->name,
         scope_name(r->scope), r->bound.source_id, scope_marks(r->scope)->source_id);
    fail_id(err, "another-source");
    return fail_todo(err, "make sure that it holds the same rows, then run once with --accept-source (and with "
                          "--full-refresh, to read all anew)");
}

static enum rc bound_refuse_clock(struct route *r, int64_t now_us, struct error *err)
{
    fail(err, RC_DATA, "the clock of '%s' has gone back: it says %s, and said %s at the last waybill of '%s'",
         r->source->name, r->bound.clock, scope_marks(r->scope)->source_clock, scope_name(r->scope));
    fail_id(err, "another-source");
    if (!increment_is_timed(r->increment))
        return fail_todo(err, "make sure that it holds the same rows, then run once with --accept-source (and with "
                              "--full-refresh, to read all anew)");
    return fail_todo(err,
                     "what it stamps until then would not be read: set the mark back, %s, then run once with "
                     "--accept-source",
                     bound_set_back(r, now_us - r->config->lag_ms * 1000));
}

static enum rc bound_refuse_place(struct route *r, const struct source_place *place, struct error *err)
{
    const char *flags = scope_flags(r->scope);
    fail(err, RC_DATA, "'%s' %s what '%s' was read from: %s", r->source->name,
         place->is_certain ? "has lost changes of" : "may have lost changes of", scope_name(r->scope), place->lost);
    fail_id(err, "source-lost-changes");
    return fail_todo(
        err,
        "the target has them, and numbers or stamps that are given again may lie behind the mark. All anew: "
        "waybill sync pipeline %s --full-refresh. Or compare: waybill audit %s, put right what differs "
        "(waybill sync repair), and run once with --accept-source",
        flags, flags);
}

/* ---- a clock that was set back, and has caught up since ---- */

/* This machine's clock went on meanwhile, and the two may drift apart a little: 500 ppm are the most that is slewed. */
static int64_t bound_stepped_ms(const struct route *r, int64_t now_us)
{
    const struct marks *s = scope_marks(r->scope);
    int64_t then_ms, last_us;
    if (s->source_ahead_ms == NULL || s->source_clock == NULL || !str_to_int64(str(s->source_ahead_ms), &then_ms) ||
        !stamp_parse(s->source_clock, &last_us))
        return 0;
    int64_t back_ms = then_ms - r->bound.ahead_most_ms, drift_ms = (now_us - last_us) / 1000 / 1000;
    return back_ms > r->config->lag_ms + r->config->lookback_ms + drift_ms ? back_ms : 0;
}

/* What was stamped between the step and the time that was read up to lies behind the mark. */
static void bound_tell_stepped(struct route *r, int64_t now_us)
{
    int64_t back_ms = bound_stepped_ms(r, now_us), last_us;
    const char *last = scope_marks(r->scope)->source_clock;
    if (back_ms == 0 || !increment_is_timed(r->increment) || !stamp_parse(last, &last_us))
        return;
    route_warn(r,
               arena_print(&r->arena,
                           "the source's clock was set back by %" PRId64
                           " s since the last waybill, or this machine's was set ahead: if it was "
                           "the source's, what was stamped then lies behind the mark, and is read by: %s",
                           (back_ms + 500) / 1000, bound_set_back(r, last_us - (back_ms + r->config->lag_ms) * 1000)));
    log_warn("clock.stepped", KV("back_ms", back_ms), KV("clock", r->bound.clock), KV("last", last));
}

/* ---- all of it ---- */

static RC bound_place(struct route *r, bool is_same, struct source_place *ret, struct error *err)
{
    bool is_asked = is_same || r->source->knows_kin;
    TRY(source_place(r->source, is_asked ? scope_marks(r->scope)->source_place : NULL, &r->arena, ret, err));
    r->bound.place = ret->at;
    r->bound.has_turned = ret->has_turned;
    if (ret->has_turned)
        log_info("source.turned", KV("place", ret->at), KV("was", scope_marks(r->scope)->source_place));
    return RC_OK;
}

RC bound_check_source(struct route *r, int64_t now_us, struct error *err)
{
    const struct marks *s = scope_marks(r->scope);
    struct source_place place;
    int64_t last_us;
    TRY(source_identity(r->source, &r->arena, &r->bound.source_id, err));
    bool is_same = s->source_id == NULL || strcmp(s->source_id, r->bound.source_id) == 0;
    TRY(bound_place(r, is_same, &place, err));
    is_same = is_same || place.is_kin;
    if (!is_same && (place.lost == NULL || r->increment == INCREMENT_FULL_SYNC))
        bound_refuse_server(r, err);
    else if (s->source_clock != NULL && stamp_parse(s->source_clock, &last_us) && now_us < last_us)
        bound_refuse_clock(r, now_us, err);
    else if (place.lost != NULL && r->increment != INCREMENT_FULL_SYNC) /* which takes it as it is */
        bound_refuse_place(r, &place, err);
    else {
        bound_tell_stepped(r, now_us);
        return RC_OK;
    }
    return r->run->options.accept_source ? bound_accept_source(r, err) : err->rc;
}
