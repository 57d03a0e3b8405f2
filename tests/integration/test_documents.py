"""The command lines of the documents that our users' scripts were written after, with `waybill` in the place of the program there.

They are taken out of the documents themselves: each must do what it says there. In usage lines every alternative is tried, and
every option in brackets.
"""
import itertools
import json
import pathlib
import re
import shlex
import time

import pytest

from server_s3 import keys

DOCUMENTS = pathlib.Path(__file__).parent / "documents"
PROGRAM = "python -m src.cli.main"
SHOP = """
CREATE TABLE {0} (id INT PRIMARY KEY, note VARCHAR(20), updated_at DATETIME NOT NULL, KEY (updated_at));
INSERT INTO {0} SELECT seq, 'x', NOW() - INTERVAL 1 DAY FROM seq_1_to_20;
"""


def blocks(name):
    """The commands of a document: each from the program's name to the end of its line, continued lines joined."""
    text = (DOCUMENTS / name).read_text().replace("\\\n", " ")
    found = re.findall(rf"^\s*{re.escape(PROGRAM)} (.*)$", text, re.M)
    return [re.sub(r"\s+", " ", one).strip() for one in found]


def test_the_documents_have_the_commands_that_are_tried_here():
    assert len(blocks("s3_completion_markers.md")) == 4 and len(blocks("s3_redshift_backup.md")) == 3


@pytest.fixture
def road(roads, s3):
    """The names that the documents use."""
    tables = ["table_name", "table", "settle_orders"]
    made = roads({name: {"increment": "hybrid"} for name in tables}, lag="0s")
    for name in tables:
        made.in_source(SHOP.format(f"`{name}`"))
    pipeline = {**made.pipeline, "tables": made.tables}
    config = {"connections": made.connections, "pipelines": {name: pipeline for name in ("pipeline_name", "test")}}
    config["pipelines"]["pipeline_name"] = {**pipeline, "default": True, "tables": {"table_name": {"increment": "hybrid"}}}
    config["pipelines"]["us_dw_hybrid_v1_2"] = {**pipeline, "tables": {"settle_orders": {"increment": "hybrid"}}}
    config["pipelines"]["test"] = {**pipeline, "tables": {"table": {"increment": "hybrid"}}}
    (made.folder / "waybill.yml").write_text(json.dumps(config))
    made.keys_of = lambda bucket: keys(s3.client(), bucket)
    return made


def filled_in(command, folder, bucket):
    """What Airflow and a reader fill in: templates, paths, and names of buckets, which are shared by all tests here."""
    command = command.replace("{{ ds }}", "2025-09-12").replace("{{{{ ds }}}}", "2025-09-12")
    command = command.replace("{table.replace(\".\", \"_\")}", "settle_orders").replace("{table}", "settle_orders")
    command = re.sub(r" /(path/to|tmp)/", f" {folder}/", command.replace("settlement.settle_orders", "settle_orders"))
    return re.sub(r"(--s3-completion-bucket) \S+", rf"\1 {bucket}", command)


def test_every_command_of_the_markers_document_works(road, s3):
    bucket = f"{road.name}-markers"
    s3.new_bucket(bucket)
    for command in blocks("s3_completion_markers.md"):
        words = shlex.split(filled_in(command, road.folder, bucket))
        pipeline, table = (words[words.index(flag) + 1] for flag in ("-p", "-t"))
        before = set(road.keys_of(bucket))
        time.sleep(1)  # a stamp is a second, and each run shall have its own
        road.environment["DEBUG_COMPLETION_MARKERS"] = "1"
        assert "marker.written" in road.run(*words).err, command
        written = [key for key in set(road.keys_of(bucket)) - before if key.endswith("completion_marker.txt")]
        assert re.fullmatch(rf"completion_markers/{pipeline}/{table}/\d{{8}}_\d{{6}}/completion_marker.txt", written[0]), command
        if "--json-output" in words:
            assert json.loads(pathlib.Path(words[words.index("--json-output") + 1]).read_text())["status"] == "success"


def usages(line):
    """All that a usage line allows, an option at a time: `a|b -t T [-x N]` is `a -t T`, `a -t T -x N`, `b ...`."""
    options = re.findall(r"\[([^\]]+)\]", line)
    plain = re.sub(r"\[[^\]]+\]", "", line).split()
    ways = itertools.product(*[word.split("|") for word in plain])
    for way in ways:
        yield list(way), ""
        for option in options:
            yield list(way), option


VALUES = {"-s strategy": "-s sequential", "--limit N": "--limit 5", "--timestamp YYYY-MM-DD HH:MM:SS": "--timestamp '2025-08-05 21:02:27'",
          "--older-than Nd": "--older-than 7d"}
# What a verb has no use for is refused, and says so.
REFUSED = {("get", "--timestamp"), ("list", "--timestamp"), ("reset", "--timestamp"), ("set", ""), ("list", "--dry-run"), ("list", "--force")}


def test_every_usage_of_the_backup_document_works(road):
    road.run("sync", "-t", "table_name")
    tried = 0
    for line in blocks("s3_redshift_backup.md"):
        for words, option in usages(line):
            verb, flag = words[1] if words[0] != "sync" else "", option.split(" ")[0]
            extra = shlex.split(VALUES.get(option, option))
            if words[0] == "s3clean" and verb != "list" and "--dry-run" not in extra and "--force" not in extra:
                extra += ["--force"]
            refused = words[0] != "sync" and (verb, flag) in REFUSED
            done = road.run(*words, *extra, status=2 if refused else 0)
            assert not refused or "what to do" in done.err
            tried += 1
    assert tried == 5 + 4 * 2 + 3 * 4
    road.run("sync", "-t", "table_name")
    assert road.differences(only="table_name") == []
