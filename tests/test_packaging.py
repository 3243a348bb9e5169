"""What is built is what is meant: the wheel's content, its metadata, and that the tests look at the wheel."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import notemill

ROOT = Path(__file__).resolve().parent.parent
SHARED = (ROOT / "package" / "notemill" / "init" / "shared.txt").read_text(encoding="utf-8").split()
SOURCES = ("package", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", *SHARED)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with a wheel made straight from a copy of the sources, and sdist/ with the way through the sdist."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "copy"
    copy.mkdir()
    for name in SOURCES:
        source = ROOT / name
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, copy / name, ignore=LEFT_OUT) if source.is_dir() else shutil.copy(source, copy / name)
    build(copy, folder / "direct", "--wheel")
    build(copy, folder / "sdist")
    return folder


def build(copy, outdir, *arguments):
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(outdir), *arguments, str(copy)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def read_wheel(folder):
    """{name: bytes} of the only wheel in `folder`, less RECORD, which repeats the rest."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def read_package():
    """{name in the wheel: bytes} of every file of package/, and of those that new projects share with us."""
    folder = ROOT / "package"
    kept = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    own = {str(path.relative_to(folder)): path.read_bytes() for path in kept if ".egg-info" not in str(path)}
    return own | {f"notemill/init/starter/{name}": (ROOT / name).read_bytes() for name in SHARED}


def test_wheel_holds_the_whole_package_and_nothing_else(built):
    wheel = read_wheel(built / "direct")
    assert {name: data for name, data in wheel.items() if ".dist-info/" not in name} == read_package()


def test_wheel_holds_what_is_not_python(built):
    names = read_wheel(built / "direct")
    assert any(name.startswith("notemill/schemas/") and name.endswith(".json") for name in names)
    assert any(name.startswith("notemill/report/templates/") for name in names)
    assert {"notemill/init/templates/noxfile.py.txt", "notemill/init/starter/notebooks/prepare.ipynb",
            "notemill/init/starter/.flake8", "notemill/init/starter/.pre-commit-config.yaml"} <= set(names)


def test_sdist_builds_the_same_wheel(built):
    assert read_wheel(built / "sdist") == read_wheel(built / "direct")


def test_metadata(built):
    wheel = read_wheel(built / "direct")
    info = f"notemill-{notemill.__version__}.dist-info"
    metadata = email.message_from_bytes(wheel[f"{info}/METADATA"])
    assert (metadata["Name"], metadata["Version"]) == ("notemill", notemill.__version__)
    assert (metadata["Requires-Python"], metadata["License-Expression"]) == (">=3.11", "Apache-2.0")
    described = metadata.get_payload(decode=True).decode("utf-8")
    assert described.strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    assert wheel[f"{info}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert "notemill = notemill.cli:main" in wheel[f"{info}/entry_points.txt"].decode()


def test_extras_have_the_promised_names(built):
    wheel = read_wheel(built / "direct")
    (metadata,) = (data for name, data in wheel.items() if name.endswith("/METADATA"))
    extras = set(email.message_from_bytes(metadata).get_all("Provides-Extra"))
    assert extras == {"serve", "demo", "docker", "dask", "s3", "sign", "sweep", "fairness", "all"}


def test_the_tests_see_the_installed_wheel():
    if os.environ.get("NOX_CURRENT_SESSION") != "test":
        pytest.skip("only `nox -s test` installs the wheel")
    assert not Path(notemill.__file__).is_relative_to(ROOT / "package")
    assert str(ROOT / "package") not in sys.path


def test_the_command_is_installed():
    command = Path(sys.executable).with_name("notemill")
    if not command.exists():
        pytest.skip("notemill is not installed beside this interpreter (`nox -s test` installs it)")
    done = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "run" in done.stdout
