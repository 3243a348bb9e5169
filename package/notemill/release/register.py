"""A run's model on its way into the registry: judged, described, sent."""

from collections.abc import Callable, Mapping

from filelock import FileLock

from notemill import gate, lineage, signing, wheel
from notemill.errors import NotemillError
from notemill.place import Denied
from notemill.project import Project
from notemill.registry import Held, Records, align, has_run, note_build, registry, take_up
from notemill.registry import register as register_version
from notemill.registry.moves import nobody
from notemill.release.complete import complete
from notemill.release.described import demand_words, link_in_mlflow, summary_of
from notemill.release.draft import draft
from notemill.release.known import known_of
from notemill.release.trust import sign_version
from notemill.run.redaction import redactor_for

ORIGIN = ("run", "commit", "dirty", "author")


def judge(project: Project, record: Mapping, records: Records, *, rerun: bool = False,
          told: Callable[[str], None] = lambda words: None) -> dict:
    """The gate's verdict on the run's model, with the content that it is about: a draft that is then thrown away.

    Records that may only be read will do: `told` gets what then is not noted.
    """
    gate.check_ready(project, record)
    held = Held()
    manifest = draft(project, record, held)
    verdict = judge_draft(project, record, records, manifest, held, rerun=rerun, told=told)
    try:
        note_attempt(project, record, records, manifest, verdict)
    except Denied:
        told(f"the records in {records.place_.shown()} may only be read: nothing is written there, nor that this model "
             "was judged on these rows")
    return verdict


def judge_draft(project: Project, record: Mapping, records: Records, manifest: Mapping, held: Held, *,
                rerun: bool = False, told: Callable[[str], None] = lambda words: None) -> dict:
    with known_of(project, manifest, held, records, held_out_digest(project, record), told) as known:
        return gate.judge(project, record, known, rerun=rerun)


def note_attempt(project: Project, record: Mapping, records: Records, manifest: Mapping, verdict: Mapping) -> None:
    """One attempt more stands in the records."""
    records.note_attempt(held_out_digest(project, record), manifest["content"],
                         {key: verdict[key] for key in ("run", "verdict", "made", "metric")})


def held_out_digest(project: Project, record: Mapping) -> str:
    step, _, output = project.pipeline.gate["data"].partition(".")
    return next(one for one in record["steps"] if one["step"] == step)["outputs"][output]["sha256"]


def register(project: Project, record: Mapping, records: Records) -> tuple[dict, dict | None, int | None]:
    """(verdict, manifest, number): manifest and number are None where the gate refused.

    What is registered already keeps its number, and all that was said of it then.
    """
    demand_words(project)
    signing.ready(project.environ)
    uri = lineage.tracking_uri(project.root, project.environ)
    lineage.check_reachable(uri)
    (project.folder / "locks").mkdir(parents=True, exist_ok=True)
    with FileLock(project.folder / "locks" / "register"):  # the same content twice at once is one version
        gate.check_ready(project, record)
        held = Held()
        manifest = draft(project, record, held)
        verdict = judge_draft(project, record, records, manifest, held)
        note_attempt(project, record, records, manifest, verdict)
        if verdict["verdict"] != "passed":
            return verdict, None, None
        held.keep(records)
        known = enter(project, record, records, manifest, verdict, uri)
        note_build(records, known["name"], known, project.environ)
    return verdict, known, known["version"]


def enter(project: Project, record: Mapping, records: Records, manifest: dict, verdict: Mapping, uri: str) -> dict:
    """What passed as a version, signed where there is a key: the one that is registered already, or a new one."""
    with registry(uri) as client:
        align(client, manifest["name"], records)
        known = take_up(client, manifest["name"], manifest["content"], records)
    known = known or send(project, record, records, complete(project, record, records, manifest, verdict), uri)
    note_origin(records, known, manifest)
    sign_version(records, known, project.environ)
    return known


def note_origin(records: Records, known: Mapping, draft_of_it: Mapping) -> None:
    """The same content again, made from a commit this time: that commit and its author count from now on."""
    if nobody(known) and not nobody(draft_of_it):
        records.note_made_again(known["content"], {key: draft_of_it[key] for key in ORIGIN})


def send(project: Project, record: Mapping, records: Records, manifest: dict, uri: str) -> dict:
    """Register in MLflow, after the lineage that waits: the version's manifest."""
    run = run_in_mlflow(project, manifest, uri, record["run"])
    own_name = f"{wheel.import_name(manifest['name'])}_{manifest['content'][:12]}"
    with registry(uri) as client:
        register_version(client, manifest, records, wheel.package_files(manifest, records.read, own_name), run,
                         lambda place: summary_of(manifest, records, link_in_mlflow(client, run, place)))
        align(client, manifest["name"], records)  # it may be the champion, which MLflow had lost
        return take_up(client, manifest["name"], manifest["content"], records)


def run_in_mlflow(project: Project, manifest: Mapping, uri: str, reused_by: str | None = None) -> str:
    """MLflow's id of the run that trained the model. Its lineage is sent again where this MLflow does not have it:
    a new database, or another server than the one that got it. For a run on another machine that this MLflow has never
    seen, or of a project of another name, the run stands that reused what it made."""
    elsewhere = reused_by is not None and project.record(manifest["run"]) is None
    folder = project.runs / (reused_by if elsewhere else manifest["run"])
    for again in (False, True):
        if again and (folder / "run.json").is_file():
            lineage.mark_pending(folder)
        if lineage.pending_runs(project.runs):
            lineage.sync(project.runs, project.store, uri, redact=redactor_for(project).text)
        sent = lineage.published(folder)
        run = sent.get(manifest["steps"][0]) or (sent.get("") if elsewhere or manifest["run"] == reused_by else None)
        with registry(uri) as client:
            if run and has_run(client, run):
                return run
    raise NotemillError(f"run {manifest['run']}", f"is not in MLflow at {lineage.shown_uri(uri)}",
                        hint="notemill run --force, then notemill register")
