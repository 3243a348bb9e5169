"""Open Inference Protocol v2 over REST: each column is an input tensor, `prediction` and `probabilities` are outputs.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from itertools import chain
from typing import Any

import msgspec

from notemill.serve import bodies, tensors
from notemill.serve.problems import Problem
from notemill.serve.request import Answer, Request
from notemill.serve.scoring import Scores

encode = msgspec.json.Encoder().encode
OUTPUTS = ("prediction", "probabilities")
SHOWN = 5  # faults in `error`
HEADER = b"inference-header-content-length"


def routes(app, route) -> dict:
    door = V2(app)
    found = {("GET", "/v2"): route(door.server), ("GET", "/v2/health/live"): route(door.live, open=True),
             ("GET", "/v2/health/ready"): route(door.live_and_ready, open=True),
             ("GET", "/healthz"): route(door.live_and_ready, open=True)}
    model = f"/v2/models/{door.name}"
    for base in dict.fromkeys((model, f"{model}/versions/{door.number}", f"{model}/versions/{door.version}")):
        found |= {("GET", base): route(door.metadata), ("GET", f"{base}/ready"): route(door.live_and_ready),
                  ("POST", f"{base}/infer"): route(door.infer, "v2")}
    return found


class V2:
    """The protocol's addresses for one model."""

    def __init__(self, app):
        loaded = app.loaded
        self.scorer, self.limits, self.ready = app.scorer, app.limits, app.ready
        self.name, self.number, self.version, self.digest = loaded.name, loaded.number, loaded.version, loaded.digest
        self.columns = [column["name"] for column in loaded.columns]
        self.inputs = [{"name": column["name"], "shape": [-1], "datatype": tensors.of_column(column)}
                       for column in loaded.columns]
        self.classes = loaded.model.classes
        self.kind = tensors.datatype(self.classes) if self.classes else "FP64"
        self.with_probabilities = bool(loaded.golden.get("probabilities"))

    async def live(self, request: Request) -> Answer:
        return Answer(encode({"live": True}))

    async def live_and_ready(self, request: Request) -> Answer:
        if not self.ready():
            raise Problem("not-ready", "it ends")
        return Answer(encode({"ready": True}))

    async def server(self, request: Request) -> Answer:
        return Answer(encode({"name": "notemill", "version": self.version, "extensions": ["binary_tensor_data"]}))

    async def metadata(self, request: Request) -> Answer:
        outputs = [{"name": "prediction", "shape": [-1], "datatype": self.kind}]
        if self.with_probabilities:
            outputs.append({"name": "probabilities", "shape": [-1, len(self.classes)], "datatype": "FP64"})
        return Answer(encode({"name": self.name, "versions": [self.number], "platform": "notemill",
                              "inputs": self.inputs, "outputs": outputs}))

    async def infer(self, request: Request) -> Answer:
        body = await bodies.read(request, self.limits)
        text, binary = tensors.split(body, request.header(HEADER))
        asked = bodies.from_lenient_json(text)
        if type(asked) is not dict or type(asked.get("inputs")) is not list:
            raise Problem("bad-request", "the body is an object with `inputs`, a list of tensors")
        wanted = wanted_outputs(asked, [one for one in OUTPUTS if one == "prediction" or self.with_probabilities])
        scores = await self.scorer.score(self.rows(asked["inputs"], memoryview(binary)), request)
        return self.said(asked, wanted, scores, request)

    def rows(self, inputs: list, binary: memoryview) -> list[dict]:
        """A dict for each row, of a tensor for each column, or of one with all columns in the schema's order."""
        found, count = {}, None
        for tensor in inputs:
            name, shape, values, used = tensors.read(tensor, binary)
            binary = binary[used:]
            if len(shape) == 2 and shape[1] != 1:
                return self.from_table(shape, values, inputs)
            if name in found or (count is not None and shape[0] != count):
                raise tensors.wrong(name, "stands there twice" if name in found else "has another number of rows")
            found[name], count = values, shape[0]
        return [dict(zip(found, cells, strict=True)) for cells in zip(*found.values(), strict=True)]

    def from_table(self, shape: list[int], values: list, inputs: list) -> list[dict]:
        width = len(self.columns)
        if len(inputs) != 1 or shape[1] != width:
            raise Problem("bad-request", f"send a tensor for each column, or one of shape [rows, {width}]")
        return [dict(zip(self.columns, values[place:place + width], strict=True))
                for place in range(0, len(values), width)]

    def said(self, asked: dict, wanted: dict[str, bool], scores: Scores, request: Request) -> Answer:
        """The answer, its tensors in JSON, or behind it for a client that asked so."""
        outputs, tail = [], []
        for name, in_binary in wanted.items():
            tensor, values = self.tensor(name, scores)
            if in_binary:
                tail.append(tensors.to_binary(tensor["datatype"], values))
                tensor["parameters"] = {"binary_data_size": len(tail[-1])}
            else:
                tensor["data"] = values
            outputs.append(tensor)
        told = {"model_name": self.name, "model_version": self.number, "outputs": outputs,
                "parameters": {"digest": self.digest, "request": request.id, "warnings": warned(scores)}}
        head = encode({"id": asked["id"], **told} if type(asked.get("id")) is str else told)
        if not tail:
            return Answer(head)
        return Answer(b"".join((head, *tail)), content_type=b"application/octet-stream",
                      headers=((HEADER, b"%d" % len(head)),))

    def tensor(self, name: str, scores: Scores) -> tuple[dict, list]:
        if name == "prediction":
            return {"name": name, "shape": [len(scores.predictions)], "datatype": self.kind}, scores.predictions
        values = list(chain.from_iterable(scores.probabilities))
        return {"name": name, "shape": [len(scores.probabilities), len(self.classes)], "datatype": "FP64"}, values


def wanted_outputs(asked: dict, there: list[str]) -> dict[str, bool]:
    """{output: whether in binary}. Raises Problem."""
    binary = flag(asked.get("parameters"), "binary_data_output", False)
    if not asked.get("outputs"):
        return dict.fromkeys(there, binary)
    found = {}
    for output in asked["outputs"] if type(asked["outputs"]) is list else [None]:
        name = output.get("name") if type(output) is dict else None
        if name not in there:
            raise Problem("bad-request", f"an output is one of {', '.join(there)}")
        found[name] = flag(output.get("parameters"), "binary_data", binary)
    return found


def flag(params: Any, name: str, otherwise: bool) -> bool:
    return params.get(name, otherwise) is True if type(params) is dict else otherwise


def warned(scores: Scores) -> str:
    """All warnings as one text: parameters are plain values."""
    return "; ".join(f"row {number}: {warning.words}" for number, warnings in enumerate(scores.warnings)
                     for warning in warnings)


def in_words(problem: Problem) -> str:
    """What a client shows."""
    faults = problem.more.get("faults", ())
    first = [f"row {fault['row']}, column '{fault['column']}': {fault['got']} {fault['rule']}".replace("row None, ", "")
             for fault in faults[:SHOWN]]
    more = [f"and {len(faults) - SHOWN:,} more"] if len(faults) > SHOWN else []
    return "; ".join([problem.detail, *first, *more])
