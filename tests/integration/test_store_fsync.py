"""Nothing is answered before it is on disk: strace watches what the directory store does, and in which order.

A file must be synced before it gets its name, and every folder that got or lost a name, or was made, must be synced
afterwards and before the answer (the write to stdout).
"""
import os
import re
import shutil

import pytest

from store_tool import done, store

TRACED = "fsync,fdatasync,mkdir,mkdirat,link,linkat,rename,renameat,renameat2,unlinkat,write"
CALL = re.compile(r"^(\w+)\((.*)\) += (\d+)")
ARGUMENT = re.compile(r'(?:(?:\d+|AT_FDCWD)<([^>]*)>(?:, "([^"]*)")?)|"([^"]*)"')

if shutil.which("strace") is None:
    pytest.fail("strace is missing: apt-get install strace", pytrace=False)


def trace(folder, tmp_path, *words):
    """The calls of one operation that succeeded, as (name, absolute paths)."""
    log = tmp_path / "trace"
    done(store(folder, *words, before=["strace", "-y", "-o", log, "-e", f"trace={TRACED}"], cwd=tmp_path))
    calls = []
    for line in log.read_text().splitlines():
        found = CALL.match(line)
        if found:
            paths = [os.path.normpath(os.path.join(fd, name or "") if fd else bare)
                     for fd, name, bare in ARGUMENT.findall(found[2])]
            calls.append((found[1], [path.removesuffix(" (deleted)") for path in paths]))
    return calls


class Disk:
    """What would be left after a power cut: which contents and which names are on disk."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.synced = set()
        self.waiting = {}  # folder -> names that came or went and are not on disk

    def change(self, path):
        self.waiting.setdefault(os.path.dirname(path), set()).add(path)

    def play(self, calls):
        """Returns the names that objects got, having checked the order of everything."""
        named = []
        for call, paths in calls:
            if call in ("fsync", "fdatasync"):
                self.synced.add(paths[0])
                self.waiting.pop(paths[0], None)
            elif call == "write":
                if "pipe" in paths[0] or paths[0].startswith("/dev"):
                    self.assert_safe()
                else:
                    self.synced.discard(paths[0])
            elif call.startswith("mkdir"):
                self.change(paths[-1])
            elif call.startswith(("link", "rename")):
                self.name(paths[-2], paths[-1], named)
            elif call == "unlinkat":
                self.waiting.pop(paths[-1], None)  # a folder that is gone has nothing to lose
                self.change(paths[-1])
        self.assert_safe()
        return named

    def name(self, old, new, named):
        if "/.waybill/" in new:
            return
        assert old in self.synced, f"{new} got its name before the content of {old} was on disk"
        self.change(new)
        named.append(os.path.relpath(new, self.folder))

    def assert_safe(self):
        # What comes and goes inside .waybill/tmp and uploads is never needed again after the answer.
        unsafe = {folder: names for folder, names in self.waiting.items() if not folder.endswith(("/tmp", "/uploads"))
                  and "/.waybill/tmp/" not in folder}
        assert not unsafe, f"answered before these names were on disk: {unsafe}"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "one").write_text("first content")
    (tmp_path / "two").write_text("second content")
    return tmp_path / "lake"


def test_the_first_put_makes_the_store_and_everything_is_on_disk(place, tmp_path):
    assert Disk(place).play(trace(place, tmp_path, "put", "a/b/c", "one", "new")) == ["a/b/c"]


def test_a_replacement_is_on_disk_before_the_answer(place, tmp_path):
    etag = done(store(place, "put", "a/b", "one", cwd=tmp_path)).split()[1]
    assert Disk(place).play(trace(place, tmp_path, "put", "a/b", "two", etag)) == ["a/b"]
    assert (place / "a" / "b").read_text() == "second content"


@pytest.mark.parametrize("condition", [[], ["new"]])
def test_an_upload_is_on_disk_before_the_answer(place, tmp_path, condition):
    assert Disk(place).play(trace(place, tmp_path, "upload", "a/big", "one", 5, *condition)) == ["a/big"]


def test_a_file_that_becomes_a_folder_is_on_disk_before_the_answer(place, tmp_path):
    done(store(place, "put", "a", "one", cwd=tmp_path))
    calls = trace(place, tmp_path, "put", "a/b", "two", "new")
    exchanges = [paths for call, paths in calls if call == "renameat2"]
    assert len(exchanges) == 1 and exchanges[0][1] == str(place / "a")
    assert Disk(place).play(calls) == ["a", "a/b"]
    assert (place / "a" / "%").read_text() == "first content"


@pytest.mark.parametrize("condition", [[], ["new"]])
def test_an_object_beside_a_folder_of_its_name_is_on_disk_before_the_answer(place, tmp_path, condition):
    done(store(place, "put", "a/b", "one", cwd=tmp_path))
    assert Disk(place).play(trace(place, tmp_path, "put", "a", "two", *condition)) == ["a/%"]
    calls = trace(place, tmp_path, "delete", "a")
    assert ("unlinkat", [str(place / "a" / "%")]) in calls
    Disk(place).play(calls)


def test_the_note_of_a_long_name_is_on_disk_before_the_object(place, tmp_path):
    calls = trace(place, tmp_path, "put", "n" * 300, "one")
    note = next(paths for call, paths in calls if call == "linkat" and "/.waybill/names/" in paths[1])
    named = next(i for i, (call, paths) in enumerate(calls) if call == "renameat")
    assert {note[0], os.path.dirname(note[1])} <= {paths[0] for call, paths in calls[:named] if call == "fsync"}


def test_a_file_that_is_being_written_is_locked_so_that_nobody_takes_it_for_abandoned(place, tmp_path):
    log = tmp_path / "trace"
    done(store(place, "put", "a", "one", cwd=tmp_path, before=["strace", "-y", "-o", log, "-e", "trace=flock,fsync,renameat"]))
    lines = [line for line in log.read_text().splitlines() if ".waybill/tmp/" in line]
    assert [line.split("(")[0] for line in lines] == ["flock", "fsync", "renameat"] and "LOCK_EX" in lines[0]


def test_a_delete_is_on_disk_before_the_answer(place, tmp_path):
    done(store(place, "put", "a/b/c", "one", cwd=tmp_path))
    done(store(place, "put", "a/d", "one", cwd=tmp_path))
    calls = trace(place, tmp_path, "delete", "a/b/c")
    assert ["unlinkat"] * 2 == [call for call, paths in calls if call == "unlinkat" and not paths[-1].endswith("/a")]
    Disk(place).play(calls)
    assert not (place / "a" / "b").exists() and (place / "a" / "d").exists()


def test_what_refuses_a_write_is_on_disk_before_the_refusal(place, tmp_path):
    done(store(place, "put", "a/b", "one", cwd=tmp_path))
    log = tmp_path / "trace"
    refused = store(place, "put", "a/b", "two", "new", cwd=tmp_path,
                    before=["strace", "-y", "-o", log, "-e", "trace=linkat,fsync"])
    assert refused.returncode == 6 and "already" in refused.stderr
    after = log.read_text().split("linkat(")[1]
    assert f"<{place}/a>" in after.split("fsync(")[1]
