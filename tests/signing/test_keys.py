"""Keys that cannot be used are told in words, and no secret is."""

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from keys import make_keys

from notemill import signing
from notemill.errors import UsageError

PASSWORD = "open-sesame-4711"  # pragma: allowlist secret


def misuse(act, path, environ):
    with pytest.raises(UsageError) as caught:
        act(path, environ)
    assert PASSWORD not in str(caught.value) and caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o660, 0o601])
def test_a_private_key_that_others_can_reach(signed, keys, mode):
    keys.private.chmod(mode)
    error = misuse(signing.sign, signed, keys.signs)
    assert "may be read or changed by others (-rw" in error.got and error.hint == f"chmod 600 {keys.private}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_private_key_that_only_its_owner_can_change(signed, keys, mode):
    keys.private.chmod(mode)
    assert signing.sign(signed, keys.signs)


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_curves_and_passwords(signed, tmp_path, curve, password):
    keys = make_keys(tmp_path, "own", ec.generate_private_key(curve()), password)
    more = {"NOTEMILL_SIGNING_PASSWORD": password} if password else {}
    signing.sign(signed, {**keys.signs, **more})
    assert signing.check(signed, keys.trusts)


@pytest.mark.parametrize("on_key, given, words", [
    (PASSWORD, None, "has a password, and NOTEMILL_SIGNING_PASSWORD is not set"),
    (PASSWORD, PASSWORD + "x", "or NOTEMILL_SIGNING_PASSWORD does not open it"),
    (None, PASSWORD, "has no password, and NOTEMILL_SIGNING_PASSWORD is set")])
def test_passwords_that_do_not_fit(signed, tmp_path, on_key, given, words):
    keys = make_keys(tmp_path, "own", password=on_key)
    environ = {**keys.signs, **({"NOTEMILL_SIGNING_PASSWORD": given} if given else {})}
    assert words in misuse(signing.sign, signed, environ).got


@pytest.mark.parametrize("key, named", [
    (lambda: rsa.generate_private_key(65537, 2048), ""), (ed25519.Ed25519PrivateKey.generate, ""),
    (lambda: ec.generate_private_key(ec.SECP256K1()), " (secp256k1)")])
def test_keys_of_another_kind(signed, tmp_path, key, named):
    keys = make_keys(tmp_path, "own", key())
    for act, environ, path in ((signing.sign, keys.signs, keys.private), (signing.check, keys.trusts, keys.public)):
        error = misuse(act, signed, environ)
        assert error.got == f"{path} is a key of another kind{named}" and "secp256r1" in error.allowed


def test_a_private_key_is_not_to_be_given_away(signed, keys):
    error = misuse(signing.check, signed, {"NOTEMILL_TRUSTED_KEY": str(keys.private)})
    assert error.got == f"{keys.private} is a private key" and error.hint.startswith("openssl pkey -in team.pem")


@pytest.mark.parametrize("act, name", [(signing.sign, "NOTEMILL_SIGNING_KEY"), (signing.check, "NOTEMILL_TRUSTED_KEY")])
def test_files_that_are_no_keys(signed, tmp_path, act, name):
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("-----BEGIN NONSENSE-----\n")
    nonsense.chmod(0o600)
    assert "nonsense.pem is no p" in misuse(act, signed, {name: str(nonsense)}).got
    for path in (tmp_path / "nowhere.pem", tmp_path):
        error = misuse(act, signed, {name: str(path)})
        assert (error.where, error.got) == (name, f"there is no file {path}")


def test_keys_as_openssl_makes_them(signed, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    for words in ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signing.pem",
                  "pkey -in signing.pem -pubout -out signing.pub.pem"):
        subprocess.run(["openssl", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    signing.sign(signed, {"NOTEMILL_SIGNING_KEY": str(tmp_path / "signing.pem")})
    assert signing.check(signed, {"NOTEMILL_TRUSTED_KEY": str(tmp_path / "signing.pub.pem")})
