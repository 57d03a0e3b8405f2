"""The end of tools/check is what people see of a run somewhere else: whatever failed is in it, whichever runner said so."""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
PROGRAM = sys.argv.pop()
loader = importlib.machinery.SourceFileLoader("check", PROGRAM)
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", loader))
loader.exec_module(check)


def suite(name, text, status):
    made = check.Suite(name)
    for line in text.splitlines(keepends=True):
        made.take(line)
    made.end(status)
    return made


MUTANTS = """\
a-beating-owner-is-robbed                        2.1 s  killed by tests/unit/test_scope
a-cut-stream-is-an-end                           3.0 s  SURVIVED: nothing turned red
1 mutants killed, 1 survived
1 passed, 1 failed
make: *** [Makefile:60: mutants] Error 1
"""
PYTEST = """\
..F
E   AssertionError: two rows
FAILED tests/integration/test_cli.py::test_it_ends - AssertionError: two rows
ERROR tests/integration/test_road.py::test_it_begins - no server
1 failed, 1 error, 2 passed, 1 skipped in 3.20s
"""
LINT = """\
ok    clang-format 14
FAIL  clang-tidy 14, and clang's warnings
/src/move/run.c:12:3: error: variable 'a' is not initialized [cppcoreguidelines-init-variables,-warnings-as-errors]
    int a;
2 passed, 1 failed
"""
MESON = """\
 7/122 waybill:threads / threads                  FAIL            2.50s   exit status 1
[ RUN      ] whatever_is_hurt_at_random_arrives_once
[  ERROR   ] --- 3 != 4
[   LINE   ] --- ../tests/unit/test_threads.c:12: error: Failure!
[  FAILED  ] whatever_is_hurt_at_random_arrives_once
[  PASSED  ] 1 test(s).
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] whatever_is_hurt_at_random_arrives_once
 7/122 waybill:threads / threads                  FAIL            2.50s   exit status 1
 8/122 waybill / heartbeat                        OK              0.20s
1 passed, 1 failed
"""
SWEEP = """\
FAILED --scenario append/first --fault late --at 17 (load target commit)
the target has other rows
32594 passed, 1 failed
"""
ASAN = "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n1 passed, 1 failed\n"


class WhatFailed(unittest.TestCase):
    def says(self, one, *words):
        end = "\n".join(check.summary([one]))
        for word in words:
            self.assertIn(word, end)
        return end

    def test_each_runners_failures_are_said_again(self):
        self.assertNotIn("robbed", self.says(suite("mutants", MUTANTS, 2), "a-cut-stream-is-an-end", "SURVIVED: nothing turned red"))
        self.says(suite("integration", PYTEST, 2), "FAILED tests/integration/test_cli.py::test_it_ends", "ERROR tests/integration/test_road.py")
        self.assertNotIn("ok  ", self.says(suite("lint", LINT, 2), "FAIL  clang-tidy 14", "/src/move/run.c:12:3: error: variable 'a'"))
        self.says(suite("sweep-asan", SWEEP, 2), "FAILED --scenario append/first --fault late --at 17")
        self.says(suite("asan", ASAN, 2), "AddressSanitizer: heap-use-after-free")

    def test_a_program_of_meson_is_named_once_with_its_stories_and_places(self):
        end = self.says(suite("tsan", MESON, 2), "/ threads ", "[  FAILED  ] whatever_is_hurt", "--- 3 != 4", "test_threads.c:12")
        self.assertEqual(end.count("[  FAILED  ]"), 1)
        self.assertEqual(end.count("/ threads "), 1)
        self.assertNotIn("heartbeat", end)

    def test_a_failure_without_known_words_is_told_by_its_end(self):
        self.says(suite("sweep-asan", "something\nsh: 1: meson: not found\n", 127), "meson: not found", "sweep-asan          0        1")

    def test_what_went_well_is_not_said_again(self):
        self.assertNotIn("what failed", "\n".join(check.summary([suite("lint", "warning: FAILED to fail\n3 passed, 0 failed\n", 0)])))

    def test_it_fits_a_screen_and_says_what_it_leaves_out(self):
        many = "".join(f"FAILED tests/integration/test_cli.py::test_{i} - x\n" for i in range(100))
        suites = [suite(name, many + "3 passed, 100 failed\n", 1) for name in ("lint", "asan", "tsan", "sweep", "sweep-asan", "mutants", "integration")]
        lines = "\n".join(check.summary(suites)).splitlines()
        self.assertLessEqual(len(lines), 38)
        self.assertEqual(sum("more, see above" in line for line in lines), 7)
        self.assertEqual(lines[-1], "21 passed, 700 failed")


# `waits` ends only if `tells` runs beside it.
MAKEFILE = """\
waits:
	@until [ -e told ]; do sleep 0.02; done; echo "1 passed, 0 failed"
follows:
	@echo "3 passed, 0 failed"
tells:
	@touch told; echo "FAILED a::b"; echo "2 passed, 1 failed"; exit 1
"""


class SideBySide(unittest.TestCase):
    def test_lanes_run_at_once_and_every_line_says_whose_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "Makefile").write_text(MAKEFILE)
            done = subprocess.run([sys.executable, PROGRAM, "waits,follows", "tells"], cwd=folder, stdout=subprocess.PIPE, text=True, timeout=100)
        lines = done.stdout.splitlines()
        self.assertEqual((done.returncode, lines[-1]), (1, "6 passed, 1 failed"))
        self.assertEqual([line.split()[0] for line in lines[-4:-1]], ["waits", "follows", "tells"])
        self.assertIn("tells        FAILED a::b", lines)
        self.assertIn("FAILED a::b", lines[-7:])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
