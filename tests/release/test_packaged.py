"""What serves and scores is verified first, unpacked safely, and kept by content."""

import base64
import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from keys import make_keys
from serving_samples import make_wheel

from notemill import signing
from notemill.errors import NotemillError, UsageError
from notemill.release.packaged import is_safe, packaged


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_wheel(tmp_path_factory.mktemp("wheel"), compiled=False)


@pytest.fixture
def environ(tmp_path):
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.fixture
def wheel(made, tmp_path):
    path = tmp_path / made.name
    path.write_bytes(made.read_bytes())
    return path


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def rewrite(path, change):
    """The wheel with other files, and a RECORD that agrees."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    record = next(name for name in files if name.endswith("/RECORD"))
    change(files)
    lines = [f"{name},sha256={digest(data)},{len(data)}" for name, data in files.items() if name != record]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    path.write_bytes(packed.getvalue())


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_package_is_there_and_stays(wheel, environ, tmp_path):
    folder = packaged(str(wheel), None, environ=environ)
    assert folder.name == "plain_model" and folder.is_relative_to(tmp_path / "cache")
    assert [path.name for path in folder.parent.iterdir()] == ["plain_model"]
    assert json.loads((folder / "facts.json").read_text())["registry_version"] == 3
    before = (folder / "model.py").stat().st_ino
    (folder / "__pycache__").mkdir()
    assert packaged(str(wheel), None, environ=environ) == folder and (folder / "model.py").stat().st_ino == before


def test_in_a_project_it_is_kept_in_its_cache(wheel, environ, tmp_path):
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    (tmp_path / "project" / "notebooks" / "pipeline.yaml").write_text("name: tiny\n")
    folder = packaged(str(wheel), tmp_path / "project", environ=environ)
    assert folder.is_relative_to(tmp_path / "project" / ".notemill" / "packages")


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "model.py").write_text("bad = 1"), lambda folder: (folder / "model.py").unlink(),
    lambda folder: (folder / "more.py").write_text("bad = 1"),
    lambda folder: ((folder / "rows.py").unlink(), (folder / "rows.py").symlink_to("model.py"))])
def test_what_was_changed_in_the_cache_is_put_right(wheel, environ, change):
    folder = packaged(str(wheel), None, environ=environ)
    before = content(folder)
    change(folder)
    assert packaged(str(wheel), None, environ=environ) == folder
    assert content(folder) == before
    assert not (folder / "rows.py").is_symlink()


def test_several_at_once(wheel, environ):
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: packaged(str(wheel), None, environ=environ), range(8)))
    assert len(found) == 1 and [path for path in next(iter(found)).parent.parent.iterdir() if path.is_dir()] == \
        [next(iter(found)).parent]


def test_a_damaged_wheel_is_refused(wheel, environ):
    data = bytearray(wheel.read_bytes())
    data[data.index(b"notemill") + 2] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(NotemillError, match="is not used: cannot be read"):
        packaged(str(wheel), None, environ=environ)


@pytest.mark.parametrize("change, words", [
    (lambda files: files.update({"../evil.py": b"1"}), "leads outside its folder"),
    (lambda files: files.update({"plain_model/../../evil.py": b"1"}), "leads outside its folder"),
    (lambda files: files.update({"/etc/evil.py": b"1"}), "leads outside its folder"),
    (lambda files: files.update({"other/evil.py": b"1"}), "is no model package"),
    (lambda files: files.pop("plain_model/types.json"), "it has no types.json"),
    (lambda files: files.update({"plain_model/zeros": bytes(200_000_000)}), "would take 20[0-9] MB"),
    (lambda files: files.update({"plain_model/facts.json": b"[]"}), "facts.json"),
    (lambda files: files.update({"plain_model/facts.json": b'{"package": "other"}'}), "facts.json is another's")])
def test_a_wheel_that_is_no_model_package_is_refused(wheel, environ, tmp_path, change, words):
    rewrite(wheel, change)
    with pytest.raises(NotemillError, match=words):
        packaged(str(wheel), None, environ=environ)
    assert not list(tmp_path.rglob("evil.py"))


@pytest.mark.parametrize("name", ["a/../b", "/a/b", "a\\b", "a", "C:/a", "a//b", "./a", "a/\0"])
def test_names_that_lead_elsewhere(name):
    assert not is_safe(name) and is_safe("a/b/c.py")


def test_where_a_key_is_trusted_its_signature_is_asked_for(wheel, environ, tmp_path):
    keys = make_keys(tmp_path)
    trusting = {**environ, **keys.trusts}
    with pytest.raises(NotemillError, match="is not signed"):
        packaged(str(wheel), None, environ=trusting)
    signing.sign(wheel, keys.signs)
    assert packaged(str(wheel), None, environ=trusting).name == "plain_model"
    rewrite(wheel, lambda files: files.update({"plain_model/model.py": b"bad = 1"}))
    with pytest.raises(NotemillError, match="is not used: .*changed since"):
        packaged(str(wheel), None, environ=trusting)


@pytest.mark.parametrize("asked, words", [("3", "a version belongs to a project"), ("no.whl", "there is no such file"),
                                          ("champion", "a version belongs to a project")])
def test_what_is_not_there(asked, words, environ):
    with pytest.raises(UsageError, match=words):
        packaged(asked, None, environ=environ)
