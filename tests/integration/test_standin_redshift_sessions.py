"""The stand-in for Redshift: transactions at both levels of isolation, and what goes wrong on request."""
import concurrent.futures
import contextlib
import socket
import struct
import time

import psycopg2
import psycopg2.extensions
import pytest

from redshift_cluster import INTS, Cluster
from server_redshift import Redshift
from servers import certificate
from waybill import wait_for

CONFLICT = ("XX000", "1023", "Serializable isolation violation on table")


@pytest.fixture(scope="module")
def serializable(servers, postgres, s3, cluster_database):
    made = Cluster(servers.get(Redshift, "redshift-serializable", postgres=postgres, s3=s3, options=["--isolation", "serializable", "--edition", "provisioned"]), s3)
    yield made
    made.sessions.close()


@contextlib.contextmanager
def meanwhile(call, *arguments):
    """Runs it in a thread; its future."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit(call, *arguments)


def is_waiting(future):
    with contextlib.suppress(concurrent.futures.TimeoutError):
        future.exception(timeout=0.3)
    return not future.done()


def two_rows(cluster):
    cluster.run("DROP TABLE IF EXISTS t")
    cluster.run("CREATE TABLE t (id BIGINT, n BIGINT)")
    cluster.run("INSERT INTO t VALUES (1, 0), (2, 0)")


# --- isolation ----------------------------------------------------------------------------------------------------------


def test_a_snapshot_begins_with_the_first_statement_and_not_with_begin(cluster):
    two_rows(cluster)
    other = cluster.connect()
    cluster.run("BEGIN")
    cluster.run("DELETE FROM t WHERE id = 2", other)
    assert cluster.run("SELECT count(*) FROM t") == [(1,)]
    cluster.run("DELETE FROM t", other)
    assert cluster.run("SELECT count(*) FROM t") == [(1,)]
    cluster.run("COMMIT")
    assert cluster.run("SELECT count(*) FROM t") == [(0,)]


def test_an_update_that_comes_first_waits_and_then_finds_nothing(cluster):
    """Compare-and-swap as the first statement: how two loaders of one table are kept apart (measured on Redshift)."""
    two_rows(cluster)
    other = cluster.connect()
    cluster.run("BEGIN")
    assert cluster.run("UPDATE t SET n = 1 WHERE id = 1 AND n = 0") == 1
    cluster.run("BEGIN", other)
    with meanwhile(cluster.run, "UPDATE t SET n = 2 WHERE id = 1 AND n = 0", other) as second:
        assert is_waiting(second)
        cluster.run("COMMIT")
        assert second.result(10) == 0
    cluster.run("COMMIT", other)


def test_an_update_of_what_another_changed_since_the_snapshot_conflicts(cluster):
    two_rows(cluster)
    other = cluster.connect()
    cluster.run("BEGIN", other)
    cluster.run("SELECT * FROM t", other)
    cluster.run("UPDATE t SET n = 1 WHERE id = 1")
    cluster.refuses("UPDATE t SET n = 2 WHERE id = 1", *CONFLICT, session=other)
    cluster.run("ROLLBACK", other)


def test_under_snapshot_isolation_updates_of_different_rows_both_commit(cluster):
    two_rows(cluster)
    other = cluster.connect()
    for session in (None, other):
        cluster.run("BEGIN", session)
        cluster.run("SELECT 1 FROM t", session)
    cluster.run("UPDATE t SET n = 1 WHERE id = 1")
    with meanwhile(cluster.run, "UPDATE t SET n = 2 WHERE id = 2", other) as second:
        assert is_waiting(second)
        cluster.run("COMMIT")
        assert second.result(10) == 1
    cluster.run("COMMIT", other)
    assert cluster.run("SELECT id, n FROM t ORDER BY id") == [(1, 1), (2, 2)]


def test_under_serializable_isolation_the_second_of_them_conflicts(serializable):
    cluster = serializable
    two_rows(cluster)
    other = cluster.connect()
    for session in (None, other):
        cluster.run("BEGIN", session)
        cluster.run("SELECT 1 FROM t", session)
    cluster.run("UPDATE t SET n = 1 WHERE id = 1")
    with meanwhile(cluster.run, "UPDATE t SET n = 2 WHERE id = 2", other) as second:
        assert is_waiting(second)
        cluster.run("COMMIT")
        with pytest.raises(psycopg2.Error, match="1023") as found:
            second.result(10)
    assert found.value.pgcode == "XX000" and "transactions forming the cycle are:" in found.value.diag.message_detail
    cluster.refuses("SELECT 1", "25P02", session=other)
    cluster.run("ROLLBACK", other)


def test_serializable_finds_a_circle_over_two_tables(serializable):
    cluster = serializable
    two_rows(cluster)
    cluster.run("DROP TABLE IF EXISTS u")
    cluster.run("CREATE TABLE u (id BIGINT)")
    other = cluster.connect()
    cluster.run("BEGIN")
    cluster.run("BEGIN", other)
    cluster.run("SELECT count(*) FROM t")
    cluster.run("SELECT count(*) FROM u", other)
    cluster.run("INSERT INTO u VALUES (1)")
    cluster.refuses("INSERT INTO t VALUES (9, 9)", *CONFLICT, session=other)
    cluster.run("COMMIT")
    cluster.run("ROLLBACK", other)


def test_serializable_lets_through_what_some_order_explains(serializable):
    cluster = serializable
    two_rows(cluster)
    other = cluster.connect()
    cluster.run("BEGIN", other)
    assert cluster.run("SELECT count(*) FROM t", other) == [(2,)]
    cluster.run(cluster.copy_file("t (id)", INTS))
    cluster.run("UPDATE t SET n = 7")
    assert cluster.run("SELECT count(*) FROM t", other) == [(2,)]
    cluster.run("COMMIT", other)
    for sql in ("INSERT INTO t VALUES (5, 5)", "UPDATE t SET n = 8", "DELETE FROM t"):
        cluster.run(sql)
    with meanwhile(cluster.run, "INSERT INTO t VALUES (6, 6)", other) as second:
        cluster.run("INSERT INTO t VALUES (7, 7)")
        second.result(10)
    assert cluster.run("SELECT count(*) FROM t") == [(2,)]
    assert cluster.run("SELECT isolation_level FROM stv_db_isolation_level WHERE db_name = current_database()") == [("Serializable",)]


def test_two_that_make_one_table_one_makes_it(cluster):
    other = cluster.connect()
    cluster.run("BEGIN")
    cluster.run("CREATE TABLE t AS SELECT 1 AS id, 'first'::VARCHAR(9) AS name")
    with meanwhile(cluster.run, "CREATE TABLE t AS SELECT 2 AS id, 'second'::VARCHAR(9) AS name", other) as second:
        assert is_waiting(second)
        cluster.run("COMMIT")
        with pytest.raises(psycopg2.Error, match="already exists") as found:
            second.result(10)
    assert found.value.pgcode == "42P07"
    assert cluster.run("SELECT * FROM t") == [(1, "first")]


def test_copies_into_one_table_wait_for_each_other(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    other = cluster.connect()
    cluster.run("BEGIN")
    cluster.run(cluster.copy_file("t", INTS))
    with meanwhile(cluster.run, cluster.copy_file("t", INTS), other) as second:
        assert is_waiting(second)
        cluster.run("COMMIT")
        second.result(10)
    assert cluster.run("SELECT count(*) FROM t") == [(6,)]


def test_two_that_write_two_tables_in_different_orders_deadlock(cluster):
    for name in ("t", "u"):
        cluster.run(f"CREATE TABLE {name} (id BIGINT)")
    other = cluster.connect()
    cluster.run("BEGIN")
    cluster.run("BEGIN", other)
    cluster.run("INSERT INTO t VALUES (1)")
    cluster.run("INSERT INTO u VALUES (1)", other)
    ended = []
    with meanwhile(cluster.run, "INSERT INTO t VALUES (2)", other) as second:
        assert is_waiting(second)
        for call in (lambda: cluster.run("INSERT INTO u VALUES (2)"), lambda: second.result(20)):
            try:
                call()
            except psycopg2.Error as error:
                ended.append(error.pgcode)
                cluster.run("ROLLBACK")  # of the first: the second is let go
    assert ended == ["40P01"]


def test_an_insert_reads_what_was_there_before_it_waited(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    other = cluster.connect()
    cluster.run("BEGIN")
    cluster.run("INSERT INTO t VALUES (1)")
    with meanwhile(cluster.run, "INSERT INTO t SELECT 10 + count(*) FROM t", other) as second:
        assert is_waiting(second)
        cluster.run("COMMIT")
        second.result(10)
    assert cluster.run("SELECT id FROM t ORDER BY id") == [(1,), (10,)]


def test_a_database_can_be_dropped_and_made_again(cluster, postgres):
    for _ in range(2):
        postgres.run("CREATE DATABASE passing")
        with contextlib.closing(cluster.redshift.connect("passing")) as session:
            assert cluster.run("SELECT pg_last_copy_id()", session) == [(-1,)]
        wait_for(lambda: postgres.run("SELECT 1 FROM pg_stat_activity WHERE datname = 'passing'") == [])
        postgres.run("DROP DATABASE passing")


# --- faults -------------------------------------------------------------------------------------------------------------


def test_a_conflict_on_request_comes_once(cluster):
    two_rows(cluster)
    with cluster.redshift.fault("conflict on=update") as fault:
        cluster.run("BEGIN")
        cluster.refuses("UPDATE t SET n = 1", *CONFLICT)
        cluster.run("ROLLBACK")
        cluster.run("UPDATE t SET n = 1")
        assert cluster.redshift.hits(fault) == 1


def test_faults_can_be_aimed(cluster):
    two_rows(cluster)
    with cluster.redshift.fault('error on=select like="from t" skip=1 times=2 sqlstate=53100 text="no room"'):
        cluster.run("SELECT 1")
        cluster.run("SELECT n FROM t")
        for _ in range(2):
            cluster.refuses("SELECT n FROM t", "53100", "no room")
        cluster.run("SELECT n FROM t")
    with pytest.raises(OSError, match="400"):
        cluster.redshift.ask("POST", "faults", "no such fault")


@pytest.mark.parametrize(("done", "wanted"), [("yes", 1), ("no", 0)])
def test_the_answer_to_a_commit_is_lost(cluster, done, wanted):
    cluster.run("CREATE TABLE t (id BIGINT)")
    session = cluster.connect()
    with cluster.redshift.fault(f"lose_commit done={done}"):
        cluster.run("BEGIN", session)
        cluster.run("INSERT INTO t VALUES (1)", session)
        with pytest.raises(psycopg2.OperationalError):
            cluster.run("COMMIT", session)
    wait_for(lambda: cluster.run("SELECT count(*) FROM t") == [(wanted,)])


@pytest.mark.parametrize(("when", "wanted"), [("before", 0), ("after", 3)])
def test_the_connection_is_cut_at_a_statement(cluster, when, wanted):
    cluster.run("CREATE TABLE t (id BIGINT)")
    session = cluster.connect()
    with cluster.redshift.fault(f"cut on=copy when={when}"), pytest.raises(psycopg2.OperationalError):
        cluster.run(cluster.copy_file("t", INTS), session)
    wait_for(lambda: cluster.run("SELECT count(*) FROM t") == [(wanted,)])


def test_the_connection_is_cut_after_so_many_bytes(cluster):
    with cluster.redshift.fault("cut_bytes bytes=1000"):
        session = cluster.connect()
        cluster.run("SELECT 1", session)
        with pytest.raises(psycopg2.OperationalError):
            cluster.run(f"SELECT '{'x' * 2000}'", session)


def test_a_copy_hangs_until_it_is_cancelled(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    session = cluster.connect()
    with cluster.redshift.fault("hang on=copy"), meanwhile(cluster.run, cluster.copy_file("t", INTS), session) as hung:
        assert is_waiting(hung)
        session.cancel()
        with pytest.raises(psycopg2.extensions.QueryCanceledError, match="cancelled on user's request"):
            hung.result(10)
    assert cluster.run("SELECT 1", session) == [(1,)]


def test_one_that_cannot_be_cancelled_goes_on_when_its_time_is_over(cluster):
    cluster.run("CREATE TABLE t (id BIGINT)")
    session = cluster.connect()
    with cluster.redshift.fault("hang on=copy cancel=no seconds=0.8"), meanwhile(cluster.run, cluster.copy_file("t", INTS), session) as hung:
        assert is_waiting(hung)
        session.cancel()
        hung.result(10)
    assert cluster.run("SELECT count(*) FROM t") == [(3,)]


def test_postgresqls_own_waits_can_be_cancelled(cluster):
    two_rows(cluster)
    session = cluster.connect()
    cluster.run("BEGIN")
    cluster.run("LOCK TABLE t")
    with meanwhile(cluster.run, "SELECT * FROM t", session) as waiting:
        assert is_waiting(waiting)
        session.cancel()
        with pytest.raises(psycopg2.extensions.QueryCanceledError):
            waiting.result(10)
    cluster.run("ROLLBACK")


def drop_without_a_word(session):
    """The client is gone as after kill -9 on another machine: no Terminate."""
    end = socket.socket(fileno=socket.dup(session.fileno()))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.shutdown(socket.SHUT_RDWR)
    end.close()


def test_a_zombie_keeps_its_locks(cluster):
    two_rows(cluster)
    session = cluster.connect()
    with cluster.redshift.fault("zombie seconds=1"):
        cluster.run("BEGIN", session)
        cluster.run("UPDATE t SET n = 1", session)
        drop_without_a_word(session)
        with meanwhile(cluster.run, "UPDATE t SET n = 2 WHERE n = 0") as next_one:
            assert is_waiting(next_one)
            assert next_one.result(10) == 2  # the zombie was rolled back


def test_without_that_a_client_that_vanishes_is_rolled_back(cluster):
    two_rows(cluster)
    session = cluster.connect()
    cluster.run("BEGIN", session)
    cluster.run("UPDATE t SET n = 1", session)
    drop_without_a_word(session)
    assert cluster.run("UPDATE t SET n = 2 WHERE n = 0") == 2


def test_connections_are_refused_and_sessions_ended(cluster):
    with cluster.redshift.fault('refuse text="not now"'), pytest.raises(psycopg2.OperationalError, match="not now"):
        cluster.connect()
    session = cluster.connect()
    pid = session.info.backend_pid
    assert pid in [one["pid"] for one in cluster.redshift.ask("GET", "sessions")]
    cluster.redshift.ask("DELETE", f"sessions/{pid}")
    with pytest.raises(psycopg2.OperationalError):
        cluster.run("SELECT 1", session)
    wait_for(lambda: pid not in [one["pid"] for one in cluster.redshift.ask("GET", "sessions")])


def test_idle_sessions_are_ended(servers, postgres, s3, cluster_database):
    one = servers.get(Redshift, "redshift-impatient", postgres=postgres, s3=s3, options=["--idle-session", "1", "--idle-transaction", "0.3"])
    with contextlib.closing(one.connect("standin")) as session, session.cursor() as cursor:
        cursor.execute("BEGIN")
        time.sleep(0.8)
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")


def test_an_answer_can_be_slow(cluster):
    started = time.monotonic()
    with cluster.redshift.fault("slow on=select seconds=0.3"):
        assert cluster.run("SELECT 1") == [(1,)]
    assert time.monotonic() - started >= 0.3


def test_tls(servers, postgres, s3, cluster_database, tmp_path):
    cert, key, authority = certificate(tmp_path / "tls")
    one = servers.get(Redshift, "redshift-tls", postgres=postgres, s3=s3, options=["--tls", cert, key])
    with contextlib.closing(one.connect("standin", sslmode="verify-full", sslrootcert=str(authority))) as session, session.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,) and session.info.ssl_in_use
    with pytest.raises(psycopg2.OperationalError, match="certificate"):
        one.connect("standin", sslmode="verify-full", sslrootcert=str(certificate(tmp_path / "other")[2]))


def test_who_holds_a_table_can_be_seen_and_ended(cluster):
    """How a loader finds the zombie in its way: its locks, whether it runs something, and the end of it."""
    two_rows(cluster)
    session = cluster.connect()
    cluster.run("BEGIN", session)
    cluster.run("UPDATE t SET n = 1", session)
    oid = cluster.run("SELECT oid FROM pg_class WHERE relname = 't' AND pg_table_is_visible(oid)")[0][0]
    holder = f"SELECT DISTINCT pid FROM svv_transactions WHERE relation = {oid} AND granted AND lock_mode <> 'AccessShareLock'"
    pid = session.info.backend_pid
    assert cluster.run(holder) == [(pid,)]
    running = f"SELECT count(*) FROM sys_query_history WHERE session_id = {pid} AND status = 'running'"
    assert cluster.run(running) == [(0,)]
    with cluster.redshift.fault("hang on=select like=42"), meanwhile(cluster.run, "SELECT 42", session) as hung:
        assert is_waiting(hung)
        assert cluster.run(running) == [(1,)]
        cluster.run(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(psycopg2.OperationalError):
            hung.result(10)
    assert session.closed
    assert cluster.run("UPDATE t SET n = 2 WHERE n = 0") == 2
