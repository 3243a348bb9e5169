"""The cells of a project whose model needs code of the project's own: a cell tagged `export`, and a module."""

PREPARE = """
import json
import numpy as np
import pandas as pd
random = np.random.default_rng(0)
table = pd.DataFrame({"a": random.normal(size=300), "b": random.choice(["x", "y"], 300)})
table["answer"] = np.where(table["a"] + (table["b"] == "x") + 0.7 * random.normal(size=300) > 0.5, "ja", "no")
columns = [{"name": "a", "type": "number", "role": "feature", "range": [-9, 9], "from": {"range": "contract"}},
           {"name": "b", "type": "category", "categories": ["x", "y"], "role": "feature", "from": {}}]
target = {"name": "answer", "type": "category", "classes": ["ja", "no"], "positive": "ja", "names": {}}
facts = {"format": 1, "task": "classification", "target": target, "columns": columns,
         "split": {"kind": "random", "group": None}, "rows": {"train": 200}}
table[:200].to_parquet(train, index=False)
table[200:].assign(name="somebody").to_parquet(test, index=False)
with open(schema, "w") as file:
    json.dump(facts, file)
"""
EXPORTED = """
import numpy as np
from tools.numbers import FACTOR
print("a module may say something when it is imported")


def stretch(table):
    return np.asarray(table, dtype="float64") * FACTOR
"""
TRAIN = """
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
rows = pd.read_parquet(data)
encode = OneHotEncoder(handle_unknown="ignore")
columns = ColumnTransformer([("a", FunctionTransformer(stretch), ["a"]), ("b", encode, ["b"])])
fitted = make_pipeline(columns, LogisticRegression()).fit(rows[["a", "b"]], rows["answer"].to_numpy(dtype=object))
skops.io.dump(fitted, model)
print(fitted.predict(pd.DataFrame({"a": [-3.0, 3.0], "b": ["x", "x"]})).tolist())
"""
FILES = {"package/tools/__init__.py": "", "package/tools/numbers.py": "FACTOR = 2.0\n"}
