"""Projects of two notebooks, which make tables and a model of them, and a gate section; their notebooks run."""

from tiny import code, make_project

STEPS = {"prepare": {"notebook": "prepare.ipynb",
                     "outputs": {"train": "train.parquet", "test": "test.parquet", "schema": "schema.json"}},
         "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train"}, "outputs": {"model": "model.skops"}}}
GATE = {"model": "train.model", "data": "prepare.test", "schema": "prepare.schema"}
SPLIT = """
table[:200].to_parquet(train, index=False)
table[200:].to_parquet(test, index=False)
with open(schema, "w") as file:
    json.dump(facts, file)
"""  # the end of what `prepare` holds: the first 200 rows of `table`, the others, and `facts` of them
DATA, MODEL = 'train = test = schema = ""', 'data = model = ""'  # their parameters


def two_notebooks(root, prepare, train, *, name, parameters=MODEL, exported=None, params=None, **gate):
    """A project at `root`; `prepare`, `train`: what a cell of each holds; `exported`: a cell of the latter's that is
    tagged; `params`: of the latter; `gate`: more for the gate section."""
    steps = {**STEPS, "train": {**STEPS["train"], **({"params": params} if params else {})}}
    cells = [code(parameters, tags=["parameters"]), *([code(exported, tags=["export"])] if exported else []), train]
    return make_project(root, name=name, steps=steps, gate={**GATE, **gate}, notebooks={
        "prepare.ipynb": [code(DATA, tags=["parameters"]), prepare], "train.ipynb": cells})
