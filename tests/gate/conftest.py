"""Tiny projects whose run is already recorded: tables, a scikit-learn model, figures; the gate judges them for real."""

import copy
import importlib
import json
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import cli, make_project, notebook

from notemill.gate import Champion, Known, asking, judge, predictor, worker
from notemill.gate.checks import CHECKS, check_skew
from notemill.gate.verdict import not_asked
from notemill.project import open_project

NUMBERS = ["a", "b", "c"]
RUN = "20260101-000000-aaaa"
STEPS = {
    "prepare": {"notebook": "prepare.ipynb", "outputs": {"train": "train.parquet", "test": "test.parquet",
                                                         "schema": "schema.json"}},
    "train": {"notebook": "train.ipynb", "inputs": {"data": "prepare.train", "schema": "prepare.schema"},
              "outputs": {"model": "model.skops"}},
    "evaluate": {"notebook": "evaluate.ipynb", "inputs": {"model": "train.model", "data": "prepare.test"},
                 "outputs": {"metrics": "metrics.json"}}}
GATE = {"model": "train.model", "data": "prepare.test", "schema": "prepare.schema", "metrics": "evaluate.metrics"}


def make_table(rows, seed, task="classification"):
    """Three columns, of which `a` and `b` say something of the target `y`."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(rows, 3)), columns=NUMBERS)
    signal = 1.5 * table["a"] - table["b"] + random.normal(size=rows)
    if task == "regression":
        return table.assign(y=10 + 3 * signal)
    if task == "three":
        return table.assign(y=np.select([signal < -1, signal < 1], ["low", "middle"], "high"))
    return table.assign(y=np.where(signal > 0, "yes", "no"))


def make_schema(task="classification", **columns):
    """What notebooks/prepare.ipynb would say of such a table; `columns`: further ones, name=type."""
    target = {"name": "y", "classes": ["no", "yes"], "positive": "yes"}
    if task == "three":
        target = {"name": "y", "classes": ["high", "low", "middle"], "positive": None}
    if task == "regression":
        target = {"name": "y", "mean": 10.0}
    kinds = {**dict.fromkeys(NUMBERS, "number"), **columns}
    return {"format": 1, "task": "regression" if task == "regression" else "classification", "target": target,
            "split": {"kind": "random", "group": None},
            "columns": [{"name": name, "type": kind, "role": "feature", "from": {"type": "data"}}
                        for name, kind in kinds.items()]}


def fit(table, task="classification", columns=NUMBERS):
    """A linear model of the columns, found by name."""
    estimator = Ridge() if task == "regression" else LogisticRegression()
    model = make_pipeline(ColumnTransformer([("numbers", StandardScaler(), list(columns))]), estimator)
    return model.fit(table.drop(columns="y"), table["y"].to_numpy(dtype=None if task == "regression" else "object"))


def figures_of(model, test, task="classification"):
    """What an honest evaluate notebook writes."""
    X, y = test.drop(columns="y"), test["y"].to_numpy()
    if task == "regression":
        return {"r2": r2_score(y, model.predict(X)), "n": len(y)}
    accuracy = accuracy_score(y, model.predict(X))
    if task == "three":
        from sklearn.metrics import balanced_accuracy_score
        return {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy_score(y, model.predict(X)), "n": len(y)}
    return {"roc_auc": roc_auc_score(y == "yes", model.predict_proba(X)[:, 1]), "accuracy": accuracy, "n": len(y)}


class Case:
    """One recorded run, honest unless told otherwise; every part may be replaced before `judge`."""

    def __init__(self, root, task="classification", rows=200):
        self.root, self.task = root, task
        self.train, self.test = make_table(300, 1, task), make_table(rows, 2, task)
        self.schema, self.gate, self.steps = make_schema(task), dict(GATE), copy.deepcopy(STEPS)
        self.model = fit(self.train, task)
        self.figures = figures_of(self.model, self.test, task)
        self.contents, self.cells, self.limits = {}, {}, {}

    def fit(self, columns):
        """The model of some columns alone, with its honest figures."""
        self.model = fit(self.train, self.task, columns)
        self.figures = figures_of(self.model, self.test, self.task)

    def make(self):
        """The project with its record: (project, record)."""
        for step, limits in self.limits.items():
            self.steps[step]["limits"] = limits
        make_project(self.root, name="judged", steps=self.steps, gate=self.gate,
                     notebooks={f"{name}.ipynb": notebook("1") for name in self.steps})
        project = open_project(self.root)
        contents = {"prepare.train": self.train, "prepare.test": self.test, "prepare.schema": self.schema,
                    "train.model": self.model, "evaluate.metrics": self.figures, **self.contents}
        kept = {name: self._keep(project, content) for name, content in contents.items()}
        steps = [self._recorded(project, name, body, kept) for name, body in self.steps.items()]
        installed = {name: version(name) for name in ("scikit-learn", "pandas", "numpy", "skops")}
        distributions = project.store.add_bytes(json.dumps(installed).encode())
        record = {"format": 1, "run": RUN, "status": "done", "started": "2026-01-01T00:00:00+00:00", "steps": steps,
                  "git": None, "environment": {"python": "3.11.0", "distributions": distributions}}
        path = project.runs / RUN / "run.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
        return project, record

    def _keep(self, project, content):
        if isinstance(content, pd.DataFrame):
            content = content.to_parquet(index=False)
        elif isinstance(content, dict):
            content = json.dumps(content).encode()
        elif not isinstance(content, bytes):
            content = skops.io.dumps(content)
        return {"sha256": project.store.add_bytes(content), "bytes": len(content)}

    def _recorded(self, project, name, body, kept):
        executed = json.dumps(notebook(*self.cells.get(name, ["1"]))).encode()
        files = {f"{step}.{key}": file for step, one in self.steps.items() for key, file in one["outputs"].items()}
        inputs = {key: {"from": source, "file": files[source], **kept[source]}
                  for key, source in body.get("inputs", {}).items()}
        outputs = {key: {"file": file, **kept[f"{name}.{key}"]} for key, file in body["outputs"].items()}
        return {"step": name, "status": "done", "inputs": inputs, "outputs": outputs,
                "components": {"modules": {}, "distributions": {}, "python": "3.11.0"},
                "origin_run": RUN, "executed": {"sha256": project.store.add_bytes(executed), "bytes": len(executed)}}

    def judge(self, **more):
        """The verdict."""
        seconds = more.pop("seconds", None)
        return judge(*self.make(), Known(**more), seconds=seconds)

    def by_command(self):
        """(exit code, {check: it}) of `notemill gate --json`."""
        self.make()
        result = cli("gate", "--json", project=self.root)
        return result.code, {check["check"]: check for check in result.json["checks"]}

    def outcomes(self, **more):
        """{check: outcome}."""
        return {check["check"]: check["outcome"] for check in self.judge(**more)["checks"]}


class Here(asking.Asked):
    """The model asked in this very process."""

    def wait(self, name):
        if not asking.words_of(self.folder, name).exists():
            predictor.main(str(self.process), str(self.folder))
        said = asking.read_words(asking.words_of(self.folder, name))
        if "error" in said:
            raise asking.ModelFailed(said["error"])
        return asking.checked(said, asking.answers_of(self.folder, name), self.rows[name], self.is_regression)

    def end(self):
        """There is no process."""


@pytest.fixture
def no_trial(monkeypatch):
    """Spare the process in which the model package is tried: test_skew.py, which is about that, has it."""
    monkeypatch.setitem(CHECKS, "skew", lambda judged: not_asked("skew", "spared") if judged.evidence.job["package"]
                        else check_skew(judged))


@pytest.fixture
def judged_here(monkeypatch, no_trial):
    """Spare the gate's process: its work is done in this one; models have processes of their own."""
    def run_worker(folder, environ, seconds):
        worker.main(str(folder / "job.json"), str(folder / "result.json"))

    monkeypatch.setattr("notemill.gate.judging.run_worker", run_worker)


@pytest.fixture
def here(monkeypatch, judged_here):
    """Spare all processes: models are asked in this one, too."""
    def ask(bundle, folder, code, tables, is_regression, seconds):
        folder.mkdir(parents=True)
        asking.lay(folder, tables)
        return Here(bundle, folder, {name: len(table) for name, table in tables.items()}, is_regression, seconds)

    monkeypatch.setattr("notemill.gate.asking.ask", ask)


@pytest.fixture
def only(monkeypatch, look):
    """`only(name)(case)`: one check of a case; the others, and what they alone ask of the model, are spared."""
    def make(name):
        monkeypatch.setattr("notemill.gate.worker.checks_for", lambda config: {name: CHECKS[name]})
        if not name.startswith(("robustness.", "training.", "skew")):
            monkeypatch.setattr("notemill.gate.evidence.variants_of", lambda evidence: {})
        return lambda case, **more: look(case.judge(**more), name)

    return make


@pytest.fixture
def make_case(tmp_path, here):
    """A case of a given task and number of held-out rows, judged in this process."""
    return lambda *args, **kwargs: Case(tmp_path / "project", *args, **kwargs)


@pytest.fixture(scope="session")
def honest_verdicts():
    """What `honest` has worked out already."""
    return {}


@pytest.fixture
def honest(make_case, honest_verdicts):
    """`honest(task)`: (exit code, {check: it}) of an honest case, by the command line; judged once for all tests."""
    def make(task):
        if task not in honest_verdicts:
            honest_verdicts[task] = make_case(task).by_command()
        return honest_verdicts[task]

    return make


@pytest.fixture
def case(make_case):
    """An honest classification, judged in this process."""
    return make_case()


@pytest.fixture
def real_case(tmp_path):
    """An honest classification, judged as users have it: in processes of its own."""
    return Case(tmp_path / "project")


@pytest.fixture
def champion_of(tmp_path):
    """`champion_of(verdict)`: a champion whose files are not there, for what looks at its verdict alone."""
    return lambda verdict: Champion("version 3", tmp_path / "none", tmp_path / "none", verdict)


@pytest.fixture
def look():
    """One check of a verdict by its name."""
    return lambda verdict, name: next(check for check in verdict["checks"] if check["check"] == name)


@pytest.fixture
def exported(tmp_path, monkeypatch):
    """`exported(text)`: the module that these cells of the train notebook, tagged `export`, are in a run."""
    names = ("judged", "judged.train")

    def make(text):
        folder = tmp_path / "made" / "judged"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "train.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path / "made"))
        for name in names:
            monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module("judged.train")

    yield make
    for name in names:
        sys.modules.pop(name, None)
