"""What the tests of the stand-in for Redshift share: a schema and a bucket of their own, and words for what they do with both."""
import contextlib
import io
import itertools
import json

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server_redshift import ROLE

NUMBERS = itertools.count(1)
DATABASE = "standin"
INTS = {"id": pa.array([1, 2, 3], pa.int64())}


class Cluster:
    """A schema of its own, a bucket of its own, and words for what tests do with both."""

    def __init__(self, redshift, s3):
        self.redshift, self.s3, self.name = redshift, s3, f"standin-{next(NUMBERS)}"
        self.client = s3.client()
        self.client.create_bucket(Bucket=self.name)
        self.sessions = contextlib.ExitStack()
        self.session = self.connect()
        self.run(f'CREATE SCHEMA "{self.name}"')

    def connect(self, **options):
        return self.sessions.enter_context(contextlib.closing(self.redshift.connect(DATABASE, options=f'-c search_path="{self.name}"', **options)))

    def run(self, sql, session=None):
        with (session or self.session).cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def refuses(self, sql, sqlstate, *words, session=None):
        with pytest.raises(psycopg2.Error) as found:
            self.run(sql, session)
        assert found.value.pgcode == sqlstate, found.value
        for word in words:
            assert word in str(found.value)
        return found.value

    def put(self, key, columns, **options):
        """A Parquet file; its size."""
        body = io.BytesIO()
        pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), body, **options)
        return self.put_bytes(key, body.getvalue())

    def put_bytes(self, key, body):
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return len(body)

    def manifest(self, sizes, mandatory=True, key="manifest"):
        """`sizes`: {key: bytes}"""
        entries = [{"url": f"s3://{self.name}/{name}", "mandatory": mandatory, "meta": {"content_length": size}} for name, size in sizes.items()]
        self.put_bytes(key, json.dumps({"entries": entries}).encode())
        return key

    def copy(self, table, key, options="", role=f"IAM_ROLE '{ROLE}'"):
        return f"COPY {table} FROM 's3://{self.name}/{key}' {role} FORMAT AS PARQUET {options}"

    def copy_file(self, table, columns, options="MANIFEST", **written):
        """One file by a manifest."""
        key = f"file-{next(NUMBERS)}.parquet"
        return self.copy(table, self.manifest({key: self.put(key, columns, **written)}, key=key + ".manifest"), options)
