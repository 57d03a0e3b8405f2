"""PostgreSQL 15 on a folder of its own, as a user that is not root: an administrator on the socket, a loader on 127.0.0.1."""
import contextlib
import os
import pathlib
import shutil
import time

import psycopg2

from servers import Server, certificate, run

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


class PostgreSQL(Server):
    user = "postgres"  # Debian's package makes it
    secret = "s3cret of the loader"

    def __init__(self, folder, **settings):
        super().__init__(folder)
        self.cert, self.key, self.authority = certificate(self.folder / "tls")
        self.settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder, "ssl": "on", "ssl_cert_file": self.cert,
            "ssl_key_file": self.key, "fsync": "off", "full_page_writes": "off",  # kill -9 of a server needs no disk
            "shared_buffers": "256MB", "max_wal_size": "4GB", "timezone": "Asia/Kolkata", **settings,
        }
        if os.getuid() == 0:
            for path in (self.folder, self.key.parent, self.key):
                shutil.chown(path, self.user)
        self.key.chmod(0o600)
        self.make_data()

    def make_data(self):
        run("setpriv", *self.as_user(), BIN / "initdb", "-D", self.folder / "data", "-U", "postgres", "--auth-local=trust",
            "--auth-host=scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", cwd=self.folder)

    def command(self):
        settings = (word for name, value in self.settings.items() for word in ("-c", f"{name}={value}"))
        return [BIN / "postgres", "-D", self.folder / "data", *settings]

    def is_ready(self):
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def start(self):
        first = self.process is None
        super().start()
        if first:
            self.prepare()
        return self

    def prepare(self):
        self.run(f"CREATE ROLE loader LOGIN PASSWORD '{self.secret}'")

    def connect(self, database="postgres"):
        session = psycopg2.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database)
        session.autocommit = True
        return session

    def run(self, script, database="postgres"):
        """Statements of the administrator's; returns the rows of the last."""
        with contextlib.closing(self.connect(database)) as session, session.cursor() as cursor:
            cursor.execute(script)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, name):
        """The loader may make tables there, and owns nothing else."""
        self.run(f'CREATE DATABASE "{name}"')
        self.run("GRANT CREATE ON SCHEMA public TO loader", name)

    def pooler(self, database, mode):
        """A pgbouncer in front of one database: `mode` session, transaction or statement."""
        return PgBouncer(self, database, mode).start()

    def connection(self, database, user="loader", **options):
        """As it stands in waybill.yml."""
        return {"type": "postgres", "host": "127.0.0.1", "port": self.port, "database": database, "user": user, "password": "${POSTGRES_PASSWORD}",
                "tls": "verify", "tls_ca": str(self.authority), **options}


class Standby(PostgreSQL):
    """A copy of another one that follows it by streaming, and answers queries."""

    def __init__(self, folder, primary, **settings):
        self.primary = primary
        super().__init__(folder, **{"shared_buffers": "64MB", "hot_standby": "on", "wal_retrieve_retry_interval": "200ms", **settings})

    def make_data(self):
        run("setpriv", *self.as_user(), BIN / "pg_basebackup", "-D", self.folder / "data", "-h", self.primary.folder, "-p", self.primary.port,
            "-U", "postgres", "-R", "-X", "stream", "--no-sync", "-c", "fast", cwd=self.folder)

    def prepare(self):
        """Its roles are those of its primary."""

    def catch_up(self):
        """Returns when it shows all that its primary had when this was called."""
        at = self.primary.run("SELECT pg_current_wal_lsn()")[0][0]
        deadline = time.monotonic() + 60
        while not self.run(f"SELECT pg_last_wal_replay_lsn() >= '{at}'")[0][0]:
            assert time.monotonic() < deadline, "the standby does not come after"
            time.sleep(0.05)


class PgBouncer(Server):
    user = "postgres"  # it does not run as root

    def __init__(self, postgres, database, mode):
        super().__init__(postgres.folder / f"pgbouncer-{mode}")
        self.database = database
        (self.folder / "users").write_text(f'"loader" "{postgres.secret}"\n')
        (self.folder / "ini").write_text(f"""
[databases]
{database} = host=127.0.0.1 port={postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = plain
auth_file = {self.folder}/users
pool_mode = {mode}
""")
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user)
        self.secret = postgres.secret

    def command(self):
        return ["/usr/sbin/pgbouncer", self.folder / "ini"]

    def is_ready(self):
        try:
            psycopg2.connect(host="127.0.0.1", port=self.port, user="loader", password=self.secret, dbname=self.database).close()
        except psycopg2.OperationalError:
            return False
        return True
