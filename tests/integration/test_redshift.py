"""MariaDB over S3 to Redshift (its stand-in), as people use it: a first load, then small steps, in every mode."""
import lineitem

ROWS = 3000
TABLES = {
    "lineitem": {"mode": "merge"},
    "journal": {"increment": "id_only", "mode": "append"},
    "prices": {"increment": "full_sync", "mode": "replace"},
}
OTHERS = f"""
CREATE TABLE journal (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, account INT NOT NULL, amount DECIMAL(12,4), note VARCHAR(100));
INSERT INTO journal (account, amount, note) SELECT seq % 977, seq / 13, IF(seq % 3, CONCAT('note ', seq), NULL) FROM seq_1_to_{ROWS};
CREATE TABLE prices (id INT NOT NULL PRIMARY KEY, price DECIMAL(10,2));
INSERT INTO prices SELECT seq, seq / 7 FROM seq_1_to_{ROWS};
"""


def test_tables_arrive_in_every_mode_and_every_change_after_them(warehouses):
    road = warehouses(TABLES, lag="0s", chunk={"rows": 1000})
    lineitem.create(road.mariadb, road.name, rows=ROWS)
    road.in_source(OTHERS)
    assert road.sync("--json-output", "-").moved() == dict.fromkeys(TABLES, (ROWS, ROWS))
    road.assert_equal()
    for step in range(2):
        lineitem.change(road.mariadb, road.name, which=step + 1, grow=500)
        road.in_source("INSERT INTO journal (account, amount) SELECT seq, seq FROM seq_1_to_77; DELETE FROM prices WHERE id % 11 = 1; UPDATE prices SET price = NULL WHERE id % 100 = 2")
        assert road.sync("--json-output", "-").moved()["journal"] == (77, 77)
    road.assert_equal()
    assert road.sync("--json-output", "-", "-t", "lineitem", "-t", "journal").moved() == {"lineitem": (0, 0), "journal": (0, 0)}
