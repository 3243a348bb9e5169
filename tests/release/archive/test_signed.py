"""Archives and wheels with a key: what it has signed passes, what it has not is refused, by both who can verify."""

import json
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime
from functools import partial

import pytest
from keys import make_keys
from tiny import cli

from notemill import signing
from notemill.release import verify
from notemill.release.archive import verify as archive_verify
from notemill.wheel.archive import zip_bytes


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def sealed(whole, keys, tmp_path_factory):
    """The archive, signed."""
    target = tmp_path_factory.mktemp("sealed") / "mixed.zip"
    assert whole.export(target, **keys.signs)["signed"] is True
    return target


@pytest.fixture
def folder(sealed, tmp_path):
    with zipfile.ZipFile(sealed) as packed:
        packed.extractall(tmp_path)
    return tmp_path / "mixed-3"


def ask(folder, *words):
    done = subprocess.run([sys.executable, "-I", "verify.py", *map(str, words)], cwd=folder, capture_output=True,
                          text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def packed(folder, target):
    """As `notemill export` would."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    when = datetime.fromisoformat(json.loads((folder / "manifest.json").read_bytes())["created"])
    target.write_bytes(zip_bytes([(f"mixed-3/{name}", (folder / name).read_bytes()) for name in names], when))
    return target


def test_what_the_key_signed_passes(sealed, folder, keys):
    code, told = ask(folder, "--key", keys.public)
    assert code == 0 and "Whole, and signed with the private key of team.pub.pem." in told, told
    found = verify(sealed, keys.trusts)
    assert (found.whole, found.signed, found.wrong) == (True, True, [])
    assert "This archive is signed." in (folder / "README.txt").read_text()
    wheel = next((folder / "wheel").glob("*.whl"))
    assert signing.check(wheel, keys.trusts) and signing.check(folder / "SHA256SUMS", keys.trusts)


def test_signed_or_not_the_rest_is_the_same(sealed, archive):
    with zipfile.ZipFile(sealed) as left, zipfile.ZipFile(archive) as right:
        names = [name for name in left.namelist() if not name.endswith((".sig", "SHA256SUMS", "README.txt"))]
        assert {name: left.read(name) for name in names} == {
            name: right.read(name) for name in right.namelist() if name in names}
        assert sorted({*left.namelist()} - {*right.namelist()}) == [
            "mixed-3/SHA256SUMS.sig", "mixed-3/wheel/mixed_model-3+g6e976e976e97-py3-none-any.whl.sig"]


def test_an_archive_without_signature_is_refused_where_a_key_is_trusted(archive, unpacked, keys):
    code, told = ask(unpacked, "--key", keys.public)
    assert code == 1 and "SHA256SUMS.sig: is missing" in told
    found = verify(archive, keys.trusts)
    assert (found.whole, found.signed) == (True, False)
    assert found.wrong[0] == "SHA256SUMS is not signed: there is no SHA256SUMS.sig beside it"


def test_another_key(sealed, folder, tmp_path):
    other = make_keys(tmp_path, "other")
    code, told = ask(folder, "--key", other.public)
    assert code == 1 and "SHA256SUMS.sig: is not the signature of this key" in told
    assert verify(sealed, other.trusts).wrong[0] == "SHA256SUMS was signed with another key than other.pub.pem"


def test_made_anew_by_another(folder, keys, whole, tmp_path):
    """Whole, and with our signature taken from elsewhere: but not what we signed."""
    whole.export(tmp_path / "a.zip", **make_keys(tmp_path, "theirs").signs)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "forged")
    forged = tmp_path / "forged" / "mixed-3"
    assert ask(forged)[0] == 0 and ask(forged, "--key", keys.public)[0] == 1
    shutil.copy(folder / "SHA256SUMS.sig", forged)
    code, told = ask(forged, "--key", keys.public)
    assert code == 1 and "SHA256SUMS: is not what was signed" in told
    found = verify(packed(forged, tmp_path / "b.zip"), keys.trusts)
    assert (found.whole, found.signed) == (True, False)
    assert found.wrong[0].startswith("SHA256SUMS is not what was signed") and "another key" in found.wrong[1]


def test_what_is_not_whole_is_not_signed(folder, keys, tmp_path):
    (folder / "version/card.md").write_bytes(b"# Better than it is")
    code, told = ask(folder, "--key", keys.public)
    assert code == 1 and "version/card.md: has another content" in told
    found = verify(packed(folder, tmp_path / "a.zip"), keys.trusts)
    assert (found.whole, found.signed) == (False, False)


def test_the_signature_of_the_sums_for_the_wheel(folder, keys):
    wheel = next((folder / "wheel").glob("*.whl"))
    shutil.copy(folder / "SHA256SUMS.sig", signing.signature_of(wheel))
    code, told = ask(folder, "--key", keys.public)
    assert code == 1 and f"wheel/{wheel.name}: is not what was signed" in told


def test_a_wheel_that_was_signed_under_another_name(folder, keys, tmp_path):
    wheel = next((folder / "wheel").glob("*.whl"))
    other = shutil.copy(wheel, tmp_path / "other-1-py3-none-any.whl")
    shutil.copy(signing.sign(other, keys.signs), signing.signature_of(wheel))
    code, told = ask(folder, "--key", keys.public)
    assert code == 1 and f"wheel/{wheel.name}: is not what was signed" in told


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'{"dsseEnvelope": {"payload": "x", "signatures": []}}'])
def test_a_signature_that_is_none(folder, keys, content):
    (folder / "SHA256SUMS.sig").write_bytes(content)
    code, told = ask(folder, "--key", keys.public)
    assert code == 1 and ("cannot be read" in told or "is missing" in told)


@pytest.mark.parametrize("name, words", [("nowhere.pem", "no public key in PEM form"),
                                         ("README.txt", "no public key in PEM form")])
def test_a_key_that_is_none(folder, name, words):
    code, told = ask(folder, "--key", folder / name)
    assert code == 2 and words in told


def test_a_key_needs_cryptography(folder, keys):
    done = subprocess.run([sys.executable, "-I", "-S", "verify.py", "--key", keys.public], cwd=folder,
                          capture_output=True, text=True)
    assert done.returncode == 2 and "pip install cryptography" in done.stderr


def test_no_key_in_the_archive(sealed, keys):
    with zipfile.ZipFile(sealed) as archive:
        data = b"".join(archive.read(name) for name in archive.namelist())
    secret = keys.private.read_bytes().splitlines()[1]
    assert len(secret) == 64 and secret not in data and str(keys.private).encode() not in data


@pytest.mark.parametrize("place", ["SHA256SUMS.sig", "wheel"])
def test_each_changed_byte_of_a_signature_is_found(folder, keys, place):
    path = folder / place if place != "wheel" else next((folder / "wheel").glob("*.sig"))
    data, name = path.read_bytes(), path.relative_to(folder).as_posix().removesuffix(".sig")
    files = {found.relative_to(folder).as_posix(): found.read_bytes() for found in folder.rglob("*") if found.is_file()}
    public = archive_verify.load_key(keys.public)
    check = partial(archive_verify.check_signature, name, public)
    assert archive_verify.answer(check, files) == []
    for at in range(len(data)):
        for bit in (1, 32):
            changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]
            assert archive_verify.answer(check, {**files, f"{name}.sig": changed}), (at, bit, data[at - 9:at + 9])


@pytest.mark.parametrize("change", [
    lambda text: text.replace('"keyid"', '"keyid": "", "keyid"'), lambda text: text.replace('"keyid"', '"key\\u0069d"'),
    lambda text: text.replace('"mediaType"', '"more": 1, "mediaType"')])
def test_a_signature_in_another_form(folder, keys, change):
    path = folder / "SHA256SUMS.sig"
    assert change(path.read_text()) != path.read_text()
    path.write_text(change(path.read_text()))
    code, told = ask(folder, "--key", keys.public)
    assert code == 1 and "not the form in which signatures are written" in told


# the command
def test_the_command_for_wheels_and_archives(sealed, folder, keys, monkeypatch):
    wheel = next((folder / "wheel").glob("*.whl"))
    for path in (sealed, wheel):
        told = cli("verify", "--json", path)
        assert told.code == 0 and told.json == {"file": str(path), "whole": True, "signed": None, "wrong": [],
                                                "error": None}
        assert "who wrote it was not asked: NOTEMILL_TRUSTED_KEY names no key" in cli("verify", path).out
    monkeypatch.setenv("NOTEMILL_TRUSTED_KEY", str(keys.public))
    for path in (sealed, wheel):
        told = cli("verify", "--json", path)
        assert told.code == 0 and told.json["signed"] is True
        assert cli("verify", path).out == f"{path}: whole; signed with the private key of {keys.public}\n"


def test_the_command_refuses(folder, keys, monkeypatch, tmp_path):
    wheel = next((folder / "wheel").glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes().replace(b"Requires-Dist: skops", b"Requires-Dist: skopz"))
    told = cli("verify", "--json", wheel)
    assert told.code == 1 and told.json["whole"] is False and "Bad CRC-32" in told.json["error"]["got"]
    monkeypatch.setenv("NOTEMILL_TRUSTED_KEY", str(keys.public))
    told = cli("verify", wheel)
    assert told.code == 1 and told.out == "" and "is not what was signed" in told.err
    path = tmp_path / "a.txt"
    path.write_text("1")
    for words, got in ((path, "is no zip archive"), (tmp_path, "is no file"), (tmp_path / "no.whl", "is no file")):
        told = cli("verify", "--json", words)
        assert told.code == 2 and got in told.json["error"]["got"]
    monkeypatch.setenv("NOTEMILL_TRUSTED_KEY", str(path))
    told = cli("verify", "--json", wheel)
    assert told.code == 2 and json.loads(told.out)["error"]["where"] == "NOTEMILL_TRUSTED_KEY"
