"""From MariaDB over S3 to Redshift's stand-in: a road (road.py) whose rows rest in the PostgreSQL behind it."""
import contextlib

from proxy import Proxy
from road import Road
from server_redshift import ROLE


class RedshiftRoad(Road):
    """`by`: what COPY reads with: "role" or "keys" (the stage's own)."""

    def __init__(self, folder, name, mariadb, s3, postgres, redshift, tables, by="role", **pipeline):
        self.redshift = redshift
        super().__init__(folder, name, mariadb, s3, postgres, tables, **pipeline)
        postgres.run(f'GRANT CREATE, TEMPORARY ON DATABASE "{name}" TO loader')
        postgres.run(f'ALTER DATABASE "{name}" SET timezone = \'UTC\'')  # so that instants, which have no zone in Redshift, compare
        self.connections["dw"] = redshift.connection(name, **({"iam_role": ROLE} if by == "role" else {}))
        self.write_config()

    def through(self, connection):
        if connection != "dw":
            return super().through(connection)
        proxy = self.proxies["dw"] = Proxy(self.redshift.port)
        self.connections["dw"]["port"] = proxy.port
        self.write_config()
        return proxy

    def in_redshift(self, sql):
        """As its owner sees it, one statement."""
        return self.redshift.run(sql, self.name)

    def positions(self):
        """{table: (waybill, token)} of T, wherever it lies."""
        found = {}
        for (name,) in self.in_target("SELECT relname FROM pg_class WHERE relname LIKE 'waybill_position%' AND relkind = 'r'"):
            for table, waybill, token in self.in_target(f"SELECT target_table, waybill, token FROM {name}"):
                assert table not in found, f"two position rows of {table}"
                found[table] = (waybill, token)
        return found

    def statements(self):
        """What the stand-in was asked, without secrets; the last thousand."""
        return self.redshift.ask("GET", "log")

    @contextlib.contextmanager
    def isolation(self, level):
        self.redshift.ask("PUT", "isolation", level)
        try:
            yield
        finally:
            self.redshift.ask("PUT", "isolation", "snapshot")

    def objects(self):
        """Of each waybill that was loaded, its manifest too."""
        there, wanted = super().objects()
        loaded = {key.rpartition("/")[0] for key in wanted & there if key.endswith("/receipt.json")}
        return there, wanted | {f"{folder}/manifest.json" for folder in loaded}
