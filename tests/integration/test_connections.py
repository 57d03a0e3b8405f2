"""Connections by URI and by what other clients' files say, between real servers; `connections list|info|test`."""
import json
import os
import subprocess
import urllib.parse

import pytest

from waybill import PROGRAM


class Home:
    """A user without a configuration: a home folder with the files of other clients, and the program run in it."""

    def __init__(self, folder, mariadb, s3, postgres, name):
        self.folder, self.mariadb, self.s3, self.postgres, self.name = folder, mariadb, s3, postgres, name
        mariadb.new_database(name)
        postgres.new_database(name)
        s3.new_bucket(name)
        mariadb.run("CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(10,2), updated_at DATETIME NOT NULL, KEY (updated_at));"
                    "INSERT INTO orders VALUES (1, 9.50, NOW() - INTERVAL 2 DAY), (2, 20, NOW() - INTERVAL 1 HOUR)", name)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": s3.access_key,
                            "AWS_SECRET_ACCESS_KEY": s3.secret}
        self.said = ""

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def uri(self, connection, user=None, **more):
        """The URI that says the same as this connection of the configuration, without its password."""
        options = {name: value for name, value in connection.items() if name != "password"} | more
        scheme, host, port, database = (options.pop(name) for name in ("type", "host", "port", "database"))
        usual = options.pop("user")
        user = usual if user is None else user
        query = urllib.parse.urlencode(options)
        return f"{scheme}://{user}{'@' if user else ''}{host}:{port}/{database}?{query}"

    def source(self, **more):
        return self.uri(self.mariadb.connection(self.name), **more)

    def target(self, **more):
        return self.uri(self.postgres.connection(self.name), **more)

    def stage(self):
        return f"s3://{self.name}/raw/shop?region=us-east-1&endpoint={self.s3.endpoint}"

    def run(self, *words, status=0):
        done = subprocess.run([PROGRAM, *words], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.said += done.stdout + done.stderr
        assert done.returncode == status, done.stderr
        for server in (self.mariadb, self.s3, self.postgres):
            assert server.secret not in done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def check(self, word, status=0):
        return json.loads(self.run("check", word, "--output", "json", status=status))["connections"][0]


@pytest.fixture
def home(tmp_path, mariadb, s3, postgres, request):
    return Home(tmp_path, mariadb, s3, postgres, f"uri-{abs(hash(request.node.name)) % 1000000}")


def test_without_a_configuration_rows_move_by_uris_and_go_on_where_they_stopped(home):
    home.environment["MYSQL_PWD"], home.environment["PGPASSWORD"] = home.mariadb.secret, home.postgres.secret
    words = ["sync", "connections", "-s", home.source(), "-r", home.target(), "--stage", home.stage(), "-t", "orders", "--output", "json"]
    assert json.loads(home.run(*words))["summary"]["total_rows_processed"] == 2
    assert home.postgres.run("SELECT id, total::text FROM orders ORDER BY id", home.name) == [(1, "9.50"), (2, "20.00")]
    assert json.loads(home.run(*words))["summary"]["total_rows_processed"] == 0
    keys = [key for key in (each["Key"] for each in home.s3.client().list_objects_v2(Bucket=home.name)["Contents"]) if key.endswith(".parquet")]
    assert len(keys) == 1 and keys[0].startswith("raw/shop/")
    # The same place by other words is the same pipeline: another user's name, the password from elsewhere.
    home.environment["SHOP_PASSWORD"] = home.environment.pop("MYSQL_PWD")
    words[3] = home.source(user="etl:${SHOP_PASSWORD}")
    assert json.loads(home.run(*words))["summary"]["total_rows_processed"] == 0


def test_a_folder_that_looks_like_a_name_is_told_how_it_is_written(tmp_path):
    words = ["sync", "connections", "-s", "sqlite:shop.db", "-r", "none", "--stage", "lake", "-t", "orders"]
    done = subprocess.run([PROGRAM, *words], cwd=tmp_path, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and "'lake' is no URI, and there is no 'waybill.yml'" in done.stderr and "a folder is ./lake" in done.stderr


def test_passwords_come_from_the_files_of_the_databases_own_clients(home):
    cnf = home.write(".my.cnf", f"[client]\nuser = etl\npassword = \"{home.mariadb.secret}\"\nhost = nowhere.invalid\n")
    home.write(".pgpass", f"127.0.0.1:{home.postgres.port}:*:loader:{home.postgres.secret}\n")
    assert f"password from '{cnf}'" in home.check(home.source(user=""))["note"]
    home.write("waybill.yml", json.dumps({"connections": {"dw": {**home.postgres.connection(home.name), "password": None}}, "pipelines": {
        "p": {"source": "s", "stage": {"store": "l"}, "target": "dw"}}}).replace('"password": null, ', ""))
    config = json.loads((home.folder / "waybill.yml").read_text())
    config["connections"] |= {"s": {"type": "sqlite", "path": "s.db"}, "l": {"type": "directory", "path": "l"}}
    home.write("waybill.yml", json.dumps(config))
    assert home.check("dw")["note"] == "password from '~/.pgpass'"
    home.environment["PGPASSWORD"] = home.postgres.secret
    assert home.check("dw")["note"] == "password from PGPASSWORD"
    config["connections"]["dw"] |= {"password": "${DW}"}
    home.write("waybill.yml", json.dumps(config))
    home.environment |= {"DW": home.postgres.secret, "PGPASSWORD": "not this one"}
    assert home.check("dw")["note"] == "password from the configuration"
    home.environment["DW"] = "n0t-the-passw0rd"
    home.run("check", "dw", status=8)


def test_a_service_says_what_the_connection_does_not(home):
    postgres = home.postgres
    home.write(".pg_service.conf", f"[dw]\nhost=127.0.0.1\nport={postgres.port}\ndbname={home.name}\nuser=loader\npassword={postgres.secret}\n")
    home.write("waybill.yml", json.dumps({
        "connections": {"dw": {"type": "postgres", "service": "dw", "tls": "verify", "tls_ca": str(postgres.authority)}, "s": {"type": "sqlite", "path": "s.db"},
                        "l": {"type": "directory", "path": "l"}},
        "pipelines": {"p": {"source": "s", "stage": {"store": "l"}, "target": "dw"}}}))
    assert home.check("dw")["ok"]
    home.write(".pg_service.conf", "[other]\nhost=127.0.0.1\n")
    home.run("check", "dw", status=2)



def test_connections_are_listed_without_being_opened_and_told_of_without_their_secrets(home):
    home.write("waybill.yml", json.dumps({"connections": {
        "shop": {**home.mariadb.connection(home.name), "password": "${NOT_SET}"}, "lake": {"type": "s3", "bucket": "b", "secret_access_key": home.s3.secret}}}))
    listed = json.loads(home.run("connections", "list", "--output", "json"))["connections"]
    assert [each["connection"] for each in listed] == ["shop", "lake"]
    assert listed[0]["address"] == f"{home.mariadb.connection('x')['type']}://etl@127.0.0.1:{home.mariadb.port}/{home.name}"
    home.run("connections", "test", "shop", status=2)
    home.environment["NOT_SET"] = home.mariadb.secret
    home.run("connections", "test", "shop")
    told = json.loads(home.run("connections", "info", "shop", "--output", "json"))
    assert {"option": "password", "value": "***", "from": told["options"][[o["option"] for o in told["options"]].index("password")]["from"]} in told["options"]
    assert "MariaDB" in told["connections"][0]["version"]
    assert told["connections"][0]["tls"].startswith("TLSv1.") and told["connections"][0]["latency_ms"] > 0
    home.write("waybill.yml", json.dumps({"connections": {"shop": home.mariadb.connection(home.name) | {"password": "${NOT_SET}"}}}))
    assert "shop" in home.run("check")  # without a word, it is those of the configuration


def test_what_was_moved_by_uris_is_looked_at_and_marked_by_the_same_three(home):
    home.environment["MYSQL_PWD"], home.environment["PGPASSWORD"] = home.mariadb.secret, home.postgres.secret
    route = ["-s", home.source(), "-r", home.target(), "--stage", home.stage()]
    home.run("sync", "connections", *route, "-t", "orders")
    status = json.loads(home.run("status", *route, "--output", "json"))["tables"]
    assert [(row["table"], row["last_result"], row["waiting"]) for row in status] == [("orders", "success", 0)]
    assert status[0]["next"].startswith("waybill sync connections -s ") and status[0]["next"].endswith(" -t orders")
    assert json.loads(home.run("audit", *route, "-t", "orders", "--output", "json"))["tables"][0]["audit_status"] == "passed"
    home.run("watermark", "set", *route, "-t", "orders", "--timestamp", "2020-01-01 00:00:00", "--reason", "again")
    at = json.loads(home.run("watermark", "get", *route, "-t", "orders", "--output", "json"))["extracted"]["pos"]["at"]
    assert at == "2020-01-01 03:00:00", "what is said is UTC; the server's clock, which stamps the rows, is three hours ahead"
    history = json.loads(home.run("watermark", "history", *route, "-t", "orders", "--output", "json"))["history"]
    assert [(entry["change"], entry["reason"]) for entry in history] == [("set", "again")]
    home.run("watermark", "restore", *route, "-t", "orders", "--wait", "5s")
    assert json.loads(home.run("sync", "connections", *route, "-t", "orders", "--output", "json"))["summary"]["total_rows_processed"] == 0
    assert "exact" in home.run("types", route[1], route[3]) and "exact" in home.run("types", route[1], "sqlite")
    assert "needs -r too" in home.run("status", "-s", route[1], status=2)
