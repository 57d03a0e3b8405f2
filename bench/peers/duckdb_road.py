"""DuckDB and its scanners, two threads, as its documentation recommends. usage: duckdb_road.py ROAD JSON"""
import json
import pathlib
import sys

import duckdb


def extension(name):
    package = pathlib.Path(__import__(f"duckdb_extension_{name}").__file__).parent
    return str(next(package.glob(f"extensions/*/{name}.duckdb_extension")))


def main():
    road, with_ = sys.argv[1], json.loads(sys.argv[2])
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET preserve_insertion_order = false")
    if with_.get("s3"):
        s3 = with_["s3"]
        connection.load_extension(extension("httpfs"))
        connection.execute(f"""CREATE SECRET (TYPE s3, KEY_ID '{s3["key"]}', SECRET '{s3["secret"]}', REGION '{s3["region"]}',
                               ENDPOINT '{s3["host"]}', URL_STYLE 'path', USE_SSL false)""")
    if road in ("extract", "move"):
        my = with_["mysql"]
        connection.load_extension(extension("mysql_scanner"))
        connection.execute(f"ATTACH 'host=127.0.0.1 port={my['port']} user=peer password=peer database={my['database']}' AS my (TYPE mysql, READ_ONLY)")
    if road != "extract":
        pg = with_["postgres"]
        connection.load_extension(extension("postgres_scanner"))
        connection.execute(f"ATTACH 'host=127.0.0.1 port={pg['port']} user=peer password=peer dbname={pg['database']}' AS pg (TYPE postgres{', READ_ONLY' if road == 'pg-extract' else ''})")
    if road == "extract":
        connection.execute(f"COPY (FROM my.{with_['mysql']['database']}.lineitem) TO '{with_['url']}' (FORMAT parquet, COMPRESSION zstd)")
    elif road == "pg-extract":
        connection.execute(f"COPY (FROM pg.public.lineitem) TO '{with_['url']}' (FORMAT parquet, COMPRESSION zstd)")
    elif road == "load":
        connection.execute(f"INSERT INTO pg.public.{with_['into']} FROM read_parquet('{with_['url']}')")
    else:
        connection.execute(f"INSERT INTO pg.public.{with_['into']} FROM my.{with_['mysql']['database']}.lineitem")


main()
