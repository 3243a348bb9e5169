"""What a model has to beat: a dummy that knows no columns, and simple models on the raw columns."""

import numpy as np

from notemill.gate.metrics import Answers
from notemill.runtime.rows import used_columns

MOST_ROWS = 20_000  # to fit on: a simple model learns no more from more
MOST_CATEGORIES = 20
DEPTH = 4


def dummies(regression: bool) -> dict:
    """scikit-learn's dummies: the classes' shares; or the mean and the median."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if regression:
        return {"the mean": DummyRegressor(strategy="mean"), "the median": DummyRegressor(strategy="median")}
    return {"the classes' shares": DummyClassifier(strategy="prior")}


def baselines(regression: bool, rows: int) -> dict:
    """A linear model and a shallow tree."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    leaf = int(np.clip(rows // 50, 1, 20))
    if regression:
        return {"a linear model": Ridge(),
                "a shallow tree": DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=leaf, random_state=0)}
    return {"a linear model": LogisticRegression(max_iter=300),
            "a shallow tree": DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=leaf, random_state=0)}


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


def answers_of(fitted, table, classes: int) -> Answers:
    """A fitted rival's answers; a class that its training rows lack has probability 0."""
    labels = fitted.predict(table)
    if not classes:
        return Answers(labels)
    probabilities = np.zeros((len(table), classes))
    probabilities[:, fitted.classes_] = fitted.predict_proba(table)
    return Answers(labels, probabilities)
