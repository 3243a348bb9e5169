"""The wheel that a project brings along: whole, the same each time; none where an index has the version."""

import base64
import csv
import email
import hashlib
import io
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import notemill
from notemill.errors import NotemillError
from notemill.init import starter, vendored


@pytest.fixture(scope="module")
def wheel():
    """(requirement, name, bytes) as from a checkout or an installed wheel: whatever the tests run on."""
    needs, files = vendored.requirement()
    if not files:
        pytest.skip("notemill was installed from an index here: it vendors nothing")
    ((name, content),) = files.items()
    return needs, Path(name).name, content


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_it_is_the_same_each_time(wheel):
    assert vendored.requirement()[1] == {f"wheels/{wheel[1]}": wheel[2]}


def test_it_holds_the_package_and_the_shared_files(wheel):
    files, root = members(wheel[2]), Path(notemill.__file__).parent
    for path in root.rglob("*.py"):
        assert files[f"notemill/{path.relative_to(root).as_posix()}"] == path.read_bytes()
    assert files["notemill/init/starter/notebooks/train.ipynb"] == starter.shared_files()["notebooks/train.ipynb"]
    assert not [name for name in files if "__pycache__" in name]


def test_its_version_is_its_own(wheel):
    needs, name, content = wheel
    version = needs.removeprefix("notemill==")
    assert version.startswith(f"{notemill.__version__}+w") and name == f"notemill-{version}-py3-none-any.whl"
    info = members(content)[f"notemill-{version}.dist-info/METADATA"]
    facts = email.message_from_bytes(info)
    assert (facts["Name"], facts["Version"]) == ("notemill", version)
    assert any(need.startswith("mlflow>=") for need in facts.get_all("Requires-Dist"))
    assert 'streamlit' in "".join(need for need in facts.get_all("Requires-Dist") if 'extra == "demo"' in need)


def test_an_installer_can_read_what_it_needs(wheel):
    needs, name, content = wheel
    info = members(content)[f"notemill-{needs.removeprefix('notemill==')}.dist-info/METADATA"]
    lines = email.message_from_bytes(info).get_all("Requires-Dist")
    assert all(line.count(";") <= 1 for line in lines)
    (uvloop,) = [line for line in lines if line.startswith("uvloop")]
    assert re.search(r"""; \(?sys_platform != ['"]win32['"]\)? and extra == ['"]serve['"]$""", uvloop)


def test_its_record_is_right(wheel):
    files = members(wheel[2])
    (record,) = (name for name in files if name.endswith("/RECORD"))
    rows = list(csv.reader(io.StringIO(files[record].decode())))
    assert {row[0] for row in rows} == set(files)
    for name, digest, size in rows[:-1]:
        sha256 = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={sha256}", len(files[name]))


def test_it_has_the_command_and_papermills_engine(wheel):
    (text,) = (content.decode() for name, content in members(wheel[2]).items() if name.endswith("/entry_points.txt"))
    assert text == ("[console_scripts]\nnotemill = notemill.cli:main\n\n"
                    "[papermill.engine]\nnotemill = notemill.papermill_engine:NotemillEngine\n")


def test_it_has_no_date_of_its_own(wheel):
    with zipfile.ZipFile(io.BytesIO(wheel[2])) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_another_state_of_the_code_is_another_version(wheel, monkeypatch):
    real = vendored._package_files
    monkeypatch.setattr(vendored, "_package_files", lambda: real() | {"notemill/extra.py": b"1\n"})
    assert vendored.requirement()[0] != wheel[0]


class Installed:
    """A distribution as pip leaves it."""

    def __init__(self, folder, version, direct):
        self.folder, self.version, self.direct = folder, version, direct
        info = folder / f"notemill-{version}.dist-info"
        info.mkdir()
        facts = f"Metadata-Version: 2.4\nName: notemill\nVersion: {version}\nRequires-Dist: click\n\nWords\n"
        texts = {"METADATA": facts, "RECORD": "", "INSTALLER": "pip\n",
                 "entry_points.txt": "[console_scripts]\nnotemill = notemill.cli:main\n"}
        for name, text in texts.items():
            (info / name).write_text(text)
        self.files = [metadata.PackagePath(info.name, name) for name in texts]
        for file in self.files:
            file.dist = self

    def read_text(self, name):
        return self.direct

    def locate_file(self, path):
        return self.folder / path


@pytest.mark.parametrize("version, direct, vendors", [
    ("0.1.0", None, False), ("0.1.0", '{"url": "file:///x.whl"}', True), ("0.1.0+w1", None, True)])
def test_an_index_is_asked_where_it_came_from_one(tmp_path, monkeypatch, version, direct, vendors):
    monkeypatch.setattr(starter, "in_checkout", lambda: False)
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed(tmp_path, version, direct))
    needs, files = vendored.requirement()
    if not vendors:
        assert (needs, files) == ("notemill==0.1.0", {})
        return
    ((_, content),) = files.items()
    info = {name.partition(".dist-info/")[2]: text for name, text in members(content).items() if ".dist-info/" in name}
    assert set(info) == {"METADATA", "RECORD", "WHEEL", "entry_points.txt"}
    facts = email.message_from_bytes(info["METADATA"])
    assert f"notemill=={facts['Version']}" == needs and facts["Version"].startswith("0.1.0+w")
    assert facts.get_payload() == "Words\n"


def test_a_copy_that_was_never_installed(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(starter, "in_checkout", lambda: False)
    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(NotemillError, match="is not installed as a distribution"):
        vendored.requirement()


def test_unpacked_it_runs_and_makes_the_same_one(wheel, tmp_path):
    with zipfile.ZipFile(io.BytesIO(wheel[2])) as archive:
        archive.extractall(tmp_path)
    code = ("import hashlib; from notemill.init import vendored; n, f = vendored.requirement(); "
            "print(n, *f, *(hashlib.sha256(c).hexdigest() for c in f.values()))")
    environ = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout.split() == [wheel[0], f"wheels/{wheel[1]}", hashlib.sha256(wheel[2]).hexdigest()]


def test_an_installed_wheel_is_no_checkout(monkeypatch, tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(starter, "CHECKOUT", tmp_path)
    monkeypatch.setattr(starter, "PACKED", tmp_path / "absent")
    assert starter.in_checkout()
    monkeypatch.setattr(starter, "PACKED", tmp_path)
    assert not starter.in_checkout()
    monkeypatch.setattr(starter, "CHECKOUT", tmp_path / "absent")
    monkeypatch.setattr(starter, "PACKED", tmp_path / "absent")
    assert not starter.in_checkout()
