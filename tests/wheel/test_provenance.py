"""An in-toto statement with SLSA's provenance, version 1."""

import json
import re

from notemill import wheel

STEP = {"step": "train", "notebook": "notebooks/train.ipynb", "notebook_sha256": "b" * 64,
        "params": {"estimator": "linear", "table": "/home/alice/x.csv", "more": ["../../data/y.csv", 1]},
        "inputs": {"data": {"from": "prepare.train", "sha256": "c" * 64},
                   "file": {"from": "/home/alice/secret/in.csv", "sha256": "d" * 64},
                   "many": {"from": "data/*.csv", "files": [{"name": "data/a.csv", "sha256": "e" * 64},
                                                            {"name": "data/a.csv", "sha256": "e" * 64}]}}}
RECORD = {"run": "r1", "project": "toy", "reason": "by hand", "started": "2026-11-20T10:00:00+00:00",
          "ended": "2026-11-20T10:01:00+00:00", "git": {"commit": "a" * 40, "branch": "main", "dirty": True},
          "environment": {"python": "3.11.7", "distributions": "f" * 64}, "machine": {"host": "alice-laptop"},
          "steps": [{**STEP, "step": "prepare", "notebook": "notebooks/prepare.ipynb", "params": {}, "inputs": {}},
                    STEP]}


def made(**more):
    return wheel.statement(RECORD | more, {"model.skops": "0" * 64, "a.json": "1" * 64},
                           pipeline="notebooks/pipeline.yaml")


def test_it_has_what_the_formats_require():
    said = made()
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://slsa.dev/provenance/v1"
    assert said["subject"] == [{"name": "a.json", "digest": {"sha256": "1" * 64}},
                               {"name": "model.skops", "digest": {"sha256": "0" * 64}}]
    build, run = said["predicate"]["buildDefinition"], said["predicate"]["runDetails"]
    assert re.match(r"urn:", build["buildType"]) and re.match(r"urn:", run["builder"]["id"])
    assert isinstance(build["externalParameters"], dict) and isinstance(build["internalParameters"], dict)
    assert run["metadata"] == {"invocationId": "r1", "startedOn": RECORD["started"], "finishedOn": RECORD["ended"]}
    for resource in build["resolvedDependencies"]:
        assert resource["digest"] and set(resource) <= {"name", "uri", "digest", "annotations"}
    assert json.loads(json.dumps(said)) == said


def test_what_it_rests_on_is_named_once_and_by_content():
    found = {one["name"]: one["digest"] for one in made()["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert found == {"source": {"gitCommit": "a" * 40}, "notebooks/prepare.ipynb": {"sha256": "b" * 64},
                     "notebooks/train.ipynb": {"sha256": "b" * 64}, "in.csv": {"sha256": "d" * 64},
                     "data/a.csv": {"sha256": "e" * 64}}
    assert len(made()["predicate"]["buildDefinition"]["resolvedDependencies"]) == len(found)
    assert "source" not in json.dumps(made(git=None))


def test_it_names_no_machine():
    text = json.dumps(made())
    assert "alice" not in text and "../" not in text
    params = made()["predicate"]["buildDefinition"]["externalParameters"]["params"]
    assert params["train"] == {"estimator": "linear", "table": "x.csv", "more": ["y.csv", 1]}
