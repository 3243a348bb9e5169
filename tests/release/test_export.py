"""From a run to an archive in somebody else's hands: once, with a real gate, own code, keys, and nothing else there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from keys import make_keys
from own_model import EXPORTED, FILES, PREPARE, TRAIN
from s3_server import BUCKET, running_bucket
from tiny import cli, code, make_project, run

pytestmark = pytest.mark.slow
GATE = {"model": "train.model", "data": "prepare.test", "schema": "prepare.schema", "metric": "accuracy"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, keys):
    """A project with a version that is registered, signed, and the champion."""
    steps = {"prepare": {"notebook": "prepare.ipynb",
                         "outputs": {"train": "train.parquet", "test": "test.parquet", "schema": "schema.json"}},
             "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train"},
                       "outputs": {"model": "model.skops"}}}
    root = make_project(tmp_path_factory.mktemp("own") / "project", steps=steps, name="tiny.Own", gate=GATE, notebooks={
        "prepare.ipynb": [code('train = test = schema = ""', tags=["parameters"]), PREPARE],
        "train.ipynb": [code('data = model = ""', tags=["parameters"]), code(EXPORTED, tags=["export"]), TRAIN]},
        files=FILES)
    assert run(root).code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTEMILL_SIGNING_KEY", str(keys.private))
        registered = cli("register", project=root)
    promoted = cli("promote", "--by", "Ada <ada@example.org>", project=root)
    assert (registered.code, promoted.code) == (0, 0), registered.err + promoted.err
    return root


def trusting(monkeypatch, keys):
    monkeypatch.setenv("NOTEMILL_TRUSTED_KEY", str(keys.public))


@pytest.fixture
def archive(made, keys, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("NOTEMILL_SIGNING_KEY", str(keys.private))
        told = cli("export", "--json", "challenger", tmp_path / "own.zip", project=made)
    assert told.code == 0, told.err
    assert told.json == {**told.json, "archive": str(tmp_path / "own.zip"), "version": 1, "signed": True,
                         "absent": [], "error": None}
    return tmp_path / "own.zip"


def test_from_records_in_a_bucket(made, tmp_path, monkeypatch):
    """Registered, promoted and exported with all records there; verified when the bucket is gone."""
    left = shutil.ignore_patterns(".notemill-records", "mlflow.db*", "mlartifacts")
    root = shutil.copytree(made, tmp_path / "project", ignore=left)
    path = root / "notebooks" / "pipeline.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "records": f"s3://{BUCKET}/own"}))
    archive = tmp_path / "own.zip"
    with running_bucket(tmp_path) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for words in (["register"], ["promote", "--by", "Ada"], ["export", "champion", archive]):
            told = cli(*words, "--json", project=root)
            assert told.code == 0 and told.json["error"] is None, told
    assert told.json["absent"] == [] and not (root / ".notemill-records").exists()
    told = cli("verify", archive, "--json")
    assert told.code == 0 and told.json["whole"] and told.json["wrong"] == []
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        (moved,) = (json.loads(packed.read(name)) for name in names if name.endswith("/00000001.json"))
    assert (moved["move"], moved["version"], moved["by"]) == ("promote", 1, "Ada")


def test_what_is_handed_over_can_be_verified_and_used(made, archive, keys, tmp_path, monkeypatch):
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    folder = tmp_path / "tiny.Own-1"
    for words in (["-I", "-S", "verify.py"], ["-I", "verify.py", "--key", keys.public]):
        done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    trusting(monkeypatch, keys)
    assert cli("verify", archive).code == 0 and cli("verify", next(folder.glob("wheel/*.whl"))).code == 0
    with zipfile.ZipFile(next(folder.glob("wheel/*.whl"))) as packed:
        packed.extractall(tmp_path / "site")
    done = subprocess.run([sys.executable, "-m", "tiny_own_model", "check"], cwd=tmp_path / "site", text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(tmp_path / "site")})
    assert done.returncode == 0 and "the recorded predictions" in done.stdout, done.stderr
    record = next(folder.glob("runs/*/run.json"))
    assert {path.name for path in record.parent.glob("reports/*")} == {"prepare.html", "train.html"}
    assert list(folder.glob("attempts/*/*.json"))
    entry = json.loads((folder / "ledger/tiny.Own/00000001.json").read_text())
    assert (entry["move"], entry["by"]) == ("promote", "Ada <ada@example.org>")
    for path in folder.rglob("*"):
        assert path.is_dir() or str(made).encode() not in path.read_bytes(), path


def test_a_wheel_and_its_signature(made, keys, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTEMILL_SIGNING_KEY", str(keys.private))
    told = cli("package", "--json", "--output", tmp_path, project=made).json
    assert told["signature"] == told["wheel"] + ".sig"
    assert cli("package", "--output", tmp_path, project=made).out.endswith(f"\n{told['signature']}\n")
    trusting(monkeypatch, keys)
    assert cli("verify", told["wheel"]).code == 0
    monkeypatch.delenv("NOTEMILL_SIGNING_KEY")
    assert cli("package", "--json", "--output", tmp_path / "other", project=made).json["signature"] is None


def test_only_what_the_trusted_key_signed_leaves_the_records(made, keys, tmp_path, monkeypatch):
    trusting(monkeypatch, keys)
    signature = next((made / ".notemill-records/signatures").iterdir())
    before = signature.read_bytes()
    words = (["package", "--output", tmp_path / "dist"], ["export", "1", tmp_path / "a.zip"])
    assert [cli(*one, project=made).code for one in words] == [0, 0]
    try:
        trusting(monkeypatch, make_keys(tmp_path, "other"))
        for one in (*words, ["promote", "1"]):
            told = cli(*one, project=made)
            assert told.code == 1 and "it was signed with another key than other.pub.pem" in told.err
        trusting(monkeypatch, keys)
        signature.chmod(0o644)
        signature.write_bytes(before.replace(b'"keyid":""', b'"keyid":"x"'))
        assert "its signature" in cli("package", project=made).err
        signature.unlink()
        told = cli("export", "--json", "1", tmp_path / "a.zip", project=made)
        assert told.code == 1 and told.json["error"]["got"].startswith("is not signed, and NOTEMILL_TRUSTED_KEY is set")
    finally:
        signature.write_bytes(before)


def test_a_champion_that_is_not_signed_is_not_loaded(made, keys, tmp_path, monkeypatch):
    from notemill.project import open_project
    from notemill.registry import open_records
    from notemill.release.known import find_champion

    for trusted, passes in ((keys, True), (make_keys(tmp_path, "other"), False)):
        trusting(monkeypatch, trusted)
        project = open_project(made)
        champion, unknown = find_champion(project, open_records(project), tmp_path / "champion")
        assert (champion is not None, unknown is None) == (passes, passes), unknown
    assert "is not loaded: it was signed with another key" in unknown
    content = next((made / ".notemill-records/versions").iterdir()).stem  # registered once more, to sign it
    assert find_champion(project, open_records(project), tmp_path / "own", own=content)[1] is None


@pytest.mark.parametrize("command", [["register"], ["package"], ["export", "1", "a.zip"]])
def test_a_key_that_cannot_be_used_is_told_before_the_work(made, keys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "open.pem").write_bytes(keys.private.read_bytes())
    (tmp_path / "open.pem").chmod(0o644)
    monkeypatch.setenv("NOTEMILL_SIGNING_KEY", str(tmp_path / "open.pem"))
    judged = [path.stat().st_mtime_ns for path in made.glob(".notemill/runs/*/verdict.json")]
    told = cli(*command, project=made)
    assert told.code == 2 and "may be read or changed by others" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["open.pem"] and not (made / "dist").exists()
    assert judged == [path.stat().st_mtime_ns for path in made.glob(".notemill/runs/*/verdict.json")] != []


@pytest.mark.parametrize("words, got", [
    (["1"], "'1' alone"), (["1", "a.zip", "--check"], "--check with a version"), (["9", "a.zip"], "is not registered"),
    (["1", "nowhere/a.zip"], "nowhere does not exist")])
def test_words_that_do_not_fit(made, tmp_path, monkeypatch, words, got):
    monkeypatch.chdir(tmp_path)
    told = cli("export", "--json", *words, project=made)
    assert told.code == 2 and got in told.json["error"]["got"] and not list(tmp_path.iterdir())


def test_a_folder_gets_the_archive_under_its_own_name(made, tmp_path):
    told = cli("export", "1", tmp_path, project=made)
    assert told.code == 0 and "version 1, " in told.out and "not signed" in told.out
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.Own-1.zip"]
