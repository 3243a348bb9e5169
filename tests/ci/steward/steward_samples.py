"""A summary.json and a project, as small as can be. `from steward_samples import ...`."""

import json

PIPELINE = """\
name: cells
task: classification
params: {seed: 7}
contract: contract.yaml
steps:
  prepare:
    notebook: prepare.ipynb
    inputs: {source: data/cells.csv}
    params: {test_size: 0.3}
    outputs: {train: train.parquet, test: test.parquet, schema: schema.json}
  train:
    notebook: train.ipynb
    inputs: {data: prepare.train, schema: prepare.schema}
    params: {estimator: linear}
    outputs: {model: model.skops}
gate: {model: train.model, data: prepare.test, schema: prepare.schema, metric: roc_auc, floor: 0.9,
       custom: {calm: judges.calm}}
"""
PROJECT = {"notebooks/pipeline.yaml": PIPELINE, "notebooks/prepare.ipynb": "{}\n", "notebooks/train.ipynb": "{}\n",
           "notebooks/contract.yaml": "{}\n", "data/cells.csv": "a\n1\n", "README.md": "words\n", "noxfile.py": "#\n",
           ".drone.yml": "kind: pipeline\n", "package/judges.py": "#\n", "package/cells/__init__.py": "#\n",
           "tests/test_a.py": "#\n", "setup.py": "#\n", "constraints.txt": "a==1\n", "wheels/a.whl": "a\n"}


def summary(commit, /, **more):
    """Its bytes."""
    check = {"check": "floor", "passed": True, "warning": False, "figure": 0.98, "interval": [0.96, 0.99],
             "limit": "0.9", "words": ""}
    return json.dumps({
        "format": 1, "project": "cells", "commit": commit, "event": "pull_request", "branch": "b", "build": 1,
        "steps": [{"step": "train", "action": "ran", "reasons": ["cell 3 changed"], "seconds": 1.5}],
        "verdict": {"passed": True, "checks": [check]},
        "metrics": [{"name": "roc_auc", "value": 0.98, "low": 0.96, "high": 0.99, "n": 171}],
        "data": {"prepare.source": "a" * 64}, "params": {"train.estimator": "linear"}, "coverage": 91.2,
        "links": [], "error": None, **more}).encode()
