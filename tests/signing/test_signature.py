"""What the trusted key has signed passes, and nothing else: each refusal in words."""

import json
import shutil
import subprocess
import sys

import pytest
from keys import make_keys

from notemill import signing
from notemill.errors import MissingExtra, NotemillError


def refusal(path, environ):
    with pytest.raises(NotemillError) as caught:
        signing.check(path, environ)
    assert caught.value.exit_code == 1
    return caught.value.got


def test_what_was_signed_passes(signed, keys):
    assert signing.signature_of(signed).name == "model-1-py3-none-any.whl.sig"
    assert signing.check(signed, keys.trusts) is True
    link = signed.parent / "links" / signed.name
    link.parent.mkdir()
    link.symlink_to(signed)
    shutil.copy(signing.signature_of(signed), link.parent)
    assert signing.check(link, keys.trusts) is True


def test_where_no_key_is_named_nothing_is_made_and_nothing_asked(tmp_path):
    path = tmp_path / "a.whl"
    path.write_bytes(b"1")
    assert signing.sign(path, {}) is None and signing.check(path, {}) is False
    assert [one.name for one in tmp_path.iterdir()] == ["a.whl"]
    assert not signing.may_sign({"NOTEMILL_SIGNING_KEY": ""}) and not signing.trusts({"NOTEMILL_TRUSTED_KEY": ""})


def test_a_changed_byte_is_refused(signed, keys):
    whole = signed.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        signed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        assert refusal(signed, keys.trusts).startswith("is not what was signed: it has changed since")
    signed.write_bytes(whole + b"\n")
    assert refusal(signed, keys.trusts).startswith("is not what was signed")
    signed.write_bytes(whole)
    assert signing.check(signed, keys.trusts)


def test_each_changed_byte_of_the_signature_is_refused(signed, keys):
    path = signing.signature_of(signed)
    whole, passed = path.read_bytes(), []
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
        try:
            signing.check(signed, keys.trusts)
            passed.append(place)
        except NotemillError as error:
            assert "its signature" in error.got or "another key" in error.got
    assert len(whole) > 1000 and passed == []


def test_another_key(signed, tmp_path):
    other = make_keys(tmp_path, "other")
    assert refusal(signed, other.trusts) == "was signed with another key than other.pub.pem"


def test_another_key_that_says_it_is_ours(signed, keys, tmp_path):
    path = signing.signature_of(signed)
    hint = json.loads(path.read_text())["verificationMaterial"]["publicKey"]["hint"]
    signing.sign(signed, make_keys(tmp_path, "other").signs)
    theirs = json.loads(path.read_text())["verificationMaterial"]["publicKey"]["hint"]
    path.write_text(path.read_text().replace(theirs, hint))
    said = f"its signature, {path.name}, is not that of team.pub.pem: damaged, or forged"
    assert refusal(signed, keys.trusts) == said


def test_a_signature_that_names_no_key_is_of_another_kind(signed, keys, capsys):
    path = signing.signature_of(signed)
    facts = json.loads(path.read_text())
    for hint in ("", None):
        facts["verificationMaterial"]["publicKey"]["hint"] = hint
        path.write_text(json.dumps(facts))
        refusal(signed, keys.trusts)
    assert capsys.readouterr().out == ""  # the library would print a warning among what --json promises alone


def test_the_signature_of_another_file(signed, keys):
    other = signed.with_name("model-2-py3-none-any.whl")
    other.write_bytes(b"another one")
    signing.sign(other, keys.signs)
    shutil.copy(signing.signature_of(other), signing.signature_of(signed))
    assert refusal(signed, keys.trusts).startswith("is not what was signed")


def test_an_older_file_under_a_later_name(signed, keys):
    later = signed.with_name("model-2-py3-none-any.whl")
    shutil.copy(signed, later)
    shutil.copy(signing.signature_of(signed), signing.signature_of(later))
    assert refusal(later, keys.trusts) == f"was signed under another name: {signed.name}"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"dsseEnvelope": 1}'])
def test_a_signature_that_is_none(signed, keys, content):
    signing.signature_of(signed).write_bytes(content)
    assert refusal(signed, keys.trusts).endswith("is damaged, or of another kind")


def test_unsigned_is_refused_where_a_key_is_trusted(signed, keys):
    signing.signature_of(signed).unlink()
    assert refusal(signed, keys.trusts) == f"is not signed: there is no {signed.name}.sig beside it"


def test_signing_again_replaces_the_signature_whole(signed, keys):
    before = signing.signature_of(signed).read_bytes()
    signing.sign(signed, keys.signs)
    assert signing.signature_of(signed).read_bytes() != before
    assert signing.check(signed, keys.trusts)
    assert sorted(one.suffix for one in signed.parent.iterdir()) == [".pem", ".pem", ".sig", ".whl"]


def test_the_librarys_own_program_takes_it(signed, keys):
    """Who has model-signing, and not notemill, can check."""
    words = ["verify", "key", signed, "--signature", signing.signature_of(signed), "--public_key", keys.public]
    command = [sys.executable, "-m", "model_signing", *map(str, words)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    signed.write_bytes(b"another")
    assert subprocess.run(command, capture_output=True).returncode != 0


@pytest.mark.parametrize("act", [signing.sign, signing.check])
def test_without_the_extra_the_command_that_installs_it_is_told(signed, keys, monkeypatch, act):
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(MissingExtra) as caught:
        act(signed, {**keys.signs, **keys.trusts})
    assert caught.value.hint == "pip install 'notemill[sign]'" and caught.value.exit_code == 2
    assert act(signed, {}) in (None, False)
