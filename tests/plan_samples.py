"""A small table with columns of every type, its schema, and pipelines on it."""

import numpy as np
import pandas as pd

from notemill.compile import make_plan
from notemill.runtime.model import Model
from notemill.runtime.plan import write_plan

WORDS = ["red", "green", "blue", "late", "early", "Straße", "naïve", "x9", "new_york", "don't"]


def make_table(rows=240):
    """Numbers, labels, codes, true and false, times, text, some with gaps; `label`, `three`, `amount`: targets."""
    random = np.random.default_rng(5)
    table = pd.DataFrame({
        "size": random.normal(10, 3, rows), "width": random.gamma(2.0, 4.0, rows),
        "count": random.integers(0, 9, rows), "flag": pd.array(random.random(rows) < 0.4, dtype="boolean"),
        "colour": pd.Series(random.choice(["red", "green", "blue"], rows), dtype="str"),
        "grade": pd.Series(random.choice(list("abcdef"), rows), dtype="str"),
        "code": random.choice([1.0, 2.0, 30.0], rows),
        "at": (pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 24 * 300, rows), "h")).as_unit("us"),
        "note": pd.Series([" ".join(random.choice(WORDS, 5)) for _ in range(rows)], dtype="str")})
    score = table["size"] + 3 * (table["colour"] == "red") - table["count"] + random.normal(0, 1, rows)
    table["amount"] = np.exp(score / 10)
    table["label"] = np.where(score > score.median(), "ja", "no").astype("object")
    table["three"] = np.array(["a", "b", "c"], dtype="object")[np.digitize(score, [6, 10])]
    for name in ("size", "colour", "at", "note"):
        table.loc[random.permutation(rows)[:12], name] = None
    return table


TYPES = {"size": "number", "width": "number", "count": "integer", "flag": "boolean", "colour": "category",
         "grade": "category", "code": "category", "at": "datetime", "note": "text"}


def make_schema(table, columns, target):
    """What the prepare notebook would say of these columns."""
    entries = [entry_of(table[name], TYPES[name]) for name in columns]
    task = "regression" if target == "amount" else "classification"
    return {"task": task, "target": {"name": target}, "columns": entries}


def entry_of(values, kind):
    entry = {"name": values.name, "type": kind, "role": "feature", "missing": int(values.isna().sum()), "from": {}}
    if kind == "category":
        return entry | {"categories": sorted(values.dropna().unique().tolist())}
    if kind in ("number", "integer"):
        return entry | {"min": float(values.min()), "max": float(values.max())}
    if kind == "datetime":
        return entry | {"min": values.min().isoformat(), "max": values.max().isoformat()}
    return entry


TABLE = make_table()


def compiled(pipeline, columns, target="label", hard=600, fit=True):
    """(the plan, or why there is none; the schema) of a pipeline, fitted on two thirds of the table."""
    schema = make_schema(TABLE, columns, target)
    if fit:
        pipeline.fit(TABLE[columns][:160], TABLE[target].to_numpy()[:160])
    return make_plan(pipeline, schema, TABLE[columns][160:], hard), schema


def planned_model(folder, stored, schema, **facts):
    """A package's folder that has a plan, and no other model."""
    import json

    folder.mkdir(exist_ok=True)
    for name, value in {"schema.json": schema, "facts.json": facts, "types.json": []}.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    for name, content in write_plan(stored).items():
        (folder / name).write_bytes(content)
    return Model(folder)
