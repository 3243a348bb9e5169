"""A key that never leaves its token: PKCS#11, with SoftHSM in the place of the hardware."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from keys import make_keys

from notemill import signing
from notemill.errors import UsageError
from notemill.signing import keys

PIN = "4711 & 0815"  # pragma: allowlist secret
MODULES = [Path(folder, "libsofthsm2.so") for folder in
           ("/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/lib64/pkcs11", "/usr/lib/pkcs11", "/usr/local/lib/softhsm")]


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A token with a key in it: (the URI of the key, its public half in a file)."""
    module = next((path for path in MODULES if path.exists()), None)
    if not shutil.which("softhsm2-util") or module is None:
        pytest.skip("SoftHSM is not installed (Debian: apt install softhsm2)")
    if importlib.util.find_spec("PyKCS11") is None:
        pytest.skip("PyKCS11 is not installed: pip install 'model-signing[pkcs11]'")
    pair = make_keys(tmp_path)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    for words in (["--init-token", "--free", "--label", "team", "--pin", PIN, "--so-pin", PIN],
                  ["--import", str(pair.private), "--token", "team", "--label", "release", "--id", "01", "--pin", PIN]):
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)
    pair.private.unlink()
    return f"pkcs11:token=team;object=release?module-path={module}", pair


def in_process(code, *words, **environ):
    """SoftHSM reads its configuration once in the life of a process."""
    import os

    text = f"import sys\nfrom pathlib import Path\nfrom notemill import signing\nimport os\n{code}"
    return subprocess.run([sys.executable, "-c", text, *words], capture_output=True, text=True, timeout=100,
                          env={**os.environ, **environ, "PYTHONPATH": str(Path(signing.__file__).parents[2])})


SIGN = """
for line in sys.stdin.read().splitlines():
    try:
        signing.ready(json.loads(line))
        print(signing.sign(Path(sys.argv[1]), json.loads(line)))
    except Exception as error:
        print(type(error).__name__, str(error).replace("\\n", " "))
"""


def sign(path, *environs):
    """What each says that signs with these variables, in a process that SoftHSM's configuration is for."""
    text = f"import json, sys\nfrom pathlib import Path\nfrom notemill import signing\n{SIGN}"
    done = subprocess.run([sys.executable, "-c", text, str(path)], capture_output=True, text=True, timeout=100,
                          input="\n".join(map(json.dumps, environs)),
                          env={**os.environ, "PYTHONPATH": str(Path(signing.__file__).parents[2])})
    assert done.returncode == 0 and not [form for form in (PIN, quote(PIN), quote(PIN, safe="")) if form in done.stderr]
    return done.stdout.splitlines()


def named(uri, pin=PIN):
    return {"NOTEMILL_SIGNING_KEY": uri, **({"NOTEMILL_SIGNING_PASSWORD": pin} if pin else {})}


def test_a_key_in_a_token_signs(token, tmp_path):
    uri, pair = token
    path = tmp_path / "a.whl"
    path.write_bytes(b"content")
    by_uri = named(f"{uri}&pin-value={quote(PIN)}", None)
    for environs in ([named(uri)] * 3, [by_uri, named(uri)]):
        assert sign(path, *environs) == [f"{path}.sig"] * len(environs)
        assert signing.check(path, pair.trusts)
        signing.signature_of(path).unlink()


def test_a_token_that_does_not_sign_says_so_and_shows_no_pin(token, tmp_path):
    uri, _ = token
    path = tmp_path / "a.whl"
    path.write_bytes(b"content")
    cases = {"CKR_PIN_INCORRECT": named(uri, PIN + "x"), "no PIN": named(uri, None),
             "no such key": named(uri.replace("object=release", "object=other")),
             "no such token": named(uri.replace("token=team", "token=other")),
             "no such module": named(uri.replace("libsofthsm2", "libnowhere")),
             "no URI": named(uri.replace("object=release", "release"))}
    for case, told in zip(cases, sign(path, *cases.values()), strict=True):
        assert told.startswith("UsageError NOTEMILL_SIGNING_KEY: the key in the PKCS#11 token cannot be used: "), case
        assert not case.startswith("CKR_") or case in told
        assert not [form for form in (PIN, quote(PIN), quote(PIN, safe="")) if form in told], case
    assert not signing.signature_of(path).exists()


def test_a_token_that_is_pulled_out_while_it_signs(tmp_path):
    def sign(path, signature):
        raise RuntimeError(f"CKR_DEVICE_REMOVED (0x00000032) {path} {PIN}")

    with pytest.raises(UsageError, match="cannot be used: CKR_DEVICE_REMOVED\n") as caught:
        keys.quiet(sign)(tmp_path / "a.whl", tmp_path / "a.whl.sig")
    assert PIN not in str(caught.value) and caught.value.__cause__ is None


def test_without_pykcs11_the_command_that_installs_it_is_told(tmp_path, monkeypatch):
    for name in ("PyKCS11", "model_signing._signing.sign_pkcs11", "model_signing._signing.pkcs11uri"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError) as caught:
        signing.sign(tmp_path / "a.whl", {"NOTEMILL_SIGNING_KEY": "pkcs11:token=team;object=release"})
    assert caught.value.hint == "pip install 'model-signing[pkcs11]'"
