"""MLflow's way of asking: POST /invocations, with JSON in four orders or CSV, and GET /ping."""

import csv
import io

import msgspec

from notemill.serve import bodies
from notemill.serve.problems import Problem
from notemill.serve.request import Answer, Request

encode = msgspec.json.Encoder().encode
ORDERS = ("dataframe_split", "dataframe_records", "instances", "inputs")
METHODS = ("predict", "predict_proba")
LONGEST = 10_000_000  # characters in a cell of CSV, as when a file is scored; Python's own limit is 131,072


def routes(app, route) -> dict:
    door = Invocations(app)
    return {("POST", "/invocations"): route(door.handle, "invocations"), ("GET", "/ping"): route(door.ping, open=True)}


class Invocations:
    """What `mlflow models serve` answers."""

    def __init__(self, app):
        self.scorer, self.limits, self.ready = app.scorer, app.limits, app.ready
        loaded = app.loaded
        csv.field_size_limit(max(LONGEST, csv.field_size_limit()))
        self.missing = {column["name"]: words_for_missing(column, loaded.missing_words) for column in loaded.columns}

    async def ping(self, request: Request) -> Answer:
        if not self.ready():
            raise Problem("not-ready", "it ends")
        return Answer(b"\n")

    async def handle(self, request: Request) -> Answer:
        kind = request.header(b"content-type").partition(b";")[0].strip().lower()
        if kind == b"text/csv":
            rows, method = self.from_csv(await bodies.read(request, self.limits)), METHODS[0]
        elif bodies.is_json(kind):
            rows, method = from_json(await bodies.read(request, self.limits))
        else:
            raise Problem("wrong-type", "send application/json or text/csv, and say so in Content-Type")
        scores = await self.scorer.score(rows, request)
        if method == METHODS[1] and scores.probabilities is None:
            raise Problem("bad-request", "this model has no probabilities: leave `method` away")
        return Answer(encode({"predictions": scores.probabilities if method == METHODS[1] else scores.predictions}))

    def from_csv(self, body: bytes) -> list[dict]:
        """Rows of text; a heading comes first. Raises Problem."""
        try:
            lines = [cells for cells in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
                     if cells]
        except (UnicodeDecodeError, csv.Error) as error:
            raise Problem("bad-json", f"not CSV in UTF-8: {error}") from None
        if not lines:
            raise Problem("bad-json", "the body is empty")
        head = lines[0]
        check_names(head)
        for number, cells in enumerate(lines):
            if len(cells) != len(head):
                raise Problem("bad-json", f"row {number - 1} has {len(cells)} cells, the heading has {len(head)}")
        return [{name: None if cell in self.missing.get(name, ()) else cell
                 for name, cell in zip(head, cells, strict=True)} for cells in lines[1:]]


def words_for_missing(column: dict, words: tuple[str, ...]) -> frozenset[str]:
    """The texts that stand for no value, as pandas reads CSV; not those that are a category here."""
    return frozenset(words) - {str(category) for category in column.get("categories") or ()}


def from_json(body: bytes) -> tuple[list, str]:
    """(rows, method). Raises Problem."""
    asked = bodies.from_lenient_json(body)
    found = [order for order in ORDERS if order in asked] if type(asked) is dict else []
    if len(found) != 1 or set(asked) - {*found, "params"}:
        raise Problem("bad-request", f"the body is an object with one of {', '.join(ORDERS)}, and `params` if need be")
    params = asked.get("params") or {}
    method = params.get("method", METHODS[0]) if type(params) is dict and set(params) <= {"method"} else None
    if method not in METHODS:
        raise Problem("bad-request", f"params may have `method`, one of {', '.join(METHODS)}")
    return READ[found[0]](asked[found[0]]), method


def from_split(given: object) -> list[dict]:
    if type(given) is not dict or not {"columns", "data"} <= set(given) <= {"columns", "data", "index"}:
        raise Problem("bad-request", "dataframe_split is an object with `columns` and `data` (and `index`)")
    names, data = given["columns"], given["data"]
    check_names(names)
    if type(data) is not list or any(type(cells) is not list or len(cells) != len(names) for cells in data):
        raise Problem("bad-request", "each row of `data` is a list with a cell for each of `columns`")
    return [dict(zip(names, cells, strict=True)) for cells in data]


def from_records(given: object) -> list:
    if type(given) is not list:
        raise Problem("bad-request", "rows are a list of objects {column: value}")
    return given


def from_columns(given: object) -> list:
    """{column: cells}, or a list of rows."""
    if type(given) is not dict:
        return from_records(given)
    if any(type(cells) is not list for cells in given.values()) or len(set(map(len, given.values()))) > 1:
        raise Problem("bad-request", "inputs are {column: list of cells}, all of one length")
    return [dict(zip(given, cells, strict=True)) for cells in zip(*given.values(), strict=True)]


READ = {"dataframe_split": from_split, "dataframe_records": from_records, "instances": from_columns,
        "inputs": from_columns}


def check_names(names: object) -> None:
    if type(names) is not list or any(type(name) is not str for name in names) or len(set(names)) != len(names):
        raise Problem("bad-request", "the columns' names are texts, and no two are the same")
