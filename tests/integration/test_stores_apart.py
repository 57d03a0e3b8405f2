"""Two stores with keys of their own in one configuration: each command takes those of the store it works on."""
import itertools
import json

import pytest

from server_s3 import VersityGW
from waybill import Pipeline, sqlite_run


BUCKETS = itertools.count(1)


class OtherGW(VersityGW):
    access_key, secret = "OTHERKEY", "another/s3cret+of=this"


class Apart(Pipeline):
    """Pipelines `p` over the first server and `q` over the second; the environment has no key that would do for both."""

    def __init__(self, folder, first, second):
        self.stores, self.bucket = {"p": first, "q": second}, f"apart-{next(BUCKETS)}"
        super().__init__(folder, {"shop": {"type": "sqlite", "path": "shop.db"}}, {"orders": {"key": "id", "increment": "id_only", "mode": "append"}}, target="none")
        self.environment = {"FIRST": first.secret, "SECOND": second.secret, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self.folder)}

    def write_config(self):
        connections = dict(self.connections)
        for number, (name, server) in enumerate(self.stores.items()):
            connections[f"lake-{name}"] = server.connection(self.bucket, access_key_id=server.access_key, secret_access_key=("${FIRST}", "${SECOND}")[number])
        pipelines = {name: {**self.pipeline, "stage": {"store": f"lake-{name}"}, "tables": self.tables} for name in self.stores}
        (self.folder / "waybill.yml").write_text(json.dumps({"connections": connections, "pipelines": pipelines}))

    def keys_of(self, name):
        return [o["Key"] for o in self.stores[name].client().list_objects_v2(Bucket=self.bucket).get("Contents", [])]


@pytest.fixture
def apart(tmp_path, servers):
    made = Apart(tmp_path, servers.get(VersityGW), servers.get(OtherGW))
    for server in made.stores.values():
        server.new_bucket(made.bucket)
    sqlite_run(tmp_path / "shop.db", "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    return made


def test_s63_each_store_is_cleaned_with_its_own_keys(apart):
    for name, server in apart.stores.items():
        apart.run("sync", "pipeline", "-p", name)
        server.client().put_object(Bucket=apart.bucket, Key=f"{name}/orders/dt=2024-01-01/wb=01890000-0000-7000-8000-000000000000/file-00000.parquet", Body=b"left")
    before = {name: set(apart.keys_of(name)) for name in apart.stores}
    apart.run("s3clean", "orphans", "-p", "q", "--older-than", "0s", "--force")
    assert set(apart.keys_of("p")) == before["p"], "the other store was not touched"
    assert before["q"] - set(apart.keys_of("q")) == {"q/orders/dt=2024-01-01/wb=01890000-0000-7000-8000-000000000000/file-00000.parquet"}
    apart.run("s3clean", "orphans", "-p", "p", "--older-than", "0s", "--force")
    assert len(before["p"]) - len(apart.keys_of("p")) == 1


def test_s63_with_the_other_stores_keys_nothing_is_cleaned(apart):
    apart.run("sync", "pipeline", "-p", "p")
    apart.environment["FIRST"] = apart.stores["q"].secret
    assert "s3cret" not in apart.run("s3clean", "orphans", "-p", "p", "--older-than", "0s", "--force", status=8).err
