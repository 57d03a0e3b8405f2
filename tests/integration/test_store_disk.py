"""A full disk, a folder without rights, a folder that is none: errors that name what, where, why and what to do."""
import os
import shlex
import subprocess

import pytest

from store_tool import TOOL, done, store

NOBODY = 65534


def can_mount():
    return subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                          check=False).returncode == 0


def assert_says(result, status, *words):
    assert result.returncode == status, (result.returncode, result.stderr)
    for word in words:
        assert word in result.stderr, result.stderr
    assert result.stderr.splitlines()[1], "an advice"


def test_a_full_disk_is_said_and_leaves_nothing_half(tmp_path):
    if not can_mount():
        pytest.fail("a tmpfs cannot be mounted here (unshare -rm): the full disk is not tested", pytrace=False)
    (tmp_path / "small").write_text("small")
    (tmp_path / "large").write_bytes(b"x" * (3 << 20))
    tool = shlex.quote(str(TOOL))
    script = f"""
        set -u
        mkdir disk && mount -t tmpfs -o size=4m none disk || exit 90
        {tool} disk/lake put kept small || exit 91
        {tool} disk/lake put first large || exit 92
        {tool} disk/lake put second large; echo "put $?"
        {tool} disk/lake upload third large 1MiB; echo "upload $?"
        {tool} disk/lake put kept large; echo "replace $?"
        {tool} disk/lake get kept; echo
        {tool} disk/lake list ''
        ls disk/lake/.waybill/tmp | wc -l
        {tool} disk/lake uploads '' | while read id key; do {tool} disk/lake abort $key $id; done
        {tool} disk/lake delete first && {tool} disk/lake put second large; echo "again $?"
    """
    result = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if len(line) < 64]
    assert lines == ["put 5", "upload 5", "replace 5", "small", "first", "kept", "0", "again 0"], result.stdout
    assert result.stderr.count("No space left on device") == 3
    assert result.stderr.count("free some space") == 3
    for words in ("writing 'second' in store 'lake'", "uploading 'third' in store 'lake'", "writing 'kept' in store"):
        assert words in result.stderr


def as_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@pytest.fixture
def readable(tmp_path):
    """A store that holds `a` and may be read, but not written."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if os.stat(folder).st_uid == os.getuid() and str(folder).startswith("/tmp/"):
            os.chmod(folder, 0o755)
    (tmp_path / "a").write_text("content")
    lake = tmp_path / "lake"
    done(store(lake, "put", "p/a", tmp_path / "a"))
    for root, folders, files in os.walk(lake):
        for name in folders:
            os.chmod(os.path.join(root, name), 0o555)
        for name in files:
            os.chmod(os.path.join(root, name), 0o444)
    os.chmod(lake, 0o555)
    yield lake
    for root, folders, _ in os.walk(lake):
        os.chmod(root, 0o755)


def test_a_folder_without_rights_can_be_read_and_writing_is_denied(readable, tmp_path):
    def run(*words):
        return store(readable, *words, preexec_fn=as_nobody)

    assert done(run("get", "p/a")) == "content"
    assert done(run("list", "")) == "p/a\n"
    for words in (["put", "p/b", tmp_path / "a"], ["upload", "p/b", tmp_path / "a", "5"], ["delete", "p/a"], ["probe"]):
        assert_says(run(*words), 8, "'lake'", f"file://{readable}", "Permission denied", "right")


def test_an_unreadable_object_is_denied_and_not_missing(readable, tmp_path):
    os.chmod(readable / "p" / "a", 0)
    result = store(readable, "get", "p/a", preexec_fn=as_nobody)
    assert_says(result, 8, "'p/a'", "Permission denied")
    os.chmod(readable / "p", 0)
    for words in (["get", "p/a"], ["list", ""], ["list", "p/"]):
        assert_says(store(readable, *words, preexec_fn=as_nobody), 8, "Permission denied")
    os.chmod(readable / "p", 0o555)


def test_a_file_where_the_store_should_be_is_a_mistake_in_the_configuration(tmp_path):
    (tmp_path / "lake").write_text("a file")
    assert_says(store(tmp_path / "lake", "list", ""), 2, "'lake'", str(tmp_path / "lake"), "Not a directory")
    assert_says(store(tmp_path / "no" / "lake", "list", ""), 4, "No such file")


def test_a_file_of_somebody_else_in_the_way_is_named(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / ".waybill").write_text("a file")
    assert_says(store(tmp_path / "lake", "put", "k", tmp_path / "a"), 2, ".waybill", "move it away")
