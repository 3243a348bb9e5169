"""What an archive holds, and what it does not."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from notemill.errors import NotemillError
from notemill.release import build


def files_of(path):
    with zipfile.ZipFile(path) as packed:
        return {name.partition("/")[2]: packed.read(name) for name in packed.namelist()}


def test_it_holds_everything_of_the_version(whole, archive, tmp_path):
    files, manifest = files_of(archive), whole.manifest
    wheel = build(manifest, whole.records, tmp_path)
    assert files[f"wheel/{wheel.name}"] == wheel.read_bytes()
    for folder, part in (("", "files"), ("code/", "code"), ("runtime/", "runtime")):
        for name, sha256 in manifest[part].items():
            assert hashlib.sha256(files[f"version/{folder}{name}"]).hexdigest() == sha256
    expected = {"README.txt", "SHA256SUMS", "verify.py", "archive.json", "manifest.json", f"wheel/{wheel.name}",
                "runs/r1/run.json", "runs/r1/distributions.json", "runs/r1/uncommitted.patch",
                "runs/r1/reports/prepare.html", "runs/r1/reports/train.html",
                f"attempts/{'d' * 64}/{manifest['content']}.json", *(f"ledger/mixed/{n:08}.json" for n in (1, 2, 3))}
    assert {name for name in files if not name.startswith("version/")} == expected
    assert json.loads(files["archive.json"])["absent"] == []
    assert b"kept, of" in files["runs/r1/reports/train.html"] and b"<title>" in files["runs/r1/reports/prepare.html"]
    for name in ("ledger/mixed/00000002.json", f"attempts/{'d' * 64}/{manifest['content']}.json"):
        assert files[name] == (whole.root / ".notemill-records" / name).read_bytes()


def test_the_same_version_gives_the_same_bytes(case, archive, tmp_path):
    """On another place of this machine, too."""
    told = case.export(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert told == {"archive": str(tmp_path / "again.zip"), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
                    "version": 3, "files": len(files_of(archive)), "signed": False, "absent": []}
    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == sorted(packed.namelist())
        assert {entry.date_time for entry in packed.infolist()} == {(2026, 11, 20, 10, 0, 0)}


def test_neither_secrets_nor_places_of_this_machine(whole, archive):
    for name, data in files_of(archive).items():
        assert whole.secret.encode() not in data, name
        assert b"alice-laptop" not in data, name
        for place in (whole.root, whole.root.parent, Path.home(), Path(__file__).parents[3]):
            assert str(place).encode() not in data, name
    files = files_of(archive)
    assert b"PROJECT/notebooks" in files["runs/r1/reports/train.html"]
    record = json.loads(files["runs/r1/run.json"])
    assert record["steps"][0]["params"] == {"table": "x.csv"} and record["machine"] == {"cpus": 2}
    assert record["steps"][0]["warnings"] == ["PROJECT/package/a.py: slow, ******"]
    assert files["runs/r1/uncommitted.patch"] == b"+token = '******'\n+place = 'PROJECT'\n"


def test_a_page_full_of_pictures_takes_no_time(case, tmp_path):
    """Of a path's pattern, that is, which their data is full of."""
    page = case.root / ".notemill/runs/r1/reports/train.html"
    page.write_bytes(b"<img src='data:image/png;base64," + b"ab/+" * 500_000 + b"/.notemill/runs/'>")
    case.export(tmp_path / "a.zip")
    assert files_of(tmp_path / "a.zip")["runs/r1/reports/train.html"].endswith(b"ab/+/.notemill/runs/'>")


def test_what_is_gone_is_named(case, tmp_path):
    shutil.rmtree(case.root / ".notemill" / "objects")
    (case.root / ".notemill/runs/r1/reports/train.html").unlink()
    told = case.export(tmp_path / "a.zip")
    assert told["absent"] == [
        "run r1: the versions of what was installed: no longer in the store",
        "run r1: the changes that no commit has: no longer in the store",
        "run r1, step prepare: its executed notebook is no longer in the store",
        "run r1, step train: its executed notebook is no longer in the store"]
    files = files_of(tmp_path / "a.zip")
    assert all(f"  - {line}\n" in files["README.txt"].decode() for line in told["absent"])
    assert json.loads(files["archive.json"])["absent"] == told["absent"]
    shutil.rmtree(case.root / ".notemill")
    assert case.export(tmp_path / "b.zip")["absent"] == ["run r1: its record is no longer in .notemill/runs"]
    assert not [name for name in files_of(tmp_path / "b.zip") if name.startswith("runs/")]


def test_a_version_that_was_never_promoted_has_no_ledger(case, tmp_path):
    shutil.rmtree(case.root / ".notemill-records/ledger")
    case.export(tmp_path / "a.zip")
    files = files_of(tmp_path / "a.zip")
    assert not [name for name in files if name.startswith("ledger/")] and b"ledger/ " not in files["README.txt"]


def test_records_that_are_damaged_are_not_handed_over(case, tmp_path):
    sha256 = case.manifest["files"]["model.skops"]
    path = case.records.place(sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(NotemillError, match="is gone or damaged"):
        case.export(tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_an_archive_is_replaced_whole(case, tmp_path, monkeypatch):
    target = tmp_path / "a.zip"
    target.write_bytes(b"an older one")
    monkeypatch.setattr("notemill.files.os.replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        case.export(target)
    assert target.read_bytes() == b"an older one" and [path.name for path in tmp_path.glob("*.zip*")] == ["a.zip"]
    monkeypatch.undo()
    case.export(target)
    assert zipfile.is_zipfile(target)


def test_the_readme_says_what_is_there(archive, unpacked):
    text = (unpacked / "README.txt").read_text()
    named = {line.split()[0] for line in text.splitlines() if line[:1].strip() and "  " in line}
    for path in unpacked.iterdir():
        assert path.name + "/" * path.is_dir() in named, path.name
    assert "This archive is not signed." in text and max(map(len, text.splitlines())) <= 120
    assert "WHAT COULD NOT BE HAD" not in text


def test_sums_as_coreutils_check_them(unpacked):
    if not shutil.which("sha256sum"):
        pytest.skip("sha256sum is not installed")
    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(words, cwd=unpacked, capture_output=True, text=True)
    count = len([path for path in unpacked.rglob("*") if path.is_file()])
    assert done.returncode == 0 and done.stdout.count(": OK\n") == count - 1, done.stderr
