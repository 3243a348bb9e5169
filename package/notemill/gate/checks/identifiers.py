"""Does a row's number or name tell the target?

Identifiers and the order of rows are the classic leaks: Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6(4),
section 2; Rosset et al. (2010), Medical data mining: insights from winning two competitions, Data Mining and Knowledge
Discovery 20, 439-468 (a patient's number told the cancer).
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from notemill.gate import metrics
from notemill.gate.checks.target import own_truth
from notemill.gate.evidence import Evidence, encode, finite
from notemill.gate.judged import Judged
from notemill.gate.metrics import Answers, Metric, Truth
from notemill.gate.parts import part, together
from notemill.gate.rivals import some
from notemill.gate.statistics import Batched, Interval, Rows, Unsure, interval
from notemill.gate.verdict import Check
from notemill.runtime.rows import USED

LIMIT_AUC, LIMIT_R2 = 0.7, 0.25  # of the lower end
UNIQUE = 0.9  # of the rows have a value of their own
DENSE = 0.3  # of the whole numbers between least and largest: a numbering
LONGEST = 100  # signs of an identifier; longer text is text
LEAST, MOST_ROWS = 50, 20_000
NAMED = re.compile(r"(^|[_\W])(id|ids|uuid|guid|key|idx)($|[_\W])", re.I)
NO_NAME = re.compile(r"\s|^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")  # text of several words, or a date
MEASURED = ("number", "datetime", "boolean")


def check_identifiers(judged: Judged) -> Check:
    """Of columns with a value of its own for each row: number, length, prefix; and the order of the held-out rows."""
    evidence = judged.evidence
    truth = own_truth(evidence)
    parts = [*(told(evidence, truth, name) for name in identifiers(evidence)), *in_order(evidence, truth)]
    return together("leakage.identifiers", parts)


# which columns
def identifiers(evidence: Evidence) -> list[str]:
    """The names of the columns in both tables that look like an identifier."""
    names = [name for name in evidence.train.columns if name in evidence.held_out.columns and name != evidence.target]
    entries = {column["name"]: column for column in evidence.schema["columns"]}
    rows = some(len(evidence.train), MOST_ROWS)
    return [name for name in names if is_identifier(evidence.train[name].iloc[rows], evidence.held_out[name],
                                                    entries.get(name, {"name": str(name)}))]


def is_identifier(train, held, entry: Mapping) -> bool:
    """Nearly every row has a value of its own, and the schema, the name or the values say that it is no measurement."""
    import pandas as pd

    cells = pd.concat([train, held], ignore_index=True).dropna()
    if len(cells) < LEAST or cells.nunique() < UNIQUE * len(cells):
        return False
    if entry.get("role") == "identifier":
        return True
    if entry.get("type") in MEASURED or pd.api.types.is_datetime64_any_dtype(cells):
        return False
    if not pd.api.types.is_numeric_dtype(cells):
        words = cells.astype("str")
        return bool(words.str.len().max() <= LONGEST and words.str.contains(NO_NAME).mean() < 0.1)
    numbers = cells.to_numpy(dtype="float64")
    is_numbering = len(numbers) / (np.ptp(numbers) + 1) >= DENSE
    return bool(np.all(numbers == np.round(numbers)) and (is_numbering or NAMED.search(as_words(entry["name"]))))


def as_words(name: str) -> str:
    """patientId -> patient_Id"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)


# what they tell
def told(evidence: Evidence, truth: Truth, name: str) -> dict:
    """Refused where the model uses the column, warned where it is left out."""
    seen = some(len(evidence.train), MOST_ROWS)
    learn, y = evidence.train[name].iloc[seen], training_target(evidence, seen)
    known = np.isfinite(y) if evidence.is_regression else y >= 0
    ask = evidence.held_out[name].iloc[evidence.good]
    left, right = traits(learn, ask)
    found = telling(left[known], y[known], right, truth)
    roles = {column["name"]: column["role"] for column in evidence.schema["columns"]}
    is_used, limit = roles.get(name) in USED, limit_of(truth)
    figure = "R2" if truth.is_regression else "ROC AUC"
    if not found.low > limit:
        return part(str(name), "passed", found, len(right), limit, f"'{name}' tells little of the target")
    hint = (f"'{name}', which names a row, tells the target by its number, length or prefix ({figure} "
            f"{found.figure:.3f}): were the rows collected or numbered class by class?")
    hint += " Leave it out of the model" if is_used else " The model does not use it; but ask how the table came about"
    return part(str(name), "refused" if is_used else "warned", found, len(right), limit, hint)


def training_target(evidence: Evidence, rows: np.ndarray) -> np.ndarray:
    values = evidence.train[evidence.target].iloc[rows]
    return finite(values) if evidence.is_regression else encode(values, evidence.schema_classes)


def traits(learn, ask) -> tuple[np.ndarray, np.ndarray]:
    """What can be seen of an identifier: its number, the number's last digit, its length, its place in the order of the
    words, its prefixes (as places in their order)."""
    import pandas as pd

    words = pd.concat([learn, ask], ignore_index=True)
    words = words.map(lambda cell: "" if pd.isna(cell) else f"{cell:.0f}" if isinstance(cell, float) else str(cell))
    digits = words.str.findall(r"\d+")
    last = digits.map(lambda found: float(found[-1][:15]) if found else -1.0)
    every = digits.map(lambda found: float("".join(found)[:15]) if found else -1.0)
    found = [last, every, last % 2, last % 10, words.str.len(), words.rank(method="dense"),
             *(words.str[:length].rank(method="dense") for length in (1, 2, 3, 4)),
             words.str.extract(r"^(\D*)", expand=False).rank(method="dense"), words.str[-1:].rank(method="dense")]
    table = np.column_stack([one.to_numpy(dtype="float64") for one in found])
    return table[:len(learn)], table[len(learn):]


def telling(left: np.ndarray, y: np.ndarray, right: np.ndarray, truth: Truth) -> Interval:
    """A tree's ROC AUC (of several classes the mean, each against the rest) or R2, with its interval."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    leaf = max(10, len(left) // 50)
    if truth.is_regression:
        said = DecisionTreeRegressor(min_samples_leaf=leaf, random_state=0).fit(left, y).predict(right)
        score = metrics.score(Metric("r2", "r2"), truth, Answers(said))
        return interval(score, Rows(len(said)))
    tree = DecisionTreeClassifier(min_samples_leaf=leaf, random_state=0).fit(left, y)
    scores = tree.predict_proba(right)
    sides = [one_against_rest(scores[:, at], truth.values == code) for at, code in enumerate(tree.classes_)
             if 0 < (truth.values == code).sum() < len(truth.values)]
    if not sides:
        raise Unsure("the held-out rows hold one class alone")
    several = Batched(lambda counts: np.mean([many_of(side, counts) for side in sides], axis=0))
    return interval(several, Rows(len(scores), np.maximum(truth.values, 0)))


def one_against_rest(scores: np.ndarray, positive: np.ndarray):
    truth = Truth(positive.astype("int64"), (False, True))
    return metrics.score(Metric("roc_auc", "roc_auc"), truth, Answers(truth.values, decision=scores))


def many_of(side, counts: np.ndarray) -> np.ndarray:
    return side.many(counts) if isinstance(side, Batched) else np.array([side(one) for one in counts])


def limit_of(truth: Truth) -> float:
    return LIMIT_R2 if truth.is_regression else LIMIT_AUC


# the order of rows
def in_order(evidence: Evidence, truth: Truth) -> Iterator[dict]:
    """Half of the held-out rows, by chance, tells the other half by position; rows in the order of time may drift."""
    n = len(truth.values)
    if (evidence.schema.get("split") or {}).get("kind") == "time":
        yield part("order of rows", "passed", n=n, hint="rows split by time are in the order of time, which may tell")
        return
    learn = np.zeros(n, dtype=bool)
    learn[some(n, n // 2)] = True
    if n < LEAST or (not truth.is_regression and len(np.unique(truth.values[~learn])) < 2):
        yield part("order of rows", "passed", n=n, hint="there are too few held-out rows to tell")
        return
    place = np.arange(n, dtype="float64")[:, np.newaxis]
    found = telling(place[learn], truth.values[learn], place[~learn], Truth(truth.values[~learn], truth.classes))
    limit = limit_of(truth)
    hint = None
    if found.low > limit:
        hint = ("the position of a held-out row tells its target: the rows are sorted by it, or by what goes with it. "
                "The model sees no position; but shuffle before a split")
    yield part("order of rows", "warned" if hint else "passed", found, int((~learn).sum()), limit, hint)
