"""From MariaDB over S3 to PostgreSQL: one pipeline through real servers, with databases and a bucket of its own.

    road = roads({"lineitem": {"increment": "hybrid"}}, lag="1s")       # the fixture of conftest.py
    lineitem.create(road.mariadb, road.name)
    road.sync()
    road.assert_equal()

Between the program and each server may stand a proxy: `road.through("lake")` puts one there.
"""
import digests
import server_s3
from proxy import Proxy
from waybill import Pipeline


class Road(Pipeline):
    def __init__(self, folder, name, mariadb, s3, postgres, tables, **pipeline):
        """`name`: of the database on both sides, and of the bucket, all new."""
        self.name, self.mariadb, self.s3, self.postgres = name, mariadb, s3, postgres
        mariadb.new_database(name)
        postgres.new_database(name)
        s3.new_bucket(name)
        self.client = s3.client()
        self.proxies = {}
        super().__init__(folder, {"shop": mariadb.connection(name), "lake": s3.connection(name), "dw": postgres.connection(name)}, tables, **pipeline)
        self.environment = {"MARIADB_PASSWORD": mariadb.secret, "POSTGRES_PASSWORD": postgres.secret, "AWS_ACCESS_KEY_ID": s3.access_key,
                            "AWS_SECRET_ACCESS_KEY": s3.secret, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self.folder)}

    def close(self):
        for proxy in self.proxies.values():
            proxy.close()

    def through(self, connection):
        """A proxy in front of this connection's server, from the next run on."""
        server = {"shop": self.mariadb, "lake": self.s3, "dw": self.postgres}[connection]
        proxy = self.proxies[connection] = Proxy(server.port)
        if connection == "lake":
            self.connections[connection]["endpoint"] = f"{self.s3.scheme}://127.0.0.1:{proxy.port}"
        else:
            self.connections[connection]["port"] = proxy.port
        self.write_config()
        return proxy

    def in_the_clear(self):
        """MariaDB without TLS from the next run on, and so its rows in the binary protocol."""
        self.connections["shop"] = {**self.connections["shop"], "tls": "off"}
        self.connections["shop"].pop("tls_ca")
        self.write_config()

    def in_source(self, script):
        return self.mariadb.run(script, self.name)

    def in_target(self, script):
        return self.postgres.run(script, self.name)

    def read(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def keys(self, prefix=""):
        return server_s3.keys(self.client, self.name, prefix)

    def uploads(self):
        return server_s3.unfinished_uploads(self.client, self.name)

    def target_of(self, table):
        return (self.tables[table] or {}).get("target", table)

    def differences(self, key="id", only=None):
        return [found for table in self.tables if only in (None, table)
                for found in digests.differences(self.mariadb, self.postgres, self.name, self.name, table, self.target_of(table), key)]

    def assert_equal(self, key="id"):
        found = self.differences(key)
        assert found == [], "\n".join(found[:20])

    def assert_no_secret(self):
        """No password or key stands in what was printed or stored."""
        everything = "".join(self.said) + "".join(self.read(key).decode(errors="replace") for key in self.keys() if not key.endswith(".parquet"))
        for server in (self.mariadb, self.s3, self.postgres):
            assert server.secret not in everything, f"the secret of {type(server).__name__} got out"
