"""What a model has to beat: a dummy that knows no columns, and simple models on the raw columns."""

from collections.abc import Callable

import numpy as np

from notemill.gate.metrics import Answers
from notemill.runtime.rows import used_columns

MOST_ROWS = 20_000  # to fit on: a simple model learns no more from more
MOST_CATEGORIES = 20
MOST_CLASSES = 50
DEPTH = 4


def dummies(regression: bool) -> dict:
    """scikit-learn's dummies: the classes' shares; or the mean and the median."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if regression:
        return {"the mean": DummyRegressor(strategy="mean"), "the median": DummyRegressor(strategy="median")}
    return {"the classes' shares": DummyClassifier(strategy="prior")}


def baselines(classes: int, rows: int) -> dict:
    """A linear model (but for very many classes, for which it is slow) and a shallow tree."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    leaf = int(np.clip(rows // 50, 1, 20))
    if not classes:
        return {"a linear model": Ridge(),
                "a shallow tree": DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=leaf, random_state=0)}
    tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=leaf, random_state=0)
    linear = {"a linear model": LogisticRegression(max_iter=300)} if classes <= MOST_CLASSES else {}
    return {**linear, "a shallow tree": tree}


def preprocessing(schema: dict):
    """Raw columns as numbers: gaps filled by the median and marked, categories one column each; text is left out."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = used_columns(schema)
    numbers = [c["name"] for c in columns if c["type"] not in ("category", "text")]
    labels = [c["name"] for c in columns if c["type"] == "category"]
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False)
    return ColumnTransformer([("numbers", make_pipeline(fill, StandardScaler()), numbers), ("labels", encode, labels)],
                             sparse_threshold=0)


def plain_table(table, schema: dict):
    """A conformed table with numbers as float (times as seconds) and all else as text, which scikit-learn takes."""
    import pandas as pd

    plain = {}
    for column in used_columns(schema):
        name, values = column["name"], table[column["name"]]
        if column["type"] in ("category", "text"):
            plain[name] = values.astype("str").fillna("(missing)").astype("object")
        else:
            plain[name] = as_floats(values)
    return pd.DataFrame(plain, index=table.index)


def as_floats(values) -> np.ndarray:
    """Numbers, truths and times as float; a gap is NaN."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        moments = values.to_numpy(dtype="datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype("int64") / 1e6)
    return values.to_numpy(dtype="float64", na_value=np.nan)


def some(rows: int, most: int = MOST_ROWS, seed: int = 0) -> np.ndarray:
    """At most so many of the rows, by chance, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def answers_of(fitted, prepare: Callable, table, classes: int) -> Answers:
    """A fitted rival's answers to rows that `prepare` makes ready; a class that its training rows lack has probability
    0. In parts: one column for each category takes room."""
    labels, probabilities = [], []
    for at in range(0, len(table), MOST_ROWS):
        part = prepare(table.iloc[at:at + MOST_ROWS])
        labels.append(fitted.predict(part))
        if classes:
            probabilities.append(np.zeros((len(part), classes)))
            probabilities[-1][:, fitted.classes_] = fitted.predict_proba(part)
    return Answers(np.concatenate(labels), np.concatenate(probabilities) if classes else None)
