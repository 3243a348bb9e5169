"""What the checks look at: the tables, the schema, the model's answers, each read or made once, and only when asked."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path

import numpy as np

from notemill.gate import metrics, rivals
from notemill.gate.asking import Asked
from notemill.gate.measuring import Measured, measure
from notemill.gate.metrics import Answers, Metric, Truth
from notemill.gate.robust import Changed, changed_rows
from notemill.gate.statistics import Rows
from notemill.gate.variants import HELD_OUT, variants_of
from notemill.runtime.rows import conform, used_columns


class Unfit(ValueError):
    """What was found makes a judgement impossible."""


def once(method: Callable) -> property:
    """A property that is worked out once; a failure is kept as well, and raised again."""
    name = f"_{method.__name__}"

    @wraps(method)
    def get(self):
        if name not in self.__dict__:
            try:
                self.__dict__[name] = (method(self), None)
            except Exception as error:
                self.__dict__[name] = (None, error)
        value, error = self.__dict__[name]
        if error is not None:
            raise error
        return value

    return property(get)


class Evidence:
    """`job` names the files: held_out, train (a list of candidates), others (what else the model's step took), schema,
    metrics, bundle, champion (None: there is none); and holds `config`, the gate section of pipeline.yaml.

    `ask(who, tables, is_regression)` starts the "model" or the "champion" on tables and gives what waits for the
    answers.
    """

    def __init__(self, job: Mapping, ask: Callable[..., Asked]):
        self.job, self.config, self.ask = job, job["config"], ask

    @once
    def schema(self) -> dict:
        schema = read_json(self.job["schema"], "the schema")
        if not isinstance(schema, dict) or not {"task", "target", "columns"} <= schema.keys():
            raise Unfit("the schema has no task, target and columns: it is not what notebooks/prepare.ipynb writes")
        if schema["task"] not in ("classification", "regression"):
            raise Unfit(f"the schema's task is {schema['task']!r}: classification or regression is wanted")
        return schema

    @property
    def is_regression(self) -> bool:
        return self.schema["task"] == "regression"

    @property
    def target(self) -> str:
        return self.schema["target"]["name"]

    @once
    def held_out(self):
        """The held-out rows, with their target."""
        table = read_table(self.job["held_out"])
        if self.target not in table.columns:
            raise Unfit(f"the held-out rows have no column '{self.target}', the target")
        if gaps := int(table[self.target].isna().sum()):
            raise Unfit(f"{gaps:,} of the {len(table):,} held-out rows have no target")
        return table

    @once
    def train(self):
        """The training rows, with their target: the one table given to the model's step that has it."""
        tables = {one["name"]: read_table(one) for one in self.job["train"]}
        fit = {name: table for name, table in tables.items() if self.target in table.columns}
        if len(fit) != 1:
            found = "several tables" if fit else "no table"
            raise Unfit(f"{found} with the target among the inputs of the model's step: name the training rows, as "
                        "train: prepare.train under gate: in pipeline.yaml")
        table = next(iter(fit.values()))
        return table[table[self.target].notna()].reset_index(drop=True)

    # rows that the model package takes
    @once
    def conformed(self):
        """(the model's columns in the types of training, problems) of all held-out rows."""
        return conform(self.held_out.drop(columns=self.target), self.schema)

    @once
    def good(self) -> np.ndarray:
        """Positions of the held-out rows that the model package takes."""
        bad = [problem.row for problem in self.conformed[1]]
        if None in bad:
            raise Unfit(str(next(problem for problem in self.conformed[1] if problem.row is None)))
        return np.setdiff1d(np.arange(len(self.held_out)), bad)

    @once
    def columns(self):
        """The held-out rows' columns as plain numbers and text."""
        good = self.good
        return rivals.plain_table(self.conformed[0].iloc[good].reset_index(drop=True), self.schema)

    @once
    def train_columns(self):
        """The training rows' columns as plain numbers and text."""
        table, problems = conform(self.train.drop(columns=self.target), self.schema)
        if missing := [problem for problem in problems if problem.row is None]:
            raise Unfit(f"training rows: {missing[0]}")
        return rivals.plain_table(table, self.schema)

    # the model
    @once
    def rows_asked(self):
        """The held-out rows that the model is judged on, (n, columns), without their target."""
        if not len(self.good):
            raise Unfit("no held-out row is left to judge the model on")
        return self.held_out.drop(columns=self.target).iloc[self.good].reset_index(drop=True)

    @once
    def changed(self) -> dict[str, Changed]:
        """{name: Changed}: the rows asked as robustness changes them."""
        return changed_rows(self)

    @once
    def variants(self) -> dict:
        """{name: table}: what the model is asked besides the held-out rows."""
        return variants_of(self)

    @once
    def asked(self) -> Asked:
        """The model at work on the held-out rows, without their target, and then on the variants."""
        return self.ask("model", {HELD_OUT: self.rows_asked, **self.variants}, self.is_regression)

    @once
    def measured(self) -> Measured:
        """How fast the model answers, when nothing else of the gate's is at work. Raises ModelFailed."""
        return measure(self)

    @once
    def said(self) -> dict:
        """What the model's process wrote down of the held-out rows, checked for form and finite numbers."""
        return self.asked.wait(HELD_OUT)

    def answers_to(self, variant: str) -> Answers:
        """The model's answers to a variant, in the codes of `classes`. Raises ModelFailed."""
        return self.in_order(self.asked.wait(variant))

    @once
    def classes(self) -> tuple:
        """The model's classes; of two, the one to detect is the second. () for a regression."""
        if self.is_regression:
            return ()
        classes = self.said["classes"]
        if len(classes) == 2 and self.schema["target"].get("positive") == classes[0]:
            return tuple(reversed(classes))
        return tuple(classes)

    @once
    def truth(self) -> Truth:
        values = self.held_out[self.target].iloc[self.good]
        if self.is_regression:
            return Truth(finite(values))
        codes = encode(values, self.classes)
        if unseen := sorted({str(v) for v in values[codes < 0]}):
            raise Unfit(f"held-out rows of classes that the model does not know: {', '.join(unseen[:5])}")
        return Truth(codes, self.classes)

    @once
    def answers(self) -> Answers:
        return self.in_order(self.said)

    def in_order(self, said: Mapping) -> Answers:
        """What a process said of a table, in the codes of `classes`; its classes may come in another order.

        Raises Unfit where the classes are others.
        """
        labels, probabilities, decision = said["labels"], said.get("probabilities"), said.get("decision")
        theirs = tuple(said["classes"])
        if self.is_regression or self.classes == theirs:
            return Answers(labels, probabilities, decision)
        if set(theirs) != set(self.classes):
            raise Unfit(f"its classes are {', '.join(map(str, theirs))}, and those of the model "
                        f"{', '.join(map(str, self.classes))}")
        place = np.array([self.classes.index(label) for label in theirs])
        back = np.argsort(place)
        if decision is not None:
            decision = -decision if decision.ndim == 1 else decision[:, back]
        return Answers(place[labels], None if probabilities is None else probabilities[:, back], decision)

    # the champion
    @property
    def champion(self) -> str | None:
        """What the champion is called, as "version 3"; None where there is none yet."""
        return self.job["champion"]["name"] if self.job.get("champion") else None

    @once
    def champion_asked(self) -> Asked:
        return self.ask("champion", {HELD_OUT: self.rows_asked}, self.is_regression)

    @once
    def champion_answers(self) -> Answers:
        """The champion's answers to the same rows, in the codes of the model's classes. Raises ModelFailed, Unfit."""
        return self.in_order(self.champion_asked.wait(HELD_OUT))

    @once
    def rows(self) -> Rows:
        """What the bootstrap draws from; rows of one group stay together."""
        name = self.config.get("group") or self._split_group()
        groups = None
        if name:
            if name not in self.held_out.columns:  # one that gate: group names is looked at before (gate/columns.py)
                raise Unfit(f"the held-out rows have no column '{name}', by whose groups the schema says they were "
                            "split: let the splitting step keep it")
            groups = self.held_out[name].iloc[self.good].astype("str").fillna("(missing)").to_numpy(dtype="object")
            groups = np.unique(groups.astype("U"), return_inverse=True)[1]
        return Rows(len(self.good), None if self.is_regression else self.truth.values, groups)

    def _split_group(self) -> str | None:
        split = self.schema.get("split") or {}
        return split.get("group") if split.get("kind") == "group" else None

    @once
    def metric(self) -> Metric:
        """The gate's figure. Raises BadMetric."""
        return metrics.find(self.config.get("metric") or metrics.default(self.class_count), self.is_regression)

    @property
    def class_count(self) -> int:
        """As the schema has it: it is known without the model."""
        return 0 if self.is_regression else len(self.schema["target"].get("classes") or ())

    # rivals
    @once
    def training(self) -> tuple:
        """(columns, target) of the training rows that the rivals learn from."""
        table, y = self.train_columns, self.train[self.target]
        values = finite(y) if self.is_regression else encode(y, self.schema_classes)
        known = np.flatnonzero(np.isfinite(values) if self.is_regression else values >= 0)
        some = known[rivals.some(len(known))]
        if not len(some):
            raise Unfit("there is no training row to compare with")
        return table.iloc[some].reset_index(drop=True), values[some]

    @property
    def schema_classes(self) -> tuple:
        """The classes as the schema lists them; of two, the one to detect is the second."""
        target = self.schema["target"]
        classes = tuple(target.get("classes") or ())
        return tuple(reversed(classes)) if len(classes) == 2 and target.get("positive") == classes[0] else classes

    @once
    def dummies(self) -> dict[str, Answers]:
        return self._answers_of(rivals.dummies(self.is_regression), plain=True)

    @once
    def baselines(self) -> dict[str, Answers]:
        return self._answers_of(rivals.baselines(self.class_count, len(self.training[1])), plain=False)

    def _answers_of(self, models: Mapping, plain: bool) -> dict[str, Answers]:
        """Fitted on the training rows, asked of the held-out ones; codes are those of `schema_classes`."""
        learn, y = self.training
        prepare = (lambda table: table) if plain else rivals.preprocessing(self.schema).fit(learn).transform
        ready = prepare(learn)
        return {name: rivals.answers_of(model.fit(ready, y), prepare, self.columns, self.class_count)
                for name, model in models.items()}

    def in_model_codes(self, answers: Answers) -> Answers:
        """A rival's answers in the codes of the model's classes: these may be fewer than the schema's."""
        if self.is_regression or self.classes == self.schema_classes:
            return answers
        order = [self.schema_classes.index(label) for label in self.classes]
        probabilities = answers.probabilities[:, order]
        return Answers(probabilities.argmax(axis=1), probabilities / np.maximum(
            probabilities.sum(axis=1, keepdims=True), 1e-12))

    @property
    def feature_types(self) -> dict[str, str]:
        return {column["name"]: column["type"] for column in used_columns(self.schema)}


def finite(values) -> np.ndarray:
    """A quantity as float. Raises Unfit where a cell is no number."""
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    if not np.isfinite(numbers).all():
        raise Unfit(f"the target '{values.name}' is no number in {int((~np.isfinite(numbers)).sum()):,} rows")
    return numbers


def encode(values, classes: tuple) -> np.ndarray:
    """The number of each label among `classes`; -1 where it is none of them."""
    known = {label: code for code, label in enumerate(classes)}
    return np.array([known.get(label, -1) for label in values.tolist()], dtype="int64")


def read_table(named: Mapping):
    """A table of {"path", "name"}; the name's suffix says its format. Raises Unfit."""
    import pandas as pd

    try:
        read = pd.read_csv if Path(named["file"]).suffix.lower() == ".csv" else pd.read_parquet
        return read(named["path"])
    except Exception as error:
        raise Unfit(f"{named['name']} ({named['file']}) cannot be read as a table: {error}") from error


def read_json(named: Mapping, what: str) -> object:
    """JSON of a file {"path", "name"}. Raises Unfit."""
    try:
        return json.loads(Path(named["path"]).read_bytes())
    except (OSError, ValueError) as error:
        raise Unfit(f"{what} ({named['name']}) cannot be read: {error}") from error
