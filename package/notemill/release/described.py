"""What a version's card is made from: the run's record, the tables' sizes, the contract, and people's words."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

import notemill
from notemill import card, contract, wheel
from notemill.errors import UsageError
from notemill.project import Project
from notemill.registry import Records, has_run

HUMAN = "model_card.md"
TABLE = (".parquet",)
FROM_TRAINING = ("environment", "machine", "contract", "git", "pipeline", "package", "reason")
COST = ("seconds", "cpu_seconds", "peak_mb")


def today() -> date:
    return datetime.now(UTC).date()


def human_text(project: Project) -> str:
    """model_card.md of the project; "" where there is none. Raises UsageError where it is no text."""
    path = project.root / HUMAN
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (UnicodeDecodeError, IsADirectoryError):
        raise UsageError(HUMAN, "is no text in UTF-8") from None
    card.check_readable(text, HUMAN)
    return text


def demand_words(project: Project, risk: str | None = None) -> None:
    """Raise UsageError where people have not said what the project's risk, or this one, demands."""
    card.demand(card.read_human(human_text(project)), risk or project.pipeline.risk or "low", today())


def warning_of(project: Project, manifest: Mapping, records: Records) -> str | None:
    """What the version's card does not say, in one line."""
    if "human.md" not in manifest["files"]:  # an earlier notemill's
        return None
    kept = records.read(manifest["files"]["human.md"]).decode()
    said = [card.warning(card.read_human(kept), today())]
    if kept != human_text(project):
        said.append(f"the card of version {manifest['version']} stays as it was, before model_card.md changed")
    return "; ".join(filter(None, said)) or None


def card_files(project: Project, record: Mapping, records: Records, manifest: Mapping,
               verdict: Mapping) -> dict[str, bytes]:
    """{name: content}: card.json, human.md, and what is rendered from these two alone."""
    facts, human = facts_of(project, record, records, manifest, verdict), human_text(project)
    card.demand(card.read_human(human), facts["risk"], today())  # it may have been changed since the gate began
    text = json.dumps(facts, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return {"card.json": f"{text}\n".encode(), "human.md": human.encode(),
            "card.md": card.render(facts, human).encode(), "card.html": card.render_page(facts, human).encode()}


def facts_of(project: Project, record: Mapping, records: Records, manifest: Mapping, verdict: Mapping) -> dict:
    """What card.json holds."""
    schema = json.loads(records.read(manifest["files"]["schema.json"]))
    told = wheel.without_machine(with_costs(project, record, manifest))
    facts = card.collect(manifest, verdict, schema, told, tables=sizes(project, record),
                         contract=contract_of(project, told.get("contract")))
    return json.loads(json.dumps(facts, sort_keys=True, ensure_ascii=False, allow_nan=False)
                      .encode("utf-8", "replace"))


def facts_again(project: Project, records: Records, manifest: Mapping, verdict: Mapping) -> dict | None:
    """The same of a registered version; None where the run's record is no longer here."""
    record = project.record(verdict.get("run") or manifest["run"])
    if record is None or project.origin(manifest["run"]) is None:
        return None
    return facts_of(project, record, records, manifest, verdict)


def with_costs(project: Project, record: Mapping, manifest: Mapping) -> dict:
    """The record, each step with what it cost when it ran, and the environment that the model was trained in."""
    origin = project.origin(manifest["run"]) or record
    return {**record, **{name: origin.get(name) for name in FROM_TRAINING},
            "steps": [{**step, **cost_of(project, record, step)} for step in record["steps"]]}


def cost_of(project: Project, record: Mapping, step: Mapping) -> dict:
    """A step that was reused cost what it cost in the run that made it."""
    run = step.get("origin_run")
    origin = record if run in (None, record["run"]) else project.origin(run) or {"steps": []}
    found = next((one for one in origin["steps"] if one["step"] == step["step"]), {})
    return {name: found.get(name) for name in COST}


def sizes(project: Project, record: Mapping) -> dict[str, dict]:
    """digest -> rows and columns of the record's Parquet tables, where the store still has them."""
    import pyarrow.parquet

    found = {}
    for facts in (facts for step in record["steps"] for facts in step["outputs"].values()):
        if str(facts.get("file")).endswith(TABLE) and project.store.obtain(facts["sha256"]):
            about = pyarrow.parquet.read_metadata(project.store.path(facts["sha256"]))
            found[facts["sha256"]] = {"rows": about.num_rows, "columns": about.num_columns}
    return found


def contract_of(project: Project, kept: Mapping | None) -> dict | None:
    """The contract that the run's source was held against, in words; None where none is recorded."""
    if not kept or not project.store.obtain(kept["sha256"]):
        return None
    rules = list(card.rules(contract.load(project.store.path(kept["sha256"]), kept["file"])))
    return {**kept, "rules": rules}


def described_as(records: Records, client, manifest: Mapping, version) -> str | None:
    """The description that a version in MLflow should have; None where it is another notemill's, which words it
    otherwise, or not to be had."""
    if "human.md" not in manifest["files"] or manifest.get("notemill") != notemill.__version__:
        return None
    if not all(records.has(manifest["files"][name]) for name in ("card.json", "human.md")):
        return None
    if not version.run_id or not has_run(client, version.run_id):
        return None
    return summary_of(manifest, records, link_in_mlflow(client, version.run_id, version.source.rpartition("/")[2]))


def link_in_mlflow(client, run: str, place: str) -> str:
    """Where MLflow's own pages show the card, from any of them: they know the server's address."""
    return f"#/experiments/{client.get_run(run).info.experiment_id}/runs/{run}/artifacts/{place}/card.html"


def summary_of(manifest: Mapping, records: Records, link: str | None) -> str:
    """The version's description in MLflow."""
    facts, human = (records.read(manifest["files"][name]) for name in ("card.json", "human.md"))
    return card.summary(json.loads(facts), human.decode(), link)
