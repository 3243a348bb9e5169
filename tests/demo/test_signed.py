"""The signature, from a real key to the badge: what the trusted key has not signed is neither shown nor served."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from keys import make_keys

from notemill import signing

sys.path.insert(0, str(Path(__file__).parent))

from serving_samples import PATIENCE, environment, golden, unpacked  # noqa: E402
from visiting import visitor  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def wheel(wheels, keys, tmp_path):
    """Signed."""
    found = tmp_path / wheels().name
    found.write_bytes(wheels().read_bytes())
    signing.sign(found, {**os.environ, **keys.signs})
    return found


@pytest.fixture
def began(tmp_path):
    """`began("demo", wheel, **environ)`: what `notemill demo` printed, while it runs; it has ended if with an error."""
    @contextlib.contextmanager
    def begin(name, wheel, **environ):
        words = [sys.executable, "-m", "notemill", name, str(wheel), "--port", "0", "--json"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
                                   env=environment(XDG_CACHE_HOME=str(tmp_path / "cache"), **environ))
        said = json.loads(process.stdout.readline())
        try:
            yield said
        finally:
            if said["error"] is None:
                process.terminate()
            errors = process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == (0 if said["error"] is None else 1) and "Traceback" not in errors
    return begin


def badges(browser, said):
    with visitor(browser, said["url"]) as page:
        return [one.inner_text() for one in page.locator(".nm-badge").all()]


def test_the_badge_says_that_the_signature_was_verified(browser, began, wheel, keys):
    with began("demo", wheel, **keys.trusts) as said:
        found = badges(browser, said)
    assert "signature verified" in found and "signature not checked" not in found


def test_without_a_trusted_key_it_says_that_nobody_looked(browser, began, wheel):
    with began("demo", wheel) as said:
        found = badges(browser, said)
    assert "signature not checked" in found and "signature verified" not in found


def test_what_is_served_was_verified(began, wheel, keys, tmp_path):
    known = golden(unpacked(wheel, tmp_path / "unpacked"))
    with began("serve", wheel, **keys.trusts) as said:
        answer = httpx.post(f"{said['url']}/predict", json=known["rows"][0]).json()
    assert answer["prediction"] == known["predictions"][0]


@pytest.mark.parametrize("name", ["demo", "serve"])
def test_a_changed_byte_is_refused(began, wheel, keys, name):
    data = bytearray(wheel.read_bytes())
    data[-1] ^= 1  # of the archive's end: every file in it is whole
    wheel.write_bytes(data)
    with began(name, wheel, **keys.trusts) as said:
        assert "is not what was signed: it has changed since" in said["error"]["got"]


def test_a_wheel_that_nobody_signed_is_refused(began, wheels, keys):
    with began("demo", wheels(), **keys.trusts) as said:
        assert "is not signed" in said["error"]["got"]
