"""The stand-in for Redshift (tests/standin/redshift), in front of the tests' PostgreSQL and store; no real one can be had."""
import contextlib
import json
import sys
import urllib.request

import psycopg2

from servers import Server, free_port
from waybill import ROOT

STANDIN = ROOT / "tests" / "standin" / "redshift"
ROLE = "arn:aws:iam::123456789012:role/copy"


class Redshift(Server):
    """Clients log in as PostgreSQL's roles do. `options` are words for its command line; `role`: the keys that ROLE has, KEY:SECRET[:TOKEN], the
    store's own without."""

    admin, admin_secret = "redshift_admin", "s3cret of the cluster"

    def __init__(self, folder, postgres, s3, options=(), role=None):
        super().__init__(folder)
        self.postgres, self.s3, self.options, self.control_port, self.secret = postgres, s3, options, free_port(), postgres.secret
        if not postgres.run(f"SELECT 1 FROM pg_roles WHERE rolname = '{self.admin}'"):
            postgres.run(f"CREATE ROLE {self.admin} SUPERUSER LOGIN PASSWORD '{self.admin_secret}'")
        password = self.admin_secret.replace(" ", "%20")
        self.environment |= {"STANDIN_POSTGRES": f"postgresql://{self.admin}:{password}@127.0.0.1:{postgres.port}/postgres",
                             "STANDIN_ROLES": f"{ROLE}={role or s3.access_key + ':' + s3.secret}"}

    def command(self):
        authority = ["--s3-ca", self.s3.authority] if self.s3.authority else []
        return [sys.executable, STANDIN, "--port", self.port, "--control-port", self.control_port, "--s3", self.s3.endpoint, *authority,
                "--region", self.s3.region, *self.options]

    def is_ready(self):
        try:
            self.ask("GET", "faults")
        except OSError:
            return False
        return True

    def ask(self, method, path, body=None):
        """The control port."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}/{path}", method=method, data=body and body.encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    @contextlib.contextmanager
    def fault(self, line):
        """`with redshift.fault("hang on=copy"):` it is taken back at the end."""
        number = self.ask("POST", "faults", line)[0]["number"]
        try:
            yield number
        finally:
            self.ask("DELETE", f"faults/{number}")

    def hits(self, number):
        return next((fault["hits"] for fault in self.ask("GET", "faults") if fault["number"] == number), 0)

    def connect(self, database, user="loader", password=None, **options):
        session = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password or self.secret, dbname=database, **options)
        session.autocommit = True
        return session

    def connection(self, database, user="loader", **options):
        """As it stands in waybill.yml."""
        return {"type": "redshift", "host": "127.0.0.1", "port": self.port, "database": database, "user": user, "password": "${POSTGRES_PASSWORD}", **options}

    def new_database(self, name):
        self.postgres.new_database(name)

    def run(self, script, database, **who):
        """One statement; its rows."""
        with contextlib.closing(self.connect(database, **who)) as session, session.cursor() as cursor:
            cursor.execute(script)
            return cursor.fetchall() if cursor.description else []
