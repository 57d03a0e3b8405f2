/* Up to when a replica's rows are its primary's.
 *
 * What it says of itself (Seconds_Behind_Master) is the age of the event that its SQL thread works on, and everything
 * committed before that event is there. But it says 0, too, whenever that thread has nothing to do, and at once after
 * it was started ("many, 0, many" in the server's own words, sql/slave.cc): an hour of changes that are still being
 * fetched or wait in the relay log then read as none. And it says nothing while a thread of it does not run. So:
 *
 * - a number above 0 is believed;
 * - 0 is believed of a replica that has applied all that it received, where nothing more comes for a while, or of one
 *   that was seen twice at work on events that are less than a second old;
 * - a replica that stands still is not read by ranges at all: RC_BUSY.
 *
 * What no replica knows: that its connection hangs, until slave_net_timeout is over. `lag` has to be longer than that,
 * than a transaction lasts, and than the two clocks differ. */
#include <mysqld_error.h>

#include "connect/mysql/source_parts.h"

enum { LOOKS_MAX = 500, LOOK_WAIT_MS = 20, QUIET_MS = 250, WORK_SEEN = 2, CHANNELS_MAX = 256, REPLICA_WORDS = 80022 };

/* What is looked at, by the name that MySQL since 8.0.22 has for it, and by the older one that MariaDB keeps. */
enum said {
    CHANNEL,
    IO_RUNNING,
    SQL_RUNNING,
    SQL_STATE,
    BEHIND,
    RECEIVED_FILE,
    RECEIVED_POS,
    APPLIED_FILE,
    APPLIED_POS,
    FIELDS,
};
static const char *const field_names[FIELDS][2] = {
    [CHANNEL] = {"Connection_name", "Channel_Name"},
    [IO_RUNNING] = {"Slave_IO_Running", "Replica_IO_Running"},
    [SQL_RUNNING] = {"Slave_SQL_Running", "Replica_SQL_Running"},
    [SQL_STATE] = {"Slave_SQL_Running_State", "Replica_SQL_Running_State"},
    [BEHIND] = {"Seconds_Behind_Master", "Seconds_Behind_Source"},
    [RECEIVED_FILE] = {"Master_Log_File", "Source_Log_File"},
    [RECEIVED_POS] = {"Read_Master_Log_Pos", "Read_Source_Log_Pos"},
    [APPLIED_FILE] = {"Relay_Master_Log_File", "Relay_Source_Log_File"},
    [APPLIED_POS] = {"Exec_Master_Log_Pos", "Exec_Source_Log_Pos"},
};
#define IS_IDLE "read all relay log" /* "Slave has ..., "Replica has ..." */

/* One primary that it is fed by; places of logs as "file:position". */
struct channel {
    const char *received, *applied;
    int quiet_looks; /* one after the other at which all was applied, and nothing had come */
    int work_seen;
    bool is_told;
    int64_t behind_s;
};

struct replica {
    struct mysql_source *self;
    struct replica_state *found;
    struct arena arena;
    struct channel channels[CHANNELS_MAX];
};

const char *mysql_replication_sql(const struct mysql_session *session)
{
    if (session->is_maria)
        return "SHOW ALL SLAVES STATUS";
    return mysql_get_server_version(session->handle) < REPLICA_WORDS ? "SHOW SLAVE STATUS" : "SHOW REPLICA STATUS";
}

RC mysql_source_is_fed(struct mysql_source *self, bool *ret, struct error *err)
{
    char running[16], looks_so[16];
    TRY(mysql_session_text(self->control,
                           "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'system "
                           "user' AND command IN ('Slave_SQL', 'Slave_IO', 'Connect', 'Query')",
                           running, sizeof(running), err));
    TRY(mysql_session_text(self->control,
                           self->control->is_maria
                               ? "SELECT @@GLOBAL.read_only <> 0 OR @@GLOBAL.gtid_slave_pos <> ''"
                               : "SELECT @@GLOBAL.read_only <> 0 OR GTID_SUBTRACT(@@GLOBAL.gtid_executed, "
                                 "CONCAT(@@GLOBAL.server_uuid, ':1-9223372036854775806')) <> ''",
                           looks_so, sizeof(looks_so), err));
    *ret = !text_eq(running, "0") || text_eq(looks_so, "1");
    return RC_OK;
}

/* ---- one look ---- */

static void find_fields(MYSQL_RES *rows, int ret_places[FIELDS])
{
    const MYSQL_FIELD *fields = mysql_fetch_fields(rows);
    for (int at = 0; at < FIELDS; at++) {
        ret_places[at] = -1;
        for (int i = 0; i < (int)mysql_num_fields(rows); i++) {
            if (text_eq(fields[i].name, field_names[at][0]) || text_eq(fields[i].name, field_names[at][1]))
                ret_places[at] = i;
        }
    }
}

static const char *field_of(MYSQL_ROW row, const int places[FIELDS], enum said what)
{
    return places[what] >= 0 ? or_empty(row[places[what]]) : "";
}

static void stand_still(struct replica *r, MYSQL_ROW row, const int places[FIELDS])
{
    const char *name = field_of(row, places, CHANNEL);
    struct arena *arena = &r->self->arena;
    r->found->unknown = RC_BUSY;
    r->found->text =
        arena_print(arena, "replication%s%s%s of '%s' stands still (%s: %s, %s: %s)", name[0] != '\0' ? " '" : "", name,
                    name[0] != '\0' ? "'" : "", r->self->base.name,
                    field_names[IO_RUNNING][!r->self->control->is_maria], field_of(row, places, IO_RUNNING),
                    field_names[SQL_RUNNING][!r->self->control->is_maria], field_of(row, places, SQL_RUNNING));
    r->found->todo =
        arena_print(arena,
                    "%s says why; start it again, or read from the primary. Where this is no replica any "
                    "more, make it forget its primary: RESET %s ALL",
                    mysql_replication_sql(r->self->control), r->self->control->is_maria ? "SLAVE" : "REPLICA");
}

static void look_at_channel(struct replica *r, struct channel *channel, MYSQL_ROW row, const int places[FIELDS])
{
    const char *behind = places[BEHIND] >= 0 ? row[places[BEHIND]] : NULL;
    if (behind == NULL || !text_eq(field_of(row, places, IO_RUNNING), "Yes") ||
        !text_eq(field_of(row, places, SQL_RUNNING), "Yes")) {
        stand_still(r, row, places);
        return;
    }
    const char *received =
        arena_print(&r->arena, "%s:%s", field_of(row, places, RECEIVED_FILE), field_of(row, places, RECEIVED_POS));
    const char *applied =
        arena_print(&r->arena, "%s:%s", field_of(row, places, APPLIED_FILE), field_of(row, places, APPLIED_POS));
    bool is_level = text_eq(received, applied), is_first = channel->received == NULL;
    bool is_idle = strstr(field_of(row, places, SQL_STATE), IS_IDLE) != NULL;
    channel->behind_s = strtoll(behind, NULL, 10);
    channel->quiet_looks = is_level && !is_first && text_eq(received, channel->received) ? channel->quiet_looks + 1 : 0;
    channel->work_seen += !is_first && !is_level && !is_idle && !text_eq(applied, channel->applied);
    channel->is_told |=
        channel->behind_s > 0 || channel->quiet_looks * LOOK_WAIT_MS >= QUIET_MS || channel->work_seen >= WORK_SEEN;
    channel->received = received;
    channel->applied = applied;
}

/* A channel that was told of keeps that: it only gets nearer. */
static void look_at_channels(struct replica *r, MYSQL_RES *rows, bool *ret_told)
{
    int places[FIELDS];
    MYSQL_ROW row;
    *ret_told = true;
    find_fields(rows, places);
    for (int i = 0; i < CHANNELS_MAX && r->found->unknown == RC_OK && (row = mysql_fetch_row(rows)) != NULL; i++) {
        if (!r->channels[i].is_told)
            look_at_channel(r, &r->channels[i], row, places);
        *ret_told &= r->channels[i].is_told;
        if (r->channels[i].behind_s > r->found->behind_s)
            r->found->behind_s = r->channels[i].behind_s;
    }
}

/* ---- all of them ---- */

/* Whoever may not ask is told so where there is reason to: what nothing feeds is complete. */
static RC look_without_right(struct replica *r, struct error *err)
{
    struct mysql_source *self = r->self;
    TRY(mysql_source_is_fed(self, &r->found->is_replica, err));
    if (!r->found->is_replica)
        return RC_OK;
    bool has_own = self->control->is_maria && mysql_get_server_version(self->control->handle) >= MARIA_SLAVE_MONITOR;
    r->found->unknown = RC_DENIED;
    r->found->text = arena_print(
        &self->arena, "'%s' looks like a replica, and this user may not see how far behind it is", self->base.name);
    r->found->todo = arena_print(&self->arena, "GRANT %s ON *.* TO this user, or read from the primary",
                                 has_own ? "SLAVE MONITOR" : "REPLICATION CLIENT");
    return RC_OK;
}

static RC look_again_and_again(struct replica *r, struct error *err)
{
    struct opening *with = &r->self->with;
    bool is_told = false;
    for (int look = 0; look < LOOKS_MAX && !is_told; look++) {
        AUTO_RESULT *rows = NULL;
        if (look > 0)
            with->clock->sleep_ms(with->clock, LOOK_WAIT_MS);
        TRY(opening_check_stop(with->stop, err));
        TRY(mysql_session_ask(r->self->control, mysql_replication_sql(r->self->control), &rows, err));
        if (rows == NULL || mysql_num_rows(rows) == 0)
            return RC_OK;
        r->found->is_replica = true;
        look_at_channels(r, rows, &is_told);
        if (r->found->unknown != RC_OK)
            return RC_OK;
    }
    if (is_told)
        return RC_OK;
    r->found->unknown = RC_BUSY;
    r->found->text =
        arena_print(&r->self->arena, "'%s' is a replica that did not show within %d s how far behind it is",
                    r->self->base.name, LOOKS_MAX * LOOK_WAIT_MS / 1000);
    r->found->todo = "run this again, or read from the primary";
    return RC_OK;
}

RC mysql_replica_look(struct mysql_source *self, struct replica_state *ret, struct error *err)
{
    struct replica replica = {.self = self, .found = ret};
    *ret = (struct replica_state){0};
    enum rc rc = look_again_and_again(&replica, err);
    if (rc != RC_OK && !self->control->is_broken && rc == RC_DENIED)
        rc = look_without_right(&replica, err);
    arena_release(&replica.arena);
    self->is_replica = ret->is_replica;
    return rc;
}
