"""Does one column give the target away?"""

from collections.abc import Iterator

import numpy as np

from notemill.gate.evidence import Evidence, encode, finite
from notemill.gate.judged import Judged
from notemill.gate.metrics import Truth
from notemill.gate.rivals import some
from notemill.gate.verdict import Check

LIMIT = 0.99
MOST_ROWS = 20_000
MOST_CLASSES = 50  # the commonest, of a target with more
LEAVES = 256


def check_target(judged: Judged) -> Check:
    """No column alone tells the target: ROC AUC (of each class against the rest) or R2 on the held-out rows."""
    evidence = judged.evidence
    told = dict(how_telling(evidence))
    if not told:
        return Check("leakage.target", "refused", hint="the schema has no column that goes into the model")
    worst, n = max(told, key=told.get), min(len(evidence.good), MOST_ROWS)
    given_away = [name for name in sorted(told, key=told.get, reverse=True) if told[name] > LIMIT]
    figure = "R2" if evidence.is_regression else "ROC AUC"
    hint = f"the most telling column is '{worst}'"
    if given_away:
        names = ", ".join(f"'{name}'" for name in given_away[:5])
        hint = (f"{names} alone gives the target away ({figure} {told[worst]:.4f}): would it be known before the "
                "target is?")
    return Check("leakage.target", "refused" if given_away else "passed", told[worst], n=n, limit=LIMIT, hint=hint)


def how_telling(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """(column, how well it alone tells the target, 0 to 1)."""
    learn, y = evidence.training
    ask, truth = evidence.columns, own_truth(evidence)
    few = some(len(ask), MOST_ROWS)
    ask, values = ask.iloc[few], truth.values[few]
    tell = quantity if evidence.is_regression else ranking
    for name, kind in evidence.feature_types.items():
        seen, asked = learn[name], ask[name]
        if kind in ("category", "text"):
            parts = [as_means(seen, asked, side) for side in sides(y, evidence.is_regression)]
            seen, asked = (np.column_stack([part[i] for part in parts]) for i in (0, 1))
        else:
            seen, asked = (as_numbers(cells) for cells in (seen, asked))
        yield name, tell(seen, y, asked, values)


def own_truth(evidence: Evidence) -> Truth:
    """The target in the codes of the schema's classes: no model is needed for it."""
    values = evidence.held_out[evidence.target].iloc[evidence.good]
    if evidence.is_regression:
        return Truth(finite(values))
    return Truth(encode(values, evidence.schema_classes), evidence.schema_classes)


def as_numbers(cells) -> np.ndarray:
    """The value, and whether there is one."""
    values = cells.to_numpy(dtype="float64")
    gaps = np.isnan(values)
    return np.column_stack([np.where(gaps, 0.0, values), gaps])


def sides(y: np.ndarray, is_regression: bool) -> list[np.ndarray]:
    """The target itself; of classes, for each whether it is that one."""
    return [y] if is_regression else [(y == code).astype("float64") for code in commonest(y)]


def commonest(y: np.ndarray) -> np.ndarray:
    """The codes that occur; of two classes one is enough, of very many the commonest."""
    codes, counts = np.unique(y, return_counts=True)
    codes = codes[np.argsort(-counts, kind="stable")]
    return codes[:1] if len(codes) == 2 else np.sort(codes[:MOST_CLASSES])


def as_means(seen, asked, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each category as the mean target of its training rows; one that is new there as the mean of all."""
    import pandas as pd

    means = pd.Series(y, index=seen.index).groupby(seen).mean()
    return tuple(cells.map(means).fillna(float(np.mean(y))).to_numpy(dtype="float64") for cells in (seen, asked))


def ranking(seen: np.ndarray, y: np.ndarray, asked: np.ndarray, truth: np.ndarray) -> float:
    """The least ROC AUC of a class against the rest; by a tree's probabilities, or for two classes by plain rank."""
    from sklearn.tree import DecisionTreeClassifier

    codes = [code for code in commonest(truth) if code in y]
    if not codes or len(np.unique(truth)) < 2:
        return 0.0
    tree = DecisionTreeClassifier(max_leaf_nodes=min(LEAVES, 8 + 4 * len(np.unique(y))), random_state=0).fit(seen, y)
    said = tree.predict_proba(asked)
    where = {code: at for at, code in enumerate(tree.classes_)}
    areas = [auc(said[:, where[code]], truth == code) for code in codes]
    if len(np.unique(truth)) == 2:
        plain = auc(asked[:, 0], truth == codes[0])
        return max(areas[0], plain, 1 - plain)
    return min(areas)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores))


def quantity(seen: np.ndarray, y: np.ndarray, asked: np.ndarray, truth: np.ndarray) -> float:
    """The highest R2: of a tree, of a straight line, of the ranks (any curve that only rises, or only falls)."""
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import r2_score
    from sklearn.tree import DecisionTreeRegressor

    if len(truth) < 3 or np.ptp(truth) == 0:
        return 0.0
    models = [DecisionTreeRegressor(max_leaf_nodes=LEAVES, random_state=0), LinearRegression()]
    found = [r2_score(truth, model.fit(seen, y).predict(asked)) for model in models]
    if np.ptp(asked[:, 0]) > 0:
        found.append(pd.Series(asked[:, 0]).rank().corr(pd.Series(truth).rank()) ** 2)
    return float(max(0.0, *found))
