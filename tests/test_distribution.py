"""Notemill as a wheel made of itself: whole, the same each time, and nothing but what was installed."""

import base64
import csv
import email
import hashlib
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import notemill
from notemill import distribution
from notemill.errors import NotemillError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel():
    """(file name, content) as from a checkout or an installed wheel: whatever the tests run on."""
    return distribution.local_wheel()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def info_of(files):
    return {name.partition(".dist-info/")[2]: text for name, text in files.items() if ".dist-info/" in name}


def test_it_is_the_same_each_time(wheel):
    assert distribution.local_wheel() == wheel


def test_it_holds_the_package_and_the_shared_files(wheel):
    files, root = members(wheel[1]), Path(notemill.__file__).parent
    for path in root.rglob("*.py"):
        assert files[f"notemill/{path.relative_to(root).as_posix()}"] == path.read_bytes()
    shared = distribution.shared_files()
    assert shared["constraints.txt"] == distribution.constraints() and b"scikit-learn==" in distribution.constraints()
    assert {name: files[f"notemill/init/starter/{name}"] for name in shared} == shared
    assert not [name for name in files if "__pycache__" in name]


def test_its_version_is_its_own(wheel):
    name, content = wheel
    facts = email.message_from_bytes(info_of(members(content))["METADATA"])
    assert name == f"notemill-{facts['Version']}-py3-none-any.whl" and facts["Name"] == "notemill"
    assert re.fullmatch(re.escape(notemill.__version__.partition("+")[0]) + r"\+w[0-9a-f]{12}", facts["Version"])
    assert any(need.startswith("mlflow>=") for need in facts.get_all("Requires-Dist"))
    assert 'streamlit' in "".join(need for need in facts.get_all("Requires-Dist") if 'extra == "demo"' in need)


def test_an_installer_can_read_what_it_needs(wheel):
    lines = email.message_from_bytes(info_of(members(wheel[1]))["METADATA"]).get_all("Requires-Dist")
    assert all(line.count(";") <= 1 for line in lines)
    (uvloop,) = [line for line in lines if line.startswith("uvloop")]
    assert re.search(r"""; \(?sys_platform != ['"]win32['"]\)? and extra == ['"]serve['"]$""", uvloop)


def test_its_record_is_right(wheel):
    files = members(wheel[1])
    (record,) = (name for name in files if name.endswith("/RECORD"))
    rows = list(csv.reader(io.StringIO(files[record].decode())))
    assert {row[0] for row in rows} == set(files)
    for name, digest, size in rows[:-1]:
        assert (digest, int(size)) == (said(files[name]), len(files[name]))


def test_it_has_the_command_and_papermills_engine(wheel):
    assert info_of(members(wheel[1]))["entry_points.txt"].decode().strip() == (
        "[console_scripts]\nnotemill = notemill.cli:main\n\n"
        "[papermill.engine]\nnotemill = notemill.papermill_engine:NotemillEngine")


def test_it_has_no_date_of_its_own(wheel):
    with zipfile.ZipFile(io.BytesIO(wheel[1])) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(("line", "extras", "wanted"), [
    ("click>=8.5", (), "click>=8.5"), ("a ; python_version < '3.12'", (), "a ; python_version < '3.12'"),
    ('b>=1; extra == "s3"', ("s3",), "b>=1"), ('b>=1; extra == "s3"', (), None), ("b ; extra == 's3'", ("s",), None),
    ("c ; (sys_platform != 'win32') and extra == 'serve'", ("serve",), "c ; (sys_platform != 'win32')"),
    ('d; (x == "1" or y == "2") and extra == "all"', ("all",), 'd ; (x == "1" or y == "2")')])
def test_what_is_needed_with_an_extra(line, extras, wanted):
    files = io.BytesIO()
    with zipfile.ZipFile(files, "w") as archive:
        archive.writestr("notemill-1.dist-info/METADATA", f"Name: notemill\nRequires-Dist: {line}\n\n")
    assert distribution.needs(files.getvalue(), extras) == ((wanted,) if wanted else ())


# As an installer leaves it.

def said(content, method="sha256"):
    digest = base64.urlsafe_b64encode(hashlib.new(method, content).digest())
    return f"{method}={digest.rstrip(b'=').decode()}"


class Installed:
    """notemill in a folder of site-packages, with the list of its files."""

    def __init__(self, folder, version="0.1.0"):
        self.folder, self.info, self.rows = folder, f"notemill-{version}.dist-info", []
        facts = f"Metadata-Version: 2.4\nName: notemill\nVersion: {version}\n\nVersion: of words\n"
        self.put("notemill/__init__.py", b"")
        self.put("notemill/run/templates/a.html", b"\xff\0", "sha384")
        self.put(f"{self.info}/METADATA", facts.encode())
        self.put(f"{self.info}/licenses/LICENSE", b"words")
        self.put(f"{self.info}/INSTALLER", b"pip\n")
        self.put("../../../bin/notemill", b"#!/bin/python")
        for name in ("notemill/__pycache__/__init__.cpython-311.pyc", f"{self.info}/RECORD"):
            self.rows.append([name, "", ""])

    def put(self, name, content, method="sha256"):
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self.rows.append([name, said(content, method), str(len(content))])

    def write(self):
        with open(self.folder / self.info / "RECORD", "w", newline="") as file:
            csv.writer(file).writerows(self.rows)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes one that is found as the notemill that runs."""
    def install(version="0.1.0", direct=None):
        site = tmp_path / "lib" / "python3" / "site-packages"
        made = Installed(site, version)
        if direct is not None:
            made.put(f"{made.info}/direct_url.json", direct.encode())
        made.write()
        monkeypatch.setattr(distribution, "in_checkout", lambda: False)
        monkeypatch.setattr(distribution, "HERE", site / "notemill")
        monkeypatch.setattr(metadata, "distribution", lambda name: metadata.Distribution.at(site / made.info))
        return made
    return install


@pytest.mark.parametrize(("version", "direct", "of_index"), [
    ("0.1.0", None, "0.1.0"), ("0.1.0", '{"url": "file:///x.whl"}', None), ("0.1.0+w1", None, None)])
def test_whether_an_index_has_it(installed, version, direct, of_index):
    installed(version, direct)
    assert distribution.index_version() == of_index


def test_one_from_an_index_is_put_together_again_under_its_own_version(installed):
    made = installed(direct='{"url": "file:///x.whl"}')
    name, content = distribution.own_wheel()
    files = members(content)
    assert name == "notemill-0.1.0-py3-none-any.whl" and set(info_of(files)) == {"METADATA", "RECORD", "WHEEL",
                                                                                 "licenses/LICENSE"}
    assert {one for one in files if ".dist-info/" not in one} == {"notemill/__init__.py",
                                                                  "notemill/run/templates/a.html"}
    assert files[f"{made.info}/METADATA"] == (made.folder / made.info / "METADATA").read_bytes()


def test_as_a_version_of_its_own_it_changes_no_other_word(installed):
    installed()
    name, content = distribution.local_wheel()
    facts = email.message_from_bytes(info_of(members(content))["METADATA"])
    assert name.startswith("notemill-0.1.0+w") and facts["Version"] in name
    assert facts.get_payload() == "Version: of words\n"


def test_another_state_of_the_code_is_another_version(installed):
    made = installed()
    before = distribution.local_wheel()
    made.put("notemill/extra.py", b"1\n")
    made.write()
    assert distribution.local_wheel()[0] != before[0]


def test_what_lies_beside_it_and_was_not_installed_stays_out(installed):
    made = installed()
    before = distribution.own_wheel()
    (made.folder / "notemill" / "extra.py").write_text("1")
    assert distribution.own_wheel() == before


@pytest.mark.parametrize(("change", "got"), [
    (lambda place: place.write_bytes(b"changed"), "is not as it was installed"),
    (lambda place: place.unlink(), "cannot be read: No such file"),
    (lambda place: (place.unlink(), place.mkdir()), "cannot be read: Is a directory")])
def test_an_installation_that_somebody_changed_is_refused(installed, change, got):
    made = installed()
    change(made.folder / "notemill" / "run" / "templates" / "a.html")
    with pytest.raises(NotemillError, match=got) as caught:
        distribution.own_wheel()
    assert caught.value.where.endswith("a.html") and "pip install --force-reinstall" in caught.value.hint


@pytest.mark.parametrize("digest", ["", "md5=x", "sha256", "sha256=", "none=AAAA"])
def test_a_file_without_a_digest_of_worth_is_refused(installed, digest):
    made = installed()
    made.rows[0][1] = digest
    made.write()
    with pytest.raises(NotemillError, match="not as it was installed"):
        distribution.own_wheel()


@pytest.mark.parametrize("rows", [[], [[]], [["notemill/__init__.py"]], [["notemill/../../secret", "sha256=x", "1"]],
                                  [["/notemill/__init__.py", "sha256=x", "1"]]])
def test_a_list_that_leads_elsewhere_or_nowhere_is_refused(installed, rows):
    made = installed()
    made.rows[:] = rows
    made.write()
    with pytest.raises(NotemillError, match="is not whole"):
        distribution.own_wheel()


def test_without_a_list_of_files_it_is_refused(installed):
    made = installed()
    (made.folder / made.info / "RECORD").unlink()
    with pytest.raises(NotemillError, match="without a list of its files"):
        distribution.own_wheel()


def test_one_that_is_installed_and_another_that_runs_are_not_taken_for_each_other(installed, monkeypatch, tmp_path):
    installed()
    monkeypatch.setattr(distribution, "HERE", tmp_path / "elsewhere" / "notemill")
    with pytest.raises(NotemillError, match="runs from .*elsewhere") as caught:
        distribution.own_wheel()
    assert "PYTHONPATH" in caught.value.hint


def test_a_copy_that_was_never_installed(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(distribution, "in_checkout", lambda: False)
    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(NotemillError, match="is not installed as a distribution"):
        distribution.own_wheel()


def test_an_installation_that_lacks_a_shared_file_is_told_of(monkeypatch, tmp_path):
    (tmp_path / "starter").mkdir()
    monkeypatch.setattr(distribution, "PACKED", tmp_path / "starter")
    with pytest.raises(NotemillError, match="its installation lacks .*prepare.ipynb"):
        distribution.constraints()


def test_an_installed_wheel_is_no_checkout(monkeypatch, tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(distribution, "CHECKOUT", tmp_path)
    monkeypatch.setattr(distribution, "PACKED", tmp_path / "absent")
    assert distribution.in_checkout()
    monkeypatch.setattr(distribution, "PACKED", tmp_path)
    assert not distribution.in_checkout()
    monkeypatch.setattr(distribution, "CHECKOUT", tmp_path / "absent")
    monkeypatch.setattr(distribution, "PACKED", tmp_path / "absent")
    assert not distribution.in_checkout()


def test_unpacked_it_runs_and_makes_the_same_one(wheel, tmp_path):
    with zipfile.ZipFile(io.BytesIO(wheel[1])) as archive:
        archive.extractall(tmp_path)
    for make in ("local_wheel", "own_wheel"):
        code = ("import hashlib; from notemill import distribution as d; "
                f"n, c = d.{make}(); print(n, hashlib.sha256(c).hexdigest())")
        done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True,
                              text=True)
        assert done.stdout.split() == [wheel[0], hashlib.sha256(wheel[1]).hexdigest()], done.stderr


# With pip and real environments.

MAKE = """import sys
from pathlib import Path
from notemill import distribution
assert distribution.index_version() == sys.argv[2], distribution.index_version()
name, content = distribution.own_wheel()
Path(sys.argv[1], name).write_bytes(content)
Path(sys.argv[1], "constraints.txt").write_bytes(distribution.constraints())
"""


class Venv:
    """An environment with pip that sees what notemill needs, and no notemill but its own."""

    def __init__(self, folder):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        self.bin = folder / "bin"
        (self.site,) = folder.glob("lib/python3*/site-packages")
        needs = folder / "needs"
        needs.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not re.match(r"_*(editable__*)?notemill|pip|_virtualenv|distutils", path.name) and path.suffix != ".pth":
                (needs / path.name).symlink_to(path)
        (self.site / "needs.pth").write_text(str(needs))

    def run(self, *words):
        done = subprocess.run([self.bin / words[0], *words[1:]], capture_output=True, text=True, cwd=self.site,
                              env={"PATH": str(self.bin), "HOME": str(self.site)})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, folder):
        """From a folder of wheels, as from an index: nothing tells where it came from."""
        self.run("pip", "install", "-q", "--no-deps", "--no-index", "--find-links", str(folder), "notemill")

    def files(self):
        return {path.relative_to(self.site).as_posix(): path.read_bytes() for part in ("notemill", "notemill-*")
                for root in self.site.glob(part) for path in root.rglob("*")
                if path.is_file() and path.name not in ("RECORD", "WHEEL") and path.suffix != ".pyc"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_installed_from_an_index_it_makes_a_wheel_that_installs_as_the_same(tmp_path):
    if not (ROOT / "setup.py").is_file():
        pytest.skip("the sources are not here")
    source, built, again = tmp_path / "source", tmp_path / "built", tmp_path / "again"
    again.mkdir()
    shutil.copytree(ROOT / "package", source / "package", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", *distribution.shared_files()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", built, source],
                   check=True, capture_output=True)
    first, second = Venv(tmp_path / "first"), Venv(tmp_path / "second")
    first.install(built)
    first.run("python", "-c", MAKE, str(again), notemill.__version__)
    assert (again / "constraints.txt").read_bytes() == (ROOT / "constraints.txt").read_bytes()
    second.install(again)
    assert second.files() == first.files() and len(first.files()) > 500
    assert second.run("notemill", "--version") == f"notemill, version {notemill.__version__}\n"
    assert second.run("python", "-c", "import notemill; print(notemill.__file__)").startswith(str(tmp_path / "second"))
    name = "from notemill import distribution; print(distribution.local_wheel()[0])"
    assert first.run("python", "-c", name) == second.run("python", "-c", name)  # for a project they are the same one
    (wheel,) = again.glob("*.whl")
    before = wheel.read_bytes()
    second.run("python", "-c", MAKE, str(again), notemill.__version__)
    assert wheel.read_bytes() == before
