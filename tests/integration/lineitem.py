"""The table of the measurements: 18 columns, as TPC-H's lineitem with a key and a cursor, made by MariaDB itself.

Rows are a function of their number and of nothing else. Cursors are a minute or so around one every 10 ms, so they
are nearly but not quite in the order of the keys, and end an hour ago.
"""
CREATE = """
CREATE TABLE `{table}` (
  id BIGINT NOT NULL PRIMARY KEY, l_orderkey BIGINT NOT NULL, l_partkey BIGINT NOT NULL, l_suppkey INT NOT NULL, l_linenumber INT NOT NULL,
  l_quantity DECIMAL(15,2) NOT NULL, l_extendedprice DECIMAL(15,2) NOT NULL, l_discount DECIMAL(15,2) NOT NULL, l_tax DECIMAL(15,2) NOT NULL,
  l_returnflag CHAR(1) NOT NULL, l_linestatus CHAR(1) NOT NULL, l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL,
  l_shipinstruct VARCHAR(25) NOT NULL, l_shipmode VARCHAR(10) NOT NULL, l_comment VARCHAR(44) NOT NULL, updated_at DATETIME(6) NOT NULL,
  KEY updated_at (updated_at))
"""


def create_postgres(table):
    """The same table, and index, for PostgreSQL."""
    columns = CREATE.format(table=table).replace("`", "").replace("DATETIME", "TIMESTAMP").replace(",\n  KEY updated_at (updated_at)", "")
    return f"{columns}; CREATE INDEX ON {table} (updated_at)"


# h: 32 bits that look random, a function of the row's number; others of them by other multipliers.
INSERT = """
INSERT INTO `{table}`
SELECT seq, (seq DIV 4 DIV 8) * 32 + (seq DIV 4) % 8, 1 + h % 100000, 1 + (h * 7 + 3) % 5000, 1 + seq % 7,
  1 + h % 50, (1 + h % 50) * (90000 + h % 20001) / 100, (h % 11) / 100, (h % 9) / 100,
  ELT(1 + h % 3, 'R', 'A', 'N'), ELT(1 + (h DIV 7) % 2, 'O', 'F'),
  DATE('1992-01-02') + INTERVAL (seq DIV 4 * 7919) % 2405 + h % 121 DAY, DATE('1992-01-02') + INTERVAL (seq DIV 4 * 7919) % 2405 + h % 61 DAY,
  DATE('1992-01-03') + INTERVAL (seq DIV 4 * 7919) % 2405 + h % 151 DAY,
  ELT(1 + h % 4, 'DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'),
  ELT(1 + h % 7, 'REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'),
  LEFT(CONCAT_WS(' ', {words}), 10 + h % 34),
  {now} - INTERVAL 1 HOUR - INTERVAL ({rows} - seq) * 10000 + h % 60000000 MICROSECOND
FROM (SELECT seq, CRC32(seq * 2654435761) AS h FROM seq_{first}_to_{rows}) AS numbers
"""
WORDS = ["furious", "sly", "carefully", "blithely", "quick", "foxes", "ideas", "theodolites", "pinto beans", "instructions", "sleep", "wake", "are",
         "cajole", "haggle", "about", "above", "according to", "across", "after", "the", "regular", "final", "ironic", "even", "bold", "silent"]


def words(count):
    choice = ", ".join(f"'{word}'" for word in WORDS)
    return ", ".join(f"ELT(1 + (h DIV {7 ** n} + seq * {n}) % {len(WORDS)}, {choice})" for n in range(count))


def create(mariadb, database, table="lineitem", rows=300_000):
    mariadb.run(CREATE.format(table=table), database)
    extend(mariadb, database, table, 1, rows)


def extend(mariadb, database, table, first, rows):
    """Rows `first` to `rows`, in transactions of a million."""
    for begin in range(first, rows + 1, 1_000_000):
        end = min(begin + 999_999, rows)
        script = INSERT.format(table=table, words=words(6), now="NOW(6)", first=begin, rows=end)
        mariadb.run(script.replace(f"({end} - seq)", f"({rows} - seq)"), database)


INSERT_POSTGRES = """
INSERT INTO {table}
SELECT n, n / 32 * 32 + n % 8, 1 + h % 100000, 1 + (h * 7 + 3) % 5000, 1 + n % 7, 1 + h % 50, (1 + h % 50) * (90000 + h % 20001) / 100.0, h % 11 / 100.0,
  h % 9 / 100.0, substr('RAN', 1 + h % 3, 1), substr('OF', 1 + h / 7 % 2, 1), date '1992-01-02' + n / 4 * 79 % 2405 + h % 121,
  date '1992-01-02' + n / 4 * 79 % 2405 + h % 61, date '1992-01-03' + n / 4 * 79 % 2405 + h % 151,
  (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[1 + h % 4],
  (ARRAY['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'])[1 + h % 7],
  left(concat_ws(' ', {words}), 10 + h % 34), now() - interval '1 hour' - ({rows} - n) * interval '10 ms' + h % 60000000 * interval '1 us'
FROM (SELECT n, hashint4(n) & 268435455 AS h FROM generate_series(1, {rows}) AS n) AS numbers
"""


def create_in_postgres(postgres, database, table, rows):
    choice = "(ARRAY[" + ", ".join(f"'{word}'" for word in WORDS) + "])"
    chosen = ", ".join(f"{choice}[1 + (h / {7 ** n} + n) % {len(WORDS)}]" for n in range(6))
    postgres.run(create_postgres(table), database)
    postgres.run(INSERT_POSTGRES.format(table=table, words=chosen, rows=rows) + f"; ANALYZE {table}", database)


# What happens to the table between runs; each leaves stamps in the server's own clock, and some of them are the same.
UPDATE = "UPDATE `{table}` SET l_quantity = l_quantity + 1, l_comment = CONCAT('changed ', LEFT(l_comment, 30)), updated_at = {stamp} WHERE id % {every} = {which}"
GROW = """
INSERT INTO `{table}` SELECT id + {by}, l_orderkey, l_partkey, l_suppkey, l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag,
  l_linestatus, l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode, l_comment, {stamp} FROM `{table}` WHERE id <= {count}
"""


def change(mariadb, database, table="lineitem", every=97, which=1, grow=1000):
    """Updates every `every`th row, and adds `grow` rows: all with one stamp, a tie that no index can order."""
    top = mariadb.run(f"SELECT MAX(id) FROM `{table}`", database)[0][0]
    mariadb.run(UPDATE.format(table=table, stamp="NOW(6)", every=every, which=which), database)
    mariadb.run(GROW.format(table=table, stamp="NOW(6)", by=top, count=grow), database)
