/* Nodes of a cluster (Galera, Group Replication): what is open on the other nodes is in no list of this one, and is
 * here as soon as it commits there, with the stamps that it had.
 *
 * A primary of Group Replication is the one that is written to, and shows everything; Galera's nodes are all written
 * to, and nothing tells where nobody does.
 * https://mariadb.com/kb/en/galera-cluster-status-variables/ (wsrep_cluster_size: this node and those it sees)
 * https://dev.mysql.com/doc/refman/8.0/en/group-replication-status-variables.html */
#include "connect/mysql/source_parts.h"

static const char maria_sql[] =
    "SELECT COUNT(*) FROM information_schema.global_status WHERE variable_name = 'WSREP_CLUSTER_SIZE' AND "
    "variable_value > 1";
static const char mysql_sql[] =
    "SELECT (SELECT COUNT(*) FROM performance_schema.global_status WHERE variable_name = 'wsrep_cluster_size' AND "
    "variable_value > 1) + (SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name = 'group_replication' "
    "AND plugin_status = 'ACTIVE' AND NOT EXISTS (SELECT 1 FROM performance_schema.global_status WHERE variable_name "
    "= 'group_replication_primary_member' AND variable_value = @@GLOBAL.server_uuid))";

RC mysql_source_has_other_nodes(struct mysql_source *self, bool *ret, struct error *err)
{
    int64_t others;
    TRY(mysql_session_int64(self->control, self->control->is_maria ? maria_sql : mysql_sql, &others, err));
    *ret = others > 0;
    return RC_OK;
}
