"""Nothing counts before it is on disk: strace watches the first run."""
import os
import re

from waybill import PLANTED

CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
FD = re.compile(r"^\d+<([^>]*)>")
PATHS = re.compile(r'(?:(?:\d+|AT_FDCWD)<([^>]*)>, )?"([^"]*)"')  # of a call with names, maybe beside a folder's descriptor


def calls(trace, folder):
    """(name, [absolute paths]) of each call that succeeded, in their order."""
    for line in trace.read_text(errors="replace").splitlines():
        found = CALL.match(line)
        if found:
            name, rest, _ = found.groups()
            paths = [FD.match(rest)[1]] if "sync" in name else [os.path.join(beside or folder, path) for beside, path in PATHS.findall(rest)]
            yield name, [os.path.normpath(path) for path in paths]


def test_file_and_folder_are_on_disk_before_s_changes(route):
    shop = route({"orders": {}})
    shop.in_source(f"""
        CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, updated_at DATETIME NOT NULL);
        INSERT INTO orders VALUES (1, '{PLANTED}', '2020-01-01 00:00:00'), (2, NULL, '2020-01-01 00:00:00');
        CREATE INDEX orders_updated_at ON orders (updated_at);""")
    trace = shop.folder / "trace"
    shop.run("sync", "pipeline", "-p", "p",
             before=["strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,mkdir,mkdirat,link,linkat,rename,renameat,renameat2"])
    shop.compare()

    lake = str(shop.lake.resolve())
    synced = set()      # files whose content is on disk
    waiting = {}        # folder -> names in it that are not on disk yet
    changes = objects = 0
    for name, paths in calls(trace, shop.folder.resolve()):
        if name in ("fsync", "fdatasync"):
            synced.add(paths[0])
            waiting.pop(paths[0], None)
        elif name.startswith("mkdir") and paths[-1].startswith(lake):
            waiting.setdefault(os.path.dirname(paths[-1]), []).append(paths[-1])
        elif name.startswith(("link", "rename")) and paths[-1].startswith(lake) and "/.waybill/" not in paths[-1]:
            source, made = paths[-2], paths[-1]
            assert source in synced, f"{made} got a name before its content was on disk"
            if made.endswith("watermark/tables/p/orders.json"):
                changes += 1
                unsafe = [one for names in waiting.values() for one in names if "/.waybill" not in one and not made.startswith(one)]
                assert not unsafe, f"S changed while names were not on disk: {unsafe}"
            objects += "/wb=" in made
            waiting.setdefault(os.path.dirname(made), []).append(made)
    assert not [one for names in waiting.values() for one in names if "/.waybill" not in one], f"never on disk: {waiting}"
    assert changes >= 4, "take, begin, seal and close change S"
    assert objects >= 3, "a file, a waybill and a receipt"
