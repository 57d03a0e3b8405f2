"""Our reader takes what Spark wrote (spark/README.md), value for value."""
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).with_name("spark")
sys.path.insert(0, str(FOLDER))

import rows  # noqa: E402
from test_parquet import from_tool, run  # noqa: E402

TYPES = ["b", "s", "s", "i", "l", "f", "g", "u", "z", "tdD", "tsu:UTC", "tsu:", "d:9,2", "d:18,4", "d:38,10", "l"]
AT = rows.NAMES.index("at")


@pytest.mark.parametrize("name", ["int96", "millis", "v2", "v2-plain", "legacy", "lz4", "lz4-raw", "none"])
def test_what_spark_wrote_is_read(name):
    head, *found = run("dump", FOLDER / f"{name}.parquet")
    types = [column["type"] for column in head["schema"]]
    assert [column["name"] for column in head["schema"]] == rows.NAMES
    wanted = [list(rows.row(i)) for i in range(rows.COUNT)]
    if name == "millis":
        assert types.pop(AT) == "tsm:UTC"
        types.insert(AT, "tsu:UTC")
        wanted = [[*row[:AT], None if row[AT] is None else row[AT] // 1000, *row[AT + 1:]] for row in wanted]
    assert types == TYPES
    assert [[from_tool(type, value) for type, value in zip(TYPES, row)] for row in found] == wanted


def test_no_rows_are_none():
    head, *found = run("dump", FOLDER / "empty.parquet")
    assert head["rows"] == 0 and found == [] and len(head["schema"]) == len(TYPES)


def test_what_is_nested_is_refused_by_name():
    assert "column 'numbers' is nested: only flat tables are read" in run("dump", FOLDER / "nested.parquet", status=6)
