"""Each content is one version, whole or not at all; what is damaged is noticed, and mended where it can be."""

import json
import multiprocessing
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_samples import crown
from model_samples import send

from notemill.errors import NotemillError, UsageError
from notemill.files import sha256_file
from notemill.registry import Records, check, content_of, fetch, find_version, mend, registry, versions
from notemill.release import build


def listed(uri, name, records):
    with registry(uri) as client:
        return [(one.version, one.content, one.aliases) for one in versions(client, name, records)]


def test_the_same_content_is_one_version_and_new_content_a_new_one(uri, records, version, other, name):
    first, second = version(), version(other)
    assert first["content"] != second["content"]
    assert send(uri, records, first)["version"] == 1
    assert send(uri, records, second)["version"] == 2
    assert listed(uri, name, records) == [(2, second["content"], ("challenger",)), (1, first["content"], ())]
    again = {**first, "figure": 0.5, "files": {**first["files"], "card.md": records.add(b"another card")}}
    assert send(uri, records, again) == {**first, "version": 1}
    assert listed(uri, name, records) == [(2, second["content"], ()), (1, first["content"], ("challenger",))]


def test_what_counts_as_content(version):
    manifest = version()
    for other in ({"created": "x"}, {"run": "x"}, {"commit": None}, {"figure": 0.1}, {"verdict": "x"}):
        assert content_of(manifest | other) == manifest["content"]
    files = [{"files": manifest["files"] | {name: "0"}} for name in ("model.skops", "schema.json", "types.json")]
    for other in ({"name": "x"}, {"code": {"a.py": "0"}}, {"trained_with": {}}, *files):
        assert content_of(manifest | other) != manifest["content"]


def test_a_version_is_found_by_number_and_alias(uri, records, version, other, name):
    with registry(uri) as client, pytest.raises(UsageError, match="there is no registered version yet"):
        find_version(client, name, None, uri, records)
    first = send(uri, records, version())
    send(uri, records, version(other))
    with registry(uri) as client:
        crown(client, records, first)
        found = [find_version(client, name, asked, uri, records) for asked in (None, "1", "champion")]
        assert [one.version for one in found] == [2, 1, 1]
        one = find_version(client, name, "1", uri, records)
        assert (one.metric, one.figure, one.run, one.verdict) == ("roc_auc", 0.9876543, "r1", "passed")
        assert json.loads(json.dumps(one.as_json()))["aliases"] == ["champion"]
        with pytest.raises(UsageError, match=r"the versions are: 2 \(challenger\), 1 \(champion\)"):
            find_version(client, name, "3", uri, records)


def test_versions_of_others_are_not_ours(uri, records, version, name):
    send(uri, records, version())
    with registry(uri) as client:
        client.create_model_version(name, "s3://elsewhere/model", None)
    assert [number for number, *_ in listed(uri, name, records)] == [1]


def test_another_machine_makes_the_same_wheel_from_mlflow_alone(uri, records, version, tmp_path):
    manifest = send(uri, records, version(code={"mixed/train.py": "A = 1\n"}))
    here = build(manifest, records, tmp_path / "here")
    there = Records(tmp_path / "there")
    with registry(uri) as client:
        fetched = fetch(client, manifest["name"], 1, there)
    assert fetched == manifest and len(manifest["runtime"]) > 8
    assert all(map(there.has, manifest["runtime"].values()))
    assert sha256_file(build(fetched, there, tmp_path / "dist")) == sha256_file(here)


# tags are anybody's
@pytest.mark.parametrize("change", [
    lambda client, name: client.delete_model_version_tag(name, "1", "notemill.manifest"),
    lambda client, name: client.delete_model_version_tag(name, "1", "notemill.complete"),
    lambda client, name: client.delete_model_version_tag(name, "1", "notemill.content")])
def test_a_version_whose_tags_are_not_ours_is_none(records, version, name, tmp_path, change):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    manifest = send(uri, records, version())
    with registry(uri) as client:
        change(client, name)
    assert listed(uri, name, records) == []
    with registry(uri) as client, pytest.raises(UsageError, match="there is no registered version yet"):
        find_version(client, name, "1", uri, records)
    assert send(uri, records, version()) == {**manifest, "version": 2}


@pytest.mark.parametrize("change", [
    lambda client, name: client.delete_model_version_tag(name, "1", "notemill.run"),
    lambda client, name: client.set_model_version_tag(name, "1", "notemill.figure", "oops"),
    lambda client, name: client.set_model_version_tag(name, "1", "notemill.figure", "[1]"),
    lambda client, name: client.set_model_version_tag(name, "1", "notemill.figure", "1.0")])
@pytest.mark.parametrize("is_champion", [True, False])
def test_facts_are_not_taken_from_tags_that_were_changed(records, version, name, tmp_path, change, is_champion):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    manifest = send(uri, records, version())
    with registry(uri) as client:
        if is_champion:
            crown(client, records, manifest)
        (before,) = versions(client, name, records)
        change(client, name)
        (after,) = versions(client, name, records)
        assert not before.changed and after == replace(before, changed=True) and after.figure == manifest["figure"]
        assert find_version(client, name, "1", uri, records) == after and fetch(client, name, 1, records) == manifest
        (there,) = versions(client, name, Records(tmp_path / "elsewhere")) if not is_champion else [after]
        assert (there.content, there.changed) == (manifest["content"], is_champion)
        _, (found,) = check(client, name, records)
        assert "has other tags in MLflow" in found.got and found.fixable
        mend(client, name, records)
        assert check(client, name, records)[1] == [] and versions(client, name, records) == [before]
    assert send(uri, records, version()) == manifest


def test_a_version_that_another_made_with_our_tags(records, version, name, tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    send(uri, records, version())
    with registry(uri) as client:
        tags = {**client.get_model_version(name, "1").tags, "notemill.content": "0" * 64}
        client.create_model_version(name, "s3://elsewhere/model", None, tags=tags)
        with pytest.raises(NotemillError, match="its files are gone or damaged"):
            fetch(client, name, 2, records)


# damage
def damage(path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def forge(path):
    """Say something else, in good form."""
    path.write_text(json.dumps({**json.loads(path.read_text()), "figure": 1.0}))


def test_damaged_records_are_brought_back_from_mlflow(uri, records, version, name):
    manifest = send(uri, records, version())
    for path in (records.place(manifest["files"]["model.skops"]),
                 records.root / "versions" / f"{manifest['content']}.json"):
        before = path.read_bytes()
        for change in (damage, Path.unlink):
            change(path)
            with registry(uri) as client:
                assert fetch(client, name, 1, records) == manifest
            assert path.read_bytes() == before
    forge(path)
    with registry(uri) as client:
        assert fetch(client, name, 1, records) == manifest


def test_a_record_that_is_damaged_is_not_read(records):
    sha256 = records.add(b"content")
    assert records.read(sha256) == b"content"
    damage(records.place(sha256))
    with pytest.raises(NotemillError, match="is gone or damaged"):
        records.read(sha256)
    assert records.add(b"content") == sha256 and records.read(sha256) == b"content"


@pytest.mark.parametrize("what", ["manifest.json", "files"])
def test_damaged_artifacts_are_noticed(records, version, name, tmp_path, what):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    manifest = send(uri, records, version())
    kept = next((tmp_path / "mlartifacts").rglob("notemill"))
    path = kept / what if what != "files" else kept / "files" / manifest["files"]["schema.json"]
    for change in (forge if what == "manifest.json" else damage, damage, Path.unlink):
        change(path)
        with registry(uri) as client, pytest.raises(NotemillError, match="its files are gone or damaged"):
            fetch(client, name, 1, Records(tmp_path / "elsewhere"))
    shutil.rmtree(kept)
    with registry(uri) as client, pytest.raises(NotemillError, match="its files are gone or damaged"):
        fetch(client, name, 1, Records(tmp_path / "elsewhere"))


# at once, and in the middle
def register_one(uri, root, manifest, queue):
    try:
        queue.put(send(uri, Records(root), manifest)["version"])
    except Exception as error:  # the parent must hear of anything
        queue.put(f"{type(error).__name__}: {error}")


def test_many_at_once_are_one_version(uri, records, version, name, tmp_path, monkeypatch):
    """Each with records of its own, as on four machines; a database is one machine's."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # the processes import this module
    manifest = version()
    spawn = multiprocessing.get_context("spawn")
    queue, roots = spawn.Queue(), [tmp_path / str(number) for number in range(4 if "http" in uri else 2)]
    for root in roots:
        shutil.copytree(records.root, root)
    processes = [spawn.Process(target=register_one, args=(uri, root, manifest, queue)) for root in roots]
    for process in processes:
        process.start()
    numbers = [queue.get(timeout=240) for _ in processes]
    for process in processes:
        process.join(30)
    assert listed(uri, name, records) == [(numbers[0], manifest["content"], ("challenger",))] and len(set(numbers)) == 1


@pytest.mark.parametrize("method", ["log_artifacts", "create_model_version", "set_registered_model_alias"])
def test_a_server_that_dies_leaves_no_half_version(server, records, version, name, monkeypatch, method):
    from mlflow import MlflowClient

    original = getattr(MlflowClient, method)

    def dies(client, *args, **more):
        server.kill()
        return original(client, *args, **more)

    manifest = version()
    monkeypatch.setattr(MlflowClient, method, dies)
    with pytest.raises(NotemillError, match="MLflow at http"):
        send(server.uri, records, manifest)
    with pytest.raises(NotemillError, match="cannot be reached"):
        send(server.uri, records, manifest)
    monkeypatch.undo()
    server.start()
    expected = [(1, manifest["content"], ())] if method == "set_registered_model_alias" else []
    with suppress(NotemillError):
        assert listed(server.uri, name, records) == expected
    assert send(server.uri, records, manifest) == {**manifest, "version": 1}
    assert listed(server.uri, name, records) == [(1, manifest["content"], ("challenger",))]


def test_a_run_that_mlflow_does_not_know(records, version, name, tmp_path):
    from notemill import wheel
    from notemill.registry import register

    uri, manifest = f"sqlite:///{tmp_path / 'mlflow.db'}", version()
    with pytest.raises(NotemillError, match="MLflow at sqlite.*not found"), registry(uri) as client:
        register(client, manifest, records, wheel.package_files(manifest, records.read, "x"), "0" * 32)
    with registry(uri) as client:
        assert versions(client, name, records) == []
