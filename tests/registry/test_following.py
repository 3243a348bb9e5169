"""MLflow follows the ledger, whatever was done to its aliases, tags, versions and files; what differs is told."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from ledger_samples import bare, crown, enter, enter_many

from notemill.compare.registered import names_in_database
from notemill.errors import NotemillError, UsageError
from notemill.registry import (align, append, check, current_champion, fetch, find_version, mend, moves, read_ledger,
                               registry, versions)
from notemill.registry.following import TAG, glance, look
from notemill.registry.ledger import object_name


@pytest.fixture
def two(uri, records, name):
    """Versions 1 and 2, and 1 is the champion: their manifests."""
    made = enter_many(uri, records, name, "a", "b")
    with registry(uri) as client:
        crown(client, records, made[0])
    return made


def aliases(client, name):
    return dict(look(client, name).aliases)


@pytest.mark.parametrize("folder", ["a b", "100%20", "a#c", "ä&b=1"])
def test_a_database_in_a_folder_whose_name_means_something_in_an_address(tmp_path, folder):
    path = tmp_path / folder / "mlflow.db"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.executescript("CREATE TABLE registered_model_aliases (name, alias, version);"
                               "CREATE TABLE registered_model_tags (name, key, value);"
                               "CREATE TABLE model_versions (name, version, current_stage);"
                               "INSERT INTO registered_model_aliases VALUES ('toy', 'champion', 3);"
                               "INSERT INTO model_versions VALUES ('toy', 3, 'None')")
    assert glance(f"sqlite:///{path}", "toy").aliases == {"champion": 3}
    assert names_in_database(f"sqlite:///{path}", "toy") == {"3", "champion"}


def marks(client, name, records):
    return {one.version: one.aliases for one in versions(client, name, records)}


def told(client, name, records):
    """What `registry check` says, and whether --fix would do."""
    return [(one.what, one.got, one.fixable) for one in check(client, name, records)[1]]


def test_the_alias_and_the_tag_follow(uri, two, records, name):
    with registry(uri) as client:
        ledger = read_ledger(records, name)
        seen = look(client, name)
        assert (seen.aliases, seen.tag) == ({"champion": 1, "challenger": 2}, f"1:{ledger.head}")
        crown(client, records, two[1])
        assert aliases(client, name) == {"champion": 2, "challenger": 2} and told(client, name, records) == []
    seen = glance(uri, name)
    assert seen is None if uri.startswith("http") else (seen.aliases["champion"], seen.tag[:2]) == (2, "2:")


def test_aliases_that_somebody_set_change_nothing(uri, two, records, name):
    with registry(uri) as client:
        client.set_registered_model_alias(name, "champion", "2")
        client.delete_registered_model_alias(name, "challenger")
        assert marks(client, name, records) == {2: (), 1: ("champion",)}
        assert find_version(client, name, "champion", uri, records).version == 1
        assert [one[0] for one in told(client, name, records)] == [
            "MLflow's alias `champion`", "MLflow's alias `challenger`"]
        assert all(fixable for *_, fixable in told(client, name, records))
        assert mend(client, name, records) == ["MLflow's alias `champion` version 2 -> version 1",
                                               "MLflow's alias `challenger` none -> version 2"]
        assert told(client, name, records) == [] and mend(client, name, records) == []
        client.delete_registered_model_alias(name, "champion")
        align(client, name, records)  # as every command that writes does first
        assert aliases(client, name)["champion"] == 1
    assert current_champion(uri, name, records)["version"] == 1


def test_after_retiring_an_alias_is_taken_away(uri, two, records, name):
    with registry(uri) as client:
        append(records, name, lambda ledger: moves.retire(ledger, 1, "Bob", "new target"))
        assert told(client, name, records) != []
        align(client, name, records)
        assert aliases(client, name) == {"challenger": 2} and told(client, name, records) == []
        client.set_registered_model_alias(name, "champion", "2")
    assert current_champion(uri, name, records) is None


def test_an_alias_without_a_ledger(uri, records, name):
    """Nobody promoted it by notemill: the gate does not take it for the champion, nor for none."""
    first, _ = enter_many(uri, records, name, "a", "b")
    assert current_champion(uri, name, records) is None
    with registry(uri) as client:
        client.set_registered_model_alias(name, "champion", "2")
        align(client, name, records)
        assert aliases(client, name)["champion"] == 2
        assert marks(client, name, records) == {2: ("challenger",), 1: ()}
        assert told(client, name, records) == [
            ("MLflow's alias `champion`", "names version 2, and no ledger says that it was promoted", True)]
        with pytest.raises(UsageError, match="by the ledger there is no champion"):
            find_version(client, name, "champion", uri, records)
    with pytest.raises(NotemillError, match="no ledger says that it was promoted") as caught:
        current_champion(uri, name, records)
    assert "notemill promote 2" in caught.value.hint
    with registry(uri) as client:
        assert mend(client, name, records) == ["MLflow's alias `champion` version 2 -> none"]
        assert told(client, name, records) == []
        client.set_registered_model_alias(name, "champion", "2")
        crown(client, records, first)
        assert aliases(client, name)["champion"] == 1


def test_who_moves_meanwhile_is_followed(two, uri, records, name, monkeypatch):
    """Somebody promotes, and is done with it, between our look at the ledger and our setting of the alias."""
    from mlflow import MlflowClient

    act, calls = MlflowClient.set_registered_model_alias, []

    def slow(client, *args):
        calls.append(args)
        if len(calls) == 1:
            records.keep_for_good(two[1])
            append(records, name, lambda ledger: moves.promote(ledger, two[1], {}, "low", "Eve", None))
            act(client, name, "champion", "2")
        act(client, *args)

    with registry(uri) as client:
        client.delete_registered_model_alias(name, "champion")
        monkeypatch.setattr(MlflowClient, "set_registered_model_alias", slow)
        assert align(client, name, records).number == 2
        assert calls == [(name, "champion", "1"), (name, "champion", "2")]
        assert aliases(client, name)["champion"] == 2 and told(client, name, records) == []


@pytest.mark.parametrize("method", ["set_registered_model_tag", "set_registered_model_alias"])
def test_who_writes_the_same_row_at_once_tries_again(records, name, tmp_path, monkeypatch, method):
    """MLflow then fails one of the two, by 400."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import BAD_REQUEST

    uri, act, calls = f"sqlite:///{tmp_path / 'mlflow.db'}", getattr(MlflowClient, method), []
    first, = enter_many(uri, records, name, "a")

    def loses(client, *args):
        calls.append(args)
        if len(calls) < 3:
            raise MlflowException("UNIQUE constraint failed", BAD_REQUEST)
        act(client, *args)

    with registry(uri) as client:
        monkeypatch.setattr(MlflowClient, method, loses)
        crown(client, records, first)
        assert len(calls) == 3 and told(client, name, records) == []
        client.delete_registered_model_alias(name, "champion")
        client.delete_registered_model_tag(name, TAG)
        monkeypatch.setattr("notemill.registry.tracked.PAUSES", (0, None))
        calls.clear()
        with pytest.raises(MlflowException, match="UNIQUE"):  # it does not try for ever
            align(client, name, records)


# the ledger against MLflow
def cut(records, name, number):
    (records.root / object_name(name, number)).unlink()


def everything_refuses(client, uri, name, records, words):
    for act in (lambda: versions(client, name, records), lambda: align(client, name, records),
                lambda: find_version(client, name, "1", uri, records)):
        with pytest.raises(NotemillError, match=words):
            act()


def test_entries_that_were_cut_off_the_end(uri, two, records, name):
    with registry(uri) as client:
        crown(client, records, two[1])
        cut(records, name, 2)
        assert read_ledger(records, name).number == 1  # the chain itself does not show it
        (_, got, fixable), *rest = told(client, name, records)
        assert got.startswith("lacks entries at its end: it has 1, and MLflow has seen 2") and not fixable
        assert mend(client, name, records) == [] and look(client, name).tag.startswith("2:")
        everything_refuses(client, uri, name, records, "lacks entries at its end")
        cut(records, name, 1)
        everything_refuses(client, uri, name, records, "it has 0, and MLflow has seen 2")
    with pytest.raises(NotemillError, match="it has 0, and MLflow has seen 2"):
        current_champion(uri, name, records)


def test_a_ledger_that_was_written_anew(uri, two, records, name):
    """Whole in itself, and not the one that MLflow has seen."""
    shutil.rmtree(records.root / "ledger")
    append(records, name, lambda ledger: moves.promote(ledger, two[1], {}, "low", "Eve", None))
    with registry(uri) as client:
        everything_refuses(client, uri, name, records, "has another entry 1 than the one that MLflow has seen")
        assert "has another entry 1" in told(client, name, records)[0][1]


@pytest.mark.parametrize("tag", ["", "3", "0:" + "0" * 64, "1:" + "g" * 64])
def test_a_tag_that_was_changed(uri, two, records, name, tag):
    with registry(uri) as client:
        client.set_registered_model_tag(name, TAG, tag)
        everything_refuses(client, uri, name, records, "its tag `notemill.ledger` was changed")
        client.delete_registered_model_tag(name, TAG)
        assert [one[0] for one in told(client, name, records)] == ["MLflow's tag `notemill.ledger`"]
        align(client, name, records)
        assert told(client, name, records) == []


def test_a_damaged_ledger_is_all_that_is_told(uri, two, records, name):
    path = records.root / object_name(name, 1)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"Bob", b"Eve"))
    with registry(uri) as client:
        ledger, found = check(client, name, records)
        assert ledger is None and len(found) == 1 and "was changed" in found[0].got
        everything_refuses(client, uri, name, records, "was changed")
        with pytest.raises(NotemillError, match="was changed"):
            mend(client, name, records)
    with pytest.raises(NotemillError, match="was changed"):
        current_champion(uri, name, records)


# versions and files
def test_a_version_that_was_deleted_is_still_the_champion(uri, two, records, name):
    with registry(uri) as client:
        client.delete_model_version(name, "1")
        assert marks(client, name, records) == {2: ("challenger",), 1: ("champion",)}
        one = find_version(client, name, "champion", uri, records)
        assert one.gone and (one.version, one.content, one.metric, one.figure) == (1, two[0]["content"], "r2", 0.5)
        assert fetch(client, name, 1, records) == two[0]
        (what, got, fixable), = told(client, name, records)
        assert (what, got, fixable) == (f"version 1 of '{name}'", "is not in MLflow any more: it was deleted", False)
        assert enter(client, records, bare(records, name, "a"))["version"] == 3  # registered again: the same content
        align(client, name, records)
        assert aliases(client, name) == {"champion": 3, "challenger": 3} and told(client, name, records) == []
        with pytest.raises(UsageError, match="version 7 of .* is not registered"):
            fetch(client, name, 7, records)
    assert current_champion(uri, name, records) == two[0]


def test_tags_that_were_changed_are_put_back(uri, two, records, name):
    with registry(uri) as client:
        before = client.get_model_version(name, "1").tags
        client.set_model_version_tag(name, "1", "notemill.content", "0" * 64)
        client.set_model_version_tag(name, "1", "notemill.figure", "0.99")
        client.delete_model_version_tag(name, "1", "notemill.complete")
        with pytest.raises(NotemillError, match="is another one in MLflow than the ledger says"):
            versions(client, name, records)
        assert (f"version 1 of '{name}'", "has other tags in MLflow than it was registered with: notemill.complete, "
                "notemill.content, notemill.figure", True) in told(client, name, records)
        assert mend(client, name, records)[0] == (
            "version 1: tags put back: notemill.complete, notemill.content, notemill.figure")
        assert told(client, name, records) == []
        after = client.get_model_version(name, "1").tags
        assert {**after, "notemill.complete": ""} == {**before, "notemill.complete": ""}
        assert aliases(client, name)["champion"] == 1
    assert current_champion(uri, name, records) == two[0]


def test_files_that_are_gone_are_taken_from_mlflow(uri, two, records, name):
    model, other = (records.place(two[0]["files"][file]) for file in ("model.skops", "card.md"))
    model.unlink()
    with registry(uri) as client:
        (what, got, fixable), = told(client, name, records)
        assert got.startswith("is damaged in the records") and fixable
        assert mend(client, name, records) == ["version 1: files put back into the records"]
        assert told(client, name, records) == [] and model.exists()
    other.unlink()
    assert current_champion(uri, name, records) == two[0] and other.exists()
    other.unlink()
    with registry(uri) as client:
        client.delete_model_version(name, "1")
        assert [fixable for *_, fixable in told(client, name, records)] == [False, False]
    with pytest.raises(NotemillError, match="damaged in the records .* MLflow does not have it any more"):
        current_champion(uri, name, records)


def test_a_manifest_that_was_forged_is_not_the_promoted_one(uri, two, records, name):
    """In MLflow, by its artifacts and its tag, and in the records' list of versions: the ledger names another."""
    forged = {**two[0], "figure": 0.99}
    records.keep_manifest(forged)
    assert current_champion(uri, name, records) == two[0]
    with registry(uri) as client:
        assert fetch(client, name, 1, records) == two[0]
    kept = records.place(read_ledger(records, name).champion["manifest"])
    kept.unlink()
    with registry(uri) as client:
        assert told(client, name, records)[0][1].startswith("is damaged in the records") and not kept.exists()
    assert current_champion(uri, name, records) == two[0] and kept.exists()  # from MLflow, where it is as it was
    kept.unlink()
    records.keep_manifest(two[0])
    with registry(uri) as client:
        assert mend(client, name, records) == ["version 1: files put back into the records"] and kept.exists()


@pytest.mark.slow
def test_mlflow_gc_takes_nothing_that_was_promoted(records, name, tmp_path):
    """Its runs deleted, and MLflow's own command let loose on what is deleted."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    first, second = enter_many(uri, records, name, "a", "b")
    with registry(uri) as client:
        crown(client, records, first)
        crown(client, records, second)
        for number in ("1", "2"):
            client.delete_run(client.get_model_version(name, number).run_id)
            client.delete_model_version(name, number)
    done = subprocess.run([sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", uri], capture_output=True,
                          text=True, timeout=200, cwd=tmp_path,
                          env={**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"})
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "mlartifacts").rglob("manifest.json"))
    assert current_champion(uri, name, records) == second
    with registry(uri) as client:
        _, entry = append(records, name, lambda ledger: moves.rollback(ledger, 2, "Bob", "worse"))
        assert entry["version"] == 1
        align(client, name, records)
        assert marks(client, name, records) == {1: ("champion",)} and fetch(client, name, 2, records) == second
    assert current_champion(uri, name, records) == first


def test_a_database_that_was_begun_anew(records, name, tmp_path):
    """Its numbers begin at 1 again: the ledger's version 1 is not MLflow's, and none is taken for the other."""
    before, uri = (f"sqlite:///{tmp_path / name}" for name in ("before.db", "mlflow.db"))
    first, = enter_many(before, records, name, "a")
    with registry(before) as client:
        crown(client, records, first)
    with registry(uri) as client:
        new = enter(client, records, bare(records, name, "new"))
        assert new["version"] == 1 and fetch(client, name, 1, records) == new
        with pytest.raises(NotemillError, match="MLflow's database is a new one"):
            find_version(client, name, "champion", uri, records)
        assert "champion" not in aliases(client, name)
        assert current_champion(uri, name, records) == first
        crown(client, records, new)
        assert marks(client, name, records) == {1: ("challenger", "champion")}
    assert current_champion(uri, name, records) == new
