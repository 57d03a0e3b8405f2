"""examples/redshift against the stand-in: what is written there is enough, and the role may do no more than it has to."""
import json
import re

import pytest

from server_redshift import ROLE, Redshift
from server_s3 import MinIO, keys
from waybill import ROOT, Pipeline

EXAMPLE, AWS, SHOP = ROOT / "examples" / "redshift", ROOT / "examples" / "aws", ROOT / "examples" / "servers" / "shop.sql"
BUCKET = "acme-lake"


class Example(Pipeline):
    """The configuration as it stands, but for where the servers are."""

    def __init__(self, folder, mariadb, minio, cluster):
        self.minio, self.cluster = minio, cluster
        super().__init__(folder, {}, {})
        rights = minio.short_lived(900, (AWS / "stage.json").read_text())
        self.environment = {"SHOP_PASSWORD": mariadb.secret, "DW_PASSWORD": cluster.secret, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder), **rights}
        text = (EXAMPLE / "waybill.yml").read_text()
        for there, here in (("db.internal", f"127.0.0.1, port: {mariadb.port}, tls: off"), ("us-west-2}", f'{minio.region}, endpoint: "{minio.endpoint}"}}'),
                            ("dw.abc123xyz.us-west-2.redshift.amazonaws.com", f"127.0.0.1\n    port: {cluster.port}")):
            assert there in text
            text = text.replace(there, here)
        assert re.search(r"iam_role: (\S+)", text)[1] == ROLE
        (folder / "waybill.yml").write_text(text)

    def as_admin(self, statement):
        return self.cluster.run(statement, "dw", user=self.cluster.admin, password=self.cluster.admin_secret)


@pytest.fixture
def example(tmp_path, servers, mariadb, postgres):
    minio = servers.get(MinIO)
    minio.new_bucket(BUCKET)
    reader = minio.short_lived(900, (AWS / "loader.json").read_text())
    role = ":".join(reader[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    cluster = servers.get(Redshift, "redshift-example", postgres=postgres, s3=minio, role=role)
    postgres.run("CREATE DATABASE dw")
    mariadb.new_database("shop")
    tables = SHOP.read_text()
    mariadb.run(tables[tables.index("CREATE TABLE customers"):].replace("_to_200000", "_to_2000").replace("_to_20000", "_to_200").replace("_to_100000", "_to_1000"), "shop")
    return Example(tmp_path, mariadb, minio, cluster)


def test_what_the_example_says_is_enough(example):
    for statement in (EXAMPLE / "cluster.sql").read_text().replace("USER loader", "USER example_loader").split(";\n"):
        if statement.strip():  # the tests' loader is there already
            example.as_admin(statement)
    check = example.run("check", "--grants").out
    assert "missing" not in check, check
    plan = example.run("plan").out
    assert 'DISTKEY ("customer_id")' in plan and "DISTSTYLE ALL" in plan and 'SORTKEY ("at")' in plan and "ENCODE zstd" in plan
    example.run("sync", "pipeline", "-p", "shop")
    assert [example.as_admin(f"SELECT count(*) FROM ods.{table}") for table in ("customers", "orders", "events")] == [[(200,)], [(2000,)], [(1000,)]]
    manifests = [key for key in keys(example.minio.client(), BUCKET, "shop/") if key.endswith("manifest.json")]
    assert len(manifests) == 3
    example.run("s3clean", "clean-all", "-p", "shop", "--force")
    left = {key.rpartition("/")[2] for key in keys(example.minio.client(), BUCKET, "shop/")}
    assert left == {"waybill.json", "receipt.json"}
    actions = {action for statement in json.loads((AWS / "loader.json").read_text())["Statement"] for action in statement["Action"]}
    assert actions == {"s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"}, "the role reads"
