"""MariaDB on a folder of its own: an administrator on the socket, an extractor with the least rights on 127.0.0.1."""
import contextlib
import shutil

import pymysql

from servers import Server, certificate, free_port, run

# Everything Waybill's manual asks for: rows, other sessions' transactions, and what a replica says of itself.
GRANTS = """
CREATE USER 'etl'@'127.0.0.1' IDENTIFIED BY '{secret}';
GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO 'etl'@'127.0.0.1';
CREATE USER 'blind'@'127.0.0.1' IDENTIFIED BY '{secret}';
"""


class MariaDB(Server):
    secret = "s3cret of the extractor"

    def __init__(self, folder, zone="+03:00", **settings):
        """Settings are those of mariadbd. Its zone is not UTC: whatever takes the one for the other is found out."""
        super().__init__(folder)
        self.cert, self.key, self.authority = certificate(self.folder / "tls")
        self.socket = self.folder / "sock"
        self.settings = {
            "datadir": self.folder / "data", "socket": self.socket, "pid-file": self.folder / "pid", "user": "root",
            "bind-address": "127.0.0.1", "port": self.port, "default-time-zone": zone, "character-set-server": "utf8mb4",
            "ssl-cert": self.cert, "ssl-key": self.key, "max-allowed-packet": "64M", "innodb-buffer-pool-size": "512M",
            "innodb-log-file-size": "256M",
            "innodb-flush-log-at-trx-commit": 2,  # a commit survives kill -9 of the server, and needs no disk
            **({} if "log-bin" in settings else {"skip-log-bin": None}), **settings,
        }
        (self.folder / "tmp").mkdir()
        self.environment["TMPDIR"] = str(self.folder / "tmp")  # two servers that begin at once take each other's files away
        run("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--user=root",
            f"--datadir={self.folder / 'data'}", env=self.environment)

    def command(self):
        program = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        return [program, "--no-defaults", *(f"--{name}" if value is None else f"--{name}={value}" for name, value in self.settings.items())]

    def is_ready(self):
        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def start(self):
        first = self.process is None
        super().start()
        if first:
            self.run(GRANTS.format(secret=self.secret))
        return self

    def discard(self):
        self.kill()  # it would write all that it holds, for ten seconds or more

    def connect(self, database=None, **options):
        """A session of the administrator's, in autocommit unless said."""
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database, charset="utf8mb4",
                               **{"autocommit": True, "client_flag": pymysql.constants.CLIENT.MULTI_STATEMENTS, **options})

    def run(self, script, database=None):
        """Statements of the administrator's; returns the rows of the first."""
        with contextlib.closing(self.connect(database)) as session, session.cursor() as cursor:
            cursor.execute(script)
            rows = cursor.fetchall()
            while cursor.nextset():
                pass
            return rows

    def new_database(self, name):
        self.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4; GRANT SELECT ON `{name}`.* TO 'etl'@'127.0.0.1';"
                 f" GRANT SELECT ON `{name}`.* TO 'blind'@'127.0.0.1';")

    def connection(self, database, user="etl", **options):
        """As it stands in waybill.yml."""
        return {"type": "mysql", "host": "127.0.0.1", "port": self.port, "database": database, "user": user, "password": "${MARIADB_PASSWORD}",
                "tls": "verify", "tls_ca": str(self.authority), **options}


class Replica(MariaDB):
    """Of another one, which is started with `log-bin` and a `server-id` of its own; GTIDs say how far it has come."""

    status, running, right = "SHOW ALL SLAVES STATUS", "Slave_IO_Running", "SLAVE MONITOR"
    locks = "SET GLOBAL read_only = ON"
    account = "CREATE OR REPLACE USER 'replica'@'127.0.0.1' IDENTIFIED BY '{secret}'; GRANT REPLICATION SLAVE ON *.* TO 'replica'@'127.0.0.1';"

    def __init__(self, folder, primary, **settings):
        super().__init__(folder, **{"server-id": 2, "read-only": None, "relay-log": "relay", "innodb-buffer-pool-size": "64M", **settings})
        self.primary = primary

    def start(self):
        first = self.process is None
        super().start()
        if first:
            self.follow()
        return self

    def follow(self):
        self.primary.run(self.account.format(secret=self.secret))
        at = self.primary.run("SELECT @@GLOBAL.gtid_binlog_pos")[0][0]
        self.run(f"SET GLOBAL gtid_slave_pos = '{at}'; CHANGE MASTER TO {self.place_of(self.primary)}; START SLAVE")

    def place_of(self, primary):
        return (f"master_host = '127.0.0.1', master_port = {primary.port}, master_user = 'replica', master_password = '{self.secret}',"
                " master_use_gtid = slave_pos, master_connect_retry = 1")

    def halt(self, thread=""):
        self.run(f"STOP SLAVE {thread}")

    def go_on(self, thread=""):
        self.run(f"START SLAVE {thread}")

    def delay(self, seconds):
        self.run(f"STOP SLAVE; CHANGE MASTER TO master_delay = {seconds}; START SLAVE")

    def catch_up(self):
        """Returns when it has all that its primary had when this was called."""
        at = self.primary.run("SELECT @@GLOBAL.gtid_binlog_pos")[0][0]
        assert self.run(f"SELECT MASTER_GTID_WAIT('{at}', 60)")[0][0] == 0, self.run(self.status)

    def add_second(self, primary):
        """Another primary, by the channel 'second', five seconds behind."""
        primary.run(f"{self.account.format(secret=self.secret)} CREATE DATABASE IF NOT EXISTS other; CREATE OR REPLACE TABLE other.rows_of_it (id INT)")
        at = primary.run("SELECT @@GLOBAL.gtid_binlog_pos")[0][0]
        self.run("STOP ALL SLAVES")
        known = self.run("SELECT @@GLOBAL.gtid_slave_pos")[0][0]
        self.run(f"CREATE DATABASE IF NOT EXISTS other; CREATE OR REPLACE TABLE other.rows_of_it (id INT); SET GLOBAL gtid_slave_pos = '{known},{at}';"
                 f" CHANGE MASTER 'second' TO {self.place_of(primary)}, master_delay = 5; START ALL SLAVES")

    def halt_second(self):
        self.run("STOP SLAVE 'second' SQL_THREAD")

    def drop_second(self):
        self.run("STOP SLAVE 'second'; RESET SLAVE 'second' ALL")


def primary_settings():
    return {"log-bin": "binlog", "server-id": 1, "sync-binlog": 0}


class Node(MariaDB):
    """Of a Galera cluster: the first one, or one more beside `other`, which takes everything from it. Each may be written to.
    Not root's: the rsync that sends everything would be nobody's then."""

    user = "mysql"

    def __init__(self, folder, other=None):
        self.other, self.talk = other, free_port()
        beside = "gcomm://" if other is None else f"gcomm://127.0.0.1:{other.talk}"
        super().__init__(folder, **{
            "log-bin": "binlog", "log-slave-updates": None, "sync-binlog": 0, "binlog-format": "ROW", "innodb-autoinc-lock-mode": 2,
            "server-id": 1, "innodb-buffer-pool-size": "64M", "innodb-log-file-size": "16M", "wsrep-on": "ON", "wsrep-sst-method": "rsync",
            "wsrep-provider": "/usr/lib/galera/libgalera_smm.so", "wsrep-cluster-address": beside, "wsrep-node-address": "127.0.0.1",
            "wsrep-sst-receive-address": f"127.0.0.1:{free_port()}",
            "wsrep-provider-options": f"base_port={self.talk};gmcast.listen_addr=tcp://127.0.0.1:{self.talk};ist.recv_addr=127.0.0.1:{free_port()};gcache.size=8M", "user": self.user})
        run("chown", "-R", self.user, self.folder)

    def is_ready(self):
        return super().is_ready() and self.run("SHOW STATUS LIKE 'wsrep_ready'")[0][1] == "ON"

    def start(self):
        return super().start() if self.other is None else Server.start(self)  # the users are the cluster's
