"""The policies of examples/aws, each on a server that enforces policies: what it is for works, and nothing else does."""
import json

import boto3
import botocore.exceptions
import pytest

from server_moto import Moto
from server_s3 import MinIO, keys
from waybill import ROOT, Pipeline, sqlite_run

AWS = ROOT / "examples" / "aws"
MARKERS = "airflow-completion-markers"


class Shop(Pipeline):
    """SQLite over MinIO to SQLite; `become` makes the program somebody whose rights are those of a policy."""

    def __init__(self, folder, minio, bucket):
        self.minio, self.bucket = minio, bucket
        super().__init__(folder, {"shop": {"type": "sqlite", "path": "shop.db"}, "lake": minio.connection(bucket), "dw": {"type": "sqlite", "path": "dw.db"},
                                  "marks": minio.connection(f"{bucket}-markers", access_key_id="${MARK_KEY}", secret_access_key="${MARK_SECRET}", session_token="${MARK_TOKEN}")},
                         {"orders": {"key": "id", "increment": "id_only", "mode": "append"}})
        self.become()

    def token(self, policy=None):
        text = (AWS / f"{policy}.json").read_text().replace("acme-lake", self.bucket).replace(MARKERS, f"{self.bucket}-markers") if policy else None
        if text:
            text = text.replace("/shop/*", "/p/*").replace('"shop/*"', '"p/*"')
        client = boto3.client("sts", endpoint_url=self.minio.endpoint, aws_access_key_id=self.minio.access_key, aws_secret_access_key=self.minio.secret, region_name="us-east-1")
        return client.assume_role(RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="test", DurationSeconds=900, **({"Policy": text} if text else {}))["Credentials"]

    def become(self, policy=None, marks=None):
        main, mark = self.token(policy), self.token(marks or policy)
        self.environment = {"AWS_ACCESS_KEY_ID": main["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": main["SecretAccessKey"], "AWS_SESSION_TOKEN": main["SessionToken"],
                            "MARK_KEY": mark["AccessKeyId"], "MARK_SECRET": mark["SecretAccessKey"], "MARK_TOKEN": mark["SessionToken"],
                            "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self.folder)}

    def client(self, policy):
        token = self.token(policy)
        return self.minio.client(aws_access_key_id=token["AccessKeyId"], aws_secret_access_key=token["SecretAccessKey"], aws_session_token=token["SessionToken"])


@pytest.fixture
def shop(tmp_path, servers, request):
    minio = servers.get(MinIO)
    bucket = f"policy-{abs(hash(request.node.name)) % 10 ** 8}"
    minio.new_bucket(bucket), minio.new_bucket(f"{bucket}-markers")
    sqlite_run(tmp_path / "shop.db", "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    return Shop(tmp_path, minio, bucket)


def test_with_the_policies_of_stage_and_markers_a_pipeline_works(shop):
    shop.become("stage", marks="markers")
    shop.sync("--s3-completion-bucket", "marks", "--marker-stamp", "X")
    shop.run("status")
    shop.run("s3clean", "orphans", "--force", "--older-than", "0s")
    shop.run("s3clean", "clean", "-t", "orders", "--force")
    shop.run("watermark", "reset", "-t", "orders", "--allow-duplicates")
    found = keys(shop.minio.client(), f"{shop.bucket}-markers")
    assert [key.rpartition("/")[2] for key in found] == ["completion_marker.txt", "execution_metadata.json", "table_metrics.json"]
    assert shop.run("marker", "list", "-b", "marks", "--output", "json").json()["markers"][0]["status"] == "success", "to list is allowed"
    shop.run("marker", "show", "-b", "marks", "-t", "orders", "--output", "json", status=8)
    shop.run("marker", "clean", "-b", "marks", "--older-than", "0s", "--force", status=3)
    assert keys(shop.minio.client(), f"{shop.bucket}-markers") == found


def test_a_warehouse_reads_staged_files_and_nothing_else(shop):
    shop.sync()
    client = shop.client("loader")
    (part,) = [key for key in keys(client, shop.bucket, "p/") if key.endswith(".parquet")]
    assert client.get_object(Bucket=shop.bucket, Key=part)["Body"].read()[:4] == b"PAR1"
    for refused in (lambda: client.get_object(Bucket=shop.bucket, Key="watermark/tables/p/orders.json"), lambda: client.put_object(Bucket=shop.bucket, Key="p/x", Body=b""),
                    lambda: client.delete_object(Bucket=shop.bucket, Key=part), lambda: keys(client, shop.bucket, "watermark/")):
        with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
            refused()


def test_an_audit_looks_at_everything_and_changes_nothing(shop):
    shop.sync("--s3-completion-bucket", "marks", "--marker-stamp", "X")
    before = keys(shop.minio.client(), shop.bucket)
    shop.become("audit")
    assert shop.run("s3clean", "list", "--output", "json").json()["tables"][0]["loaded"]["files"] == 1
    for look in (["status"], ["watermark", "list"], ["watermark", "get", "-t", "orders"], ["lease", "list"], ["marker", "list", "-b", "marks"],
                 ["marker", "show", "-b", "marks", "-t", "orders"], ["marker", "wait", "-b", "marks", "-t", "orders", "--stamp", "X"]):
        shop.run(*look)
    shop.sync(status=8)
    shop.run("s3clean", "clean", "-t", "orders", "--force", status=8)
    assert keys(shop.minio.client(), shop.bucket) == before


def test_lifecycle_rules_are_taken(shop, servers):
    stage, markers = (json.loads((AWS / f"lifecycle-{name}.json").read_text()) for name in ("stage", "markers"))
    assert all("Expiration" not in rule for rule in stage["Rules"]), "what is there may wait for its load"
    moto = servers.get(Moto).client("s3")
    for name, rules in (("stage", stage), ("markers", markers)):
        moto.create_bucket(Bucket=name)
        moto.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules)
        assert [rule["ID"] for rule in moto.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]] == [rule["ID"] for rule in rules["Rules"]]
    del markers["Rules"][0]["Transitions"]  # MinIO has no such classes
    shop.minio.client().put_bucket_lifecycle_configuration(Bucket=f"{shop.bucket}-markers", LifecycleConfiguration=markers)
