"""The shipped JSON Schemas: valid, and judged by our checker as the library `jsonschema` judges them."""

import copy
import random

import pytest
from jsonschema import Draft202012Validator

from notemill import schemas
from notemill.errors import UsageError
from notemill.schemas.check import RULES, check, find, show, where

NAMES = ["pipeline", "contract"]
KNOWN = {*RULES, "type", "$ref", "$defs", "$schema", "$comment", "title", "description"}
PIPELINE = {
    "name": "tiny", "task": "regression", "risk": "high", "params": {"seed": 7, "list": [1, "a", None, {"x": 1.5}]},
    "contract": "contract.yaml", "limits": {"seconds": 10}, "env": ["A"], "secrets": ["B"],
    "steps": {"a": {"notebook": "a.ipynb", "inputs": {"one": "x.csv", "two": {"sql": "URL", "query": "select 1"}},
                    "params": {"p": None}, "outputs": {"out": "o.csv"}, "kernel": "process", "limits": {"memory_mb": 5},
                    "env": [], "secrets": ["C"]},
              "b-2": {"notebook": "sub/b.py"}, "c_3": {"notebook": "c.md"}},
    "gate": {"model": "a.out", "data": "a.out", "schema": "a.out", "metrics": "a.out", "metric": "r2", "floor": 0.5,
             "margin": 0, "group": "g", "slices": ["sex", {"column": "age", "bins": [0, 30.5]}],
             "fairness": {"attributes": ["sex"], "max_difference": 0.1}, "value": {"false_positive": -1, "minimum": -1},
             "predictions": "a.out", "robustness": {"noise": 0.01, "max_flips": 0.05},
             "budgets": {"latency_p95_ms": 50, "rows_per_second": 1000.5, "size_mb": 0.5, "memory_mb": 500},
             "custom": {"mine": "checks.more.mine"}, "warn": ["leakage"]}}
CONTRACT = {
    "table": "prepare.source", "rows": {"least": 10}, "freshness": {"column": "day", "within_days": 2.5},
    "unique": [["id"], ["a", "b"]], "extra": "warn", "warn": ["rows"],
    "columns": {"age": {"type": "integer", "unit": "years", "range": [0, None], "null_share": 0.1, "unique": True},
                "sex": {"type": "category", "categories": ["f", "m", 1, True], "required": False, "warn": ["type"]}}}
DOCUMENTS = {"pipeline": PIPELINE, "contract": CONTRACT}
ODD = [None, True, False, 0, -1, 1, 2.0, 0.5, 1e9, "", "a", "a.b", "no", "a.ipynb", "9", "a b", "../x", "*", [], [1],
       ["a"], [1, 2, 3], {}, {"a": 1}, {"x y": 1}, {"notebook": "a.ipynb"}, {"sql": "A"}, {"sql": "A", "query": " "}]


def ours(schema, document):
    return list(find(document, schema, schema, ()))


def keywords(schema):
    """All words that a schema uses as keywords."""
    yield from schema
    for word in ("properties", "$defs"):
        for inner in schema.get(word, {}).values():
            yield from keywords(inner)
    for word in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(word), dict):
            yield from keywords(schema[word])


def places(value, path=()):
    """The path of every value in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def holder(document, path):
    for key in path[:-1]:
        document = document[key]
    return document


def variants(document):
    """The document with one thing changed, in every way that we can think of."""
    for path in places(document):
        for value in ODD:
            changed = copy.deepcopy(document)
            if path:
                holder(changed, path)[path[-1]] = value
            yield changed if path else value
        if path:
            changed = copy.deepcopy(document)
            del holder(changed, path)[path[-1]]
            yield changed
            if isinstance(path[-1], str):
                for name in ("x y", "Über", "9a", "_a", path[-1] + "x"):
                    changed = copy.deepcopy(document)
                    holder(changed, path)[name] = holder(changed, path).pop(path[-1])
                    yield changed


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name):
    Draft202012Validator.check_schema(schemas.load(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_uses_no_keyword_that_the_checker_passes_over(name):
    assert set(keywords(schemas.load(name))) <= KNOWN


@pytest.mark.parametrize("name", NAMES)
def test_the_checker_judges_as_the_library(name):
    schema = schemas.load(name)
    judge = Draft202012Validator(schema)
    verdicts = set()
    for document in variants(DOCUMENTS[name]):
        valid = judge.is_valid(document)
        assert bool(ours(schema, document)) != valid, document
        verdicts.add(valid)
    assert verdicts == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_the_checker_finds_every_place_in_a_spoilt_document(name):
    schema = schemas.load(name)
    judge, chance = Draft202012Validator(schema), random.Random(7)
    for _ in range(200):
        document = copy.deepcopy(DOCUMENTS[name])
        for _ in range(3):
            path = chance.choice(list(filter(None, places(document))))
            holder(document, path)[path[-1]] = copy.deepcopy(chance.choice(ODD))
        theirs = {tuple(error.absolute_path) for error in judge.iter_errors(document)
                  if error.validator != "additionalProperties" and "propertyNames" not in error.absolute_schema_path}
        mine = {problem.path for problem in ours(schema, document)}
        assert theirs <= mine, document


def test_the_end_of_a_name_is_its_end():
    schema = schemas.load("pipeline")
    assert ours(schema, {"name": "tiny\n", "steps": {"a": {"notebook": "a.ipynb"}}})
    assert ours(schema, {"name": "tiny", "steps": {"a\n": {"notebook": "a.ipynb"}}})


def test_the_first_breach_in_the_file_is_told():
    places = {("steps",): 1, ("steps", "a"): 2, ("steps", "a", "kernel"): 3, ("name",): 9}
    with pytest.raises(UsageError) as caught:
        check({"steps": {"a": {"notebook": "a.ipynb", "kernel": 3}}, "name": 5}, schemas.load("pipeline"), places, "f")
    error = caught.value
    assert (error.where, error.got, error.allowed) == ("f:3: step 'a': kernel", "got 3", "must be text")
    assert error.hint == "(1 more after this one)"


def test_a_word_that_looks_like_true_or_false_has_a_remedy():
    column = {"columns": {"a": {"type": "text", "unique": "yes"}}}
    (problem,) = ours(schemas.load("contract"), column)
    assert problem.hint == "write true: YAML 1.2 reads yes as text"


@pytest.mark.parametrize(("value", "text"), [
    (None, "nothing"), (True, "true"), (False, "false"), (1, "1"), (0, "0"), (1.0, "1.0"), ("a", "'a'"), ("1", "'1'"),
    ([], "a list"), ({}, "a mapping"), ("x" * 100, "'" + "x" * 76 + "..."),
])
def test_values_are_shown_short_and_told_apart(value, text):
    assert show(value) == text


def test_a_place_is_named_by_its_nearest_line():
    lines = {("steps",): 3, ("steps", "a"): 4}
    assert where("f", lines, ("steps", "a", "inputs", "x")) == "f:4: step 'a': inputs.x"
    assert where("f", lines, ("gate", "data")) == "f: gate.data"
    assert where("f", lines, ()) == "f"
