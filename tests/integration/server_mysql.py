"""MySQL 8.0.31 of Oracle's, from the cache that `tools/setup check` fills, on a folder of its own: as server_mariadb.py has it."""
import contextlib
import os
import shutil
import tempfile

import pytest

from server_mariadb import MariaDB
from servers import CACHE, Server, certificate, run

HOME = CACHE / "mysql-8.0.31"
# Everything Waybill's manual asks for: rows, other sessions' transactions, prepared ones, and what a replica says of itself.
GRANTS = """
CREATE USER 'etl'@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '{secret}';
GRANT PROCESS, REPLICATION CLIENT, XA_RECOVER_ADMIN ON *.* TO 'etl'@'127.0.0.1';
CREATE USER 'unprepared'@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '{secret}';
GRANT SELECT, PROCESS, REPLICATION CLIENT ON *.* TO 'unprepared'@'127.0.0.1';
CREATE USER 'blind'@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '{secret}';
"""


class MySQL(MariaDB):
    def __init__(self, folder, zone="+03:00", **settings):
        Server.__init__(self, folder)
        if not (HOME / "bin/mysqld").exists():
            pytest.skip(f"no MySQL: {HOME} is missing, which tools/setup check makes (with Maven): MySQL 8 is not tested")
        self.cert, self.key, self.authority = certificate(self.folder / "tls")
        self.socket = self.folder / "sock"
        self.environment["LD_LIBRARY_PATH"] = str(HOME / "lib/private")
        self.settings = {
            "basedir": HOME, "lc-messages-dir": HOME / "share", "datadir": self.folder / "data", "user": "root", "socket": self.socket,
            "pid-file": self.folder / "pid", "mysqlx": "OFF", "bind-address": "127.0.0.1", "port": self.port, "default-time-zone": zone,
            "ssl-ca": self.authority, "ssl-cert": self.cert, "ssl-key": self.key, "innodb-flush-log-at-trx-commit": 2,
            "sync-binlog": 0, "log-bin": "binlog", "server-id": 1, "gtid-mode": "ON", "enforce-gtid-consistency": "ON",
            "innodb-redo-log-capacity": "16M", **settings,
        }
        shutil.copytree(self.empty(), self.folder / "data")

    def empty(self):
        """A folder of data as --initialize-insecure leaves it, made once: that takes longer than all else here. Whose it is a server says when it starts."""
        made = HOME / "data-empty"
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=HOME) as scratch:
                new = f"{scratch}/data"
                run(HOME / "bin/mysqld", "--no-defaults", f"--basedir={HOME}", f"--lc-messages-dir={HOME / 'share'}", f"--datadir={new}", "--user=root",
                    "--innodb-redo-log-capacity=16M", "--initialize-insecure", env=self.environment)
                os.remove(f"{new}/auto.cnf")
                with contextlib.suppress(OSError):  # another worker's is there
                    os.rename(new, made)
        return made

    def command(self):
        return [HOME / "bin/mysqld", "--no-defaults", *(f"--{name}={value}" for name, value in self.settings.items())]

    def start(self):
        first = self.process is None
        Server.start(self)
        if first:
            self.prepare()
        return self

    def prepare(self):
        self.run("SET SESSION sql_log_bin = 0; " + GRANTS.format(secret=self.secret))

    def connection(self, database, user="etl", **options):
        return {**super().connection(database, user), "password": "${MYSQL_PASSWORD}", **options}


class MySQLReplica(MySQL):
    """Of another one; GTIDs say how far it has come. Several workers apply changes, as is its default, and not even an administrator writes."""

    status, running, right = "SHOW REPLICA STATUS", "Replica_IO_Running", "REPLICATION CLIENT"
    locks = "SET GLOBAL super_read_only = ON"
    account = ("CREATE USER IF NOT EXISTS 'replica'@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '{secret}';"
               " GRANT REPLICATION SLAVE ON *.* TO 'replica'@'127.0.0.1';")

    def __init__(self, folder, primary, **settings):
        super().__init__(folder, **{"server-id": 2, "relay-log": "relay", "performance-schema": "OFF", **settings})
        self.primary = primary

    def prepare(self):
        super().prepare()
        self.primary.run(self.account.format(secret=self.secret))
        self.run(f"CHANGE REPLICATION SOURCE TO {self.place_of(self.primary)}; START REPLICA; {self.locks}")

    def place_of(self, primary):
        return (f"SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {primary.port}, SOURCE_USER = 'replica', SOURCE_PASSWORD = '{self.secret}',"
                " SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1")

    def halt(self, thread=""):
        self.run(f"STOP REPLICA {thread}")

    def go_on(self, thread=""):
        self.run(f"START REPLICA {thread}")

    def delay(self, seconds, channel=""):
        self.run(f"STOP REPLICA SQL_THREAD FOR CHANNEL '{channel}'; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds} FOR CHANNEL '{channel}';"
                 f" START REPLICA SQL_THREAD FOR CHANNEL '{channel}'")

    def catch_up(self, primary=None):
        at = (primary or self.primary).run("SELECT @@GLOBAL.gtid_executed")[0][0]
        assert self.run(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{at}', 60)")[0][0] == 0, self.run(self.status)

    def add_second(self, primary):
        primary.run(f"{self.account.format(secret=self.secret)} CREATE DATABASE IF NOT EXISTS other; CREATE TABLE IF NOT EXISTS other.rows_of_it (id INT)")
        self.run(f"CHANGE REPLICATION SOURCE TO {self.place_of(primary)} FOR CHANNEL 'second'; START REPLICA FOR CHANNEL 'second'")
        self.catch_up(primary)
        self.delay(5, "second")

    def halt_second(self):
        self.run("STOP REPLICA SQL_THREAD FOR CHANNEL 'second'")

    def drop_second(self):
        self.run("STOP REPLICA FOR CHANNEL 'second'; RESET REPLICA ALL FOR CHANNEL 'second'")
