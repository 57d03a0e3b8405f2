"""waybill audit between MariaDB and PostgreSQL: what is equal passes, in every type; what is not is found and named."""
import json
import threading

import lineitem

TYPES = """
CREATE TABLE types (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY, small SMALLINT, amount DECIMAL(20,6), ratio DOUBLE, single FLOAT, flag BIT(1), day DATE,
  took TIME(6), at DATETIME(6), seen TIMESTAMP(3) NULL, word VARCHAR(100) CHARACTER SET latin1, note TEXT CHARACTER SET utf8mb4, raw VARBINARY(20),
  kind ENUM('a','B','c'), updated_at DATETIME(6) NOT NULL, KEY (updated_at));
INSERT INTO types SELECT seq, CAST(seq AS SIGNED) - 500, seq / 7 - 100, SQRT(seq), seq / 3, seq % 2, '2020-01-01' + INTERVAL seq DAY,
  SEC_TO_TIME(CAST(seq AS SIGNED) * 100 - 50000), '2020-01-01 00:00:00.000001' + INTERVAL seq HOUR, IF(seq % 5, '2021-06-01 10:00:00.123' + INTERVAL seq MINUTE, NULL),
  CONCAT('\u00e9', seq), IF(seq % 3, CONCAT(ELT(seq % 4 + 1, 'z', 'A', 'a', '\u00df'), seq), NULL), UNHEX(HEX(seq)), ELT(seq % 3 + 1, 'a', 'B', 'c'),
  NOW(6) - INTERVAL 2 HOUR FROM seq_1_to_1000;
"""


def audited(road, *args, status=0):
    done = road.run("audit", "--output", "json", *args, status=status)
    return {table["table"]: table for table in json.loads(done.out)["tables"]}


def test_every_type_is_counted_alike_and_a_difference_in_each_is_named(roads):
    road = roads({"types": {}}, lag="0s", audit="profile")
    road.in_source(TYPES)
    done = road.sync("--json-output", "-")
    assert json.loads(done.out)["waybill"]["tables"]["types"]["audit_status"] == "passed"
    found = audited(road)["types"]
    assert (found["audit_status"], found["source_rows"], found["target_rows"]) == ("passed", 1000, 1000)
    assert found["stage"] == {"rows": 1000, "waybills": 1, "waybills_read": 1, "rows_quarantined": 0, "cover": "whole"}
    plants = {
        "small": "small = 32000", "amount": "amount = amount + 0.000001", "ratio": "ratio = -1", "single": "single = -1", "flag": "flag = flag + 1",
        "day": "day = '1999-01-01'", "took": "took = '-800:00:00'", "at": "at = '1999-01-01'", "seen": "seen = NULL", "word": "word = word || 'x'",
        "note": "note = NULL", "raw": "raw = raw || 'x'", "kind": "kind = 'zz'", "updated_at": "updated_at = '1999-01-01'",
    }
    road.in_target("CREATE TABLE kept AS SELECT * FROM types")
    for column, plant in plants.items():
        road.in_target(f"UPDATE types SET {plant} WHERE id = 7")
        found = audited(road, status=6)["types"]
        assert found["differences"] and all(f"'{column}'" in line for line in found["differences"]), (column, found)
        road.in_target("DELETE FROM types WHERE id = 7; INSERT INTO types SELECT * FROM kept WHERE id = 7")
    road.in_target("DELETE FROM types WHERE id = 7")
    found = audited(road, status=6)["types"]
    assert found["differences"][0] == "the source has 1000 rows, the target 999"
    assert audited(road, "--accept", "--reason", "7 is gone on purpose")["types"]["audit_status"] == "accepted"
    history = json.loads(road.run("watermark", "history", "-t", "types", "--output", "json").out)["history"]
    assert "7 is gone on purpose" in history[-1]["reason"] and "999" in history[-1]["reason"]


def test_writers_do_not_disturb_an_audit(roads):
    road = roads({"lineitem": {"mode": "merge"}}, lag="0s")
    lineitem.create(road.mariadb, road.name, rows=20_000)
    road.sync()
    ended = threading.Event()

    def write():
        step = 0
        while not ended.wait(0.05):
            step += 1
            lineitem.change(road.mariadb, road.name, every=997, which=step % 900 + 1, grow=3)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        changed = [audited(road)["lineitem"]["changed_since"] for _ in range(5)]
    finally:
        ended.set()
        writer.join()
    assert changed[-1] > changed[0]
    road.in_target("UPDATE lineitem SET l_tax = l_tax + 0.01 WHERE id = 950")
    assert audited(road, status=6)["lineitem"]["differences"] == [
        "column 'l_tax': the sums of source and target differ", "column 'l_tax': the sums of stage and target differ"]
