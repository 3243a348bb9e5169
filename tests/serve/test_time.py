"""A model that takes too long, and one that breaks: the application itself, with a model of our own."""

import asyncio
import json
import time
from types import SimpleNamespace

import pytest

from notemill.serve.app import App
from notemill.serve.limits import Limits
from notemill.serve.metrics import Metrics

SCHEMA = {"task": "regression", "target": {"name": "y"},
          "columns": [{"name": "x", "type": "number", "role": "feature"}]}


class Model:
    compiled, uncompiled, classes, schema = False, "", [], SCHEMA

    def __init__(self, folder, answer):
        self.folder, self.answer = folder, answer
        (folder / "schema.json").write_text(json.dumps(SCHEMA))

    def score_rows(self, rows):
        return SimpleNamespace(predictions=[self.answer(row["x"]) for row in rows], probabilities=None,
                               warnings=[[] for _ in rows])


class BadRows(ValueError):
    pass


def app_of(folder, answer, **limits):
    loaded = SimpleNamespace(model=Model(folder, answer), bad_rows=BadRows, missing_words=(), name="m", version="1",
                             digest="d", number="1", golden={"rows": [{"x": 1}], "predictions": [1]},
                             columns=SCHEMA["columns"])
    return App(loaded, Limits(**limits), Metrics(folder, 0, {}))


async def post(app, value, path="/predict"):
    """(status, body) of one request."""
    sent = []
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"",
             "headers": [(b"content-type", b"application/json")]}

    async def receive():
        return {"type": "http.request", "body": json.dumps(value).encode(), "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_an_answer_that_does_not_come_in_time(tmp_path):
    app = app_of(tmp_path, lambda x: time.sleep(x) or x, seconds=0.2)

    async def ask():
        asked = [asyncio.ensure_future(post(app, {"x": x})) for x in (0.6, 0.0)]
        for _ in range(10):
            await asyncio.sleep(0.05)
            app.end_late()
        return await asyncio.gather(*asked), await post(app, {"x": 0.0})
    (first, second), third = asyncio.run(ask())
    assert (first[0], first[1]["type"]) == (503, "/docs#too-long") and second[0] == 503
    assert third[0] == 200 and app.turns == {}


def test_a_fault_of_the_service_shows_nothing_of_itself(tmp_path, caplog):
    def broken(x):
        raise RuntimeError("secret")
    status, said = asyncio.run(post(app_of(tmp_path, broken), {"x": 1}))
    assert status == 500 and "secret" not in str(said) and said["type"] == "/docs#fault"
    assert "secret" in caplog.text and said["request"] in caplog.text


@pytest.mark.parametrize("error", [ValueError("infinity"), OverflowError("too large")])
def test_what_the_model_refuses_is_no_fault_of_the_service(tmp_path, error):
    def refuse(x):
        if x:
            raise error
        return x
    app = app_of(tmp_path, refuse)

    async def ask():
        return await asyncio.gather(post(app, {"x": 0}), post(app, {"x": 1}), post(app, {"x": 0}), post(app, {"x": 1}))
    assert [status for status, _ in asyncio.run(ask())] == [200, 422, 200, 422]
