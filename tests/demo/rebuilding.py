"""Wheels with other files in them, and a RECORD that says so. `from rebuilding import ...`."""

import csv
import io
import json
import zipfile

from notemill.serve.loading import digest_of


def rebuilt(wheel, folder, **changes):
    """The wheel with other files in its package, and a RECORD that says so: nothing is damaged."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    package = next(name for name in files if name.endswith("/schema.json")).partition("/")[0]
    for name, change in changes.items():
        path = f"{package}/{name.replace('__', '.')}"
        files[path] = change(files[path])
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(
        [name, *(["", ""] if name == record else [digest_of(data), len(data)])] for name, data in files.items())
    files[record] = lines.getvalue().encode()
    made = folder / wheel.name
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made


def as_json(change):
    """A change of what a JSON file holds."""
    def changed(data):
        said = json.loads(data)
        change(said)
        return json.dumps(said).encode()
    return changed
