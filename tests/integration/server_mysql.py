"""MySQL 8.0.31 of Oracle's, from the cache that `tools/setup check` fills, on a folder of its own: as server_mariadb.py has it."""
import contextlib

import pymysql
import pytest

from server_mariadb import MariaDB
from servers import CACHE, Server, certificate, run

HOME = CACHE / "mysql-8.0.31"
# Everything Waybill's manual asks for: rows, other sessions' transactions, prepared ones, and what a replica says of itself.
GRANTS = """
CREATE USER 'etl'@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY '{secret}';
GRANT PROCESS, REPLICATION CLIENT, XA_RECOVER_ADMIN ON *.* TO 'etl'@'127.0.0.1';
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
            "sync-binlog": 0, "log-bin": "binlog", "server-id": 1, "gtid-mode": "ON", "enforce-gtid-consistency": "ON", **settings,
        }
        run(*self.command(), "--initialize-insecure", env=self.environment)

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
