#!/usr/bin/env python3
"""Writes the files of this folder anew: python make.py, in an environment with pyspark==4.0.1 and Java 17."""
import pathlib
import shutil

from pyspark.sql import SparkSession
from pyspark.sql import types as t

import rows

HERE = pathlib.Path(__file__).resolve().parent
FILES = {  # name: (what the session says, what the writer is told)
    "int96": ({}, {}),  # as Spark writes when nobody says anything: snappy, and INT96
    "millis": ({"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS"}, {}),
    "v2": ({"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}, {"parquet.writer.version": "v2", "compression": "zstd"}),
    "v2-plain": ({}, {"parquet.writer.version": "v2", "parquet.enable.dictionary": "false", "compression": "gzip"}),
    "legacy": ({"spark.sql.parquet.writeLegacyFormat": "true"}, {"compression": "gzip"}),
    "lz4": ({}, {"compression": "lz4"}),  # in Hadoop's frames
    "lz4-raw": ({}, {"compression": "lz4_raw"}),
    "none": ({}, {"compression": "none", "parquet.enable.dictionary": "false"}),
}
TYPES = [t.BooleanType(), t.ByteType(), t.ShortType(), t.IntegerType(), t.LongType(), t.FloatType(), t.DoubleType(), t.StringType(), t.BinaryType(),
         t.DateType(), t.TimestampType(), t.TimestampNTZType(), t.DecimalType(9, 2), t.DecimalType(18, 4), t.DecimalType(38, 10), t.LongType()]


def save(frame, name, told):
    folder = HERE / f"{name}.new"
    frame.coalesce(1).write.mode("overwrite").options(**told).parquet(str(folder))
    shutil.move(next(folder.glob("part-*.parquet")), HERE / f"{name}.parquet")
    shutil.rmtree(folder)


def main():
    spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1")
             .config("spark.driver.host", "127.0.0.1").config("spark.sql.session.timeZone", "UTC").getOrCreate())
    schema = t.StructType([t.StructField(name, type, name != "id") for name, type in zip(rows.NAMES, TYPES)])
    frame = spark.createDataFrame([rows.as_spark(rows.row(i)) for i in range(rows.COUNT)], schema)
    for name, (said, told) in FILES.items():
        for key, value in said.items():
            spark.conf.set(key, value)
        save(frame, name, told)
        for key in said:
            spark.conf.unset(key)
    save(frame.limit(0), "empty", {})
    save(spark.createDataFrame([([1, 2],)], t.StructType([t.StructField("numbers", t.ArrayType(t.IntegerType()))])), "nested", {})


if __name__ == "__main__":
    main()
