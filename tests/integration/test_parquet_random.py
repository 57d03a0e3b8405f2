"""Some of the random schemas of parquet_random.py: SCHEMAS of them, 200 unless said; a release runs 2,000."""
import os
import pathlib
import subprocess
import sys

SCHEMAS = os.environ.get("SCHEMAS", "200")


def test_values_of_random_schemas_come_through_from_and_to_other_programs():
    program = pathlib.Path(__file__).with_name("parquet_random.py")
    done = subprocess.run([sys.executable, program, "--schemas", SCHEMAS], capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert done.stdout.endswith(f"{SCHEMAS} passed, 0 failed\n")
