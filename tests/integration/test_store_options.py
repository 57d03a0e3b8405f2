"""What is said of an S3 connection: whom it trusts, what it shows of itself, whose keys it takes, how long it waits, what goes out with an object."""
import shutil
import urllib.parse

import pytest

from proxy import Busy, Proxy, Stall
from relay import Relay
from server_s3 import MinIO
from servers import certificate, run
from test_virtual_hosts import BucketRoute, bucket
from waybill import assert_told


@pytest.fixture
def shop(tmp_path, s3):
    """A route over the store, whose connection a story has its own way with."""
    made = BucketRoute(tmp_path, s3, s3.connection(bucket()))
    made.usual = dict(made.connections["lake"])
    yield made
    made.assert_nothing_planted()
    assert s3.secret not in "".join(made.said)


def lake(route, **said):
    route.connections["lake"] = route.usual | {name: str(value) for name, value in said.items()}
    route.write_config()


def is_well(route):
    assert "read, write, conditional writes" in route.run("check", "lake").out


def test_a_folder_of_authorities_is_trusted_as_a_file_of_them_is_and_nobody_at_all_when_asked_for(shop, s3, tmp_path):
    cert, key, authority = certificate(tmp_path / "tls")
    folder = tmp_path / "authorities"
    folder.mkdir()
    shutil.copy(authority, folder / "ours.pem")
    with Relay(s3.port, tls=(cert, key)) as front:
        lake(shop, endpoint=front.endpoint, tls_ca_dir=folder)
        assert "is not trusted" in shop.run("check", "lake", status=8).out  # it is not hashed yet
        run("openssl", "rehash", folder)
        is_well(shop)
        lake(shop, endpoint=front.endpoint, tls_ca=authority)
        is_well(shop)
        lake(shop, endpoint=front.endpoint, tls_verify="false")
        shop.sync()
        shop.compare()
        lake(shop, endpoint=front.endpoint)
        assert_told(shop.sync(status=8), "orders: ", front.endpoint, "is not trusted", "as 'tls_ca'")


def test_a_store_that_asks_for_a_certificate_is_shown_the_one_of_the_connection(shop, s3, tmp_path):
    front_of = certificate(tmp_path / "server")
    cert, key, clients = certificate(tmp_path / "clients")
    other, its_key, _ = certificate(tmp_path / "others")
    with Relay(s3.port, tls=front_of, clients=clients) as front:
        said = {"endpoint": front.endpoint, "tls_ca": front_of[2]}
        lake(shop, **said)
        assert_told(shop.sync(status=8), "orders: ", front.endpoint, "wants another certificate of ours, or one at all", "'tls_cert' and 'tls_key'")
        lake(shop, **said, tls_cert=other, tls_key=its_key)
        assert "wants another certificate of ours" in shop.sync(status=8).err
        lake(shop, **said, tls_cert=cert, tls_key=its_key)
        assert_told(shop.sync(status=2), "orders: ", "our own certificate", "cannot be used", "'tls_cert' and 'tls_key'")
        lake(shop, **said, tls_key=key)
        assert_told(shop.sync(status=2), "'lake'", "'tls_key'", "no 'tls_cert'", "that belongs to the key")
        assert front.asked == []
        lake(shop, **said, tls_cert=cert, tls_key=key)
        shop.sync()
        shop.compare()
        both = tmp_path / "both.pem"
        both.write_text(cert.read_text() + key.read_text())
        lake(shop, **said, tls_cert=both)
        is_well(shop)


@pytest.fixture(scope="module")
def minio(servers):
    return servers.get(MinIO)


def test_a_role_is_taken_at_the_sts_of_the_connection_with_what_its_policy_asks_for(tmp_path, minio):
    """The relay in front of a real STS does what a trust policy with a condition does."""
    def without_id(headers, body):
        if urllib.parse.parse_qs(body.decode()).get("ExternalId") != ["our-id"]:
            return "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>"
        return None

    shop = BucketRoute(tmp_path, minio, minio.connection(bucket()))
    shop.usual = dict(shop.connections["lake"])
    shop.environment["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1"
    role = {"role_arn": "arn:aws:iam::123456789012:role/etl"}
    with Relay(minio.port, refuse=without_id) as sts, Relay(minio.port) as store:
        lake(shop, endpoint=store.endpoint, sts_endpoint=sts.endpoint, **role)
        assert "not authorized to perform sts:AssumeRole" in shop.sync(status=8).err
        lake(shop, endpoint=store.endpoint, sts_endpoint=sts.endpoint, external_id="our-id", **role)
        shop.sync()
        shop.compare()
        assert store.asked and all("x-amz-security-token" in {name.lower() for name in headers} for _, _, headers, _ in store.asked)
        assert b"RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fetl" in sts.asked[-1][3]


def test_a_store_that_falls_silent_is_waited_for_as_long_as_is_said(shop, s3):
    with Proxy(s3.port) as proxy:
        proxy.fault = Stall(after=100, way="down")
        said = {"endpoint": f"http://127.0.0.1:{proxy.port}", "attempts": 1}
        lake(shop, **said, stall_timeout="1s")
        assert "the last 1 seconds" in shop.sync(status=5, timeout=25).err
        lake(shop, **said, timeout="1500ms")
        assert "timed out after 15" in shop.sync(status=5, timeout=25).err
        proxy.fault = Stall(after=0, way="down")  # not even a handshake is answered
        lake(shop, **said | {"endpoint": f"https://127.0.0.1:{proxy.port}"}, connect_timeout="1200ms")
        assert "imeout" in shop.sync(status=5, timeout=9.5).err  # 10 s is what holds where nothing is said


def test_a_request_is_sent_as_often_as_is_said(shop, s3):
    with Proxy(s3.port) as proxy:
        proxy.fault = Busy()
        for attempts in (1, 3):
            before = proxy.hits
            lake(shop, endpoint=f"http://127.0.0.1:{proxy.port}", attempts=attempts)
            assert shop.run("watermark", "get", "-p", "p", "-t", "orders", status=5)
            assert proxy.hits - before == attempts


def test_how_objects_are_kept_and_whose_the_bucket_is_goes_out_with_requests(shop, s3):
    with Relay(s3.port) as front:
        lake(shop, endpoint=front.endpoint, storage_class="STANDARD_IA", sse="aws:kms:dsse", kms_key_id="arn:aws:kms:x:1:key/1", expected_bucket_owner="123456789012",
             access_key_id=s3.access_key, secret_access_key="${KEY}", checksum="crc32c", etag_quotes="false")
        shop.environment["KEY"] = shop.environment.pop("AWS_SECRET_ACCESS_KEY")
        shop.run("check", "lake", status=None)
        heard = [{name.lower(): value for name, value in headers.items()} for _, _, headers, _ in front.asked]
        puts = [headers for (method, path, _, _), headers in zip(front.asked, heard) if method == "PUT" and "uploadId" not in path]
        assert puts and all(headers["x-amz-expected-bucket-owner"] == "123456789012" for headers in heard)
        for headers in puts:
            assert headers["x-amz-storage-class"] == "STANDARD_IA" and headers["x-amz-server-side-encryption"] == "aws:kms:dsse"
            assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:aws:kms:x:1:key/1" and "x-amz-checksum-crc32c" in headers
        assert '"' not in "".join(headers.get("if-match", "") for headers in heard)
