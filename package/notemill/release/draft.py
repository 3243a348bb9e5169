"""What a version is made of: the model, its schema, the code and the libraries that it needs."""

import io
import json
import zipfile
from collections.abc import Mapping

import notemill
from notemill import code, wheel
from notemill.errors import NotemillError, UsageError
from notemill.files import canonical_json
from notemill.project import Project
from notemill.registry import Held, content_of
from notemill.run.redaction import redactor_for

LIBRARIES = ("scikit-learn", "pandas", "numpy", "skops")


def draft(project: Project, record: Mapping, held: Held) -> dict:
    """What can be said of the version before it is judged; its content among it. Files are put into `held`.

    The run is one that the gate is ready for (gate.check_ready).
    """
    steps = [project.pipeline.gate[key].partition(".")[0] for key in ("model", "schema")]
    facts = {step["step"]: step for step in record["steps"]}
    trained = facts[steps[0]]
    modules = code.code_of_run(project, record, steps[0])
    check_secrets(project, modules)
    files = files_of(project, facts, modules)
    origin = project.origin(trained["origin_run"]) or record
    manifest = {
        "format": 1, "notemill": notemill.__version__, "name": project.pipeline.name, **origin_of(origin),
        "risk": project.pipeline.risk or "low", **predicts(files["schema.json"]), "steps": steps,
        "python": trained["components"]["python"], "trained_with": libraries(project, origin, trained, modules),
        "files": {name: held.add(data) for name, data in files.items()},
        "code": {module.path: held.add(module.text.encode()) for module in modules}}
    runtime = {name: held.add(text) for name, text in wheel.runtime_files(manifest).items()}
    return {**manifest, "runtime": runtime, "content": content_of(manifest), "requires": wheel.requirements(manifest)}


def files_of(project: Project, facts: Mapping, modules: list[code.Module]) -> dict[str, bytes]:
    """Model, schema, and the types that the model may hold. Raises UsageError where one is not what it should be."""
    settings = project.pipeline.gate
    schema, model = (read_output(project, facts, settings[key]) for key in ("schema", "model"))
    check_schema(project, schema)
    check_model(project, model)
    types = [*settings.get("types", ()), *code.defined_names(modules)]
    return {"model.skops": model, "schema.json": schema, "types.json": canonical_json(sorted(types)).encode()}


def origin_of(origin: Mapping) -> dict:
    """The run that made the model, and the commit that it was made from, with its author."""
    git = origin["git"] or {}
    return {"run": origin["run"], "created": origin["started"], "commit": git.get("commit"),
            "dirty": bool(git.get("dirty")), "author": git.get("author")}


def check_schema(project: Project, content: bytes) -> None:
    """Raise UsageError where the named output is no schema."""
    try:
        described = json.loads(content)
        if isinstance(described["task"], str) and described["target"]["name"] and described["columns"]:
            return
    except (ValueError, LookupError, TypeError):
        pass  # told below
    raise UsageError(project.pipeline.where("gate", "schema"), f"'{project.pipeline.gate['schema']}' is no schema",
                     "a JSON object with task, target and columns, as a new project's prepare.ipynb writes it")


def check_model(project: Project, content: bytes) -> None:
    """Raise UsageError where the named output is no model."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise UsageError(project.pipeline.where("gate", "model"), f"'{project.pipeline.gate['model']}' is no model",
                         "a file that skops.io.dump has written") from None


def predicts(schema: bytes) -> dict:
    """What the model predicts."""
    described = json.loads(schema)
    return {"task": described["task"], "target": described["target"]["name"]}


def check_secrets(project: Project, modules: list[code.Module]) -> None:
    """Raise NotemillError where a module holds the value of a secret: it would go to everybody who gets the package."""
    redact = redactor_for(project).text
    for module in modules:
        if redact(module.text) != module.text:
            raise NotemillError(f"module {module.name}", "holds the value of a secret, and would go into the package",
                                hint="read it from the environment where it is needed")


def read_output(project: Project, facts: Mapping, name: str) -> bytes:
    """An output of the run, by content."""
    step, _, output = name.partition(".")
    return project.store.read_bytes(facts[step]["outputs"][output]["sha256"])


def libraries(project: Project, origin: Mapping, facts: Mapping, modules: list) -> dict[str, str]:
    """The versions, in training, of what the model package will need."""
    installed = json.loads(project.store.read_bytes(origin["environment"]["distributions"]))
    installed |= {name: version for name, version in facts["components"]["distributions"].items() if version}
    names = {*LIBRARIES, *code.libraries_of(project, modules, facts["step"])}
    if missing := sorted(names - installed.keys()):
        raise NotemillError(f"step '{facts['step']}'", f"its model needs {', '.join(missing)}, not installed then",
                            hint="install it, and run again")
    return {name: installed[name] for name in sorted(names)}
