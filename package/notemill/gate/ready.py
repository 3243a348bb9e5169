"""What is judged: the gate section, and the recorded files that it names, from the store."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from notemill.errors import UsageError, did_you_mean
from notemill.gate import verdict
from notemill.gate.held_out import inputs_of, may_be_table, upstream
from notemill.gate.type_names import check_types
from notemill.pipeline import FILE
from notemill.project import Project

READABLE = (".csv", ".parquet")


def ready(project: Project, record: Mapping) -> tuple[Mapping, dict]:
    """(the gate section, the files that it names). Raises UsageError where there is nothing to judge."""
    config = configured(project)
    return config, named_files(project, record, config)


def configured(project: Project) -> Mapping:
    """The gate section. Raises UsageError."""
    pipeline = project.pipeline
    if not pipeline.gate:
        raise UsageError(FILE, "has no gate section: there is nothing to judge by",
                         hint="as gate: {model: train.model, data: prepare.test, schema: prepare.schema}")
    if "schema" not in pipeline.gate:
        raise UsageError(pipeline.where("gate"), "the key 'schema' is missing",
                         "it says what the target and the columns are", "as schema: prepare.schema")
    check_warn(pipeline.gate, pipeline.where("gate", "warn"))
    check_types(pipeline.gate.get("types", ()), pipeline.where("gate", "types"))
    return pipeline.gate


def check_warn(gate: Mapping, place: str) -> None:
    """Raise UsageError where a check may not be made a warning, or is none."""
    allowed = [name for name in verdict.names_for(gate) if name not in verdict.FIRM]
    for name in gate.get("warn", ()):
        if name in verdict.FIRM:
            raise UsageError(place, f"'{name}' cannot be made a warning: without it no figure means anything",
                             f"those that can: {', '.join(allowed)}", f"take '{name}' out of warn")
        if name not in allowed:
            raise UsageError(place, f"unknown check '{name}'", f"the checks that can be made warnings are: "
                             f"{', '.join(allowed)}", did_you_mean(name, allowed))


def named_files(project: Project, record: Mapping, config: Mapping) -> dict:
    """{"model", "data", "schema", "metrics", "train": [...]} as {"name", "file", "path", "sha256"}; from the store."""
    if record.get("status") != "done":
        raise UsageError(f"run '{record.get('run')}'", f"is '{record.get('status')}'",
                         "only a run that is done is judged", "notemill run")
    steps = {step["step"]: step for step in record["steps"]}
    files: dict = {key: output_file(project, steps, config[key])
                   for key in ("model", "data", "schema", "metrics", "predictions") if key in config}
    if history := config.get("training", {}).get("history"):
        files["history"] = output_file(project, steps, history)
    names = [config["train"]] if "train" in config else list(tables_for(steps, config["model"].partition(".")[0]))
    files["train"] = [output_file(project, steps, name) for name in names]
    check_learnt(project, record, config, files["train"])
    files["others"] = list(other_tables(project, steps[config["model"].partition(".")[0]], files["train"]))
    executed = steps[config["model"].partition(".")[0]]["executed"]  # it holds the exported cells
    files["notebook"] = kept(project, "the executed notebook", {"file": "", **executed})
    return files


def check_learnt(project: Project, record: Mapping, config: Mapping, train: Sequence[Mapping]) -> None:
    """Raise UsageError where `train` names rows that never reached the model's step: nothing follows from these."""
    goal, steps = config["model"].partition(".")[0], record["steps"]
    if "train" not in config or not any(tables_for({step["step"]: step for step in steps}, goal)):
        return  # of a step that takes no table it is not known what it learnt from
    taken = {one.sha256 for one in upstream(steps, goal, set())}
    held_out = {one.get("sha256") for step in steps for name, one in (step.get("outputs") or {}).items()
                if f"{step['step']}.{name}" == config["data"]}  # refused in its own words
    if train[0]["sha256"] not in taken | held_out:
        raise UsageError(project.pipeline.where("gate", "train"), f"'{config['train']}' is nothing that step '{goal}' "
                         "has learnt from", hint="name the table that it took, or one that this was made of")


def output_file(project: Project, steps: Mapping, name: str) -> dict:
    """A recorded output ("step.name") as a file of the store. Raises UsageError."""
    step, _, output = name.partition(".")
    facts = steps.get(step, {}).get("outputs", {}).get(output)
    if not facts:
        raise UsageError(f"'{name}'", "is not among the run's outputs", hint="notemill run, for all steps")
    return kept(project, f"'{name}'", facts) | {"name": name}


def kept(project: Project, what: str, facts: Mapping) -> dict:
    """Recorded content as a file of the store. Raises UsageError where it is gone."""
    try:
        path = project.store.path(facts["sha256"])
    except KeyError:
        raise UsageError(what, f"its content {facts['sha256'][:12]} is no longer in the store",
                         hint="notemill run") from None
    return {"name": what, "file": facts["file"], "path": str(path), "sha256": facts["sha256"]}


def tables_for(steps: Mapping, model_step: str) -> Iterator[str]:
    """Outputs of other steps that the model's step took and that may be tables."""
    for facts in steps.get(model_step, {}).get("inputs", {}).values():
        step, _, output = str(facts.get("from")).partition(".")
        file = steps.get(step, {}).get("outputs", {}).get(output, {}).get("file", "")
        if file and may_be_table(file):
            yield facts["from"]


def other_tables(project: Project, facts: Mapping, train: Sequence[Mapping]) -> Iterator[dict]:
    """What else the model's step took that may be a table, from outside as well, as files of the store; with `why`
    where it cannot be looked into."""
    for name, sha256, file in inputs_of(facts):
        file, named = file or name, f"'{name}'"
        if not sha256 or not may_be_table(file) or any(sha256 == one["sha256"] for one in train):
            continue
        if Path(file).suffix.lower() not in READABLE:
            yield {"name": named, "why": f"only {' and '.join(READABLE)} files are read"}
        elif not project.store.obtain(sha256):
            yield {"name": named, "why": "its content is no longer in the store"}
        else:
            yield kept(project, named, {"sha256": sha256, "file": file})
