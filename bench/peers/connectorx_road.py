"""connectorx and pyarrow, two partitions. usage: connectorx_road.py ROAD JSON"""
import json
import sys
import tempfile

import boto3
import connectorx
import pyarrow.parquet


def main():
    road, with_ = sys.argv[1], json.loads(sys.argv[2])
    my, pg, s3 = with_["mysql"], with_["postgres"], with_["s3"]
    source = f"mysql://peer:peer@127.0.0.1:{my['port']}/{my['database']}"
    if road == "pg-extract":
        source = f"postgresql://peer:peer@127.0.0.1:{pg['port']}/{pg['database']}?sslmode=disable"
    table = connectorx.read_sql(source, "SELECT * FROM lineitem", partition_on="id",
                                partition_num=2, return_type="arrow")
    bucket, _, key = with_["url"].removeprefix("s3://").partition("/")
    store = boto3.client("s3", aws_access_key_id=s3["key"], aws_secret_access_key=s3["secret"], region_name=s3["region"],
                         endpoint_url=f"http://{s3['host']}")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:  # pyarrow's own client sends parts that versitygw refuses
        pyarrow.parquet.write_table(table, file.name, compression="zstd")
        store.upload_file(file.name, bucket, key)


main()
