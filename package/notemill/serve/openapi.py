"""GET /openapi.json: the service described by the model's own schema, with golden rows as examples that work."""

from collections.abc import Mapping
from typing import Any

import msgspec

from notemill.serve.invocations import METHODS, ORDERS
from notemill.serve.loading import Loaded
from notemill.serve.metrics import CONTENT_TYPE
from notemill.serve.predict import CHOICES, as_key
from notemill.serve.problems import REASONS
from notemill.serve.request import Answer, Request
from notemill.serve.tensors import KINDS, of_column

encode = msgspec.json.Encoder().encode
TYPES = {"number": "number", "integer": "number", "boolean": "boolean", "datetime": "string", "text": "string"}
GUARDED = ("bad-request", "too-slow", "too-large", "wrong-type", "bad-rows", "busy", "too-long")
SHOWN = 8  # categories
WORDS = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
ASIDE = {"name": "on_error", "in": "query", "schema": {"enum": list(CHOICES), "default": CHOICES[0]},
         "description": "Bad rows: refuse all (stop), or score the others (aside)."}


def routes(app, route) -> dict:
    body = encode(document(app.loaded, bool(app.keys)))

    async def handle(request: Request) -> Answer:
        return Answer(body)

    return {("GET", "/openapi.json"): route(handle)}


def document(loaded: Loaded, keyed: bool) -> dict:
    """OpenAPI 3.1."""
    facts = loaded.model.schema
    return {
        "openapi": "3.1.0",
        "info": {"title": loaded.name, "version": loaded.version,
                 "description": f"Predicts {facts['target']['name']} ({facts['task']}). Content {loaded.digest}."},
        "paths": {**own(loaded), **mlflow(loaded), **protocol(loaded), **known()},
        "components": {"schemas": {"Row": row(loaded), "Problem": problem(), "Warning": warning(), "Model": model()},
                       **({"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}} if keyed else {})},
        **({"security": [{"key": []}]} if keyed else {}),
        "x-problems": {reason: {"status": status, "title": title} for reason, (status, title) in REASONS.items()}}


# parts
def row(loaded: Loaded) -> dict:
    return {"type": "object", "required": [column["name"] for column in loaded.columns],
            "properties": {column["name"]: cell(column) for column in loaded.columns}}


def cell(column: Mapping) -> dict:
    """A cell that is certainly taken; numbers and truths may also come as text."""
    refused = {rule for rule, by in column.get("from", {}).items() if by == "contract"} - set(column.get("warn", ()))
    found: dict[str, Any] = {"type": [TYPES.get(column["type"], "string"), "null"]}
    if "null_share" in refused and column.get("null_share") == 0:
        found["type"] = found["type"][0]
    if column["type"] == "integer" and "type" in refused:
        found["type"] = [one.replace("number", "integer") for one in listed(found["type"])]
    categories = column.get("categories")
    if column["type"] == "category" and categories:
        found = {"enum": categories} if "categories" in refused else {"type": category_types(found["type"], categories)}
        if "enum" in found and not ("null_share" in refused and column.get("null_share") == 0):
            found["enum"] = [*categories, None]
    if column["type"] in ("number", "integer") and "range" in refused and column.get("range"):
        ends = zip(("minimum", "maximum"), column["range"], strict=True)
        found |= {name: end for name, end in ends if end is not None}
    if column["type"] == "datetime":
        found["format"] = "date-time"
    return {**found, **described(column, refused)}


def described(column: Mapping, refused: set[str]) -> dict[str, str]:
    """What people want to know of it."""
    unit = f"In {column['unit']}." if column.get("unit") else ""
    words = " ".join(filter(None, [column.get("description"), unit, seen(column, refused)]))
    return {"description": words} if words else {}


def seen(column: Mapping, refused: set[str]) -> str:
    """What training held, where other cells are scored with a warning."""
    categories = column.get("categories")
    if categories and "categories" not in refused:
        more = f", and {len(categories) - SHOWN} more" if len(categories) > SHOWN else ""
        return f"Training had {', '.join(map(str, categories[:SHOWN]))}{more}."
    ends = column.get("min"), column.get("max")
    return f"Training had {ends[0]} to {ends[1]}." if None not in ends else ""


def listed(kind: Any) -> list:
    return kind if isinstance(kind, list) else [kind]


def category_types(kind: Any, categories: list) -> list:
    """Codes are numbers; other categories are text."""
    coded = all(isinstance(one, int | float) and not isinstance(one, bool) for one in categories)
    return ["number" if coded and one == "string" else one for one in listed(kind)]


def problem() -> dict:
    fault = {"type": "object", "properties": {"row": {"type": ["integer", "null"]}, "column": WORDS, "check": WORDS,
                                              "rule": WORDS, "got": WORDS, "allowed": {}}}
    return {"type": "object", "required": ["type", "title", "status", "detail", "request"],
            "description": "Problem details (RFC 9457).",
            "properties": {"type": WORDS, "title": WORDS, "status": {"type": "integer"}, "detail": WORDS,
                           "request": WORDS, "error": WORDS, "faults": {"type": "array", "items": fault}}}


def warning() -> dict:
    return {"type": "object", "required": ["column", "check", "got", "words"],
            "properties": {"column": WORDS, "check": WORDS, "got": WORDS, "words": WORDS}}


def model() -> dict:
    return {"type": "object", "required": ["name", "version", "digest"],
            "properties": {"name": WORDS, "version": WORDS, "digest": WORDS}}


def ref(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Mapping, **more: Any) -> dict:
    return {"type": "array", "items": items, **more}


def body(schema: Mapping, example: Any, kind: str = "application/json", **more: Any) -> dict:
    return {"required": True, "content": {kind: {"schema": schema, "example": example}, **more}}


def answers(schema: Mapping | None, kind: str = "application/json", refusals: tuple[str, ...] = ()) -> dict:
    """The responses of an operation: what it gives, and which refusals."""
    there = {kind: {"schema": schema} if schema is not None else {}}
    found = {"200": {"description": "Done", "content": there}}
    for reason in ("no-key", *refusals):
        status, title = REASONS[reason]
        found[str(status)] = {"description": title, "content": {"application/problem+json": {"schema": ref("Problem")}}}
    return found


def operation(name: str, words: str, responses: Mapping, **more: Any) -> dict:
    return {"operationId": name, "summary": words, "responses": responses, **more}


# addresses
def own(loaded: Loaded) -> dict:
    """/predict and /feedback."""
    label = {"enum": loaded.model.classes} if loaded.model.classes else {"type": "number"}
    asked = body({"anyOf": [ref("Row"), array(ref("Row"))]}, example(loaded))
    marked = {"type": "object", "required": ["marked", "request"], "properties": {"marked": COUNT, "request": WORDS}}
    known = {"request": "0", "row": 0, "label": example_label(loaded)}
    return {
        "/predict": {"post": operation("predict", "One row, or a list of rows", answers(
            {"anyOf": [one_scored(label, loaded.model.classes), several_scored(label)]}, refusals=GUARDED),
            parameters=[ASIDE], requestBody=asked)},
        "/feedback": {"post": operation(
            "feedback", "What became true of a row, or that its prediction is wrong",
            answers(marked, refusals=(*GUARDED, "unknown-request", "no-log")),
            requestBody=body({"anyOf": [mark(label), array(mark(label))]}, known))}}


def one_scored(label: Mapping, classes: list) -> dict:
    """What one row gets."""
    chances = {"type": "object", "properties": {as_key(one): {"type": "number"} for one in classes}}
    return {"type": "object", "required": ["prediction", "warnings", "request", "model"], "properties": {
        "request": WORDS, "model": ref("Model"), "prediction": label, "warnings": array(ref("Warning")),
        "probabilities": chances}}


def several_scored(label: Mapping) -> dict:
    """What a list of rows gets."""
    return {"type": "object", "required": ["predictions", "warnings", "aside", "request", "model"], "properties": {
        "request": WORDS, "model": ref("Model"), "predictions": array({"anyOf": [label, {"type": "null"}]}),
        "classes": array({}), "warnings": array(array(ref("Warning"))), "aside": array({"type": "object"}),
        "probabilities": array({"type": ["array", "null"], "items": {"type": "number"}})}}


def mark(label: Mapping) -> dict:
    """What is said of a row later."""
    return {"type": "object", "required": ["request"], "additionalProperties": False,
            "properties": {"request": {"type": "string", "minLength": 1, "maxLength": 64}, "row": COUNT,
                           "label": label, "wrong": {"const": True}, "why": {"type": "string", "maxLength": 500}},
            "oneOf": [{"required": ["label"]}, {"required": ["wrong"]}]}


def mlflow(loaded: Loaded) -> dict:
    """/invocations and /ping."""
    rows = array(ref("Row"))
    split = {"type": "object", "required": ["columns", "data"],
             "properties": {"columns": array(WORDS, uniqueItems=True), "data": array(array({})), "index": array({})}}
    params = {"type": "object", "properties": {"method": {"enum": list(METHODS)}}, "additionalProperties": False}
    orders = dict(zip(ORDERS, (split, rows, rows, {"type": "object"}), strict=True))
    asked = {"anyOf": [{"type": "object", "required": [name], "additionalProperties": False,
                        "properties": {name: schema, "params": params}} for name, schema in orders.items()]}
    given = example(loaded)
    return {
        "/invocations": {"post": operation("invocations", "As mlflow models serve", answers(
            {"type": "object", "required": ["predictions"], "properties": {"predictions": array({})}},
            refusals=GUARDED),
            requestBody=body(asked, {"dataframe_records": [given]}, **{"text/csv": {"schema": WORDS}}))},
        "/ping": {"get": operation("ping", "Is it ready?", answers(None, refusals=("not-ready",)), security=[])}}


def protocol(loaded: Loaded) -> dict:
    """/v2."""
    plain = {"type": "object"}
    tensor = {"type": "object", "required": ["name", "shape", "datatype"], "properties": {
        "name": WORDS, "shape": array(COUNT), "datatype": {"enum": list(KINDS)}, "data": array({}),
        "parameters": plain}}
    asked = {"type": "object", "required": ["inputs"], "properties": {
        "id": WORDS, "inputs": array(tensor), "outputs": array(plain), "parameters": plain}}
    ready = answers(plain, refusals=("not-ready",))
    found = {"/v2": {"get": operation("server", "The server (Open Inference Protocol)", answers(plain))}}
    for what in ("live", "ready"):
        found[f"/v2/health/{what}"] = {"get": operation(what, f"Is it {what}?", ready, security=[])}
    base = f"/v2/models/{loaded.name}"
    for path, ending in ((base, ""), (f"{base}/versions/{loaded.number}", "_version")):
        found[path] = {"get": operation(f"model{ending}", "The model's inputs and outputs", answers(plain))}
        found[f"{path}/ready"] = {"get": operation(f"model_ready{ending}", "Is the model ready?", ready)}
        found[f"{path}/infer"] = {"post": operation(f"infer{ending}", "A tensor for each column", answers(
            plain, refusals=GUARDED), requestBody=body(asked, {"inputs": example_inputs(loaded)}))}
    return found


def known() -> dict:
    """What is known of the model."""
    return {"/schema": {"get": operation("schema", "What a row holds", answers({"type": "object"}))},
            "/card": {"get": operation("card", "The model card", answers(WORDS, "text/markdown"))},
            "/metrics": {"get": operation("metrics", "Figures (OpenMetrics)", answers(
                WORDS, CONTENT_TYPE.partition(b";")[0].decode()))}}


# examples
def example(loaded: Loaded) -> dict:
    """A golden row: its prediction is recorded."""
    return loaded.golden["rows"][0]


def example_label(loaded: Loaded) -> Any:
    return loaded.golden["predictions"][0]


def example_inputs(loaded: Loaded) -> list[dict]:
    given = example(loaded)
    return [{"name": column["name"], "shape": [1], "datatype": of_column(column), "data": [given[column["name"]]]}
            for column in loaded.columns]
