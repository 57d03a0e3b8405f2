/* Where the server is in its write-ahead log: what was read and lies behind the end of a log is lost (a standby that
 * took over without the last second of its primary, a snapshot of the disk that was put back). The identifier of the
 * cluster stays the same in both cases, and the log goes on beyond the place where it was cut, so both are looked at:
 * how far it is, and where a server that was promoted had come before.
 *
 * As kept: "<timeline> <place in the log> <start of the server, in us>". All functions may be called by any role, and
 * where a service has them not, nothing is kept.
 * https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-ADMIN-BACKUP */
#include <inttypes.h>
#include <stdio.h>

#include "connect/postgres/source_parts.h"

/* A standby tells of its timeline by its control file, some time after it has followed to another one. Of a server that
 * was promoted the last place that it replayed stays, until it is started again. One that recovered from a crash has
 * such a place, too, but of its own log: it has received nothing since its start, and replayed no later commit. */
static const char place_sql[] =
    "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN greatest((SELECT timeline_id FROM"
    " pg_control_checkpoint()), (SELECT min_recovery_end_timeline FROM pg_control_recovery())) ELSE"
    " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END,"
    " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn,"
    " trunc(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,"
    " pg_last_wal_replay_lsn() - '0/0'::pg_lsn, pg_last_wal_receive_lsn() IS NOT NULL OR"
    " coalesce(pg_last_xact_replay_timestamp() > pg_postmaster_start_time(), false)";

struct place {
    int64_t timeline, at, started_us;
    bool is_standby;
    int64_t replayed_at; /* of a server that is none: the last place it replayed; 0: nothing since it was started */
    bool took_over;      /* that is how far it had come when it took over */
};

static void place_print(int64_t at, char ret[32])
{
    snprintf(ret, 32, "%" PRIX64 "/%" PRIX64, (uint64_t)at >> 32, (uint64_t)at & 0xffffffff);
}

static bool place_parse(const char *kept, struct place *ret)
{
    uint64_t high, low;
    struct place place = {0};
    if (sscanf(kept, "%" SCNd64 " %" SCNx64 "/%" SCNx64 " %" SCNd64, &place.timeline, &high, &low, &place.started_us) !=
        4)
        return false;
    place.at = (int64_t)(high << 32 | low);
    *ret = place;
    return true;
}

static bool is_not_to_be_had(const struct error *err)
{
    return strcmp(err->vendor, "42501") == 0 || strcmp(err->vendor, "42883") == 0 || strcmp(err->vendor, "0A000") == 0;
}

/* What is known of the place `then`, now that the server is at `now`. NULL: all that was there is here. */
static const char *what_is_lost(const struct place *then, const struct place *now, bool *ret_certain,
                                struct arena *arena)
{
    char at_then[32], at_now[32], at_end[32];
    bool is_same = now->timeline == then->timeline, went_through = now->started_us == then->started_us;
    place_print(then->at, at_then);
    place_print(now->at, at_now);
    place_print(now->replayed_at, at_end);
    if (now->is_standby && now->timeline <= then->timeline)
        return NULL; /* one that is behind, or another one of several: its rows come when it has them */
    if (went_through && now->timeline >= then->timeline)
        return NULL; /* the same process: no log that it has replayed or written is taken back */
    *ret_certain = now->timeline < then->timeline || now->at < then->at ||
                   (now->replayed_at != 0 && now->replayed_at < then->at && !is_same);
    if (now->timeline < then->timeline)
        return arena_print(arena, "it is on timeline %" PRId64 " of its log, and was on %" PRId64, now->timeline,
                           then->timeline);
    if (now->at < then->at)
        return arena_print(arena, "its log ends at %s, and had come as far as %s", at_now, at_then);
    if (is_same)
        return NULL;
    if (*ret_certain)
        return arena_print(arena, "a standby took over that had come as far as %s, and %s was read before", at_end,
                           at_then);
    if (now->took_over && now->timeline == then->timeline + 1)
        return NULL; /* it had all that was read */
    return arena_print(arena,
                       "it is on timeline %" PRId64 " of its log, and was on %" PRId64
                       ": another server took over, and does not tell any more whether it had come as far as %s",
                       now->timeline, then->timeline, at_then);
}

RC postgres_source_place(struct source *base, const char *kept, struct arena *arena, struct source_place *ret,
                         struct error *err)
{
    struct postgres_source *self = (struct postgres_source *)base;
    AUTO_RELEASE(pq_answer) rows = {0};
    struct place then, now = {0};
    char at[32];
    enum rc rc = postgres_source_ask(self, place_sql, &rows, err);
    if (rc != RC_OK && is_not_to_be_had(err))
        return RC_OK;
    if (rc != RC_OK)
        return fail_in(err, "finding out where '%s' is in its log", base->name);
    now = (struct place){.is_standby = pq_bool(&rows, 0, 0),
                         .timeline = pq_int64(&rows, 0, 1),
                         .at = pq_int64(&rows, 0, 2),
                         .started_us = pq_int64(&rows, 0, 3),
                         .replayed_at = pq_bool(&rows, 0, 0) ? 0 : pq_int64(&rows, 0, 4),
                         .took_over = !pq_bool(&rows, 0, 0) && pq_bool(&rows, 0, 5)};
    place_print(now.at, at);
    ret->at = arena_print(arena, "%" PRId64 " %s %" PRId64, now.timeline, at, now.started_us);
    if (kept == NULL || !place_parse(kept, &then))
        return RC_OK;
    ret->lost = what_is_lost(&then, &now, &ret->is_certain, arena);
    ret->has_turned = ret->lost == NULL && now.timeline > then.timeline;
    return RC_OK;
}
