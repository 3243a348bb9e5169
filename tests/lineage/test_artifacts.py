import json

from notemill.lineage import artifacts

RUN = "20261120-231332-4f2a"


def stage(project, folder) -> None:
    record = project.record(RUN)
    artifacts.stage_step(folder, record, record["steps"][2], project.store, project.runs / RUN, str)


def test_what_the_notebook_logged_under_our_names_stays_as_it_is(project, tmp_path):
    folder, logged = tmp_path / "staged", tmp_path / "logged.ipynb"
    logged.write_text("the notebook's own")
    artifacts.copy(logged, folder / "train.ipynb", str)
    artifacts.copy(logged, folder / "figures", str)
    artifacts.copy(logged, folder / "outputs", str)
    stage(project, folder)
    assert (folder / "train.ipynb").read_text() == logged.read_text() == "the notebook's own"
    assert sorted(path.name for path in folder.iterdir()) == ["figures", "outputs", "train.ipynb"]


def test_figures_have_the_numbers_of_their_cells(tmp_path):
    picture = {"output_type": "display_data", "data": {"image/png": ["aGVs", "bG8="]}}
    cells = [{"metadata": {"tags": ["papermill-error-cell-tag"]}, "outputs": [picture]}, {"metadata": {}},
             {"metadata": {}, "outputs": [picture, {"output_type": "stream"}, picture]}, {"outputs": [picture]}]
    artifacts._write_figures(tmp_path, json.loads(json.dumps({"cells": cells})))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "cell-2-1.png": "hello", "cell-2-2.png": "hello", "cell-3.png": "hello"}


def test_large_outputs_and_data_are_left_out(project, tmp_path, monkeypatch):
    stage(project, tmp_path / "one")
    assert (tmp_path / "one" / "outputs" / "model.skops").read_bytes() == b"\0model"
    monkeypatch.setattr(artifacts, "LARGEST", 5)
    stage(project, tmp_path / "two")
    assert not (tmp_path / "two" / "outputs").exists()
