"""Many register and promote at once, from processes of their own: no version is lost, one is the champion, and the
ledger is whole."""

import json
import os
import subprocess
import sys

import pytest
from ledger_samples import process_env, race
from postgres import running_postgres

from notemill.registry import Records, check, read_ledger, registry, versions
from notemill.registry.following import look

PROCESSES = 4
ALL = os.environ.get("RACES") == "all"  # a server answers slowly: all 200 rounds take it minutes
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600 if ALL else 600)]


def racing(uri, root, name, count):
    """[version, content, entry or None] of every round, from all processes."""
    script = sys.modules[race.__module__].__file__
    words = [sys.executable, script, "race", uri, str(root), name]
    started = [subprocess.Popen([*words, str(seed), str(count // PROCESSES)], env=process_env(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE) for seed in range(PROCESSES)]
    told = [process.communicate(timeout=3000) for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES, [err[-2000:] for _, err in told]
    rounds = [json.loads(line) for out, _ in told for line in out.splitlines()]
    assert len(rounds) == count
    return rounds


def check_all(uri, root, name, rounds):
    records = Records(root)
    ledger = read_ledger(records, name)
    with registry(uri) as client:
        listed = {one.version: one for one in versions(client, name, records)}
        assert check(client, name, records)[1] == []
        alias = look(client, name).aliases["champion"]
    assert {number: one.content for number, one in listed.items()} == {number: content for number, content, _ in rounds}
    assert len({one.content for one in listed.values()}) == len(listed)  # each content once, though many sent it
    entries = sorted(entry for *_, entry in rounds if entry)
    assert entries == [one["number"] for one in ledger.entries] == list(range(1, ledger.number + 1))
    assert [one.version for one in listed.values() if "champion" in one.aliases] == [alias]
    assert ledger.champion["version"] == alias == ledger.entries[-1]["version"]
    assert len({one["by"] for one in ledger.entries}) > 1


def test_races_on_a_database(tmp_path, name):
    uri, root = f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "records"
    check_all(uri, root, name, racing(uri, root, name, 200))


def test_races_on_a_server(server, tmp_path, name):
    root = tmp_path / "records"
    check_all(server.uri, root, name, racing(server.uri, root, name, 200 if ALL else 40))


def test_races_on_postgresql(tmp_path, name):
    with running_postgres() as uri:
        with registry(uri) as client:  # MLflow makes its tables when it is first there
            client.search_registered_models()
        check_all(uri, tmp_path / "records", name, racing(uri, tmp_path / "records", name, 200 if ALL else 60))
