import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import mistune
import pytest
from lineage_toy import SECRET, by_name, log_in, snapshot

from notemill import lineage
from notemill.files import read_json, write_json
from notemill.lineage.client import mlflow_client

RUN = "20261120-231332-4f2a"
# Publishes in children that are killed after the 1st, 2nd, ... call of MLflow's client, until one gets through.
KILLED_AGAIN_AND_AGAIN = """
import os, signal, sys
from pathlib import Path
from notemill import lineage
from notemill.lineage.client import mlflow_client
from notemill.store import Store
runs, uri = Path(sys.argv[1]), sys.argv[2]
with mlflow_client(uri):
    from mlflow import MlflowClient
NAMES = ("create_run", "log_batch", "log_inputs", "log_artifacts", "set_terminated", "set_tag", "create_logged_model",
         "log_outputs", "log_model_artifacts", "finalize_logged_model", "create_experiment")
def deadly(last):
    calls = []
    def wrap(name, call):
        def wrapped(*args, **kwargs):
            result = call(*args, **kwargs)
            calls.append(name)
            if len(calls) == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return wrapped
    for name in NAMES:
        setattr(MlflowClient, name, wrap(name, getattr(MlflowClient, name)))
for attempt in range(100):
    child = os.fork()
    if not child:
        deadly(1 + attempt // 2)
        lineage.sync(runs, Store(runs.parent), uri)
        os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(ended, lineage.pending_runs(runs), flush=True)
    if ended == 0:
        break
"""


@pytest.fixture
def uri(project) -> str:
    return lineage.tracking_uri(project.root, {})


def redact(text: str) -> str:
    return text.replace(SECRET, "******")


def send(project, uri, **options) -> dict:
    """The snapshot after everything was sent."""
    lineage.sync(project.runs, project.store, uri, **options)
    return by_name(snapshot(uri))


def test_a_run_its_steps_and_all_that_is_known_of_them(project, uri, rich_spool):
    project.make_run(RUN, rich_spool)
    runs = send(project, uri)
    assert {name: (run["parent"], run["status"]) for name, run in runs.items()} == {
        RUN: (None, "FAILED"), "prepare": (RUN, "FINISHED"), "train": (RUN, "FINISHED"), "evaluate": (RUN, "FAILED"),
        "fold-1": ("train", "FINISHED"), "inner": ("fold-1", "FINISHED")}
    train = runs["train"]
    assert (train["start"], train["end"]) == (1795216413000, 1795216415000)
    assert train["params"] == {"estimator": "linear", "seed": "7", "notebook.seed": "8", "folds": "5", "token": SECRET,
                               "login": SECRET}
    assert train["history"]["loss"] == [("0.5", 0), ("0.25", 1), ("0.125", 2)]
    assert train["history"]["broken"] == [("nan", 0)]
    assert float(train["history"]["endless"][0][0]) >= sys.float_info.max
    assert {name: train["history"][name] for name in ("seconds", "cpu_seconds", "peak_mb", "stored_bytes")} == {
        "seconds": [("1.9", 0)], "cpu_seconds": [("1.7", 0)], "peak_mb": [("310.0", 0)],
        "stored_bytes": [("1234.0", 0)]}
    assert runs[RUN]["history"]["train.roc_auc"] == [("0.98", 0)]
    assert runs["inner"]["params"] == {"deep": "yes"}


def test_tags_tell_code_data_environment_machine_build_and_reason(project, uri):
    record = project.make_run(RUN)
    runs = send(project, uri)
    tags, train = runs["train"]["tags"], record["steps"][2]
    expected = {
        "notemill.run": RUN, "notemill.step": "train", "notemill.commit": "ab" * 20, "notemill.branch": "main",
        "mlflow.source.git.commit": "ab" * 20, "mlflow.source.git.branch": "main", "notemill.dirty": "true",
        "mlflow.source.name": "notebooks/train.ipynb", "mlflow.user": "Ada", "notemill.notebook_sha256": "e" * 64,
        "notemill.package_sha256": "d" * 64, "notemill.pipeline_sha256": "c" * 64, "notemill.fingerprint": "f" * 64,
        "notemill.environment_sha256": record["environment"]["distributions"], "notemill.reason": "push",
        "notemill.input.data": train["inputs"]["data"]["sha256"], "notemill.input.data.from": "prepare.train",
        "notemill.output.model": train["outputs"]["model"]["sha256"], "notemill.build.number": "12",
        "notemill.build.link": "http://drone.example/12", "notemill.machine": "box: Linux, 2 CPUs, 4000 MB",
        "notemill.reasons": "first run"}
    assert {name: tags.get(name) for name in expected} == expected
    assert "Train" in tags["mlflow.note.content"]
    assert "| train | done | 1.9 |" in runs[RUN]["tags"]["mlflow.note.content"]
    assert "cell 3" in runs["evaluate"]["tags"]["mlflow.note.content"]


def test_a_reason_that_anybody_wrote_is_words_in_the_note(project, uri):
    reason = "drift ![x](http://evil.example/x.png) <img src=x> | a | [b](javascript:c) `d` **e**"
    record = project.make_run(RUN, reason=reason)
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    tags = by_name(snapshot(uri))[RUN]["tags"]
    assert tags["notemill.reason"] == reason
    page = mistune.html(tags["mlflow.note.content"])
    assert "drift ![x](http" in page and not re.findall("<img|<a |<code|<em>", page.partition("</p>")[0]), page


def test_files_are_there_and_data_is_not(project, uri, rich_spool):
    record = project.make_run(RUN, rich_spool)
    runs = send(project, uri)
    names = {name: {file.rpartition(" ")[0] for file in run["files"]} for name, run in runs.items()}
    assert names[RUN] == {"run.json", "diff.patch", "environment/environment.json", "environment/requirements.txt"}
    assert names["train"] == {"train.html", "train.ipynb", "figures/cell-2.png", "outputs/model.skops", "curve.png",
                              "words.txt", "facts/a.json"}
    assert names["prepare"] == {"prepare.html", "prepare.ipynb", "figures/cell-2.png"}
    assert Path(project.store.path(record["steps"][2]["outputs"]["model"]["sha256"])).stat().st_nlink == 1


def test_inputs_are_datasets_with_schema_context_and_whole_digest(project, uri, rich_spool):
    record = project.make_run(RUN, rich_spool)
    lineage.sync(project.runs, project.store, uri)
    with mlflow_client(uri) as client:
        train = next(run for run in client.search_runs(["1"]) if run.info.run_name == "train")
        found = {one.dataset.name: one for one in train.inputs.dataset_inputs}
    assert set(found) == {"prepare.train", "data/*.csv", "small"}
    sha256 = record["steps"][2]["inputs"]["data"]["sha256"]
    table, tags = found["prepare.train"].dataset, {tag.key: tag.value for tag in found["prepare.train"].tags}
    assert (table.digest, tags["notemill.sha256"], tags["mlflow.data.context"]) == (sha256[:16], sha256, "data")
    assert [(column["name"], column["type"]) for column in json.loads(table.schema)["mlflow_colspec"]] == [
        ("age", "long"), ("name", "string")]
    assert json.loads(table.profile) == {"num_rows": 3, "num_columns": 2, "bytes": 731}
    assert json.loads(found["data/*.csv"].dataset.source)["files"] == ["data/a.csv"]


def test_a_logged_model_is_the_real_runs_model(project, uri, rich_spool, tmp_path):
    project.make_run(RUN, rich_spool)
    ids = lineage.publish(read_json(project.runs / RUN / "run.json"), project.store, uri,
                          run_folder=project.runs / RUN)
    with mlflow_client(uri) as client:
        model, = client.search_logged_models(["1"])
        assert (model.source_run_id, model.name, model.status) == (ids["train"], "twice", "READY")
        place = Path(model.artifact_location.removeprefix("file://"))
        text = (place / "MLmodel").read_text()
        assert model.model_id in text and ids["train"] in text
        import mlflow
        assert mlflow.pyfunc.load_model(str(place)).predict([2.0]) == [4.0]


def test_secrets_reach_neither_the_database_nor_any_text(project, uri, rich_spool):
    project.make_run(RUN, rich_spool)
    lineage.sync(project.runs, project.store, uri, redact=redact)
    places = [project.root / "mlflow.db", *(project.root / "mlartifacts").rglob("*")]
    texts = {path.name: path.read_bytes() for path in places if path.is_file()}
    assert {"run.json", "diff.patch", "train.html", "a.json", "mlflow.db"} <= set(texts)
    assert [name for name, data in texts.items() if SECRET.encode() in data] == []
    assert b"******" in texts["diff.patch"] and b"******" in texts["mlflow.db"]


def test_a_secret_that_is_an_ordinary_word_spoils_no_name_state_or_digest(project, uri, rich_spool):
    def redact(text):
        for word in ("2026", "done", "train", "4f2a", "finished", "code", "code_", "aaaa", "metrics", "hunter2"):
            text = text.replace(word, "******")
        return text

    record = project.make_run(RUN, rich_spool)
    record["steps"][2]["params"] |= {"word": "done and done", "many": ["train", {"code": 1}]}
    write_json(project.runs / RUN / "run.json", record)
    runs = send(project, uri, redact=redact)
    assert set(runs) == {RUN, "prepare", "train", "evaluate", "fold-1", "inner"}
    tags, parent = runs["train"]["tags"], runs[RUN]["tags"]
    assert (tags["notemill.run"], tags["notemill.status"], tags["notemill.step"]) == (RUN, "done", "train")
    assert tags["mlflow.source.name"] == "notebooks/train.ipynb" and tags["notemill.input.data.from"] == "prepare.train"
    assert tags["notemill.fingerprint"] == "f" * 64 and "| train | done | 1.9 |" in parent["mlflow.note.content"]
    assert runs["train"]["params"]["word"] == "****** and ******"
    assert runs["train"]["params"]["many"] == '["******", {"******": 1}]'
    assert "train.ipynb" in str(runs["train"]["files"]) and runs[RUN]["history"]["train.roc_auc"] == [("0.98", 0)]
    notebook = json.loads(next(project.root.glob("mlartifacts/**/train.ipynb")).read_text())
    assert notebook["cells"][0] == {"cell_type": "markdown", "metadata": {}, "source": "******"}
    assert notebook["cells"][2]["cell_type"] == "code"
    sent = json.loads(next(project.root.glob("mlartifacts/**/run.json")).read_text())
    assert (sent["run"], sent["started"], sent["steps"][2]["status"]) == (RUN, record["started"], "done")
    assert sent["steps"][2]["params"]["token"] == "******-not-for-logs"
    again = lineage.publish(record, project.store, uri, run_folder=project.runs / RUN, redact=redact)
    assert lineage.published(project.runs / RUN) == again and len(snapshot(uri)["runs"]) == 6


def test_publishing_twice_adds_nothing(project, uri, rich_spool):
    record = project.make_run(RUN, rich_spool)
    first = lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    before = snapshot(uri)
    assert lineage.publish(record, project.store, uri, run_folder=project.runs / RUN) == first
    assert snapshot(uri) == before


def test_kill_9_in_the_middle_loses_and_doubles_nothing(project, uri, rich_spool, tmp_path):
    project.make_run(RUN, rich_spool)
    lineage.sync(project.runs, project.store, uri)
    whole = snapshot(uri)
    other = f"sqlite:///{tmp_path}/other.db"
    lineage.mark_pending(project.runs / RUN)
    done = subprocess.run([sys.executable, "-c", KILLED_AGAIN_AND_AGAIN, str(project.runs), other], check=True,
                          capture_output=True, text=True)
    *killed, last = done.stdout.splitlines()
    assert last == "0 []" and len(killed) > 8, done.stderr
    assert set(killed) == {f"-9 ['{RUN}']"}
    assert snapshot(other) == whole


def test_a_run_that_was_made_twice_by_a_repeated_request_is_one_again(project, uri):
    record = project.make_run(RUN)
    ids = lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    before = snapshot(uri)
    with mlflow_client(uri) as client:
        client.create_run("1", start_time=1795216413001, tags={"notemill.run": RUN, "notemill.step": "train"})
    assert snapshot(uri) != before
    assert lineage.publish(record, project.store, uri, run_folder=project.runs / RUN) == ids
    assert snapshot(uri) == before


def test_reused_steps_are_linked_and_not_repeated(project, uri):
    first, second = RUN, "20261121-101010-aaaa"
    ids = lineage.publish(project.make_run(first), project.store, uri, run_folder=project.runs / first)
    record = project.make_run(second)
    for step in record["steps"][:2]:
        step.update(action="reuse", status="reused", origin_run=first, error=None)
    record["steps"].append(project.step(second, "elsewhere", action="reuse", status="reused", origin_run="long-ago"))
    again = lineage.publish(record, project.store, uri, run_folder=project.runs / second)
    runs = snapshot(uri)["runs"]
    assert sorted(run["name"] for run in runs) == [first, second, "evaluate", "prepare", "train", "train"]
    tags = by_name({"runs": runs})[second]["tags"]
    assert tags["notemill.reused.prepare"] == ids["prepare"] == again["prepare"]
    assert tags["notemill.reused.prepare.run"] == first and ids["prepare"] in tags["mlflow.note.content"]
    assert tags["notemill.reused.elsewhere.run"] == "long-ago" and "notemill.reused.elsewhere" not in tags


def test_steps_may_be_sent_while_the_run_goes_on(project, uri):
    record = project.make_run(RUN)
    half = json.loads(json.dumps(record)) | {"status": "running", "ended": None, "error": None}
    half["steps"][2].update(status="running", ended=None)
    half["steps"][0].update(status="pending", started=None)
    lineage.publish(half, project.store, uri, run_folder=project.runs / RUN)
    assert {name: run["status"] for name, run in by_name(snapshot(uri)).items()} == {
        RUN: "RUNNING", "prepare": "FINISHED"}
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    assert {name: run["status"] for name, run in by_name(snapshot(uri)).items()} == {
        RUN: "FAILED", "prepare": "FINISHED", "train": "FINISHED", "evaluate": "FAILED"}


def test_an_interrupted_run_is_killed_in_mlflow(project, uri):
    record = project.make_run(RUN, status="interrupted", error=None, git=None, ci=None)
    record["steps"][2].update(status="failed", ended=None)
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    runs = by_name(snapshot(uri))
    assert (runs[RUN]["status"], runs["train"]["status"], runs["prepare"]["status"]) == ("KILLED", "KILLED", "FINISHED")
    assert "no commit" in runs[RUN]["tags"]["mlflow.note.content"] and "notemill.dirty" not in runs[RUN]["tags"]


def test_a_deleted_experiment_comes_back(project, uri):
    record = project.make_run(RUN)
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    with mlflow_client(uri) as client:
        client.delete_experiment("1")
    lineage.publish(record | {"run": "later"}, project.store, uri, run_folder=project.runs / RUN)
    assert {RUN, "later"} <= set(by_name(snapshot(uri)))


def test_what_the_cache_has_lost_does_not_stop_the_rest(project, uri):
    record = project.make_run(RUN)
    for path in (project.root / ".notemill" / "objects").glob("*/*"):
        path.unlink()
    runs = send(project, uri)
    assert [file.split()[0] for file in runs["train"]["files"]] == ["train.html"]
    assert [file.split()[0] for file in runs[RUN]["files"]] == ["run.json"]
    assert runs["train"]["inputs"] == sorted([("data/*.csv", runs["train"]["tags"]["notemill.input.many"][:16]), (
        "prepare.train", record["steps"][2]["inputs"]["data"]["sha256"][:16])])


def test_a_report_of_a_later_run_is_not_taken_for_this_runs(project, uri):
    record = project.make_run(RUN)
    for path in (project.runs / RUN / "reports").iterdir():
        path.unlink()
    (project.root / "reports").mkdir()
    for name, later in (("train", 30), ("prepare", 300)):
        (project.root / "reports" / f"{name}.html").write_text(name)
        time = 1795216432 + later
        os.utime(project.root / "reports" / f"{name}.html", (time, time))
    assert record["ended"].startswith("2026-11-20T23:13:52")
    runs = send(project, uri)
    assert any(file.startswith("train.html") for file in runs["train"]["files"])
    assert not any(file.startswith("prepare.html") for file in runs["prepare"]["files"])


def test_several_runs_of_a_notebook_are_children_and_the_step_has_what_they_agree_on(project, uri, tmp_path):
    from notemill.lineage.publish import _merged
    from notemill.lineage.spool import SpoolRun

    one = SpoolRun("a", "a", "FINISHED", 1, 2, tmp_path, params={"x": "1", "y": "1"})
    two = SpoolRun("b", "b", "FINISHED", 1, 2, tmp_path, params={"x": "2", "y": "1"})
    assert _merged([one, two], "params") == {"y": "1"}


def test_the_environment_is_as_it_was_afterwards(project, uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    before = dict(os.environ)
    with mlflow_client(uri):
        assert "MLFLOW_RUN_ID" not in os.environ and os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
        assert os.environ["DO_NOT_TRACK"] == "true"
    assert dict(os.environ) == before


def test_many_figures_and_tags_go_in_batches(project, uri):
    record = project.make_run(RUN)
    step = record["steps"][2]
    step["metrics"] = {f"m{n}": n / 7 for n in range(1300)} | {"none": None}
    step["params"] = {f"p{n}": "x" * 7000 for n in range(150)} | {"empty": "", "list": [1, "a"] * 2000}
    step["outputs"] = {}
    write_json(project.runs / RUN / "run.json", record)
    runs = send(project, uri)
    assert len(runs["train"]["history"]) == 1304 and len(runs["train"]["params"]) == 152
    assert math.isclose(float(runs["train"]["history"]["m1299"][0][0]), 1299 / 7)
    assert {len(value) for value in runs["train"]["params"].values()} == {6000, 0}


def test_earlier_runs_are_found_on_all_pages(project, uri, monkeypatch):
    record = project.make_run(RUN)
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    before = snapshot(uri)
    monkeypatch.setitem(lineage.publish.__globals__, "PAGE", 1)
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    assert snapshot(uri) == before


@pytest.fixture
def batches(monkeypatch):
    """Of each request that logs: how many metrics, parameters and tags it holds."""
    from mlflow import MlflowClient
    sent, log = [], MlflowClient.log_batch

    def counted(self, run, metrics=(), params=(), tags=(), **options):
        sent.append((len(metrics), len(params), len(tags)))
        return log(self, run, metrics, params, tags, **options)
    monkeypatch.setattr(MlflowClient, "log_batch", counted)
    return sent


def test_figures_and_parameters_of_a_step_go_in_one_request(project, uri, batches):
    project.make_run(RUN)
    send(project, uri)
    assert len(batches) == 4 and (6, 3, 0) in batches, batches      # the tags came with the run


def test_tags_that_an_earlier_attempt_did_not_send_are_sent(project, uri):
    project.make_run(RUN, status="running", steps=[{**step, "status": "running"} if step["step"] == "train" else step
                                                   for step in project.record(RUN)["steps"]])
    record = read_json(project.runs / RUN / "run.json")
    lineage.publish(record, project.store, uri, run_folder=project.runs / RUN)
    project.make_run(RUN)
    assert send(project, uri)[RUN]["tags"]["notemill.status"] == "failed"


def test_what_is_too_long_for_one_request_goes_in_two(project, server, batches, tmp_path):
    """A server takes a megabyte at once, in which each of these characters takes six bytes or twelve."""
    code = "import mlflow\nfor n in range(15): mlflow.set_tag(f't{n}', '\U0001f600' * 4900)"
    log_in(tmp_path / "mlflow", code, tmp_path)
    long, name = {f"p{n}": "é" * 5000 for n in range(15)}, "20261126-000000-0006"
    train = project.step(name, "train", params=long)
    project.make_run(name, tmp_path / "mlflow", project="long", steps=[train])
    lineage.sync(project.runs, project.store, server.uri)
    made = by_name(snapshot(server.uri, "long"))["train"]
    assert made["params"] == long and made["tags"]["t14"] == "\U0001f600" * 4900
    assert (0, 0, 15) in batches, batches


def test_what_is_imported_ahead_is_all_that_a_client_needs(tmp_path):
    code = """
import sys
from pathlib import Path
from notemill import lineage
from notemill.lineage.client import mlflow_client
uri = f"sqlite:///{sys.argv[1]}/mlflow.db"
lineage.ensure_embedded(uri)
lineage.import_mlflow(uri)
before = set(sys.modules)
with mlflow_client(uri):
    pass
print(len(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50      # without the store it is 300
