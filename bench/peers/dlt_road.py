"""dlt, its SQL source by pyarrow, the filesystem or the PostgreSQL destination. usage: dlt_road.py ROAD JSON"""
import json
import os
import sys
import tempfile

import dlt
from dlt.sources.sql_database import sql_table


def main():
    road, with_ = sys.argv[1], json.loads(sys.argv[2])
    my, s3, pg = with_["mysql"], with_["s3"], with_["postgres"]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    source = f"mysql+pymysql://peer:peer@127.0.0.1:{my['port']}/{my['database']}"
    if road == "pg-extract":
        source = f"postgresql+psycopg2://peer:peer@127.0.0.1:{pg['port']}/{pg['database']}"
    table = sql_table(source, table="lineitem", backend="pyarrow", chunk_size=100_000)
    if road in ("extract", "pg-extract"):
        bucket, _, name = with_["url"].removeprefix("s3://").partition("/")
        destination = dlt.destinations.filesystem(f"s3://{bucket}", credentials={
            "aws_access_key_id": s3["key"], "aws_secret_access_key": s3["secret"], "endpoint_url": f"http://{s3['host']}", "region_name": s3["region"]})
    else:
        name = with_["into"]
        destination = dlt.destinations.postgres(f"postgresql://peer:peer@127.0.0.1:{pg['port']}/{pg['database']}")
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("peer", pipelines_dir=folder, destination=destination, dataset_name=name.replace("/", "_").replace(".", "_"))
        pipeline.run(table, loader_file_format="parquet" if "extract" in road else "csv", write_disposition="append")


main()
