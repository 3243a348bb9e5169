"""Pipeline + Store -> Plan: which steps will run, which are reused, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from notemill import sources
from notemill.errors import UsageError, did_you_mean
from notemill.files import sha256_text
from notemill.fingerprint import changes, components, digest_of, fingerprint
from notemill.modules import Importer, Imports
from notemill.notebook import Notebook
from notemill.parameters import defaults, misfit
from notemill.pipeline import FILE, Output, Step, not_finite
from notemill.project import Project, missing_content
from notemill.schemas.check import show

SHARED = "from the shared store"
DAMAGED = "its content in the shared store is damaged or gone"
UNFINISHED = {"failed": "it failed the last time", "running": "it did not finish the last time"}


@dataclass(frozen=True)
class Options:
    """What was asked for: steps (none: all), parameters by step, steps to run anyway, and how.

    `command` is the word that asked, `places` are the places of parameters that a file gives (as ("train", "depth")):
    errors name them. `keep_warm`: the process that kernels are forked from may have been there before, and stays.
    """

    steps: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    force: frozenset[str] = frozenset()
    jobs: int | None = None
    offline: bool = False
    keep_warm: bool = False
    command: str = ""
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def where(self, *words: str) -> str:
        """A word of the command line as an error names it: as `plan train`."""
        return " ".join(filter(None, [self.command or "the command line:", *words]))

    def place(self, step: str, name: str) -> str:
        """Where a parameter was given."""
        return self.places.get((step, name)) or f"-p {step}.{name}"


@dataclass(frozen=True)
class Ready:
    """A step that was checked: its notebook, the parameters that are set, and its outside data."""

    step: Step
    notebook: Notebook
    imports: Imports
    params: Mapping[str, object]
    fetched: Mapping[str, "sources.Fetched"]

    @property
    def effective(self) -> dict[str, object]:
        """All parameters' values, with those that the notebook's own defaults give them."""
        paths = {*self.step.inputs, *self.step.outputs}
        known = {name: value for name, value in defaults(self.notebook.parameters).items() if name not in paths}
        return {**known, **self.params}


@dataclass(frozen=True)
class PlannedStep:
    """What will be done with a step and why. `components` and `fingerprint` are None while an input is unknown."""

    step: str
    action: str
    reasons: tuple[str, ...] = ()
    inputs: Mapping[str, dict] = field(default_factory=dict)
    components: Mapping[str, object] | None = None
    fingerprint: str | None = None
    result: Mapping[str, object] | None = None
    warnings: tuple[str, ...] = ()
    shared: bool = False  # the result is the shared store's; not all of its content need be here


@dataclass(frozen=True)
class Plan:
    """The steps in running order."""

    steps: tuple[PlannedStep, ...]

    def as_json(self) -> dict:
        """The shape of `notemill plan --json`."""
        return {"run": None, "error": None, "steps": [
            {"step": s.step, "action": s.action, "reasons": list(s.reasons), "report": report_of(s.step),
             "warnings": list(s.warnings)} for s in self.steps]}


def report_of(step: str) -> str:
    """Where a step's report stands, in the project."""
    return f"reports/{step}.html"


def make_plan(project: Project, ready: Mapping[str, Ready], options: Options) -> Plan:
    """Plan all steps of `ready`, in order. Runs nothing."""
    known: dict[str, dict] = {}
    planned = []
    for step in ready.values():
        one = plan_step(project, step, known, options)
        planned.append(one)
        if one.result:
            known.update(outputs_of(step.step.name, one.result))
    return Plan(tuple(planned))


def outputs_of(step: str, result: Mapping) -> dict[str, dict]:
    """A result's outputs by the name that other steps use."""
    return {f"{step}.{name}": output for name, output in result["outputs"].items()} | {
        f"{step}.": {"sha256": sha256_text(result["origin_run"])}}  # for those that must follow it


def plan_step(project: Project, ready: Ready, known: Mapping[str, dict], options: Options) -> PlannedStep:
    """Reuse or run one step, given the outputs that are `known` so far."""
    step = ready.step
    inputs = resolve_inputs(ready, known)
    after = {name: known.get(f"{name}.", {}).get("sha256") for name in step.after}
    waiting = {name: f"if {facts['from']} changes" for name, facts in inputs.items()
               if facts.get("sha256") is None and "files" not in facts}
    waiting |= {name: f"if {name} runs again" for name, digest in after.items() if digest is None}
    parts = components(step, ready.notebook, ready.imports, ready.effective, digests(inputs), project.environ, after)
    notes = tuple(filter(None, [ready.imports.interpreter.note]))
    if waiting:
        reasons = [*why_now(project, ready, parts, set(waiting)), *waiting.values()]
        return PlannedStep(step.name, "run", tuple(reasons), inputs, warnings=notes)
    key = fingerprint(parts)
    if step.name in options.force:
        return PlannedStep(step.name, "run", ("forced",), inputs, parts, key, warnings=notes)
    result = project.result(key)
    if result:
        return PlannedStep(step.name, "reuse", (), inputs, parts, key, result, (*notes, *result["warnings"]))
    if result := shared_result(project, key, step, options):
        notes = (*notes, *result["warnings"])
        return PlannedStep(step.name, "reuse", (SHARED,), inputs, parts, key, result, notes, shared=True)
    reasons = [*why_not_shared(project, key), *(why_now(project, ready, parts) or why_again(project, key))]
    return PlannedStep(step.name, "run", tuple(reasons), inputs, parts, key, warnings=notes)


def shared_result(project: Project, key: str, step: Step, options: Options) -> dict | None:
    """What the shared store says; offline, no network is asked."""
    if project.remote is None or (options.offline and project.remote.far):
        return None
    return project.shared_result(key, step)


def why_not_shared(project: Project, key: str) -> list[str]:
    """Why a result that the shared store names is of no use."""
    return [DAMAGED] if project.remote and key in project.remote.rejected else []


def why_now(project: Project, ready: Ready, parts: Mapping, waiting: set[str] = frozenset()) -> list[str]:
    """What changed since the step last ended well, and how its last try ended where that was not well."""
    latest = project.latest(ready.step.name)
    old = latest.get("done") or latest
    why = changes(old.get("components"), parts, step=ready.step, imports=ready.imports, skip=waiting,
                  numbers=[cell.number for cell in ready.notebook.cells], old_numbers=old.get("cell_numbers", []),
                  texts=(old.get("cell_texts"), [cell.digest for cell in ready.notebook.cells]))
    return [*why, *([UNFINISHED[latest["status"]]] if latest.get("status") in UNFINISHED else [])]


def why_again(project: Project, key: str) -> list[str]:
    """Why a step runs though nothing changed since it last ended well."""
    if lost := project.noted_result(key):
        return [f"{name} is damaged or gone from the store" for name in missing_content(project.store, lost)]
    return ["its result is not in the store"]


def resolve_inputs(ready: Ready, known: Mapping[str, dict]) -> dict[str, dict]:
    """Each input as it stands in a run's record; without a digest where its step has yet to run."""
    inputs = {}
    for name, source in ready.step.inputs.items():
        if isinstance(source, Output):
            output = known.get(str(source), {})
            inputs[name] = {"from": str(source), "file": output.get("file"), "sha256": output.get("sha256"),
                            "bytes": output.get("bytes")}
        else:
            inputs[name] = {"from": str(source), **ready.fetched[name].as_record()}
    return inputs


def digests(inputs: Mapping[str, dict]) -> dict[str, object]:
    """What counts of the inputs: their content, and for lists of files their names."""
    return {name: [[file["name"], file["sha256"]] for file in facts["files"]] if "files" in facts else facts["sha256"]
            for name, facts in inputs.items()}


def get_ready(project: Project, options: Options) -> dict[str, Ready]:
    """Check every step against its notebook, and fetch outside data. Raises UsageError before anything runs."""
    pipeline = project.pipeline
    for name in options.steps:
        pipeline.step(name, options.where(name))
    notebooks = {step.name: project.notebook(step) for step in pipeline.steps.values()}
    _check_shared_params(project, notebooks)
    _check_given_params(project, notebooks, options)
    params = {step.name: step_params(project, step, notebooks[step.name], options) for step in pipeline.steps.values()}
    for step in pipeline.steps.values():
        check_parameters(project, step, notebooks[step.name], params[step.name])
    ready = {}
    for name in pipeline.needed(options.steps):
        step = pipeline.steps[name]
        imports = project.importer.follow(notebooks[name].imports, step.notebook, step.kernel,
                                          pipeline.where("steps", name, "kernel"))
        ready[name] = Ready(step, notebooks[name], imports, params[name], _fetch(project, step, options))
    return ready


def changed_since(project: Project, ready: Ready) -> list[str]:
    """The files of the step's code that changed since it was planned: what it gave is not what that code gives."""
    name = project.name_of(ready.step.notebook)
    notebook = project.notebook(ready.step)
    imports = Importer(project.root, project.memory, project.environ).follow(
        notebook.imports, ready.step.notebook, ready.step.kernel)
    old, new = (code_facts(one) for one in (ready, replace(ready, notebook=notebook)))
    modules = {path for path, _ in ready.imports.modules.items() ^ imports.modules.items()}
    return [*([name] if old != new else []), *sorted(modules)]


def code_facts(ready: Ready) -> list:
    """What counts of a notebook: its code, and the defaults of parameters that nobody sets."""
    values = ready.effective
    return [values, [digest_of(cell, {*values, *ready.step.inputs, *ready.step.outputs})
                     for cell in ready.notebook.cells]]


def _fetch(project: Project, step: Step, options: Options) -> dict[str, "sources.Fetched"]:
    return {name: sources.fetch(source, project.store, project=project.root, environ=project.environ,
                                offline=options.offline, memory=project.folder / "memory" / "sources")
            for name, source in step.inputs.items() if not isinstance(source, Output)}


def step_params(project: Project, step: Step, notebook: Notebook, options: Options) -> dict[str, object]:
    """The project's parameters that the notebook declares, the step's own, and those given on the command line."""
    shared = {name: value for name, value in project.pipeline.params.items() if name in notebook.parameters}
    return {**shared, **step.params, **options.params.get(step.name, {})}


def check_parameters(project: Project, step: Step, notebook: Notebook, params: Mapping[str, object]) -> None:
    """Every name is declared by the notebook, and every value fits its type. Other languages are not judged."""
    if notebook.language != "python":
        return
    given = [("params", params), ("inputs", {name: _stand_in(source) for name, source in step.inputs.items()}),
             ("outputs", {name: "path" for name in step.outputs})]
    for kind, values in given:
        for name, value in values.items():
            place = _place(project, step, kind, name)
            parameter = notebook.parameters.get(name)
            if parameter is None:
                raise _undeclared(project, step, notebook, name, kind, place)
            if wrong := misfit(parameter, value):
                path = "list of paths, which a pattern gives" if value == [] else "path"
                raise UsageError(place, f"got {show(value)}" if kind == "params" else f"its parameter takes no {path}",
                                 *wrong)


def _place(project: Project, step: Step, kind: str, name: str) -> str:
    """Where a step's parameter was set: at the step, or for all that declare it."""
    if kind == "params" and name not in step.params and name in project.pipeline.params:
        return f"{project.pipeline.where('params', name)} for step '{step.name}'"
    return project.pipeline.where("steps", step.name, kind, name)


def _stand_in(source) -> object:
    return [] if isinstance(source, sources.GlobSource) else "path"


def _undeclared(project: Project, step: Step, notebook: Notebook, name: str, kind: str, place: str) -> UsageError:
    file = project.name_of(step.notebook)
    if not notebook.has_parameters_cell:
        return UsageError(place, f"{file} has no cell tagged `parameters`", hint="in Jupyter: select the cell with the "
                          "defaults, open the property inspector, add the tag `parameters`")
    return UsageError(place, f"unknown {kind.removesuffix('s').replace('param', 'parameter')} '{name}'",
                      f"{file} declares: {', '.join(notebook.parameters) or 'none'}",
                      did_you_mean(name, notebook.parameters))


def _check_shared_params(project: Project, notebooks: Mapping[str, Notebook]) -> None:
    declared = {name for notebook in notebooks.values() for name in notebook.parameters}
    readable = all(notebook.language == "python" for notebook in notebooks.values())
    for name in project.pipeline.params:
        if readable and name not in declared:
            raise UsageError(project.pipeline.where("params", name), f"no step declares the parameter '{name}'",
                             f"the notebooks declare: {', '.join(sorted(declared)) or 'none'}",
                             did_you_mean(name, declared))


def _check_given_params(project: Project, notebooks: Mapping[str, Notebook], options: Options) -> None:
    asked = project.pipeline.needed(options.steps)
    for step, params in options.params.items():
        place = options.places.get((step,)) or next((options.place(step, name) for name in params), f"-p {step}")
        project.pipeline.step(step, place)
        for name, value in params.items():
            _check_given(project, project.pipeline.steps[step], notebooks[step], name, value, options.place(step, name))
        if step not in asked and any((step, name) not in options.places for name in params):  # a file may hold more
            raise _not_asked(f"-p {step}.{next(iter(params))}", step, asked, options)
    for step in sorted(options.force - set(asked)):
        raise _not_asked(f"--force={step}", step, asked, options)


def _not_asked(place: str, step: str, asked: tuple[str, ...], options: Options) -> UsageError:
    words = " ".join(filter(None, ["notemill", options.command, *options.steps, step]))
    return UsageError(place, f"'{step}' is not among the steps asked for", f"they are: {', '.join(asked)}", words)


def _check_given(project: Project, step: Step, notebook: Notebook, name: str, value: object, place: str) -> None:
    if name in {*step.inputs, *step.outputs}:
        raise UsageError(place, f"'{name}' is an input or output of the step", "its path comes from notemill",
                         f"change it in {FILE}")
    if any(True for _ in not_finite(value, ())):
        raise UsageError(place, "is infinite or no number", "a number must be finite")
    if notebook.language == "python":
        parameter = notebook.parameters.get(name)
        if parameter is None:
            raise _undeclared(project, step, notebook, name, "params", place)
        if wrong := misfit(parameter, value):
            raise UsageError(place, f"got {show(value)}", *wrong)
