"""From a run to an answer of the installed package: once, with a real gate, and code of the project's own."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from lineage_toy import running_server
from own_model import EXPORTED, FILES, PREPARE, TRAIN
from tiny import cli, code, make_project, run

from notemill import lineage
from notemill.errors import NotemillError
from notemill.files import sha256_file
from notemill.project import open_project
from notemill.registry import Held, has_run, registry
from notemill.release.draft import draft
from notemill.release.register import run_in_mlflow

SECRET = "hunter2-hunter2"  # pragma: allowlist secret


def project_at(root):
    steps = {"prepare": {"notebook": "prepare.ipynb",
                         "outputs": {"train": "train.parquet", "test": "test.parquet", "schema": "schema.json"}},
             "train": {"notebook": "train.ipynb", "params": {"note": SECRET},
                       "inputs": {"data": "prepare.train"}, "outputs": {"model": "model.skops"}}}
    return make_project(
        root, steps=steps, name="tiny.Own", secrets=["TOKEN"],
        gate={"model": "train.model", "data": "prepare.test", "schema": "prepare.schema",
              "metric": "accuracy"},
        notebooks={"prepare.ipynb": [code('train = test = schema = ""', tags=["parameters"]), PREPARE],
                   "train.ipynb": [code('data = model = note = ""', tags=["parameters"]),
                                   code(EXPORTED, tags=["export"]), TRAIN]},
        files=FILES)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The project, run offline."""
    root = project_at(tmp_path_factory.mktemp("own") / "project")
    result = run(root, TOKEN=SECRET)
    assert result.code == 0, result.err
    return root


@pytest.fixture
def project(made, monkeypatch):
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return made


def answer(folder, *words):
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=100,
                          env={**os.environ, "PYTHONPATH": str(folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout


USE = ("from tiny_own_model import predict; import sys;"
       "print(predict([{'a': -3, 'b': 'x'}, {'b': 'x', 'a': '3'}]).tolist(), predict({'a': 3, 'b': 'x'}),"
       "sorted({'notemill', 'mlflow', 'tools', 'tiny_own'} & set(sys.modules)))")


def test_a_run_becomes_a_version_and_a_wheel(project, tmp_path):
    registered = cli("register", "--json", project=project)
    assert registered.code == 0, registered.err
    told = registered.json
    assert (told["version"], told["verdict"], told["name"]) == (1, "passed", "tiny.Own")
    assert cli("register", "--json", project=project).json == told
    assert [one["aliases"] for one in cli("versions", "--json", project=project).json["versions"]] == [["challenger"]]
    assert "version 1 is the challenger: accuracy" in cli("register", project=project).out

    wheel = cli("package", "--json", "--output", tmp_path / "dist", project=project).json
    path = Path(wheel["wheel"])
    assert path.name == "tiny_own_model-1+nocommit-py3-none-any.whl" and wheel["sha256"] == sha256_file(path)
    again = cli("package", "1", "--output", tmp_path / "again", project=project)
    assert again.code == 0 and "pip install" in again.out
    assert sha256_file(tmp_path / "again" / path.name) == wheel["sha256"]
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "site")
    assert answer(tmp_path / "site", "-c", USE).splitlines()[-1] == "['no', 'ja'] ja []"
    assert "the recorded predictions" in answer(tmp_path / "site", "-m", "tiny_own_model", "check")

    package = tmp_path / "site" / "tiny_own_model"
    assert SECRET.encode() not in path.read_bytes() and str(project).encode() not in path.read_bytes()
    origin = json.loads((package / "provenance.json").read_text())
    names = {one["name"] for one in origin["subject"]}
    assert {"model.skops", "schema.json", "tiny_own/train.py", "tools/numbers.py"} <= names
    assert json.loads((package / "types.json").read_text()) == ["tiny_own_model.code.tiny_own.train.stretch"]
    assert {check["check"] for check in json.loads((package / "verdict.json").read_text())["checks"]} >= {"metric"}
    rows = json.loads((package / "golden.json").read_text())["rows"]
    assert len(rows) == 20 and all(set(row) == {"a", "b"} for row in rows)
    assert "no plan knows the function tiny_own_model" in json.loads((package / "plan.json").read_text())["reason"]
    assert "accuracy: **" in (package / "card.md").read_text()
    assert not (package / "verdict.html").exists()  # people read it in MLflow; the wheel need not grow
    pages = [path for path in project.rglob("verdict.html") if path.parent.name.startswith("notemill-")]
    assert len(pages) == 1 and "<h1>" in pages[0].read_text() and pages[0].with_suffix(".json").is_file()


def test_what_the_gate_refuses_is_not_registered(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    path = copy / "notebooks" / "pipeline.yaml"
    path.write_text(path.read_text().replace("metric: accuracy", "metric: accuracy\n  floor: 1.0"))
    for name in copy.glob("mlflow.db*"):
        name.unlink()
    result = cli("register", "--json", project=copy)
    assert result.code == 3 and result.json["verdict"] == "refused"
    assert cli("versions", "--json", project=copy).json["versions"] == []
    assert "no version is registered yet" in cli("versions", project=copy).out
    missing = cli("package", project=copy)
    assert missing.code == 2 and "there is no registered version yet" in missing.err


@pytest.fixture
def servers(tmp_path):
    """Two MLflow servers that know nothing of each other."""
    with running_server(tmp_path / "one") as one, running_server(tmp_path / "two") as two:
        yield [one, two]


def test_another_mlflow_than_the_lineage_went_to(project, servers, tmp_path, monkeypatch):
    copy = shutil.copytree(project, tmp_path / "copy")
    for server in [*servers, servers[0]]:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        result = cli("register", "--json", project=copy)
        assert result.code == 0, result.err
        assert result.json["version"] == 1
    shutil.rmtree(copy / ".notemill-records")
    assert cli("package", project=copy).code == 0
    opened = open_project(copy)
    run = lineage.published(opened.runs / opened.find_run(None)["run"])["train"]
    with registry(servers[1].uri) as client:
        assert has_run(client, run)
        client.delete_run(run)
        assert not has_run(client, run) and not has_run(client, "0" * 32)


def test_a_run_that_is_gone_cannot_be_sent(project, servers, tmp_path, monkeypatch):
    copy = shutil.copytree(project, tmp_path / "copy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", servers[0].uri)
    opened = open_project(copy)
    manifest = {"run": "20200101-000000-aaaa", "steps": ["train", "prepare"]}
    with pytest.raises(NotemillError, match="is not in MLflow at http") as caught:
        run_in_mlflow(opened, manifest, servers[0].uri)
    assert "notemill run --force" in caught.value.hint


def test_a_draft_says_what_is_missing(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    opened = open_project(copy)
    record = opened.find_run(None)
    content = draft(opened, record, Held())["content"]
    assert draft(opened, record, Held())["content"] == content
    path = copy / "notebooks" / "pipeline.yaml"
    whole = path.read_text()
    path.write_text(whole.replace("metric: accuracy", "metric: accuracy\n  types: [tools.numbers.Mine]"))
    assert draft(open_project(copy), record, Held())["content"] != content
    path.write_text(whole)
    (copy / "package/tools/numbers.py").write_text("FACTOR = 3.0\n")
    result = cli("register", project=copy)
    assert result.code == 1 and "package/tools/numbers.py: has changed since the run" in result.err
    (copy / "package/tools/numbers.py").write_text(f"FACTOR = 2.0  # {SECRET}\n")
    result = cli("register", project=copy)
    assert result.code == 1 and "module tools.numbers: holds the value of a secret" in result.err
    (copy / "package/tools/numbers.py").write_text("FACTOR = 2.0\n")
    for key, output, words in (("schema", "train.model", "'train.model' is no schema"),
                               ("model", "prepare.train", "'prepare.train' is no model")):
        facts = yaml.safe_load(whole)
        path.write_text(yaml.safe_dump({**facts, "gate": {**facts["gate"], key: output}}))
        result = cli("gate", project=copy)
        assert result.code == 2 and words in result.err
    path.write_text(whole)
    model = next(step for step in record["steps"] if step["step"] == "train")["outputs"]["model"]["sha256"]
    opened.store.place(model).unlink()
    result = cli("register", project=copy)
    assert result.code == 2 and "is no longer in the store" in result.err
    path.write_text(yaml.safe_dump({name: part for name, part in yaml.safe_load(whole).items() if name != "gate"}))
    result = cli("register", project=copy)
    assert result.code == 2 and "there is nothing to judge by" in result.err


def test_a_verdict_alone_leaves_one_attempt_in_the_records(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    shutil.rmtree(copy / ".notemill-records", ignore_errors=True)
    for _ in range(2):
        verdict = cli("gate", "--json", project=copy).json
        assert next(check for check in verdict["checks"] if check["check"] == "attempts")["figure"] == 1
    left = [path for path in (copy / ".notemill-records").rglob("*") if path.is_file()]
    assert [path.relative_to(copy).as_posix() for path in left] == [
        f".notemill-records/attempts/{verdict['data']}/{verdict['content']}.json"]
    (left[0].parent / f"{'0' * 64}.json").write_text("{}")
    verdict = cli("gate", "--json", project=copy).json
    assert next(check for check in verdict["checks"] if check["check"] == "attempts")["figure"] == 2


def test_the_gate_knows_the_champion(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")

    def settings():
        verdict = cli("gate", "--json", project=copy).json
        assert verdict["champion_content"] == (verdict["content"] if verdict["champion"] else None)  # itself
        return verdict["champion"], next(check for check in verdict["checks"] if check["check"] == "settings")

    assert cli("register", project=copy).code == 0
    assert settings()[0] is None
    path = copy / "notebooks" / "pipeline.yaml"
    path.write_text(path.read_text().replace("metric: accuracy", "metric: accuracy\n  margin: 0.2"))
    assert cli("promote", project=copy).code == 0
    champion, check = settings()
    assert champion == "version 1"
    assert check["outcome"] == "warned" and "margin (not set) -> 0.2" in check["hint"]
    with registry(lineage.tracking_uri(copy, os.environ)) as client:
        other = client.create_model_version("tiny.Own", str(tmp_path))
        client.set_registered_model_alias("tiny.Own", "champion", other.version)
    assert settings() == (champion, check)  # the ledger says who it is, and no alias
    (copy / ".notemill-records" / "ledger" / "tiny.Own" / "00000001.json").unlink()
    champion, check = settings()
    assert champion is None
    assert check["outcome"] == "refused" and "lacks entries at its end" in check["hint"]


def test_what_passes_may_become_the_champion_at_once(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "copy")
    path = copy / "notebooks" / "pipeline.yaml"
    path.write_text(f"{path.read_text()}\nrisk: low\npromote: auto\n")
    told = cli("register", "--json", project=copy)
    assert told.code == 0 and told.json["champion"] is True
    assert [one["aliases"] for one in cli("versions", "--json", project=copy).json["versions"]] == [
        ["challenger", "champion"]]
    entry, = cli("ledger", "--json", project=copy).json["entries"]
    assert (entry["move"], entry["risk"], entry["reason"]) == ("promote", "low", "promote: auto")
    assert "version 1 is the champion" in cli("register", project=copy).out
    assert len(cli("ledger", "--json", project=copy).json["entries"]) == 1
    assert cli("registry", "check", project=copy).code == 0
