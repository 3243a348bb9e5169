"""`notemill score`: what is named, and what is new by pipeline.yaml; nothing half done, nothing lost."""

import errno
import json
import os
import shutil

import pandas as pd
import pytest
from model_samples import mixed_files, train
from serving_samples import make_wheel, plain_table
from tiny import cli, make_project
from version_samples import registered_project

from notemill import lineage
from notemill.project import open_project
from notemill.release.packaged import packaged

AWAY = "http://127.0.0.1:9"  # nobody listens there


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return make_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def rows():
    return plain_table(60).drop(columns=["answer", "weight"]).assign(id=range(60))


@pytest.fixture
def project(wheel, tmp_path):
    """A project that scores data/new/*.csv with a wheel of its own."""
    root = flow_project(tmp_path / "project")
    shutil.copy(wheel, root / "model.whl")
    renamed = root / wheel.name
    (root / "model.whl").rename(renamed)
    return root


def flow_project(root, **score):
    steps = {"train": {"notebook": "train.ipynb", "outputs": {"model": "model.skops"}}}
    asked = {"input": "data/new/*.csv", "output": "scored/", "on_error": "aside",
             "version": "./plain_model-3+g6e976e976e97-py3-none-any.whl", **score}
    (root / "data" / "new").mkdir(parents=True)
    return make_project(root, steps=steps, notebooks={"train.ipynb": []}, score=asked)


def score_runs(root):
    """The runs in the project's MLflow that are of scoring."""
    from mlflow import MlflowClient

    client = MlflowClient(lineage.tracking_uri(root, {}))
    experiment = client.get_experiment_by_name("tiny")
    return [one for one in client.search_runs([experiment.experiment_id]) if "notemill.score" in one.data.tags]


# what is named
def test_a_file_through_a_wheel(wheel, rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows.to_csv("in.csv", index=False)
    told = cli("score", wheel, "in.csv", "out.parquet", "--keys", "id", "--json")
    assert told.code == 0, told.err
    found = pd.read_parquet("out.parquet")
    assert list(found) == ["id", "prediction", "probability_ja", "probability_no"]
    assert (told.json["rows"], told.json["set_aside"], told.json["error"]) == (60, 0, None)
    assert told.json["model"]["version"] == "3+g6e976e976e97" and told.json["mlflow_run"] is None
    assert {**told.json, "error": 0} == {**json.loads((tmp_path / "out.parquet.run.json").read_text()),
                                         "mlflow_run": None, "error": 0}
    said = cli("score", wheel, "in.csv", "out.csv")
    assert said.out.startswith("60 rows scored in ") and said.out.endswith(" s: out.csv\n")


def test_bad_rows_are_all_told_and_nothing_is_written(wheel, rows, tmp_path):
    rows = rows.astype({"size": "object"})
    rows.loc[7, "size"] = "tall"
    rows.to_csv(tmp_path / "in.csv", index=False)
    told = cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv", "--json")
    assert told.code == 1 and told.json["error"]["problem_count"] == 1
    assert told.json["error"]["problems"] == [{"place": "line 9", "column": "size", "got": "'tall'",
                                               "rule": "is not a number (cm)"}]
    assert "--on-error aside" in told.err and sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]
    told = cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv", "--on-error", "aside")
    assert told.code == 0 and "set aside: size is not a number (cm) (1 cells, the first in in.csv, 9)" in told.out
    assert pd.read_csv(tmp_path / "out.aside.csv")["problem"].tolist() == ["size: 'tall' is not a number (cm)"]


def test_an_absent_column_is_not_mended_by_setting_rows_aside(wheel, rows, tmp_path):
    rows.drop(columns="flag").to_csv(tmp_path / "in.csv", index=False)
    told = cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv", "--json")
    assert told.code == 1 and told.json["error"]["problem_count"] == 1
    assert told.json["error"]["hint"] is None and "aside" not in told.err


def test_a_column_called_prediction(wheel, rows, tmp_path):
    rows.assign(prediction=1).to_csv(tmp_path / "in.csv", index=False)
    told = cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv")
    assert told.code == 2 and "--keys ''" in told.err and "--only-predictions" not in told.err
    assert cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv", "--keys", "").code == 0
    assert list(pd.read_csv(tmp_path / "out.csv")) == ["prediction", "probability_ja", "probability_no"]


def test_a_full_disk(wheel, rows, tmp_path, monkeypatch):
    """The package's own engine: what it says is what notemill says."""
    rows.to_csv(tmp_path / "in.csv", index=False)

    def full(*given):
        raise OSError(errno.EFBIG, "File too large")

    place = packaged(str(wheel), tmp_path)
    monkeypatch.setattr("notemill.commands.score.packaged", lambda *given, **more: place)
    monkeypatch.setattr(os, "replace", full)
    told = cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv", "--json")
    assert told.code == 1 and told.json["error"]["where"] == str(tmp_path / "out.csv")
    assert told.json["error"]["got"] == "File too large; nothing was written" and not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("words, got", [
    (["{wheel}", "in.csv"], "alone"), (["{wheel}", "no.csv", "out.csv"], "there is no such file"),
    (["{wheel}", "in.csv", "out.xlsx"], "must end in .csv or .parquet"),
    (["no.whl", "in.csv", "out.csv"], "there is no such file"), (["3", "in.csv", "out.csv"], "is no Notemill project"),
    (["{wheel}", "in.csv", "out.csv", "--keys", "colour,none"], "there is no column 'none'"),
    (["in.csv", "in.csv", "out.csv"], "'in.csv': is neither a wheel (.whl), nor a version of a project"),
    ([], "is no Notemill project")])
def test_what_cannot_be_meant_ends_with_2(wheel, rows, tmp_path, monkeypatch, words, got):
    monkeypatch.chdir(tmp_path)
    rows.to_csv("in.csv", index=False)
    told = cli("score", *(word.format(wheel=wheel) for word in words))
    assert told.code == 2 and got in told.err and "Traceback" not in told.err


def test_another_scikit_learn_is_refused(rows, tmp_path):
    wheel = make_wheel(tmp_path, compiled=False, trained_with={
        "numpy": "2.4.0", "pandas": "3.0.0", "scikit-learn": "1.0.2", "skops": "0.16"})
    rows.to_csv(tmp_path / "in.csv", index=False)
    told = cli("score", wheel, tmp_path / "in.csv", tmp_path / "out.csv")
    assert told.code == 2 and "was trained with scikit-learn 1.0.2" in told.err and "pip install" in told.err


# what is new
def test_the_flow_scores_what_is_new_by_content(project, rows):
    new = project / "data" / "new"
    rows.head(20).to_csv(new / "monday.csv", index=False)
    assert cli("score", "--json", project=project).json["rows"] == 20
    assert "nothing new: all 1 files" in cli("score", project=project).out
    shutil.copy(new / "monday.csv", new / "again.csv")
    rows.tail(7).to_csv(new / "monday.csv", index=False)
    told = cli("score", "--json", project=project).json
    assert told["rows"] == 7 and len(told["outputs"]) == 1
    names = sorted(path.name for path in (project / "scored").iterdir())
    assert [name.partition("-")[0] for name in names] == ["monday", "monday.csv", "runs"]
    assert len(pd.read_csv(project / "scored" / "monday.csv")) == 20
    assert [len(pd.read_csv(project / "scored" / names[0]))] == [7]
    runs = score_runs(project)
    assert sorted(one.data.metrics["rows"] for one in runs) == [7, 20]
    assert all(one.info.status == "FINISHED" and one.data.tags["notemill.kind"] == "score" for one in runs)


def test_the_flow_takes_other_keys_than_pipeline_yaml_names(wheel, rows, tmp_path):
    root = flow_project(tmp_path / "project", keys=["id"])
    shutil.copy(wheel, root)
    rows.to_csv(root / "data" / "new" / "monday.csv", index=False)
    assert cli("score", "--project", root, "--offline", "--keys", "").code == 0
    assert list(pd.read_csv(root / "scored" / "monday.csv")) == ["prediction", "probability_ja", "probability_no"]


def test_what_mlflow_will_not_get_is_scored_all_the_same(project, rows, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device", "outbox")

    rows.to_csv(project / "data" / "new" / "monday.csv", index=False)
    monkeypatch.setattr(lineage, "keep_score", full)
    told = cli("score", "--project", project, "--json")
    assert told.code == 0 and told.json["rows"] == 60 and told.json["mlflow_run"] is None
    assert "warning: MLflow will not get this run: outbox: No space left on device\n  the rows are scored" in told.err


def test_a_flow_without_files_is_no_error(project):
    told = cli("score", project=project)
    assert told.code == 0 and "nothing new: data/new/*.csv finds no file" in told.out


def test_a_flow_that_fails_is_tried_again_whole(project, rows):
    rows.to_csv(project / "data" / "new" / "a.csv", index=False)
    rows.drop(columns="size").to_csv(project / "data" / "new" / "b.csv", index=False)
    told = cli("score", project=project)
    assert told.code == 1 and "b.csv" in told.err and "column 'size': is missing" in told.err
    assert not (project / "scored").exists()
    rows.to_csv(project / "data" / "new" / "b.csv", index=False)
    assert cli("score", "--json", project=project).json["rows"] == 60  # the same content: once


def test_a_record_that_is_none_stops_the_flow(project, rows):
    rows.to_csv(project / "data" / "new" / "a.csv", index=False)
    (project / "scored" / "runs").mkdir(parents=True)
    (project / "scored" / "runs" / "1.run.json").write_text("{")
    told = cli("score", project=project)
    assert told.code == 2 and "1.run.json: is no record of a run" in told.err


def test_where_mlflow_is_away_the_score_is_kept_and_sent_later(project, rows, monkeypatch):
    rows.to_csv(project / "data" / "new" / "a.csv", index=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", AWAY)
    told = cli("score", project=project)
    assert told.code == 0 and "MLflow has not got this run yet" in told.err and "the next notemill score" in told.err
    assert len(lineage.waiting_scores(project / ".notemill")) == 1
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    rows.head(5).to_csv(project / "data" / "new" / "b.csv", index=False)
    assert cli("score", project=project).code == 0
    assert lineage.waiting_scores(project / ".notemill") == [] and len(score_runs(project)) == 2


@pytest.mark.parametrize("score, words", [
    ({"inptu": "a"}, ["score", "inptu", "did you mean 'input'?"]), ({"on_error": "skip"}, ["score.on_error", "aside"]),
    ({"output": "data/new"}, ["score.output", "holds the input"]),
    ({"output": "."}, ["score.output", "holds the input"]), ({"keys": []}, ["score.keys"])])
def test_what_pipeline_yaml_says_is_checked_by_line(tmp_path, score, words):
    told = cli("score", project=flow_project(tmp_path / "project", **score))
    assert told.code == 2 and "notebooks/pipeline.yaml:" in told.err
    assert all(word in told.err for word in words), told.err


# registered versions
@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registered")
    trained = train(folder / "trained", **mixed_files(folder / "trained"))
    root = registered_project(folder / "project", trained)
    trained.rows().to_csv(root / "rows.csv", index=False)
    assert cli("promote", "1", "--by", "Ada", project=root).code == 0
    return root


def test_a_version_and_the_champion(registered, monkeypatch):
    rows, out = registered / "rows.csv", registered / "out.csv"
    by_number = cli("score", "1", rows, out, "--json", project=registered).json
    monkeypatch.setenv("MLFLOW_TRACKING_URI", AWAY)
    told = cli("score", "champion", rows, out, "--json", project=registered)
    assert told.code == 0 and "version 1 is taken as the ledger says" in told.err
    assert told.json["model"] == by_number["model"] and told.json["model"]["registry_version"] == 1
    assert by_number["mlflow_run"] and told.json["mlflow_run"] is None
    assert cli("score", "2", rows, out, project=registered).code in (1, 2)  # no ledger names it
    open_project(registered)
