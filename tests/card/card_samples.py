"""What the card's tests are made of: a project's notebooks, people's words, and facts without a project."""

import os
import subprocess

import yaml

HOSTILE = "a|b`c*d_[x](http://e)<script>document.title='pwned'</script>&amp;\n# e\\"
PREPARE = """
import json
import numpy as np
import pandas as pd
table = pd.read_csv(source)
columns = [{"name": "a", "type": "number", "role": "feature", "range": [-9, 9], "unit": "<b>cm</b>",
            "description": "how | large", "from": {}},
           {"name": "b", "type": "category", "categories": ["x", "<i>y"], "role": "feature", "from": {}}]
target = {"name": "answer", "type": "category", "classes": ["ja", "no"], "positive": "ja",
          "names": {"ja": "<u>yes</u>"}, "description": "what was said"}
facts = {"format": 1, "task": "classification", "target": target, "columns": columns,
         "split": {"kind": "random", "group": None}, "rows": {"train": 500}}
table[:500].to_parquet(train, index=False)
table[500:].to_parquet(test, index=False)
with open(schema, "w") as file:
    json.dump(facts, file)
"""
TRAIN = """
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
rows = pd.read_parquet(data)
encode = ColumnTransformer([("a", StandardScaler(), ["a"]), ("b", OneHotEncoder(handle_unknown="ignore"), ["b"])])
fitted = make_pipeline(encode, LogisticRegression()).fit(rows[["a", "b"]], rows["answer"].to_numpy(dtype=object))
skops.io.dump(fitted, model)
"""
STEPS = {"prepare": {"notebook": "prepare.ipynb", "inputs": {"source": "data/in.csv"},
                     "outputs": {"train": "train.parquet", "test": "test.parquet", "schema": "schema.json"}},
         "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train"}, "params": {"depth": 3},
                   "outputs": {"model": "model.skops"}}}
GATE = {"model": "train.model", "data": "prepare.test", "schema": "prepare.schema", "metric": "accuracy",
        "slices": ["b"], "slicing": {"least_rows": 50, "least_of_class": 10},
        "fairness": {"attributes": ["b"], "max_difference": 0.9}, "warn": ["slices", "fairness"]}
CONTRACT = {"rows": {"least": 100}, "columns": {"a": {"type": "number", "range": [-9, 9], "null_share": 0.0},
                                                "b": {"type": "category", "categories": ["x", "<i>y"]}}}
WORDS = {"Intended use": "To try it. <script>document.title='pwned'</script>", "Out-of-scope uses": "People.",
         "Ethical considerations": "None of the rows is a person.", "Caveats and recommendations": "Small.",
         "Owner": "Ada, room 7.", "Risk class": "Nobody acts on it."}


def table():
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(0)
    rows = pd.DataFrame({"a": random.normal(size=900), "b": random.choice(["x", "<i>y"], 900)})
    signal = rows["a"] + 0.4 * (rows["b"] == "x") + 0.7 * random.normal(size=900)
    rows["answer"] = np.where(signal > 0.2, "ja", "no")
    return rows.to_csv(index=False)


def human_file(head=None, **words):
    """model_card.md with these sections; `head`: its front matter."""
    parts = [f"---\n{yaml.safe_dump(head)}---"] if head else []
    return "\n\n".join([*parts, *(f"## {title}\n\n{text}" for title, text in words.items())]) + "\n"


def git(root, *words):
    subprocess.run(["git", "-C", str(root), "-c", "user.name=Ada <L", "-c", "user.email=ada@example.org", *words],
                   check=True, capture_output=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})


# facts without a project
MANIFEST = {"name": "toy", "task": "classification", "run": "r1", "created": "2026-11-20T10:00:00+00:00",
            "commit": "6e97", "dirty": False, "python": "3.11", "requires": [], "content": "c0ffee",
            "trained_with": {"pandas": "3.1", "numpy": "2.4"}, "steps": ["train", "prepare"], "code": {},
            "files": {"model.skops": "m0", "schema.json": "s0"}}
RECORD = {"run": "r2", "steps": [{"step": "train", "notebook": "notebooks/train.ipynb", "notebook_sha256": "ab" * 32,
                                  "params": {"depth": 3}, "inputs": {}, "outputs": {}, "origin_run": "r1",
                                  "seconds": 61.0, "cpu_seconds": 2.0, "peak_mb": 310.0}]}


def make_schema(**column):
    entry = {"name": "size", "type": "number", "role": "feature", "unit": "cm", "range": [None, 30],
             "description": "how large"} | column
    target = {"name": "answer", "classes": ["ja", "no"], "names": {"ja": "yes, of course"},
              "description": "what was said"}
    return {"target": target, "rows": {"train": 1234},
            "columns": [entry, {**entry, "name": "key", "role": "identifier"}]}
