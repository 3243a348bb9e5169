import json
import shutil

import pytest

from notemill import lineage
from notemill.errors import UsageError
from notemill.lineage.client import mlflow_client

FIRST, SECOND = "20261120-231332-4f2a", "20261121-101010-aaaa"


@pytest.fixture
def uri(project) -> str:
    return lineage.tracking_uri(project.root, {})


def reuse(project, name: str, origin: str) -> dict:
    record = project.record(name)
    for step in record["steps"][1:]:
        step.update(action="reuse", status="reused", origin_run=origin, reasons=[])
    return record


def test_a_run_is_followed_back_to_data_and_commit(project):
    record = project.make_run(FIRST)
    text = lineage.print_tree(lineage.tree(record, lambda run: None))
    sha256 = {step["step"]: step for step in record["steps"]}
    assert text.splitlines()[0] == f"run {FIRST} of toy: failed, push, 2026-11-20 23:13 UTC"
    assert f"├─ commit {'ab' * 6} on main, with unsaved changes (diff sha256 {record['git']['diff'][:12]})" in text
    assert [line[3:] for line in text.splitlines() if line[:2] in ("├─", "└─")][-3:] == [
        "prepare: done", "train: done", "evaluate: failed"]
    assert f"│  ├─ <- data: prepare.train, 731 B, sha256 {sha256['train']['inputs']['data']['sha256'][:12]}" in text
    assert "│  │  └─ data/a.csv, sha256" in text and "estimator=linear, seed=7" in text
    assert "   └─ error: ValueError: bad" in text and "build 12 http://drone.example/12" in text
    assert "on box: Linux, 2 CPUs" in text and "because first run" in text


def test_a_reused_step_points_to_the_run_that_made_it(project, uri):
    first = project.make_run(FIRST)
    lineage.sync(project.runs, project.store, uri)
    second = reuse(project, SECOND, FIRST)
    tree = lineage.tree(second, {FIRST: first}.get, lambda run: lineage.published(project.runs / run))
    origin = tree["steps"][0]["origin"]
    assert (origin["run"], origin["git"]["commit"]) == (FIRST, "ab" * 20)
    made = lineage.published(project.runs / FIRST)["prepare"]
    assert (f"prepare: reused from run {FIRST} of 2026-11-20 23:13 UTC, commit {'ab' * 6} on main,"
            f" with unsaved changes, MLflow run {made}") in lineage.print_tree(tree)


def test_an_origin_that_is_gone_is_still_named(project):
    tree = lineage.tree(reuse(project, SECOND, "long-ago"), lambda run: None)
    assert "train: reused from run long-ago\n" in lineage.print_tree(tree)


def test_a_bare_record_and_a_ring_of_needs_are_printed_too(project):
    record = project.record(FIRST) | {"git": None, "ci": None, "machine": None, "environment": None, "error": None}
    record["steps"] = [project.step(FIRST, "a", needs=["b"]), project.step(FIRST, "b", needs=["a"])]
    record["steps"][0]["outputs"] = {"big": {"file": "x", "sha256": "0" * 64, "bytes": 2_500_000_000}}
    text = lineage.print_tree(lineage.tree(record, lambda run: None))
    assert "no commit" in text and "2.5 GB" in text and text.index("a: done") < text.index("b: done")


def test_the_tree_is_plain_data(project):
    tree = lineage.tree(project.make_run(FIRST), lambda run: None)
    assert json.loads(json.dumps(tree)) == tree


def test_a_local_record_needs_no_mlflow(project):
    project.make_run(FIRST)
    assert lineage.trace(project.runs, FIRST, "http://127.0.0.1:9")["run"] == FIRST


def test_runs_and_versions_are_found_in_mlflow(project, uri):
    project.make_run(FIRST)
    lineage.sync(project.runs, project.store, uri)
    ids = lineage.published(project.runs / FIRST)
    with mlflow_client(uri) as client:
        client.create_registered_model("toy")
        client.create_model_version("toy", "/somewhere", run_id=ids["train"])
        client.create_model_version("toy", "/somewhere", tags={"notemill.run": FIRST})
        client.create_model_version("toy", "/somewhere")
        stranger = client.create_run("0").info.run_id
    shutil.rmtree(project.runs)
    for name in (FIRST, ids[""], ids["train"], "toy/1", "1", "toy/2"):
        assert lineage.trace(project.runs, name, uri)["mlflow_run"] == ids[""], name
    assert lineage.find_run("2", uri, model="toy")["run"] == FIRST
    for name in ("20990101-000000-0000", "f" * 32, "toy/9", "other/1", "toy/3", "it's", ".."):
        with pytest.raises(UsageError, match="knows it"):
            lineage.trace(project.runs, name, uri)
    with pytest.raises(UsageError, match="not made by notemill"):
        lineage.find_run(stranger, uri)
    with mlflow_client(uri) as client:
        client.create_registered_model("second")
    with pytest.raises(UsageError, match="registered models: second, toy; say NAME/1"):
        lineage.find_run("1", uri)


def test_nothing_is_made_by_looking(project, uri):
    with pytest.raises(UsageError, match="knows it"):
        lineage.find_run(FIRST, uri)
    assert not (project.root / "mlflow.db").exists()
