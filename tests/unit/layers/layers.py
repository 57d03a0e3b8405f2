"""Fails when an include under src/ points up.

usage: layers.py SRC

A folder may include itself and what stands after it in ORDER. `data` is pure: it includes base/ only. A folder that is
not in ORDER is an error too, so that a new layer is placed here before it is used.
"""
import pathlib
import re
import sys

ORDER = ["cli", "web", "move", "connect", "state", "store", "data", "io", "base"]
BASE_ONLY = {"data"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def why_not(folder, target):
    """What is wrong with a file of `folder` including one of `target`; None when nothing is."""
    for name in (folder, target):
        if name not in ORDER:
            return f"'{name}/' is no layer"
    if target == folder:
        return None
    if ORDER.index(target) < ORDER.index(folder):
        return f"{folder}/ lies below {target}/"
    if folder in BASE_ONLY and target != "base":
        return f"{folder}/ includes base/ only"
    return None


def arrows(src):
    """(file, line, included, reason) of every include that may not be; and how many were read."""
    bad, seen = [], 0
    for path in sorted(src.rglob("*.[ch]")):
        parts = path.relative_to(src).parts
        if len(parts) < 2:
            continue  # main.c wires the layers together and may see them all
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            seen += 1
            line = text.count("\n", 0, match.start()) + 1
            included = match[1]
            reason = why_not(parts[0], included.split("/")[0]) if "/" in included else "say the folder: \"layer/file.h\""
            if reason:
                bad.append((path, line, included, reason))
    return bad, seen


def main():
    bad, seen = arrows(pathlib.Path(sys.argv[1]))
    for path, line, included, reason in bad:
        print(f'{path}:{line}: #include "{included}": {reason}')
    print(f"{seen} includes read, {len(bad)} point up")
    return 1 if bad or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
