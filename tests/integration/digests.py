"""Are two tables equal? The two servers say so themselves.

Each computes, for every column and every 10,000 keys, the MD5 of its values in the order of the key: each value in one
text form that both know, NULL told from '' and from 'NULL'. Nothing of it goes through Waybill, or through a driver's
idea of a value. What differs is named by column and range of keys.
"""
import contextlib

BLOCK = 10_000

# How a column's value is written, by the type that MariaDB, the source, gives it: (in MariaDB, in PostgreSQL).
AS_IS = ("CAST({} AS CHAR CHARACTER SET utf8mb4)", "{}::text")
FORMS = {
    "datetime": ("DATE_FORMAT({}, '%Y-%m-%d %H:%i:%s.%f')", "to_char({}, 'YYYY-MM-DD HH24:MI:SS.US')"),
    "timestamp": ("DATE_FORMAT({}, '%Y-%m-%d %H:%i:%s.%f')", "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"),
    **dict.fromkeys(("blob", "longblob", "mediumblob", "binary", "varbinary"), ("HEX({})", "upper(encode({}, 'hex'))")),
}


def columns_of(mariadb, database, table):
    rows = mariadb.run(f"SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = '{database}'"
                       f" AND table_name = '{table}' ORDER BY ordinal_position")
    assert rows, f"there is no table {database}.{table}"
    return rows


def mariadb_digests(mariadb, database, table, columns, key):
    """One row per block: its number, its rows, and for each column its values that are not NULL, and their digest."""
    forms = [FORMS.get(kind, AS_IS)[0].format(f"`{name}`") for name, kind in columns]
    digests = ", ".join(f"COUNT(`{name}`), MD5(GROUP_CONCAT(COALESCE(CONCAT(LENGTH({form}), ':', {form}), 'NULL') ORDER BY `{key}` SEPARATOR ','))"
                        for (name, _), form in zip(columns, forms))
    with contextlib.closing(mariadb.connect(database)) as session, session.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00', group_concat_max_len = 1073741824")
        cursor.execute(f"SELECT FLOOR(`{key}` / {BLOCK}) AS block, COUNT(*), {digests} FROM `{table}` GROUP BY block ORDER BY block")
        return [[int(row[0]), *row[1:]] for row in cursor.fetchall()]


def postgres_digests(postgres, database, table, columns, key):
    forms = [FORMS.get(kind, AS_IS)[1].format(f'"{name}"') for name, kind in columns]
    digests = ", ".join(f"count(\"{name}\"), md5(string_agg(coalesce(octet_length({form}) || ':' || {form}, 'NULL'), ',' ORDER BY \"{key}\"))"
                        for (name, _), form in zip(columns, forms))
    with contextlib.closing(postgres.connect(database)) as session, session.cursor() as cursor:
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(f'SELECT floor("{key}" / {BLOCK}.0) AS block, count(*), {digests} FROM "{table}" GROUP BY block ORDER BY block')
        return [[int(row[0]), *row[1:]] for row in cursor.fetchall()]


def differences(mariadb, postgres, source, target, table, target_table=None, key="id", ignore=()):
    """What is not equal, each in words; [] when all is. `source` and `target` are databases."""
    columns = [column for column in columns_of(mariadb, source, table) if column[0] not in ignore]
    theirs = {row[0]: row for row in mariadb_digests(mariadb, source, table, columns, key)}
    ours = {row[0]: row for row in postgres_digests(postgres, target, target_table or table, columns, key)}
    found = []
    for block in sorted(theirs.keys() | ours.keys()):
        where = f"{table}, {key} from {block * BLOCK} to {(block + 1) * BLOCK - 1}"
        source_row, target_row = theirs.get(block), ours.get(block)
        if source_row is None or target_row is None or source_row[1] != target_row[1]:
            counts = [row[1] if row else 0 for row in (source_row, target_row)]
            found.append(f"{where}: {counts[0]} rows in the source, {counts[1]} in the target")
            continue
        for at, (name, _) in enumerate(columns):
            if source_row[2 + 2 * at:4 + 2 * at] != target_row[2 + 2 * at:4 + 2 * at]:
                found.append(f"{where}: column {name} differs")
    return found


def assert_equal(*sides, **options):
    found = differences(*sides, **options)
    assert found == [], "\n".join(found[:20])
