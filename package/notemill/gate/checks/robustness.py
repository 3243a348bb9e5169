"""Do the answers hold where rows come in another form, or with a little noise, a new category, a gap?

A share of rows with another answer has Wilson's interval: Wilson (1927), Probable inference, the law of succession, and
statistical inference, Journal of the American Statistical Association 22, 209-212.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from notemill.gate.asking import DIRECT, TURNED, ModelFailed
from notemill.gate.evidence import Evidence
from notemill.gate.judged import Judged
from notemill.gate.parts import part
from notemill.gate.robust import Changed, differing, flipped, spread
from notemill.gate.shares import wilson
from notemill.gate.verdict import Check, not_asked

MAX_FLIPS = 0.05
# Measured on hourly bikes and taxis. Honest regressions: most move no row at all, whole trees on scaled numbers up to
# 1.1 % of the rows by more than 0.05 of the spread (a value crosses a threshold). Numbers far from zero, differences of
# large numbers, overflow and half precision inside: 7 % to 100 % of the rows, or all so little that it does not matter.
FLOAT32 = {"labels": 0.005, "quantity": 0.02}
# a quantity has flipped where it moves by more than this share of the predictions' spread
SHARES = {"float32": 0.05, "noise": 0.1, "unseen": 0.1, "missing": 0.1}
SAYS = {"unseen": "a new category", "missing": "a missing value"}


def check_columns(judged: Judged) -> Check:
    """The same answers with the columns turned round: of the package, and of the pipeline itself (which may refuse)."""
    evidence, changed = judged.evidence, judged.evidence.changed["columns"]
    found = [asked_again(evidence, "columns", changed.rows)]
    hint = "the package's answers depend on the order of the columns"
    try:
        before, after = evidence.answers_to(DIRECT), evidence.answers_to(TURNED)
    except ModelFailed:
        pass  # it goes by names and says so, or takes prepared rows alone; and the package puts columns in order
    else:
        found.append(differing(before, after, evidence.is_regression, unit(evidence)))
        if found[1].any():
            hint = ("the model takes columns by their place, and answers silently where these are in another order: "
                    "fit it on a DataFrame with a ColumnTransformer, so that it goes by their names")
    return of_share("robustness.columns", max(found, key=np.mean), 0.0, hint)


def check_order(judged: Judged) -> Check:
    """The same answers for half of the rows, in another order."""
    changed = judged.evidence.changed["rows"]
    return of_share("robustness.rows", asked_again(judged.evidence, "rows", changed.rows), 0.0,
                    "an answer depends on which other rows are asked about with it, on their order, or on chance")


def asked_again(evidence: Evidence, name: str, rows: np.ndarray) -> np.ndarray:
    """Which answers are not exactly those of the held-out rows."""
    before, after = evidence.answers.at(rows), evidence.answers_to(name)
    return differing(before, after, evidence.is_regression, unit(evidence))


def unit(evidence: Evidence) -> float:
    return spread(evidence.answers.labels) if evidence.is_regression else 1.0


def flips(evidence: Evidence, name: str, changed: Changed) -> np.ndarray:
    before, after = evidence.answers.at(changed.rows), evidence.answers_to(name)
    share = SHARES[name.partition("_")[0]]
    return flipped(before, after, evidence.is_regression, share, unit(evidence))


def of_share(name: str, found: np.ndarray, limit: float, hint: str) -> Check:
    """Refused where more rows than the limit allows have another answer."""
    count, n = int(found.sum()), len(found)
    share = wilson(count, n)
    said = f"{count:,} of {n:,} answers are others"
    outcome = "refused" if share.figure > limit else "passed"
    return Check(name, outcome, share.figure, share.low, share.high, n, limit,
                 f"{said}: {hint}" if outcome == "refused" else said)


def check_numbers(name: str, judged: Judged) -> Check:
    """Number columns in single precision, or with a little noise."""
    evidence = judged.evidence
    changed = evidence.changed.get(name)
    if changed is None:
        return not_asked(f"robustness.{name}", "no column of the model's holds numbers with fractions")
    if name == "float32":
        limit = FLOAT32["quantity" if evidence.is_regression else "labels"]
        return of_share("robustness.float32", flips(evidence, name, changed), limit,
                        "single precision is enough to change them: scale the numbers, or take differences first")
    limit = evidence.config.get("robustness", {}).get("max_flips", MAX_FLIPS)
    return of_share("robustness.noise", flips(evidence, name, changed), limit,
                    "a little noise in the numbers is enough to change them: hold the model back (regularisation, "
                    "larger leaves), or allow more under gate: robustness: max_flips")


def check_cells(name: str, judged: Judged) -> Check:
    """Cells of one column after the other replaced: the model has to answer. No answer counts as another one."""
    evidence, check = judged.evidence, f"robustness.{name}"
    every = {key: one for key, one in evidence.changed.items() if key.startswith(f"{name}_")}
    if not every:
        return not_asked(check, "the model has no column of categories" if name == "unseen" else
                         "no column has gaps in training, and no contract allows any")
    parts = [of_column(evidence, name, key, one) for key, one in every.items()]
    asked = [one for one in parts if one["n"]]
    if not asked:
        return not_asked(check, f"the package refuses {SAYS[name]} in words, as its contract has it")
    return of_columns(name, asked, parts)


def of_columns(name: str, asked: list[dict], parts: list[dict]) -> Check:
    """Of all columns together; refused where the model breaks on one. `asked`: the parts that it was asked about."""
    n = sum(one["n"] for one in asked)
    count = round(sum(one["n"] * one["figure"] for one in asked))
    share = wilson(count, n)
    said = f"{count:,} of {n:,} answers are others with {SAYS[name]} in {len(asked)} column" + "s" * (len(asked) != 1)
    broken = [one["hint"] for one in asked if one["outcome"] == "refused"]
    if broken:
        more = f"; and {len(broken) - 1} more columns" if len(broken) > 1 else ""
        said = f"the model breaks on {broken[0]}{more}: {REMEDIES[name]}"
    return Check(f"robustness.{name}", "refused" if broken else "passed", share.figure, share.low, share.high, n, None,
                 said, {"parts": parts})


REMEDIES = {
    "unseen": "let it ignore what it does not know (OneHotEncoder(handle_unknown=\"ignore\")), or list the categories "
              "in the contract: the package then refuses others in words",
    "missing": "fill gaps in the pipeline (SimpleImputer), or allow none in the contract (null_share: 0): the package "
               "then refuses them in words"}


def of_column(evidence: Evidence, name: str, key: str, changed: Changed) -> dict:
    if changed.refused:
        return part(changed.column, "passed", n=0, hint=f"the package says: {changed.refused}")
    n = len(changed.rows)
    try:
        return part(changed.column, "passed", wilson(int(flips(evidence, key, changed).sum()), n), n)
    except ModelFailed as error:
        return part(changed.column, "refused", wilson(n, n), n,
                    hint=f"{SAYS[name]} in '{changed.column}' ({first_line(error)})")


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


ROBUSTNESS: dict[str, Callable[[Judged], Check]] = {
    "robustness.columns": check_columns, "robustness.rows": check_order,
    "robustness.float32": partial(check_numbers, "float32"), "robustness.noise": partial(check_numbers, "noise"),
    "robustness.unseen": partial(check_cells, "unseen"), "robustness.missing": partial(check_cells, "missing")}
