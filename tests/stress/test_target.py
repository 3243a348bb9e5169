"""Only services of one's own, unless one says so."""

import pytest

from notemill.errors import NotemillError, UsageError
from notemill.stress import target


@pytest.mark.parametrize("url, host, port, authority, local", [
    ("http://127.0.0.1:8000", "127.0.0.1", 8000, "127.0.0.1:8000", True),
    ("http://localhost:8000/score/", "127.0.0.1", 8000, "localhost:8000", True),
    ("http://[::1]:81", "::1", 81, "[::1]:81", True),
    ("http://10.1.2.3", "10.1.2.3", 80, "10.1.2.3", False),
    ("https://192.168.0.7", "192.168.0.7", 443, "192.168.0.7", False),
    ("http://[::ffff:192.168.0.7]:9", "::ffff:192.168.0.7", 9, "[::ffff:192.168.0.7]:9", False)])
def test_ones_own(url, host, port, authority, local, monkeypatch):
    monkeypatch.setattr(target, "looked_up", lambda name, port: ["127.0.0.1" if name == "localhost" else name])
    found = target.find(url)
    assert (found.host, found.port, found.authority, found.local) == (host, port, authority, local)
    assert found.path == ("/score" if "score" in url else "")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "0.0.0.0", "100.64.0.1"])
def test_somebody_elses(address):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(UsageError, match="--i-own-it"):
        target.find(f"http://{host}:80")
    assert target.find(f"http://{host}:80", mine=True).host == address


def test_one_public_address_among_several_is_enough(monkeypatch):
    monkeypatch.setattr(target, "looked_up", lambda name, port: ["127.0.0.1", "8.8.4.4"])
    with pytest.raises(UsageError, match=r"is 8\.8\.4\.4"):
        target.find("http://rebound.example")


@pytest.mark.parametrize("url, words", [
    ("ftp://127.0.0.1", "no address of a service"), ("http://", "no address"), ("http://127.0.0.1:99999", "no port"),
    ("http://127.0.0.1/?a=b", "no address"),
    ("http://me:secret@127.0.0.1", "passwords")])  # pragma: allowlist secret
def test_no_address(url, words):
    with pytest.raises(UsageError, match=words) as caught:
        target.find(url)
    assert "secret" not in str(caught.value)


def test_a_name_that_nobody_knows():
    with pytest.raises(NotemillError, match="no address is known"):
        target.find("http://nobody.invalid")
