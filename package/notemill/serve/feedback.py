"""POST /feedback: what became true of a logged row, or that its prediction is wrong, by the request's id."""

import asyncio
import time
from typing import Any

import msgspec

from notemill.serve import bodies
from notemill.serve.problems import Problem
from notemill.serve.request import Answer, Request

encode = msgspec.json.Encoder().encode
FIELDS = ("request", "row", "label", "wrong", "why")
LONGEST = 500  # characters of a reason


def routes(app, route) -> dict:
    return {("POST", "/feedback"): route(Feedback(app).handle, "feedback")}


class Feedback:
    """Marks on what the prediction log has."""

    def __init__(self, app):
        self.log, self.limits, self.classes = app.log, app.limits, app.loaded.model.classes

    async def handle(self, request: Request) -> Answer:
        if not bodies.is_json(request.header(b"content-type")):
            raise Problem("wrong-type", "send JSON, and say so: `Content-Type: application/json`")
        given = bodies.from_json(await bodies.read(request, self.limits))
        marks = [self.read(one) for one in (given if type(given) is list else [given])]
        if self.log is None:
            raise Problem("no-log", "start it with --log FOLDER: what was not logged cannot be marked")
        if len(marks) > self.limits.rows:
            raise Problem("too-many-rows", f"{len(marks):,} marks; {self.limits.rows:,} may come at once")
        await asyncio.to_thread(self.write, marks)
        return Answer(encode({"marked": len(marks), "request": request.id}))

    def read(self, given: Any) -> tuple:
        """(request, row, what, value). Raises Problem."""
        if type(given) is not dict or not set(given) <= set(FIELDS) or ("label" in given) == ("wrong" in given):
            raise Problem("bad-request", "a mark is {request, row, label} or {request, row, wrong: true, why}")
        request, row = given.get("request"), given.get("row", 0)
        if type(request) is not str or not 0 < len(request) <= 64:
            raise Problem("bad-request", "`request` is the id that the answer gave")
        if type(row) is not int or not 0 <= row < self.limits.rows:
            raise Problem("bad-request", "`row` is the row's number in its request, from 0")
        if "wrong" in given:
            why = given.get("why", "")
            if given["wrong"] is not True or type(why) is not str or len(why) > LONGEST:
                raise Problem("bad-request", f"`wrong` is true, and `why` a text of at most {LONGEST} characters")
            return request, row, "wrong", why or None
        return request, row, "label", self.label(given["label"])

    def label(self, value: Any) -> Any:
        """A class that the model knows, or a number. Raises Problem."""
        if self.classes:
            if not any(value == known and isinstance(value, bool) == isinstance(known, bool) for known in self.classes):
                raise Problem("bad-label", f"the label is {bodies.cut(value)}", {"allowed": self.classes})
        elif type(value) not in (int, float):
            raise Problem("bad-label", f"the label is {bodies.cut(value)}: not a number")
        return value

    def write(self, marks: list[tuple]) -> None:
        """All are looked for before the first is kept. Raises Problem."""
        from notemill.serve.log import UnknownRequest  # heavy, and there is a log: it is imported

        request, row, kept = "", 0, 0
        try:
            for request, row in dict.fromkeys((request, row) for request, row, _, _ in marks):
                if not self.log.has(request, row):
                    raise UnknownRequest
            for request, row, what, value in marks:
                self.log.mark(request, row, what, value, time.time())
                kept += 1
        except UnknownRequest:
            raise Problem("unknown-request", f"'{request}', row {row}{so_far(kept, len(marks))}") from None
        except (OSError, RuntimeError) as error:
            raise Problem("log-full", f"{str(error)[:200]}{so_far(kept, len(marks))}") from None


def so_far(kept: int, marks: int) -> str:
    """What is to be sent again."""
    if marks == 1:
        return ""
    return f"; the first {kept:,} of {marks:,} marks are kept" if kept else f"; none of the {marks:,} marks is kept"
