"""POST /predict: one row, or a list of rows, as JSON objects."""

import msgspec

from notemill.serve import bodies
from notemill.serve.problems import Problem
from notemill.serve.request import Answer, Request
from notemill.serve.scoring import Scores

encode = msgspec.json.Encoder().encode
CHOICES = ("stop", "aside")


def routes(app, route) -> dict:
    door = Predict(app)
    return {("POST", "/predict"): route(door.handle, "predict")}


class Predict:
    """The service's own way of asking."""

    def __init__(self, app):
        self.scorer, self.limits = app.scorer, app.limits
        self.model = {"name": app.loaded.name, "version": app.loaded.version, "digest": app.loaded.digest}
        self.classes = app.loaded.model.classes
        self.labels = [as_key(label) for label in self.classes]

    async def handle(self, request: Request) -> Answer:
        aside = wants_aside(request)
        if not bodies.is_json(request.header(b"content-type")):
            raise Problem("wrong-type", "send JSON, and say so: `Content-Type: application/json`")
        asked = bodies.from_json(await bodies.read(request, self.limits))
        if type(asked) is dict and not aside:
            scores = await self.scorer.score([asked], request)
            return Answer(encode(self.one(scores, request)))
        rows = [asked] if type(asked) is dict else asked
        if type(rows) is not list:
            raise Problem("bad-request", "the body is neither a row {column: value} nor a list of rows")
        return Answer(encode(self.several(await self.scorer.score(rows, request, aside), request)))

    def one(self, scores: Scores, request: Request) -> dict:
        """The answer to one row: one prediction."""
        said = {"prediction": scores.predictions[0], "warnings": warned(scores.warnings[0]), "request": request.id,
                "model": self.model}
        if scores.probabilities:
            said["probabilities"] = dict(zip(self.labels, scores.probabilities[0], strict=True))
        return said

    def several(self, scores: Scores, request: Request) -> dict:
        """The answer to a list: as many predictions, null for what was set aside."""
        said = {"predictions": scores.predictions, "warnings": [warned(one) for one in scores.warnings],
                "aside": scores.faults, "request": request.id, "model": self.model}
        if scores.probabilities is not None:
            said |= {"classes": self.classes, "probabilities": scores.probabilities}
        return said


def wants_aside(request: Request) -> bool:
    asked = request.query(("on_error",)).get("on_error", CHOICES[0])
    if asked not in CHOICES:
        raise Problem("bad-request", f"on_error is '{asked[:60]}'; allowed: {', '.join(CHOICES)}")
    return asked == CHOICES[1]


def warned(warnings: list) -> list[dict]:
    return [{"column": one.column, "check": one.check, "got": one.got, "words": one.words} for one in warnings]


def as_key(label: object) -> str:
    """A class as the name of a field."""
    return str(label).lower() if isinstance(label, bool) else str(label)
