"""What the program prints about itself: the reference that is in the repository, the man page, completions."""
import pathlib
import re
import shutil
import subprocess

import pytest

from waybill import PROGRAM

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def said(*args):
    return subprocess.run([PROGRAM, *args], text=True, stdout=subprocess.PIPE, check=True, timeout=30).stdout


def completed(line):
    script = f'{said("completion", "bash")}\nCOMP_WORDS=({line} ""); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _waybill; echo "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", script], text=True, stdout=subprocess.PIPE, check=True, timeout=30).stdout.split()


def test_the_reference_is_what_the_program_says():
    assert (TOP / "docs" / "reference.md").read_text() == said("docs", "reference"), "run: make docs"


def test_every_field_of_a_json_output_is_told_of():
    told = set(re.findall(r"`([a-z0-9_]+)`", (TOP / "docs" / "json.md").read_text()))
    sources = [*(TOP / "src" / "cli").glob("*.c"), TOP / "src" / "move" / "announce.c"]
    written = {field for path in sources for field in re.findall(r'json_put(?:_[a-z]+)?\([a-z_]+, "(\w+)"', path.read_text())}
    assert len(written) > 100 and written <= told, written - told


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_man_page_has_nothing_that_groff_objects_to():
    page = said("docs", "man")
    told = subprocess.run(["groff", "-man", "-ww", "-z"], input=page, text=True, stderr=subprocess.PIPE, check=True, timeout=30)
    assert told.stderr == "" and ".SS waybill sync pipeline" in page and "\\-\\-backup\\-only" in page


def test_a_shell_completes_verbs_and_flags():
    assert {"sync", "watermark", "audit", "--config"} <= set(completed("waybill"))
    assert {"get", "set", "restore"} <= set(completed("waybill watermark"))
    assert "--from-target" in completed("waybill watermark restore") and "get" not in completed("waybill watermark restore")
    assert {"--backup-only", "pipeline"} <= set(completed("waybill sync"))
    assert "--backup-only" in completed("waybill sync pipeline -t orders")
    assert said("completion", "zsh").startswith("#compdef waybill\n")
    assert "complete -c waybill" in said("completion", "fish")


@pytest.mark.skipif(shutil.which("dpkg-shlibdeps") is None, reason="dpkg-dev is not installed")
def test_the_package_has_what_it_needs_to_run(tmp_path):
    name = subprocess.run([TOP / "packaging" / "deb", PROGRAM.parent, tmp_path], text=True, stdout=subprocess.PIPE, check=True, timeout=120).stdout.strip()
    control = subprocess.run(["dpkg-deb", "-f", name], text=True, stdout=subprocess.PIPE, check=True).stdout
    assert "Package: waybill\n" in control and "libpq5" in control and "libmariadb3" in control
    subprocess.run(["dpkg-deb", "-x", name, tmp_path / "root"], check=True)
    packed = {str(path.relative_to(tmp_path / "root")) for path in (tmp_path / "root").rglob("*") if path.is_file()}
    assert {"usr/bin/waybill", "usr/share/man/man1/waybill.1.gz", "usr/share/bash-completion/completions/waybill"} <= packed
    told = subprocess.run([tmp_path / "root" / "usr/bin/waybill", "version"], text=True, stdout=subprocess.PIPE, check=True).stdout
    assert told == said("version")
