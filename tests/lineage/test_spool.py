import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from lineage_toy import SECRET, log_in

from notemill import lineage
from notemill.lineage.spool import spool_models, spool_runs

OTHER_WAYS = """
import mlflow, sklearn.linear_model
mlflow.set_experiment("another")
mlflow.sklearn.autolog(log_models=False, silent=True)
sklearn.linear_model.LogisticRegression().fit([[0.0], [1.0]], [0, 1])
with mlflow.start_run(run_name="mine"):
    mlflow.log_metric("roc_auc", 0.75)
    mlflow.log_text("x", "x.txt")
mlflow.log_metric("after", 1)
import os; os._exit(9)
"""


def test_a_process_that_logs_says_nothing_and_leaves_nothing_behind(rich_spool):
    said = (rich_spool.parent / "output.txt").read_text()
    assert "http" not in said.replace("https://mlflow.org/docs", "") and "View run" not in said
    assert sorted(path.name for path in rich_spool.parent.iterdir()) == ["mlflow", "output.txt"]


def test_last_values_are_read_and_what_is_no_number_is_named(rich_spool):
    assert lineage.read_spool(rich_spool) == {
        "metrics": {"loss": 0.125, "roc_auc": 0.98}, "not_finite": ["broken", "endless"],
        "params": {"folds": "5", "seed": "8", "login": SECRET}, "tags": {"author: remark": "wide"}}


def test_a_spool_is_read_without_mlflow(rich_spool):
    code = f"import sys; from pathlib import Path; from notemill import lineage; " \
           f"lineage.read_spool(Path({str(rich_spool)!r})); print('mlflow' in sys.modules, 'pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"


def test_history_nesting_datasets_and_models_are_kept(rich_spool):
    own, fold, inner = spool_runs(rich_spool)
    assert [(value, time, step) for key, value, time, step, _ in own.metrics if key == "loss"] == [
        (0.5, 1_800_000_000_000, 0), (0.25, 1_800_000_000_001, 1), (0.125, 1_800_000_000_002, 2)]
    assert (fold.name, fold.parent, inner.parent) == ("fold-1", own.id, fold.id)
    assert [dataset["name"] for dataset in own.datasets] == ["small"]
    assert (own.artifacts / "facts" / "a.json").is_file()
    model, = spool_models(rich_spool)
    assert (model.name, model.run, model.ready, model.params["by"]) == ("twice", own.id, True, "2")
    assert (model.folder / "MLmodel").is_file()


def test_a_spool_may_be_moved(rich_spool, tmp_path):
    shutil.copytree(rich_spool, tmp_path / "moved")
    assert spool_runs(tmp_path / "moved")[0].artifacts.is_relative_to(tmp_path / "moved")
    assert spool_models(tmp_path / "moved")[0].folder.is_relative_to(tmp_path / "moved")


def test_another_experiment_autologging_and_a_sudden_end(tmp_path, project):
    assert log_in(tmp_path / "mlflow", OTHER_WAYS, tmp_path, check=False).returncode == 9
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow", "project"]
    fit, mine, last = spool_runs(tmp_path / "mlflow")
    assert fit.params["C"] == "1.0" and mine.name == "mine" and last.status == "RUNNING"
    assert (mine.artifacts / "x.txt").is_relative_to(tmp_path) and (mine.artifacts / "x.txt").is_file()
    figures = lineage.read_spool(tmp_path / "mlflow")["metrics"]
    assert (figures["roc_auc"], figures["after"]) == (0.75, 1.0) and "training_score" in figures


def test_a_spool_opened_again_is_empty(tmp_path):
    for _ in range(2):
        lineage.open_spool(tmp_path / "mlflow", "Default")
        assert spool_runs(tmp_path / "mlflow") == []
        with closing(sqlite3.connect(tmp_path / "mlflow" / "spool.db")) as database, database:
            database.execute("insert into runs (run_uuid, lifecycle_stage, start_time, artifact_uri) values"
                             " ('a', 'active', 1, '/elsewhere')")
        assert str(spool_runs(tmp_path / "mlflow")[0].artifacts) == "/elsewhere"


def test_no_spool_has_nothing(tmp_path):
    assert lineage.read_spool(tmp_path) == {"metrics": {}, "not_finite": [], "params": {}, "tags": {}}
    assert spool_models(tmp_path) == []
    lineage.redact_spool(tmp_path, str)


def test_a_kernel_gets_neither_the_server_nor_its_password(tmp_path):
    env = lineage.open_spool(tmp_path / "mlflow", "toy", registry="http://me:pw@server:5000")
    assert not any("server:5000" in value for value in env.values())
    env = lineage.open_spool(tmp_path / "mlflow", "toy", registry="http://server:5000")
    assert [name for name, value in env.items() if "server:5000" in value] == ["NOTEMILL_REGISTRY_URI"]
    assert env["MLFLOW_RUN_ID"] == "" and env["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_secrets_are_taken_out_where_they_stand(rich_spool, tmp_path):
    spool = tmp_path / "mlflow"
    shutil.copytree(rich_spool, spool)
    found = [path for path in spool.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert {path.name for path in found} == {"spool.db", "a.json"}
    lineage.redact_spool(spool, lambda text: text.replace(SECRET, "******"))
    assert [path for path in spool.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    assert lineage.read_spool(spool)["params"]["login"] == "******"
    assert json.loads((spool_runs(spool)[0].artifacts / "facts" / "a.json").read_text())["key"] == "******"


def test_no_table_and_no_files_name_keeps_a_secret(rich_spool, tmp_path):
    spool = tmp_path / "mlflow"
    shutil.copytree(rich_spool, spool)
    folder = spool_runs(spool)[0].artifacts / f"of-{SECRET}"
    folder.mkdir(parents=True)
    for name in (f"{SECRET}.bin", f"x{SECRET}.bin"):
        (folder / name).write_bytes(b"\0")
    with closing(sqlite3.connect(spool / "spool.db")) as database, database:
        database.execute("insert into experiments (experiment_id, name, lifecycle_stage) values (77, ?, 'active')",
                         (f"about {SECRET}",))
        database.execute("insert into experiment_tags (experiment_id, key, value) values (77, 'k', ?)", (SECRET,))
        database.execute("insert into registered_models (name, description) values ('m', ?)", (SECRET,))
    lineage.redact_spool(spool, lambda text: text.replace(SECRET, "******"))
    assert [path for path in spool.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    assert [path for path in spool.rglob("*") if SECRET in path.name] == []
    assert sorted(path.name for path in spool.rglob("*.bin")) == ["******.bin", "x******.bin"]


def test_files_that_differ_by_secrets_alone_are_both_kept(rich_spool, tmp_path):
    spool = tmp_path / "mlflow"
    shutil.copytree(rich_spool, spool)
    folder = spool_runs(spool)[0].artifacts
    for name in ("by-one1.txt", "by-two2.txt"):
        (folder / name).write_text("x")
    lineage.redact_spool(spool, lambda text: text.replace("one1", "******").replace("two2", "******"))
    assert len(list(folder.glob("by-[*]*"))) == 2


@pytest.mark.parametrize("secret", ["0000", "abcd", "FINISHED", "active", "artifacts", "RUN"])
def test_a_secret_that_looks_like_mlflows_own_words_tears_nothing_apart(rich_spool, tmp_path, secret):
    spool = tmp_path / "mlflow"
    shutil.copytree(rich_spool, spool)
    runs = spool_runs(spool)
    for character in ("", runs[0].id[:4]):
        lineage.redact_spool(spool, lambda text, found=character or secret: text.replace(found, "******"))
        left = spool_runs(spool)
        assert [(run.id, run.status, run.parent) for run in left] == [(run.id, run.status, run.parent) for run in runs]
        assert [len(run.metrics) for run in left] == [len(run.metrics) for run in runs]
        assert all(run.artifacts.is_dir() == old.artifacts.is_dir() for run, old in zip(left, runs, strict=True))


def test_a_notebook_under_papermill(tmp_path):
    pytest.importorskip("papermill")
    cells = [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None,
              "source": "import mlflow\nmlflow.log_metric('roc_auc', 0.5)\nprint('said')"}]
    (tmp_path / "in.ipynb").write_text(json.dumps({
        "cells": cells, "nbformat": 4, "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "p"}, "language_info": {"name": "python"}}}))
    env = os.environ | lineage.open_spool(tmp_path / "mlflow", "toy")
    subprocess.run([sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar"], env=env,
                   cwd=tmp_path, check=True, capture_output=True)
    assert lineage.read_spool(tmp_path / "mlflow")["metrics"] == {"roc_auc": 0.5}
    outputs = json.loads((tmp_path / "out.ipynb").read_text())["cells"][0]["outputs"]
    assert [output["text"] for output in outputs] == [["said\n"]]
