"""The layers test can fail: a small tree with each kind of arrow, allowed and not."""
import pathlib
import tempfile
import unittest

import layers


class Layers(unittest.TestCase):
    def read(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            bad, seen = layers.arrows(pathlib.Path(folder))
            return [(path.name, line, included) for path, line, included, _ in bad], seen

    def test_an_arrow_down_is_fine(self):
        self.assertEqual(self.read({"move/spine.c": '#include "state/scope.h"\n#include "base/error.h"\n'}), ([], 2))

    def test_an_arrow_up_is_found_with_its_line(self):
        bad, _ = self.read({"store/local.c": '#include <stdio.h>\n\n  #  include "move/spine.h"\n'})
        self.assertEqual(bad, [("local.c", 3, "move/spine.h")])

    def test_data_is_pure(self):
        bad, _ = self.read({"data/csv.c": '#include "base/str.h"\n#include "io/http.h"\n'})
        self.assertEqual(bad, [("csv.c", 2, "io/http.h")])

    def test_a_folder_without_a_place_is_found(self):
        bad, _ = self.read({"util/misc.c": '#include "base/str.h"\n', "cli/a.c": '#include "util/misc.h"\n'})
        self.assertEqual(len(bad), 2)

    def test_an_include_says_its_folder(self):
        bad, _ = self.read({"base/str.c": '#include "str.h"\n'})
        self.assertEqual(bad, [("str.c", 1, "str.h")])

    def test_a_deeper_folder_belongs_to_its_layer(self):
        bad, _ = self.read({"connect/sqlite/source.c": '#include "cli/progress.h"\n'})
        self.assertEqual(bad, [("source.c", 1, "cli/progress.h")])


if __name__ == "__main__":
    unittest.main()
