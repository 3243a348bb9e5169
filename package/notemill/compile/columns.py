"""What puts columns side by side: ColumnTransformer, FeatureUnion, a pipeline inside a pipeline."""

from dataclasses import replace

from notemill.compile.compiling import transform, transformer
from notemill.compile.values import NotCompiled, Plan, Value


@transformer("Pipeline")
def pipeline(fitted, values: list[Value], plan: Plan) -> list[Value]:
    for _, step in fitted.steps:
        values = transform(step, values, plan)
    return values


@transformer("ColumnTransformer")
def column_transformer(fitted, values: list[Value], plan: Plan) -> list[Value]:
    """The blocks' values one after another. Their names are scikit-learn's only where it makes a table of them."""
    found = []
    for name, block, columns in fitted.transformers_:
        if isinstance(block, str) and block == "drop":
            continue
        weight = (fitted.transformer_weights or {}).get(name)
        came = transform(block, chosen(columns, values), plan)
        found += came if weight is None else [plan.number("affine", one, times=weight, plus=0.0) for one in came]
    return [replace(value, name=None) for value in found]


@transformer("FeatureUnion")
def feature_union(fitted, values: list[Value], plan: Plan) -> list[Value]:
    if fitted.transformer_weights:
        raise NotCompiled("FeatureUnion's transformer_weights")
    return [value for _, block in fitted.transformer_list if block != "drop"
            for value in transform(block, values, plan)]


def chosen(columns, values: list[Value]) -> list[Value]:
    """The values that a ColumnTransformer's column specification means: a name, a place, a slice, a mask, several."""
    if isinstance(columns, slice):
        return values[columns]
    listed = [columns] if isinstance(columns, str | int) else list(columns)
    if listed and all(str(type(one).__name__) in ("bool", "bool_") for one in listed):
        return [value for value, wanted in zip(values, listed, strict=True) if wanted]
    named = {value.name: value for value in values if value.name is not None}
    return [named[one] if isinstance(one, str) else values[int(one)] for one in listed]


@transformer("VarianceThreshold", "SelectKBest", "SelectPercentile", "SelectFromModel", "RFE", "RFECV", "SelectFdr",
             "SelectFpr", "SelectFwe", "GenericUnivariateSelect", "SequentialFeatureSelector")
def selection(fitted, values: list[Value], plan: Plan) -> list[Value]:
    return [values[place] for place in fitted.get_support(indices=True)]
