/* Where the server is in its own history: the transactions that its binary log knows by their global identifiers. One
 * that has not those that were there when rows were read has lost them: a replica that took over without the last
 * second of its primary, an older state that was put back. Every user may ask for them; where nothing is logged,
 * nothing is kept and nothing is told.
 *
 * As kept: "<server> <its start, in s> <identifiers>". MariaDB: of each domain and server the last number,
 * "0-1-100,0-2-120" (https://mariadb.com/kb/en/gtid/); MySQL: the set, "uuid:1-100"
 * (https://dev.mysql.com/doc/refman/8.0/en/replication-gtids.html), which holds for all servers that replicate, so that
 * another one that has it all is known as kin.
 *
 * What this cannot see: a server that lost transactions and has given their numbers to others before it is asked. */
#include <inttypes.h>
#include <mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>

#include "connect/mysql/source_parts.h"

enum { GTIDS_MAX = 128, SERVER_BYTES_MAX = 160, GTIDS_BYTES_MAX = 4000 };

/* A statement's time and the uptime in it are of one instant, so that their difference is exact. A cluster of Galera
 * numbers on each of its nodes, and loses nothing when one goes. */
static const char maria_sql[] =
    "SELECT CONCAT(@@GLOBAL.server_id, '@', REPLACE(@@hostname, ' ', '_')),"
    " CAST(UNIX_TIMESTAMP() - (SELECT variable_value FROM information_schema.global_status"
    " WHERE variable_name = 'UPTIME') AS SIGNED), @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_binlog_pos,"
    " @@GLOBAL.gtid_slave_pos, COALESCE((SELECT variable_value FROM information_schema.global_variables"
    " WHERE variable_name = 'WSREP_ON'), 'OFF') = 'OFF'";
static const char mysql_sql[] = "SELECT @@GLOBAL.server_uuid, COALESCE(CAST(UNIX_TIMESTAMP() - (SELECT variable_value"
                                " FROM performance_schema.global_status WHERE variable_name = 'Uptime') AS SIGNED), 0),"
                                " REPLACE(@@GLOBAL.gtid_executed, '\n', ''), @@GLOBAL.gtid_mode = 'ON'";

struct place {
    const char *server;
    int64_t started_s;
    const char *gtids;
};

static bool place_parse(const char *kept, struct arena *arena, struct place *ret)
{
    char server[SERVER_BYTES_MAX];
    int64_t started_s;
    int end = 0;
    if (kept == NULL || sscanf(kept, "%159s %" SCNd64 " %n", server, &started_s, &end) != 2 || end == 0)
        return false;
    *ret = (struct place){arena_text(arena, server), started_s, kept + end};
    return true;
}

/* The same process: whatever its log says now, no row of it was taken back. */
static bool went_through(const struct place *then, const struct place *now)
{
    return text_eq(then->server, now->server) && then->started_s != 0 && then->started_s == now->started_s;
}

static void place_keep(const struct place *now, struct arena *arena, struct source_place *ret)
{
    if (now->gtids[0] != '\0' && strlen(now->gtids) <= GTIDS_BYTES_MAX && strlen(now->server) < SERVER_BYTES_MAX)
        ret->at = arena_print(arena, "%s %" PRId64 " %s", now->server, now->started_s, now->gtids);
}

/* ---- MariaDB ---- */

struct gtid {
    uint64_t domain, server, number;
};
struct gtids {
    struct gtid items[GTIDS_MAX];
    int count;
};

static void gtids_add(struct gtids *self, struct gtid gtid)
{
    for (int i = 0; i < self->count; i++) {
        struct gtid *known = &self->items[i];
        if (known->domain != gtid.domain || known->server != gtid.server)
            continue;
        known->number = gtid.number > known->number ? gtid.number : known->number;
        return;
    }
    if (self->count < GTIDS_MAX)
        self->items[self->count++] = gtid;
}

static void gtids_read(struct gtids *self, const char *text)
{
    struct gtid gtid;
    int end = 0;
    for (const char *at = text;
         sscanf(at, "%" SCNu64 "-%" SCNu64 "-%" SCNu64 "%n", &gtid.domain, &gtid.server, &gtid.number, &end) == 3;) {
        gtids_add(self, gtid);
        at += end;
        at += strspn(at, ",\n ");
    }
}

static const char *gtids_print(const struct gtids *self, struct arena *arena)
{
    AUTO_RELEASE(buf) text = {0};
    for (int i = 0; i < self->count; i++)
        buf_addf(&text, "%s%" PRIu64 "-%" PRIu64 "-%" PRIu64, i > 0 ? "," : "", self->items[i].domain,
                 self->items[i].server, self->items[i].number);
    return text.len > 0 ? arena_str(arena, buf_str(&text)) : "";
}

static bool gtids_have(const struct gtids *self, const struct gtid *gtid)
{
    for (int i = 0; i < self->count; i++) {
        const struct gtid *known = &self->items[i];
        if (known->domain == gtid->domain && known->server == gtid->server && known->number >= gtid->number)
            return true;
    }
    return false;
}

/* Numbers of a domain only grow, whoever gives them: how far it has come. */
static uint64_t gtids_reach(const struct gtids *self, uint64_t domain)
{
    uint64_t reach = 0;
    for (int i = 0; i < self->count; i++) {
        if (self->items[i].domain == domain && self->items[i].number > reach)
            reach = self->items[i].number;
    }
    return reach;
}

struct history {
    struct mysql_source *self;
    struct place now;
    struct arena *arena;
    struct source_place *ret;
};

/* The same server may have lost the end of its log alone, when its machine went down. */
static bool is_another(const struct place *then, const struct place *now)
{
    size_t id_len = strcspn(then->server, "@");
    return strcspn(now->server, "@") != id_len || strncmp(then->server, now->server, id_len) != 0;
}

static void maria_tell(struct history *h, const struct place *then, const struct gtid *gtid, uint64_t reach)
{
    const char *lost =
        arena_print(h->arena, "%" PRIu64 "-%" PRIu64 "-%" PRIu64, gtid->domain, gtid->server, gtid->number);
    h->ret->is_certain = reach > 0 && is_another(then, &h->now);
    h->ret->lost = reach == 0
                       ? arena_print(h->arena, "its binary log knows nothing of %s", lost)
                       : arena_print(h->arena, "its binary log goes on up to %" PRIu64 " without %s", reach, lost);
}

static void maria_compare(struct history *h, const struct place *then, const struct gtids *have)
{
    struct gtids kept = {0};
    bool is_behind = false;
    gtids_read(&kept, then->gtids);
    for (int i = 0; i < kept.count; i++) {
        const struct gtid *gtid = &kept.items[i];
        uint64_t reach = gtids_reach(have, gtid->domain);
        if (gtids_have(have, gtid))
            continue;
        if (h->self->is_replica && reach < gtid->number) {
            is_behind = true; /* what it lacks is still to come */
            continue;
        }
        maria_tell(h, then, gtid, reach);
        return;
    }
    if (is_behind)
        h->ret->at = arena_print(h->arena, "%s %" PRId64 " %s", then->server, then->started_s, then->gtids);
}

/* All pairs there are; of a log with more of them, the last one of each domain. */
static void maria_place(struct history *h, MYSQL_ROW row, const struct place *then)
{
    AUTO_RELEASE(arena) scratch = {0};
    struct gtids *have = arena_take(&scratch, sizeof(*have)), *last = arena_take(&scratch, sizeof(*last));
    if (row[5] == NULL || row[5][0] != '1')
        return;
    gtids_read(last, or_empty(row[3]));
    gtids_read(last, or_empty(row[4]));
    *have = *last;
    gtids_read(have, or_empty(row[2]));
    h->now.gtids = gtids_print(have->count < GTIDS_MAX ? have : last, h->arena);
    place_keep(&h->now, h->arena, h->ret);
    if (then != NULL)
        maria_compare(h, then, have);
}

/* ---- MySQL ---- */

/* The identifiers of `a` that are not among those of `b`; "" : none. */
static RC mysql_subtract(struct history *h, const char *a, const char *b, const char **ret, struct error *err)
{
    AUTO_RELEASE(buf) sql = {0};
    AUTO_RESULT *rows = NULL;
    buf_add_str(&sql, S("SELECT REPLACE(GTID_SUBTRACT("));
    mysql_literal_text(&sql, str(a));
    buf_add_str(&sql, S(", "));
    mysql_literal_text(&sql, str(b));
    buf_add_str(&sql, S("), '\n', '')"));
    TRY(mysql_session_ask(h->self->control, sql.at, &rows, err));
    MYSQL_ROW row = mysql_fetch_row(rows);
    *ret = row != NULL && row[0] != NULL ? arena_text(h->arena, row[0]) : "";
    return RC_OK;
}

static RC mysql_compare(struct history *h, const struct place *then, struct error *err)
{
    const char *missing, *more, *common;
    TRY(mysql_subtract(h, then->gtids, h->now.gtids, &missing, err));
    h->ret->is_kin = missing[0] == '\0';
    if (h->ret->is_kin)
        return RC_OK;
    TRY(mysql_subtract(h, h->now.gtids, then->gtids, &more, err));
    if (h->self->is_replica && more[0] == '\0') { /* what it lacks is still to come */
        h->ret->is_kin = true;
        h->ret->at = arena_print(h->arena, "%s %" PRId64 " %s", then->server, then->started_s, then->gtids);
        return RC_OK;
    }
    TRY(mysql_subtract(h, then->gtids, missing, &common, err));
    if (common[0] == '\0' && !text_eq(then->server, h->now.server))
        return RC_OK; /* one that has nothing in common with it is simply another */
    h->ret->is_certain = !text_eq(then->server, h->now.server);
    h->ret->lost = arena_print(h->arena, "it has not executed %.100s%s", missing, strlen(missing) > 100 ? "..." : "");
    return RC_OK;
}

static RC mysql_place(struct history *h, MYSQL_ROW row, const struct place *then, struct error *err)
{
    if (row[3] == NULL || row[3][0] != '1') {
        if (then != NULL && text_eq(then->server, h->now.server))
            h->ret->lost = "it numbers no transactions any more (gtid_mode), and did";
        return RC_OK;
    }
    h->now.gtids = arena_text(h->arena, or_empty(row[2]));
    place_keep(&h->now, h->arena, h->ret);
    return then != NULL ? mysql_compare(h, then, err) : RC_OK;
}

/* ---- both ---- */

/* Of a fork, or a service, that has not these words. */
static bool is_not_to_be_had(const struct mysql_source *self, enum rc rc)
{
    return !self->control->is_broken && (rc == RC_DENIED || rc == RC_NOT_FOUND ||
                                         mysql_session_failed_with(self->control, ER_UNKNOWN_SYSTEM_VARIABLE));
}

static RC look(struct history *h, const char *kept, struct error *err)
{
    bool is_maria = h->self->control->is_maria, has_kept;
    struct place then;
    AUTO_RESULT *rows = NULL;
    enum rc rc = mysql_session_ask(h->self->control, is_maria ? maria_sql : mysql_sql, &rows, err);
    if (rc != RC_OK)
        return is_not_to_be_had(h->self, rc) ? RC_OK : rc;
    MYSQL_ROW row = mysql_fetch_row(rows);
    if (row == NULL || row[0] == NULL || row[1] == NULL)
        return RC_OK;
    h->now = (struct place){.server = arena_text(h->arena, row[0]), .started_s = strtoll(row[1], NULL, 10)};
    has_kept = place_parse(kept, h->arena, &then);
    if (is_maria)
        maria_place(h, row, has_kept ? &then : NULL);
    else
        TRY(mysql_place(h, row, has_kept ? &then : NULL, err));
    if (!has_kept)
        return RC_OK;
    bool is_forgiven = h->ret->lost != NULL && went_through(&then, &h->now); /* RESET MASTER: the rows are the same */
    if (is_forgiven)
        h->ret->lost = NULL;
    bool is_moved = !text_eq(then.server, h->now.server) && h->ret->at != NULL && !text_eq(h->ret->at, kept);
    h->ret->has_turned = h->ret->lost == NULL && (is_forgiven || is_moved);
    return RC_OK;
}

enum rc mysql_source_place(struct source *base, const char *kept, struct arena *arena, struct source_place *ret,
                           struct error *err)
{
    struct history h = {.self = (struct mysql_source *)base, .arena = arena, .ret = ret};
    return look(&h, kept, err) == RC_OK ? RC_OK
                                        : fail_in(err, "finding out where '%s' is in its binary log", base->name);
}
