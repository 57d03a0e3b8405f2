"""Objects of the store, read as COPY reads them: with the credentials of the statement, and never with others."""
import asyncio
import json
import urllib.parse

import boto3
import botocore.client
import botocore.exceptions

from .wire import inner


class Store:
    """`roles`: {arn: (key, secret, token or None)}; 'default' is what IAM_ROLE default stands for. `elsewhere`: buckets that are
    in another region than the cluster, and so cannot be read."""

    def __init__(self, endpoint, region, roles, authority=None, elsewhere=()):
        self.endpoint, self.region, self.roles, self.authority, self.elsewhere = endpoint, region, roles, authority, frozenset(elsewhere)
        self.expired = set()  # session tokens
        self.clients = {}  # by their keys: to make one takes long

    def keys(self, credentials):
        if credentials.role is None:
            return credentials.key, credentials.secret, credentials.token
        role = credentials.role.split(",")[-1]  # of a chain the last one reads
        if role not in self.roles:
            raise inner(30000, f"Not authorized to get credentials of role {role}", location="xen_aws_credentials_mgr.cpp:403")
        return self.roles[role]

    def open(self, credentials):
        keys = self.keys(credentials)
        if keys[2] in self.expired:
            raise inner(8001, "S3ServiceException:The provided token has expired.,Status 400,Error ExpiredToken,Rid 0,ExtRid 0,CanRetry 1",
                        location="table_s3_scanner.cpp:354")
        if keys not in self.clients:
            self.clients[keys] = self.new_client(*keys)
        return Objects(self.clients[keys], self)

    def new_client(self, key, secret, token):
        config = botocore.client.Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 2}, connect_timeout=10,
                                        read_timeout=60, request_checksum_calculation="when_required", response_checksum_validation="when_required")
        return boto3.session.Session().client("s3", endpoint_url=self.endpoint, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
                                              region_name=self.region, config=config, verify=self.authority)


def said_by(error):
    """(status, code, message) of an error of S3."""
    answer = getattr(error, "response", {})
    return answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0), answer.get("Error", {}).get("Code", "?"), answer.get("Error", {}).get("Message", "")


class Objects:
    def __init__(self, client, store):
        self.client, self.region, self.elsewhere = client, store.region, store.elsewhere

    def check_region(self, bucket, key):
        if bucket in self.elsewhere:
            raise inner(8001, "S3ServiceException:The bucket you are attempting to access must be addressed using the specified endpoint. Please send all "
                        "future requests to this endpoint.,Status 301,Error PermanentRedirect,Rid 0,ExtRid 0,CanRetry 1",
                        context=f"S3 key being read : s3://{bucket}/{key}", location="table_s3_scanner.cpp:354")

    def url(self, bucket, key):
        """As errors name it: path style, the key percent-encoded."""
        return f"https://s3.{self.region}.amazonaws.com/{bucket}/{urllib.parse.quote(key)}"

    @staticmethod
    def service_failure(error, bucket, key):
        if isinstance(error, botocore.exceptions.ClientError):
            status, code, message = said_by(error)
            code = {"403": "AccessDenied", "404": "NoSuchKey"}.get(code, code)
            said = f"S3ServiceException:{message or code},Status {status},Error {code},Rid 0,ExtRid 0,CanRetry 1"
        else:
            said = f"S3ServiceException:{type(error).__name__},Status 0,Error Network,CanRetry 1"
        return inner(8001, said, context=f"S3 key being read : s3://{bucket}/{key}", location="table_s3_scanner.cpp:354")

    def list(self, bucket, prefix):
        """[(key, size)] below a prefix: what a COPY without MANIFEST takes."""
        self.check_region(bucket, prefix)
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [(item["Key"], item["Size"]) for page in pages for item in page.get("Contents", [])]
        except botocore.exceptions.BotoCoreError as error:
            raise self.service_failure(error, bucket, prefix) from error
        except botocore.exceptions.ClientError as error:
            raise self.service_failure(error, bucket, prefix) from error

    def read_manifest(self, bucket, key):
        """[(bucket, key, size)] of a manifest's entries. A COPY that cannot read it says that it is no full path."""
        self.check_region(bucket, key)
        try:
            body = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            status = said_by(error)[0]
            if status in (403, 404):
                raise inner(8001, "COPY with MANIFEST parameter requires full path of an S3 object", context="",
                            location="s3_utility.cpp:152") from error
            raise self.service_failure(error, bucket, key) from error
        return list(self.entries(self.parse(body)))

    @staticmethod
    def parse(body):
        try:
            document = json.loads(body)
            entries = document["entries"]
            assert isinstance(entries, list)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise inner(8001, "Manifest file is not in correct json format", location="s3_utility.cpp:310") from error
        return entries

    def entries(self, entries):
        for entry in entries:
            url = entry.get("url", "") if isinstance(entry, dict) else ""
            if not url.startswith("s3://") or "/" not in url[5:]:
                raise inner(15003, "Manifest entry does not have a valid 'url'.", location="spectrum_manifest.cpp:180")
            if not isinstance(entry.get("meta"), dict):
                raise inner(15003, "File entry does not have 'meta' key.", location="spectrum_manifest.cpp:204")
            length = entry["meta"].get("content_length")
            if not isinstance(length, int) or isinstance(length, bool) or length < 0:
                raise inner(15003, "File entry does not have 'content_length' key.", location="spectrum_manifest.cpp:213")
            bucket, _, key = url[5:].partition("/")
            size = self.size(bucket, key)
            if size is None:
                if entry.get("mandatory", False) is True:
                    raise spectrum(15001, "File not found", self.url(bucket, key), message="Spectrum Scan Error: File not found")
                continue
            if length > size:
                raise spectrum(15001, f"HTTP response error code: 416 Message: InvalidRange The requested range is not satisfiable. File: {self.url(bucket, key)}")
            yield bucket, key, length

    def size(self, bucket, key):
        """None: there is no such object."""
        self.check_region(bucket, key)
        try:
            return self.client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        except botocore.exceptions.ClientError as error:
            if said_by(error)[0] == 404:
                return None
            raise self.forbidden(error, bucket, key) from error
        except botocore.exceptions.BotoCoreError as error:
            raise self.service_failure(error, bucket, key) from error

    def forbidden(self, error, bucket, key):
        status, code, message = said_by(error)
        return spectrum(15001, f"HTTP response error code: {status} Message: {code} {message}. File: {self.url(bucket, key)}")

    def read(self, bucket, key, length):
        """The first `length` bytes: what the manifest says there are is all that is read."""
        try:
            return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()[:length]
        except botocore.exceptions.ClientError as error:
            raise self.forbidden(error, bucket, key) from error
        except botocore.exceptions.BotoCoreError as error:
            raise self.service_failure(error, bucket, key) from error


def spectrum(code, context, url="", message="Spectrum Scan Error"):
    """An error of the part that reads Parquet."""
    failure = inner(code, message, context or url, location="dory_util.cpp:1450", process="worker_thread")
    failure.context = context
    return failure


async def in_thread(call, *arguments):
    return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)
