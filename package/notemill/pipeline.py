"""Pipeline and Step: read and check pipeline.yaml, whole, before anything runs."""

import keyword
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from notemill import schemas
from notemill.errors import UsageError, did_you_mean
from notemill.interpreter import DEFAULT_KERNEL
from notemill.limits import Limits
from notemill.schemas.check import check, where
from notemill.sources import Source, parse
from notemill.yaml_places import Places, read_yaml

FILE = "notebooks/pipeline.yaml"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Output:
    """What a step writes, as another step's input or the gate names it: `step.name`."""

    step: str
    name: str

    def __str__(self) -> str:
        return f"{self.step}.{self.name}"


@dataclass(frozen=True)
class Step:
    """One parameterised notebook with declared inputs and outputs."""

    name: str
    notebook: Path
    inputs: Mapping[str, Output | Source] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    kernel: str = DEFAULT_KERNEL
    limits: Limits = Limits()
    env: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps whose outputs it takes, and those that it must follow, each once."""
        givers = (source.step for source in self.inputs.values() if isinstance(source, Output))
        return tuple(dict.fromkeys([*givers, *self.after]))


@dataclass(frozen=True)
class Pipeline:
    """A checked pipeline.yaml. `steps` are in an order in which each follows what it needs."""

    name: str
    root: Path
    steps: Mapping[str, Step]
    params: Mapping[str, object]
    task: str | None = None
    risk: str | None = None
    promote: str | None = None
    records: str | None = None
    store: str | None = None
    contract: Path | None = None
    gate: Mapping[str, object] | None = None
    smoke: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    score: Mapping[str, object] | None = None
    places: Places = field(default_factory=dict, repr=False)

    @property
    def path(self) -> Path:
        return self.root / FILE

    def where(self, *path: object) -> str:
        """The place of a key as an error names it, with its line."""
        return where(FILE, self.places, path)

    def needed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """`names` and all that they need, in running order; all steps where `names` is empty."""
        wanted = set(names or self.steps)
        for name in reversed(self.steps):
            if name in wanted:
                wanted.update(self.steps[name].needs)
        return tuple(name for name in self.steps if name in wanted)

    def step(self, name: str, place: str = "the command line") -> Step:
        """The step of that name, or a UsageError with the nearest one; `place` is where it was named."""
        if name not in self.steps:
            raise UsageError(place, f"unknown step '{name}'", f"the steps are: {', '.join(self.steps)}",
                             did_you_mean(name, self.steps))
        return self.steps[name]


def read_pipeline(root: Path) -> Pipeline:
    """Read `root`/notebooks/pipeline.yaml and check all that can be told without its notebooks' content.

    Raises UsageError with place and line.
    """
    if not (root / FILE).is_file():
        raise UsageError(str(root), "is no Notemill project", f"a project has the file {FILE}",
                         "change to the project's folder, or name it with --project DIR")
    raw, places = read_yaml(root / FILE, FILE)
    check({} if raw is None else raw, schemas.load("pipeline"), places, FILE)
    for path in not_finite(raw, ()):
        raise UsageError(where(FILE, places, path), "is infinite or no number", "a number must be finite")
    pipeline = Pipeline(
        name=raw["name"], root=root, steps=_steps(raw, root, places), params=raw.get("params", {}),
        task=raw.get("task"), risk=raw.get("risk"), gate=raw.get("gate"), smoke=raw.get("smoke", {}), places=places,
        promote=raw.get("promote"), records=raw.get("records"), store=raw.get("store"), score=raw.get("score"),
        contract=_existing(root, raw["contract"], where(FILE, places, ("contract",))) if "contract" in raw else None)
    for problem in (_file_problems, _name_problems, _gate_problems, _registry_problems, _score_problems):
        for error in problem(pipeline):
            raise error
    return pipeline


def not_finite(value: object, path: tuple) -> Iterator[tuple]:
    """Where numbers stand that JSON, and so a fingerprint, cannot hold."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from not_finite(inner, (*path, key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield path


def _steps(raw: dict, root: Path, places: Places) -> dict[str, Step]:
    steps = {name: _step(name, body, raw, root, places) for name, body in raw["steps"].items()}
    for name, step in steps.items():
        for other in step.after:
            if other not in steps:
                raise UsageError(where(FILE, places, ("steps", name, "after")), f"unknown step '{other}'",
                                 f"the steps are: {', '.join(steps)}", did_you_mean(other, steps))
    try:
        order = TopologicalSorter({name: [n for n in step.needs if n in steps] for name, step in steps.items()})
        ranked = list(order.static_order())
    except CycleError as error:
        ring = list(reversed(error.args[1]))
        raise UsageError(where(FILE, places, ("steps", ring[0], "inputs")), "the steps need each other in a ring",
                         " -> ".join(ring), "take out one of these inputs") from None
    return {name: steps[name] for name in ranked}


def _step(name: str, body: dict, raw: dict, root: Path, places: Places) -> Step:
    def place(*path):
        return where(FILE, places, ("steps", name, *path))

    return Step(
        name=name, notebook=_existing(root, body["notebook"], place("notebook")),
        inputs={key: _input(value, key, raw["steps"], root, place("inputs", key))
                for key, value in body.get("inputs", {}).items()},
        params=body.get("params", {}), outputs=body.get("outputs", {}), kernel=body.get("kernel", DEFAULT_KERNEL),
        limits=Limits(**{**raw.get("limits", {}), **body.get("limits", {})}),
        env=tuple(dict.fromkeys([*raw.get("env", ()), *body.get("env", ())])),
        secrets=tuple(dict.fromkeys([*raw.get("secrets", ()), *body.get("secrets", ())])),
        after=tuple(dict.fromkeys(body.get("after", ()))))


def _existing(root: Path, name: str, place: str) -> Path:
    """A file relative to notebooks/, or a UsageError with the nearest that is there."""
    path = root / "notebooks" / name
    if not os.path.isfile(path):  # unlike the Path's own, also false for a name that no file can have
        there = sorted(p.name for p in path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
        raise UsageError(place, f"there is no file notebooks/{name}", f"there are: {', '.join(there) or 'none'}",
                         did_you_mean(path.name, there))
    return path


def _input(value: object, key: str, steps: dict, root: Path, place: str) -> Output | Source:
    """`step.output` where it names one; else outside data, unless it looks like a misspelt output."""
    step, dot, name = value.partition(".") if isinstance(value, str) else ("", "", "")
    outputs = steps[step].get("outputs", {}) if step in steps else {}
    if name in outputs:
        return Output(step, name)
    if not dot or not name.isidentifier() or os.path.exists(root / value):
        return parse(value, place)
    if step in steps:
        raise UsageError(_without_key(place, key), f"unknown input '{value}'",
                         f"'{step}' has the outputs: {', '.join(sorted(outputs)) or 'none'}",
                         _nearest(name, outputs, f"{step}."))
    if NAME.fullmatch(step):
        every = [f"{s}.{o}" for s in steps for o in steps[s].get("outputs", {})]
        if near := did_you_mean(value, every):
            raise UsageError(_without_key(place, key), f"unknown input '{value}'",
                             f"outputs there are: {', '.join(sorted(every))}", near)
    return parse(value, place)


def _without_key(place: str, key: str) -> str:
    return place.removesuffix(f": inputs.{key}")


def _nearest(name: str, names: Mapping, prefix: str) -> str | None:
    return did_you_mean(prefix + name, [prefix + other for other in names])


def _file_problems(pipeline: Pipeline) -> Iterator[UsageError]:
    """Files that would be written twice."""
    for step in pipeline.steps.values():
        if step.name.lower() == "index":
            yield UsageError(pipeline.where("steps", step.name), "the name 'index' is taken",
                             "reports/index.html is the page of the whole run", "rename the step")
        seen: dict[str, str] = {}
        for name, file in step.outputs.items():
            if file.lower() in seen:
                yield UsageError(pipeline.where("steps", step.name, "outputs", name),
                                 f"the file '{file}' is already the output '{seen[file.lower()]}'",
                                 hint="give each output a file of its own")
            seen[file.lower()] = name


def _name_problems(pipeline: Pipeline) -> Iterator[UsageError]:
    """A name that stands for two things, or that Python could not assign."""
    for step in pipeline.steps.values():
        seen: dict[str, str] = {}
        for kind in ("inputs", "outputs", "params"):
            for name in getattr(step, kind):
                place = pipeline.where("steps", step.name, kind, name)
                if name in seen:
                    yield UsageError(place, f"'{name}' stands under {seen[name]} too",
                                     "all of them become parameters of the notebook", "rename one of them")
                if keyword.iskeyword(name):
                    yield UsageError(place, f"'{name}' is a word of Python", "it has to be a variable's name")
                seen[name] = kind
        for name in set(step.env) & set(step.secrets):
            yield UsageError(pipeline.where("steps", step.name), f"'{name}' stands under env and under secrets",
                             "env: is part of what is recorded, secrets: never is", "keep one of the two")


def _gate_problems(pipeline: Pipeline) -> Iterator[UsageError]:
    """References to outputs that are not there, and held-out rows that reach the training step."""
    gate = pipeline.gate or {}
    named = {(key,): gate[key] for key in ("model", "data", "schema", "metrics", "predictions", "train") if key in gate}
    if history := gate.get("training", {}).get("history"):
        named["training", "history"] = history
    for path, output in named.items():
        place = pipeline.where("gate", *path)
        step, _, name = output.partition(".")
        if step not in pipeline.steps:
            yield UsageError(place, f"unknown step '{step}'", f"the steps are: {', '.join(pipeline.steps)}",
                             did_you_mean(step, pipeline.steps))
        elif name not in pipeline.steps[step].outputs:
            outputs = pipeline.steps[step].outputs
            yield UsageError(place, f"unknown output '{output}'",
                             f"'{step}' has the outputs: {', '.join(sorted(outputs)) or 'none'}",
                             _nearest(name, outputs, f"{step}."))
    if gate and reaches(pipeline, gate["data"], gate["model"].partition(".")[0]):
        yield UsageError(pipeline.where("gate", "data"), f"the held-out rows '{gate['data']}' reach the training step",
                         "no path may lead from them to the step that makes the model",
                         "give the training step other rows than those it is judged on")


def _registry_problems(pipeline: Pipeline) -> Iterator[UsageError]:
    """A promotion that nobody would look at, though the risk asks for it."""
    if pipeline.promote == "auto" and pipeline.risk in ("medium", "high"):
        yield UsageError(pipeline.where("promote"), f"'auto' does not go with 'risk: {pipeline.risk}'",
                         "only what has a low risk is promoted without somebody who says so",
                         "take the line out, and promote by hand: notemill promote")


def _score_problems(pipeline: Pipeline) -> Iterator[UsageError]:
    """Results that would be taken for new rows the next time."""
    if pipeline.score:
        source, output = Path(pipeline.score["input"]), Path(os.path.normpath(pipeline.score["output"]))
        fixed = [part for part in source.parts[:-1] if not set("*?[") & set(part)]
        if Path(os.path.normpath(Path(*fixed))).is_relative_to(output):
            yield UsageError(pipeline.where("score", "output"), f"'{pipeline.score['output']}' holds the input, "
                             f"'{pipeline.score['input']}'", "a folder of its own, as scored/",
                             "results beside the rows would be taken for new rows the next time")


def reaches(pipeline: Pipeline, output: str, step: str) -> bool:
    """Whether a path in the graph leads from `output` ("step.name") to `step`."""
    tainted = {output}
    for name, candidate in pipeline.steps.items():
        if any(str(source) in tainted for source in candidate.inputs.values() if isinstance(source, Output)):
            if name == step:
                return True
            tainted.update(f"{name}.{o}" for o in candidate.outputs)
    return False
