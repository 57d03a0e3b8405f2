"""Servers that speak S3, pinned, from the cache that `tools/setup check` fills.

versitygw is the strictest and so the first; MinIO differs in names, tokens and repeated calls; Ceph's gateway takes any key
there is, and ignores conditions and checksums where it likes: it has to be found out. None checks everything.
"""
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import boto3
import botocore.client
import botocore.exceptions
import pytest

from servers import CACHE, START_S, STARTER, Server, certificate, free_port, run

VERSITYGW = CACHE / "versitygw-1.8.0" / "versitygw"
MINIO = CACHE / "minio-20260212" / "minio"


class S3Server(Server):
    access_key, secret = "TESTKEY", "s3cret/of+the=store"
    region = "us-east-1"
    health = "/health"
    scheme = "http"
    authority = None

    @property
    def endpoint(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.endpoint + self.health, timeout=2) as answer:
                return answer.status == 200
        except urllib.error.URLError as error:
            return "CERTIFICATE_VERIFY_FAILED" in str(error.reason)  # it speaks TLS; that is enough
        except OSError:
            return False

    def client(self, **options):
        """boto3, whose view of the store is not ours."""
        config = botocore.client.Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 2})
        return boto3.client("s3", **{"endpoint_url": self.endpoint, "aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret,
                                     "region_name": self.region, "config": config, "verify": self.authority and str(self.authority), **options})

    def new_bucket(self, name):
        self.client().create_bucket(Bucket=name)

    def connection(self, bucket, **options):
        """As it stands in waybill.yml; the keys come from the environment."""
        return {"type": "s3", "bucket": bucket, "region": self.region, "endpoint": self.endpoint, **options}


DOMAIN = "s3.localhost"  # everything below .localhost is this machine (libcurl); a wildcard needs two dots behind it


class VirtualHosts:
    """Beside its address, a server's buckets are hosts: BUCKET.s3.localhost."""

    def virtual_connection(self, bucket, **options):
        authority = {"tls_ca": str(self.authority)} if self.authority else {}
        return self.connection(bucket, endpoint=f"{self.scheme}://{DOMAIN}:{self.port}", path_style="false", **authority, **options)


class VersityGW(VirtualHosts, S3Server):
    def __init__(self, folder, data=None, tls=False, domain=None):
        """`data`: where the objects rest; a file system with extended attributes. `domain`: of buckets that are hosts."""
        super().__init__(folder)
        assert VERSITYGW.exists(), f"{VERSITYGW} is missing: run tools/setup check"
        self.data = data or self.folder / "data"
        for path in (self.data, self.folder / "iam"):
            path.mkdir(exist_ok=True)
        self.environment |= {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret, "GOMAXPROCS": "2"}
        self.tls = []
        self.domain = ["--virtual-domain", f"{domain}:{self.port}"] if domain else []
        if tls:
            cert, key, self.authority = certificate(self.folder / "tls", DOMAIN, f"*.{DOMAIN}")
            self.scheme, self.tls = "https", ["--cert", cert, "--key", key]

    def command(self):
        return [VERSITYGW, "--port", f"127.0.0.1:{self.port}", "--keep-alive", "--quiet", "--health", self.health, *self.tls, *self.domain,
                "--iam-dir", self.folder / "iam", "posix", self.data]

    def new_user(self, access_key, secret):
        run(VERSITYGW, "admin", "--access", self.access_key, "--secret", self.secret, "--endpoint-url", self.endpoint,
            "create-user", "--access", access_key, "--secret", secret, "--role", "user")


def unshared():
    """The words in front of a command that may mount, for itself and nobody else."""
    words = ["unshare", "-m" if os.getuid() == 0 else "-rm"]
    if subprocess.run([*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here (unshare -m): the full store is not tested")
    return words


class SmallVersityGW(VersityGW):
    """Its objects rest on a file system of `megabytes`, which it alone sees and which goes with it: it is never restarted.

    `fill()` takes all the room there is, by objects in a bucket of its own, and `free()` gives it back.
    """

    def __init__(self, folder, megabytes=48):
        super().__init__(folder)
        self.megabytes, self.words = megabytes, unshared()

    def command(self):
        mount = f'mount -t tmpfs -o size={self.megabytes}m none "$1" && shift && exec setpriv --pdeathsig KILL "$@"'
        return [*self.words, "sh", "-c", mount, "sh", self.data, *super().command()]

    def start(self):
        super().start()
        self.new_bucket("ballast")
        return self

    def fill(self, leave_kib=0):
        """Until not even a byte of an object fits; `leave_kib` as much is given back then."""
        client, kib, number = self.client(), self.megabytes << 9, 0
        if leave_kib:
            client.put_object(Bucket="ballast", Key="left", Body=b"x" * (leave_kib << 10))
        while kib > 0:
            try:
                client.put_object(Bucket="ballast", Key=f"b{number}", Body=b"x" * (kib << 10))
                number += 1
            except botocore.exceptions.ClientError:
                kib //= 2
        if leave_kib:
            client.delete_object(Bucket="ballast", Key="left")

    def free(self):
        for key in keys(self.client(), "ballast"):
            self.client().delete_object(Bucket="ballast", Key=key)


class MinIO(VirtualHosts, S3Server):
    health = "/minio/health/live"

    def __init__(self, folder, tls=False, domain=None):
        super().__init__(folder)
        assert MINIO.exists(), f"{MINIO} is missing: run tools/setup check"
        (self.folder / "data").mkdir(exist_ok=True)
        self.environment |= {"MINIO_ROOT_USER": self.access_key, "MINIO_ROOT_PASSWORD": self.secret, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
                             "HOME": str(self.folder), **({"MINIO_DOMAIN": domain} if domain else {})}
        certs = self.folder / "certs"
        certs.mkdir(exist_ok=True)
        self.tls = ["--certs-dir", certs]
        if tls:
            cert, key, self.authority = certificate(self.folder / "tls", DOMAIN, f"*.{DOMAIN}")
            shutil.copy(cert, certs / "public.crt")
            shutil.copy(key, certs / "private.key")
            self.scheme = "https"

    def command(self):
        return [MINIO, "server", "--address", f"127.0.0.1:{self.port}", "--quiet", *self.tls, self.folder / "data"]

    def short_lived(self, seconds, policy=None):
        """Temporary keys of the security token service, with the rights of a policy at most: what the environment of a program wants."""
        token = boto3.client("sts", endpoint_url=self.endpoint, aws_access_key_id=self.access_key, aws_secret_access_key=self.secret,
                             region_name=self.region).assume_role(RoleArn="arn:x:ignored:by:minio:role", RoleSessionName="tests", DurationSeconds=seconds,
                                                                    **({"Policy": policy} if policy else {}))
        keys = token["Credentials"]
        return {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"], "AWS_SESSION_TOKEN": keys["SessionToken"]}

    def forget(self, access_key):
        """What happens to temporary keys when their time is over (15 minutes at least): the server knows them no more."""
        self.stop()
        for path in (self.folder / "data/.minio.sys/config/iam/sts").glob(f"{access_key}*"):
            shutil.rmtree(path)
        self.start()


CEPH_CONF = """
[global]
fsid = 8a7e9f6c-1c1b-4a4e-9f0e-6f0f3c5f0b11
mon host = v1:127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms bind msgr2 = false
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 2000
mon data avail crit = 1
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/$name.log
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw enable usage log = false
rgw enable ops log = false
"""


class RadosGW(S3Server):
    """Ceph's gateway with a monitor and a store in memory behind it, from Debian's packages: some 15 s to start."""

    health = "/"

    def __init__(self, folder):
        super().__init__(folder)
        missing = [name for name in ("radosgw", "ceph-mon", "ceph-osd", "ceph", "monmaptool", "radosgw-admin") if not shutil.which(name)]
        if missing:
            pytest.skip(f"{', '.join(missing)} of Ceph not installed: run tools/setup check")
        self.conf, self.behind = self.folder / "ceph.conf", []
        monitor = free_port()
        self.conf.write_text(CEPH_CONF.format(folder=self.folder, monitor=monitor, port=self.port))
        for name in ("mon", "osd", "rgw", "run"):
            (self.folder / name).mkdir()
        run("monmaptool", "--create", "--fsid", "8a7e9f6c-1c1b-4a4e-9f0e-6f0f3c5f0b11", "--addv", "a", f"[v1:127.0.0.1:{monitor}]", self.folder / "monmap")
        run("ceph-mon", "-c", self.conf, "--mkfs", "-i", "a", "--monmap", self.folder / "monmap")

    def command(self):
        return ["radosgw", "-c", self.conf, "-f", "-n", "client.rgw"]

    def start_behind(self, *command):
        self.behind.append(STARTER.submit(self.launch, command).result())

    def ask(self, *words):
        """What its monitor says; one that has only just begun, on a busy machine, may refuse its own tool (EPERM)."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                return run("timeout", str(START_S), "ceph", "-c", self.conf, *words)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def start_osd(self):
        """On a busy machine it may know nothing of the cluster when it has to say whose it is ("wrong fsid"), and ends."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.start_behind("ceph-osd", "-c", self.conf, "-f", "-i", "0")
            while self.behind[-1].poll() is None and time.monotonic() < deadline:
                if "1 up" in self.ask("osd", "stat"):
                    return
        raise AssertionError(f"ceph-osd was not up within {START_S} s")

    def start(self):
        if not self.behind:
            number = str(uuid.uuid4())
            self.start_behind("ceph-mon", "-c", self.conf, "-f", "-i", "a")
            self.ask("osd", "new", number)
            run("ceph-osd", "-c", self.conf, "-i", "0", "--mkfs", "--osd-uuid", number)
            self.start_osd()
        first = self.process is None
        super().start()
        if first:
            run("radosgw-admin", "-c", self.conf, "user", "create", "--uid=tests", "--display-name=tests", f"--access-key={self.access_key}",
                f"--secret-key={self.secret}")
        return self

    def stop(self, timeout=30):
        super().stop(timeout)
        for process in self.behind:
            process.kill()
            process.wait()


def unfinished_uploads(client, bucket):
    """Keys of uploads that nobody completed or aborted."""
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    return [upload["Key"] for page in pages for upload in page.get("Uploads", [])]


def keys(client, bucket, prefix=""):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]
