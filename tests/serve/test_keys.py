"""Keys: made once, kept as hashes, asked for by every address that tells of the model."""

import hashlib
import stat
import subprocess
import time

import httpx
import pytest
from serving_samples import command, environment, serving

from notemill.serve import keys
from notemill.serve.keys import KeyFileError, Keys, add_key

OPEN = ("/ping", "/docs", "/v2/health/live", "/v2/health/ready", "/healthz")


def test_a_key_is_shown_once_and_kept_as_a_hash(tmp_path):
    path = tmp_path / "keys"
    first, second = add_key(path, "shop"), add_key(path, "desk")
    text = path.read_text()
    assert first != second and first not in text and hashlib.sha256(first.encode()).hexdigest() in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(first) > 40
    found = Keys(path)
    assert found.admits(b"Bearer " + first.encode()) and found.admits(b"bearer " + second.encode())


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer ", b"Bearer x", b"Basic KEY", b"KEY", b"Bearer KEYx",
                                    b"Bearer KEY KEY", b"Bearer \xff"])
def test_all_else_is_not_let_in(tmp_path, header):
    key = add_key(tmp_path / "keys", "shop")
    assert not Keys(tmp_path / "keys").admits(header.replace(b"KEY", key.encode()))


def test_a_hash_is_no_key(tmp_path):
    key = add_key(tmp_path / "keys", "shop")
    assert not Keys(tmp_path / "keys").admits(b"Bearer " + hashlib.sha256(key.encode()).hexdigest().encode())


def test_all_keys_are_compared_whichever_fits(tmp_path, monkeypatch):
    made = [add_key(tmp_path / "keys", name) for name in "abc"]
    found, seen = Keys(tmp_path / "keys"), []
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda left, right: seen.append(left) or left == right)
    for key in made:
        assert found.admits(f"Bearer {key}".encode())
    assert len(seen) == 9


def test_a_key_that_is_taken_away_lets_nobody_in_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "AGAIN", 0.0)
    path = tmp_path / "keys"
    key = add_key(path, "shop").encode()
    found = Keys(path)
    other = add_key(path, "desk").encode()
    assert found.admits(b"Bearer " + key) and found.admits(b"Bearer " + other)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    assert not found.admits(b"Bearer " + key) and found.admits(b"Bearer " + other)
    path.write_text("nonsense")  # half written: what was known still holds
    assert found.admits(b"Bearer " + other)


@pytest.mark.parametrize("content, words", [(None, "No such file"), (b"", "no key in it"), (b"# a\n", "no key in it"),
                                            (b"shop secret\n", "line 1 is not"), (b"\xff", "no file of keys")])
def test_a_file_that_is_none(tmp_path, content, words):
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    with pytest.raises(KeyFileError, match=words):
        Keys(tmp_path / "keys")


def test_names_are_words_and_stand_there_once(tmp_path):
    add_key(tmp_path / "keys", "shop")
    with pytest.raises(KeyFileError, match="already"):
        add_key(tmp_path / "keys", "shop")
    with pytest.raises(KeyFileError, match="letters, digits"):
        add_key(tmp_path / "keys", "a b")


# the command and the service
def run(*words):
    return subprocess.run(command(*words), capture_output=True, text=True, env=environment(), timeout=120)


def test_without_keys_only_this_machine_can_ask(packages):
    done = run(packages(), "--host", "0.0.0.0")  # noqa: S104 - refused
    assert done.returncode == 2 and "there are no keys" in done.stderr and "Traceback" not in done.stderr
    assert '"error": {' in done.stdout


def test_the_command_makes_a_key_that_the_service_asks_for(packages, tmp_path, row):
    path = tmp_path / "keys"
    plain = [word for word in command("", "--keys", path, "--new-key", "shop") if word not in ("", "--json")]
    made = subprocess.run(plain, capture_output=True, text=True, env=environment(), check=True)
    key = made.stdout.strip()
    assert key.startswith("nm_") and key not in made.stderr and key not in path.read_text()
    with serving(packages(), "--keys", path) as running, httpx.Client(base_url=running.url) as client:
        refused = client.post("/predict", json=row)
        assert refused.status_code == 401 and refused.headers["www-authenticate"] == "Bearer"
        assert [client.get(path).status_code for path in OPEN] == [200] * len(OPEN)
        for path_ in ("/schema", "/card", "/metrics", "/openapi.json", "/v2", "/v2/models/plain"):
            assert client.get(path_).status_code == 401, path_
        mine = {"Authorization": f"Bearer {key}"}
        assert client.post("/predict", json=row, headers=mine).status_code == 200
        assert client.get("/openapi.json", headers=mine).json()["security"] == [{"key": []}]


def test_a_key_taken_away_is_refused_by_a_service_that_runs(packages, tmp_path):
    path = tmp_path / "keys"
    key = add_key(path, "shop")
    with serving(packages(), "--keys", path) as running, httpx.Client(base_url=running.url) as client:
        mine = {"Authorization": f"Bearer {key}"}
        assert client.get("/schema", headers=mine).status_code == 200
        path.unlink()
        add_key(path, "other")
        end = time.monotonic() + 20
        while client.get("/schema", headers=mine).status_code != 401 and time.monotonic() < end:
            time.sleep(0.2)
        assert client.get("/schema", headers=mine).status_code == 401
