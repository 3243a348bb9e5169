"""A small project with two steps, and what runs leave in it. `from overview_samples import ...`."""


import json
import subprocess

from tiny import code, make_project, markdown, pretend_run, write

PARAMETERS = code('source = table = ""\nn = 3\nseed = 0', tags=["parameters"])
CLEAN = [markdown("# Clean\n\nTakes out *what is wrong*. And more."), PARAMETERS, "import helper\nprint(n)",
         code("def f(): pass", tags=["export"]), code("assert f", tags=["test"])]
FIT = [markdown("# Fit"), code('table = model = ""', tags=["parameters"]), "1"]
STEPS = {"clean": {"notebook": "clean.ipynb", "inputs": {"source": "data/in.csv"}, "params": {"n": 4},
                   "outputs": {"table": "table.parquet"}},
         "fit": {"notebook": "fit.ipynb", "inputs": {"table": "clean.table"}, "outputs": {"model": "m.skops"}}}
FILES = {"data/in.csv": "a,b\n1,2\n", "package/helper.py": "X = 1\n"}


def sample_project(root, **more):
    """Two steps, a module, a table; no gate, no git, no run. `more` goes into pipeline.yaml."""
    return make_project(root, steps=STEPS, params={"seed": 7}, files=FILES,
                        notebooks={"clean.ipynb": CLEAN, "fit.ipynb": FIT}, **more)


def git(root, *words):
    subprocess.run(["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True,
                   capture_output=True)


def record_run(root, name, **steps):
    """A recorded run; STEP={...} are facts of a step, all others facts of the run."""
    pretend_run(root, name)
    path = root / ".notemill" / "runs" / name / "run.json"
    record = json.loads(path.read_text())
    record |= {"reason": "push", "seconds": 3.0, "git": None, "environment": {"python": "3.11.7"},
               **{key: value for key, value in steps.items() if key not in ("clean", "fit")}}
    for step in record["steps"]:
        step |= {"seconds": 1.5, "reasons": ["never run before"], **steps.get(step["step"], {})}
    write(path, json.dumps(record))
    return record
