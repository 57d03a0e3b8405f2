"""Buckets that are hosts of their own, as on AWS: BUCKET.s3.localhost of real servers, in plain and with a wildcard's certificate."""
import itertools

import pytest

from server_s3 import DOMAIN, MinIO, VersityGW
from servers import Servers
from waybill import Route, assert_told

MAKE = "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, 'a'), (2, 'b');"
TABLES = {"orders": {"increment": "id_only", "mode": "append"}}
NUMBERS = itertools.count(1)


class BucketRoute(Route):
    """From SQLite over a bucket into SQLite."""

    def __init__(self, folder, store, connection):
        super().__init__(folder, TABLES, lag="0s", part_bytes="5MiB")
        self.bucket, self.client = connection["bucket"], store.client()
        store.new_bucket(self.bucket)
        self.connections["lake"] = connection
        self.write_config()
        self.in_source(MAKE)
        self.environment = {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder)}

    def keys(self, prefix=""):
        return [item["Key"] for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix) for item in page.get("Contents", [])]

    def read(self, key):
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def uploads(self):
        return [upload["Key"] for upload in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])]


def bucket():
    return f"hosts-{next(NUMBERS)}"


@pytest.fixture(scope="module", params=[(VersityGW, False), (VersityGW, True), (MinIO, False), (MinIO, True)], ids=lambda one: f"{one[0].__name__}-{'tls' if one[1] else 'plain'}")
def store(request):
    servers = Servers()
    yield servers.get(request.param[0], tls=request.param[1], domain=DOMAIN)
    servers.close()


def test_a_bucket_that_is_a_host_is_filled_listed_marked_and_cleaned(store, tmp_path):
    name = bucket()
    road = BucketRoute(tmp_path, store, store.virtual_connection(name))
    assert "read, write, conditional writes" in road.run("check", "lake").out
    for n in range(3):
        road.sync("--s3-completion-bucket", name)
        road.in_source(f"INSERT INTO orders VALUES ({10 + n}, 'ü')")
    road.in_source("INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT i, hex(randomblob(100)) FROM n")
    road.sync()
    road.compare()
    assert len(road.keys("completion_markers/p/orders/")) == 9
    assert "60000" not in road.run("s3clean", "list", "-t", "orders").err
    road.assert_tidy()
    road.run("s3clean", "clean", "-t", "orders", "--force")
    assert [key for key in road.keys() if key.endswith(".parquet")] == []


def test_a_bucket_with_a_dot_is_in_the_path_by_itself_and_said_why_where_it_must_not_be(store, tmp_path):
    name = f"{bucket()}.dotted"
    connection = store.virtual_connection(name)
    road = BucketRoute(tmp_path, store, connection)
    if store.scheme == "https":
        done = road.sync(status=8)
        assert_told(done, "orders: ", f"{name}.{DOMAIN}", "certificate", "path_style")
    else:
        road.sync()
    road.connections["lake"] = {key: value for key, value in connection.items() if key != "path_style"}
    road.write_config()
    road.sync()
    road.compare()


def test_a_server_that_knows_no_hosts_is_told_of(s3, tmp_path):
    name = bucket()
    road = BucketRoute(tmp_path, s3, s3.virtual_connection(name))
    done = road.sync(status=None)
    assert done.status in (2, 4)
    assert "path_style" in done.err and "what to do" in done.err
