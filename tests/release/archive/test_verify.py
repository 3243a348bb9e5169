"""verify.py, as whoever gets the archive runs it: alone, in a process of its own, with nothing installed."""

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import datetime

import pytest

from notemill.release import verify as verify_file
from notemill.wheel.archive import zip_bytes

ISOLATED = [sys.executable, "-I", "-S"]


def ask(folder, *words):
    done = subprocess.run([*ISOLATED, "verify.py", *map(str, words)], cwd=folder, capture_output=True, text=True,
                          timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def wrong(folder, *words):
    """The lines that say what is wrong."""
    done = ask(folder, *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "This is not what `notemill export` wrote." in done.stdout
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("         ")]


def sum_up(folder):
    """Make the sums right again, as whoever changed something on purpose would."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                   if path.is_file() and path.name != "SHA256SUMS")
    (folder / "SHA256SUMS").write_text("".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names))


def rewrite(path, **facts):
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def test_a_whole_archive_passes(unpacked, archive, tmp_path):
    for folder, words in ((unpacked, []), (unpacked, [archive]), (unpacked, ["."])):
        done = ask(folder, *words)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert done.stdout.count("  ok     ") == 8 and "WRONG" not in done.stdout
        assert "Who wrote it, only a signature can say" in done.stdout and "(this archive is not signed)" in done.stdout
    assert not list(unpacked.rglob("__pycache__"))


def test_it_asks_for_nothing_but_python(unpacked):
    text = (unpacked / "verify.py").read_text()
    assert "notemill" not in [line.split()[1].split(".")[0] for line in text.splitlines()
                              if line.strip().startswith(("import ", "from "))]
    done = ask(unpacked, "--help")
    assert done.returncode == 0 and "--key PUBLIC.pem" in done.stdout


# each file
def test_each_changed_file_is_found(unpacked):
    for path in sorted(path for path in unpacked.rglob("*") if path.is_file()):
        name, before = path.relative_to(unpacked).as_posix(), path.read_bytes()
        if name == "SHA256SUMS":
            continue
        path.write_bytes(before + b"\n")
        assert f"{name}: has another content than SHA256SUMS says" in wrong(unpacked), name
        path.write_bytes(before)
        if name != "verify.py":
            path.unlink()
            assert f"{name}: is missing" in wrong(unpacked), name
            path.write_bytes(before)
    assert ask(unpacked).returncode == 0


@pytest.mark.parametrize("name", [
    "more.txt", "version/more.txt", "wheel/other-1-py3-none-any.whl", "verify/__init__.py",
    "ledger/mixed/00000004.json"])
def test_an_added_file_is_found(unpacked, name):
    path = unpacked / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"{}")
    assert f"{name}: is not named in SHA256SUMS" in wrong(unpacked)


def test_links_are_not_followed(unpacked, tmp_path):
    (tmp_path / "card.md").write_bytes((unpacked / "version/card.md").read_bytes())
    (unpacked / "version/card.md").unlink()
    (unpacked / "version/card.md").symlink_to(tmp_path / "card.md")
    assert "version/card.md: no plain file" in wrong(unpacked)


@pytest.mark.parametrize("text", ["", "x\n", "{sums}{first}", "{sums}\n", "{sums}" + "0" * 64 + " *a\n"])
def test_sums_that_are_none(unpacked, text):
    path = unpacked / "SHA256SUMS"
    sums = path.read_text()
    path.write_text(text.format(sums=sums, first=sums.splitlines(keepends=True)[0]))
    assert any("SHA256SUMS" in line for line in wrong(unpacked))
    path.unlink()
    assert "SHA256SUMS: is missing" in wrong(unpacked)


# changed on purpose: the sums are right
def test_a_file_that_the_manifest_does_not_name(unpacked):
    (unpacked / "version/card.md").write_bytes(b"# Better than it is")
    sum_up(unpacked)
    assert wrong(unpacked) == ["version/card.md: has another content than manifest.json says",
                               "card.md: is not the version's"]


def test_a_manifest_that_names_other_files(unpacked):
    manifest = json.loads((unpacked / "manifest.json").read_text())
    model = unpacked / "version/model.skops"
    model.write_bytes(model.read_bytes() + b" ")
    manifest["files"]["model.skops"] = hashlib.sha256(model.read_bytes()).hexdigest()
    (unpacked / "manifest.json").write_text(json.dumps(manifest))
    sum_up(unpacked)
    found = wrong(unpacked)
    assert "archive.json: is about another manifest" in found
    assert f"manifest.json: its content is not {manifest['content']}" in found
    assert "version/provenance.json: is about another model.skops" in found
    assert "ledger/mixed/00000001.json: is about another manifest of this content" in found


@pytest.mark.parametrize("facts, words", [
    ({"content": "0" * 64}, "is about another content"), ({"verdict": "refused"}, "the verdict is refused")])
def test_a_verdict_on_something_else(unpacked, facts, words):
    rewrite(unpacked / "version/verdict.json", **facts)
    sum_up(unpacked)
    assert f"version/verdict.json: {words}" in wrong(unpacked)


# the wheel
def rewheel(unpacked, change, *, record=True):
    """Change the wheel's files, and make its RECORD and the sums right again."""
    path = next((unpacked / "wheel").glob("*.whl"))
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    change(files)
    if record:
        name = next(name for name in files if name.endswith("/RECORD"))
        lines = io.StringIO()
        for one, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            csv.writer(lines, lineterminator="\n").writerow(
                [one, "", ""] if one == name else [one, f"sha256={digest}", len(data)])
        files[name] = lines.getvalue().encode()
    path.write_bytes(zip_bytes(files.items(), WHEN))
    sum_up(unpacked)


def replaced(name, old, new):
    def change(files):
        assert old in files[name], name
        files[name] = files[name].replace(old, new)
    return change


def remodelled(name, old, new):
    """The model's own archive with one of its files changed."""
    def change(files):
        with zipfile.ZipFile(io.BytesIO(files[f"{P}/model.skops"])) as packed:
            inner = {one: packed.read(one) for one in packed.namelist()}
        replaced(name, old, new)(inner)
        files[f"{P}/model.skops"] = zip_bytes(inner.items(), WHEN)
    return change


P = "mixed_model"
WHEN = datetime(2026, 1, 1)
INFO = "mixed_model-3+g6e976e976e97.dist-info"


@pytest.mark.parametrize("change, words", [
    (replaced(f"{P}/rows.py", b"import", b"import "), "rows.py: is not the version's"),
    (replaced(f"{P}/__init__.py", b'__version__ = "3', b'__version__ = "4'), "__init__.py: is not the version's"),
    (replaced(f"{P}/facts.json", b'"task":"classification"', b'"task":"regression"'),
     "facts.json: is not the version's"),
    (replaced(f"{P}/types.json", b"[", b'["os.system",'), "types.json: is not the version's"),
    (replaced(f"{P}/code/tools/numbers.py", b"2.0", b"3.0"), "code/tools/numbers.py: is not the version's"),
    (replaced(f"{P}/code/mixed/train.py", b"import os;", b"import sys as os;"),
     "code/mixed/train.py: is not the version's"),
    (remodelled("schema.json", b"code.mixed.train", b"code.mixed.trial"), "model.skops: is not the version's"),
    (lambda files: files.pop(f"{P}/model.skops"), "model.skops: is missing in the wheel"),
    (lambda files: files.update({f"{P}/code/__init__.py": b"import os"}), "code/__init__.py: is not the version's"),
    (lambda files: files.update({f"{P}/more.py": b""}), "more.py: is not the version's"),
    (lambda files: files.update({"other.pth": b"import os"}), "other.pth: is no part of a model package"),
    (lambda files: files.update({f"{INFO}/entry_points.txt": b""}),
     f"{INFO}/entry_points.txt: is no part of a model package"),
    (replaced(f"{INFO}/METADATA", b"\nVersion: 3+", b"\nVersion: 4+"),
     "METADATA: has another version, or asks for other libraries, than the manifest says"),
    (replaced(f"{INFO}/METADATA", b"Requires-Dist: skops", b"Requires-Dist: skopz"),
     "METADATA: has another version, or asks for other libraries, than the manifest says"),
])
def test_a_wheel_that_is_not_the_versions(unpacked, change, words):
    rewheel(unpacked, change)
    assert wrong(unpacked) == [words]


def test_a_wheel_that_its_record_does_not_describe(unpacked):
    def change(files):
        files[f"{P}/card.md"] += b" "
        files[f"{P}/more.txt"] = files.pop(f"{P}/py.typed")

    rewheel(unpacked, change, record=False)
    assert wrong(unpacked)[:3] == [f"{P}/card.md: has another content than RECORD says",
                                   f"{P}/more.txt: is not named in RECORD", f"{P}/py.typed: is named in RECORD alone"]


def test_the_wheel_of_another_version(unpacked, whole, tmp_path):
    from notemill.release import build

    mine = next((unpacked / "wheel").glob("*.whl"))
    other = build({**whole.manifest, "version": 4}, whole.records, tmp_path)
    mine.write_bytes(other.read_bytes())
    sum_up(unpacked)
    assert {"__init__.py: is not the version's", "facts.json: is not the version's"} <= set(wrong(unpacked))
    mine.rename(mine.with_name(other.name))
    sum_up(unpacked)
    assert any(f"wheel/{other.name}: beside the version's wheel" in line for line in wrong(unpacked))


@pytest.mark.parametrize("content", [b"", b"PK", b"no wheel at all"])
def test_a_wheel_that_is_none(unpacked, content):
    next((unpacked / "wheel").glob("*.whl")).write_bytes(content)
    sum_up(unpacked)
    assert all(line.startswith("cannot be read: BadZipFile") for line in wrong(unpacked))


# the ledger
@pytest.mark.parametrize("number, change, words", [
    (1, lambda path: rewrite(path, by="Mallory"), ["00000001.json: was changed",
                                                   "00000002.json: does not follow the entry before it"]),
    (2, lambda path: path.unlink(), ["00000003.json: is not entry 2"]),
    (3, lambda path: path.rename(path.with_name("00000004.json")), ["00000004.json: is not entry 3"]),
    (2, lambda path: path.write_bytes(b"{}"), ["number: is missing"])])
def test_a_ledger_that_was_changed(unpacked, number, change, words):
    change(unpacked / f"ledger/mixed/0000000{number}.json")
    sum_up(unpacked)
    assert [line.rpartition("/")[2] for line in wrong(unpacked)] == words


# archives that nobody unpacked
def repack(archive, target, change, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(archive) as packed, zipfile.ZipFile(target, "w", method) as made:
        for name in packed.namelist():
            made.writestr(name, packed.read(name))
        change(made)
    return target


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("change, words", [
    (lambda made: made.writestr("mixed-3/../../evil.txt", "x"), "leads outside the archive's folder"),
    (lambda made: made.writestr("/etc/evil.txt", "x"), "leads outside the archive's folder"),
    (lambda made: made.writestr("evil.txt", "x"), "leads outside the archive's folder"),
    (lambda made: made.writestr("other/evil.txt", "x"), "there is more than one folder"),
    (lambda made: made.writestr("mixed-3/README.txt", "x"), "README.txt: is there twice"),
    (lambda made: made.writestr("mixed-3/more.txt", "x"), "more.txt: is not named in SHA256SUMS")])
def test_an_archive_with_something_added(unpacked, archive, tmp_path, change, words):
    found = wrong(unpacked, repack(archive, tmp_path / "changed.zip", change))
    assert any(words in line for line in found), found
    assert not list(tmp_path.rglob("evil.txt"))


def test_an_archive_that_is_packed_anew(unpacked, archive, tmp_path):
    """What is compressed may unpack to any size: it is not looked at."""
    found = wrong(unpacked, repack(archive, tmp_path / "a.zip", lambda made: None, zipfile.ZIP_DEFLATED))
    assert "README.txt: no plain file, stored as it is" in found


def test_names_cannot_draw_on_the_terminal(unpacked, archive, tmp_path):
    path = repack(archive, tmp_path / "a.zip", lambda made: made.writestr("mixed-3/\x1b[2J.txt", "x"))
    assert "?[2J.txt: is not named in SHA256SUMS" in wrong(unpacked, path)


def test_each_damaged_byte_of_the_models_place_is_found(archive, unpacked, tmp_path):
    data, model = archive.read_bytes(), (unpacked / "version/model.skops").read_bytes()
    start = data.index(model)
    for place in (start, start + len(model) // 2, start + len(model) - 1):
        (tmp_path / "a.zip").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        assert any(line.startswith("version/model.skops: cannot be read: Bad CRC-32")
                   for line in wrong(unpacked, tmp_path / "a.zip"))


HEAD, MIDDLE = b"PK\x03\x04", b"PK\x01\x02"  # of an entry, and of its line in the table of contents


@pytest.mark.parametrize("change", [
    lambda data: b"#!/bin/sh\nrm -r x\n" + data, lambda data: data + b"more", lambda data: data[:-2] + b"\x02\x00hi",
    lambda data: data.replace(HEAD + b"\x14", HEAD + b"\x0a", 1),
    lambda data: data[:10] + bytes([data[10] ^ 1]) + data[11:],
    lambda data: data[:data.rindex(MIDDLE) + 36] + b"\x01" + data[data.rindex(MIDDLE) + 37:]])
def test_a_container_that_was_changed(archive, unpacked, tmp_path, change):
    """Around the files, which nobody has signed."""
    path, data = tmp_path / "a.zip", archive.read_bytes()
    path.write_bytes(change(data))
    assert path.read_bytes() != data
    assert wrong(unpacked, path) == ["a.zip: holds bytes that belong to no file, or headers that were changed"]
    path.write_bytes(data)
    assert ask(unpacked, path).returncode == 0 and verify_file(path, {}).wrong == []


def test_another_folder_in_the_container(archive, unpacked, tmp_path):
    (tmp_path / "a.zip").write_bytes(archive.read_bytes().replace(b"mixed-3/", b"mixed-9/"))
    assert "a.zip: holds bytes that belong to no file, or headers that were changed" in wrong(
        unpacked, tmp_path / "a.zip")


@pytest.mark.parametrize("place", ["nowhere.zip", "verify.py"])
def test_what_is_no_archive(unpacked, place):
    done = ask(unpacked, place)
    assert done.returncode == 2 and f"{place}: neither a folder nor a zip archive" in done.stderr


def test_the_command_finds_the_same(archive, unpacked, tmp_path):
    assert verify_file(archive, {}).wrong == [] and verify_file(archive, {}).signed is None
    path = repack(archive, tmp_path / "a.zip", lambda made: made.writestr("mixed-3/more.txt", "x"))
    assert verify_file(path, {}).wrong == wrong(unpacked, path)
