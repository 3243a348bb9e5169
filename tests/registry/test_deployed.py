"""The ledger of deployments: numbered, chained, created only if absent; what a target served, and before."""

import json
import threading

import pytest

from notemill.errors import NotemillError
from notemill.registry import Records
from notemill.registry.deployed import append_deployment, object_name, read_deployments


def note(records, version, *, move="deploy", target="here", status="serving", deployment=None):
    facts = {"move": move, "target": target, "deployment": deployment or f"d{version}", "version": version,
             "content": f"content {version}", "manifest": "m", "from": None, "status": status, "by": "Ada",
             "reason": None}
    return append_deployment(records, "toy", lambda known: facts)


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "records")


def test_what_was_served_before(records):
    def before(target="here"):
        entry = read_deployments(records, "toy").before(target)
        return entry and entry["version"]

    assert before() is None
    for version in (1, 1, 2, 3):
        note(records, version)
    note(records, 9, target="elsewhere")
    note(records, 8, status="rolled-back")
    assert before() == 2 and before("elsewhere") is None
    note(records, 2, move="previous")
    assert before() == 1
    note(records, 2, move="undeploy", status="undeployed")
    assert before() == 2 and read_deployments(records, "toy").serving("here") is None
    note(records, 4)
    assert before() == 2


def test_several_at_once_all_come_through(records):
    def many(seed):
        for turn in range(10):
            note(records, seed * 100 + turn)

    threads = [threading.Thread(target=many, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry["version"] for entry in read_deployments(records, "toy").entries) == [
        seed * 100 + turn for seed in range(4) for turn in range(10)]


def rewrite(path, change):
    entry = json.loads(path.read_text())
    change(entry)
    path.chmod(0o644)
    path.write_text(json.dumps(entry, sort_keys=True, separators=(",", ":")) + "\n")


DAMAGE = {"is missing": lambda path: path.unlink(),
          "was changed": lambda path: rewrite(path, lambda e: e.update(by="Eve")),
          "missing, or empty": lambda path: path.chmod(0o644) or path.write_text(""),
          "cannot be read": lambda path: path.chmod(0o644) or path.write_text("{"),
          "has the format 9": lambda path: rewrite(path, lambda entry: entry.update(format=9))}


@pytest.mark.parametrize("got", DAMAGE)
def test_what_was_tampered_with_is_told(records, got):
    for version in (1, 2, 3):
        note(records, version)
    DAMAGE[got](records.root / object_name("toy", 2))
    with pytest.raises(NotemillError, match="entry 2 of the deployments of 'toy'") as told:
        read_deployments(records, "toy")
    assert got in told.value.got and "backup" in told.value.hint
    with pytest.raises(NotemillError):
        note(records, 4)


def test_entries_that_were_exchanged(records):
    for version in (1, 2, 3):
        note(records, version)
    one, other = (records.root / object_name("toy", number) for number in (2, 3))
    texts = one.read_bytes(), other.read_bytes()
    for path, text in ((one, texts[1]), (other, texts[0])):
        path.chmod(0o644)
        path.write_bytes(text)
    with pytest.raises(NotemillError, match="is entry 3 of 'toy'"):
        read_deployments(records, "toy")
