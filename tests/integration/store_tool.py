"""The directory store from outside, through the little program that the conformance suite's folder builds."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = (ROOT / os.environ.get("WAYBILL_BUILD", "build") / "tests" / "conform" / "store_tool").resolve()


def store(folder, *words, before=(), **options):
    """Runs one operation; `before` stands in front of the program (strace, unshare ...)."""
    assert TOOL.exists(), f"{TOOL} is missing: run ninja first, or say in WAYBILL_BUILD where it is"
    return subprocess.run([*map(str, before), TOOL, folder, *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False, **options)


def done(result):
    assert result.returncode == 0, result.stderr
    return result.stdout
