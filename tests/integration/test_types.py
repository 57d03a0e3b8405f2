"""What the program says of types: `types`, `plan -v`, the page of the manual; and that the plan goes by it."""
import json
import subprocess

from waybill import BUILD, PROGRAM, ROOT


def types(*words, **more):
    return subprocess.run([PROGRAM, "types", *words], capture_output=True, text=True, **more)


def test_the_manual_says_what_the_program_says():
    page = subprocess.run([ROOT / "tools/types_page", BUILD], capture_output=True, text=True, check=True).stdout
    assert page == (ROOT / "docs/types.md").read_text(), "tools/types_page > docs/types.md"


def test_types_are_those_of_systems_or_of_connections(tmp_path):
    (tmp_path / "waybill.yml").write_text("connections: {shop: {type: mysql, host: h, user: u}, dw: {type: sqlite, path: dw.db}, lake: {type: directory, path: lake}}\n")
    by_name, by_system = (types(*words, "--output", "json", cwd=tmp_path).stdout for words in (("shop", "dw"), ("mysql", "sqlite")))
    assert json.loads(by_name) == json.loads(by_system)
    one = {line["source"]: line for line in json.loads(by_name)["types"]}
    assert one["DECIMAL(65,30)"] == {"source": "DECIMAL(65,30)", "waybill": None, "target": None, "fidelity": "lossy",
                                     "why": "a decimal of the waybill has at most 38 digits", "override": "columns: {COLUMN: {as: text}}"}
    assert (one["BIGINT UNSIGNED"]["waybill"], one["BIGINT UNSIGNED"]["fidelity"]) == ("decimal(20,0)", "widened")
    assert "BIGINT UNSIGNED     decimal(20,0)" in types("mysql", "postgres", cwd=tmp_path).stdout
    for words, says in ((("lake", "dw"), "is a store"), (("dw", "shop"), "no target"), (("nowhere", "dw"), "neither a database system nor a connection")):
        refused = types(*words, cwd=tmp_path)
        assert refused.returncode == 2 and says in refused.stderr
    assert types("nowhere", "sqlite", cwd="/").returncode == 2  # no configuration is there


def test_the_plan_refuses_what_would_be_lossy_and_says_what_to_write(roads):
    road = roads({"t": {"increment": "full_sync"}}, lag="0s")
    road.in_source("CREATE TABLE t (id INT PRIMARY KEY, `wide price` DECIMAL(65,30)); INSERT INTO t VALUES (1, 1)")
    refused = road.run("plan", status=2)
    assert "'wide price'" in refused.err and "at most 38 digits" in refused.err
    assert 'columns: {"wide price": {as: text}}' in refused.err
    road.tables["t"]["columns"] = {"wide price": {"as": "text", "name": "price"}}
    road.write_config()
    columns = {column["column"]: column for column in road.run("plan", "-v", "--output", "json").json()["tables"][0]["columns"]}
    assert columns["wide price"] == {"column": "wide price", "source_type": "decimal(65,30)", "waybill": "utf8", "name": "price", "target": "text",
                                     "fidelity": "exact", "why": "a text with a NUL byte is refused: as: binary"}
    said = road.run("plan", "-v").out
    assert "decimal(65,30)  -> utf8   -> price text  exact" in said
    assert "readers     one: MySQL shares no snapshot between connections" in said
    road.sync()
    assert road.in_target("SELECT price FROM t") == [("1." + "0" * 30,)]
