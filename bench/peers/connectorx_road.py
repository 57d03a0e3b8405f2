"""connectorx and pyarrow, two partitions. usage: connectorx_road.py extract JSON"""
import json
import sys

import connectorx
import pyarrow.fs
import pyarrow.parquet


def main():
    with_ = json.loads(sys.argv[2])
    my, s3 = with_["mysql"], with_["s3"]
    table = connectorx.read_sql(f"mysql://peer:peer@127.0.0.1:{my['port']}/{my['database']}", "SELECT * FROM lineitem", partition_on="id",
                                partition_num=2, return_type="arrow")
    store = pyarrow.fs.S3FileSystem(access_key=s3["key"], secret_key=s3["secret"], region=s3["region"], endpoint_override=s3["host"], scheme="http")
    pyarrow.parquet.write_table(table, with_["url"].removeprefix("s3://"), compression="zstd", filesystem=store)


main()
