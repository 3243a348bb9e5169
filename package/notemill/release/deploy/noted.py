"""What became of a deployment, written down: in the ledger of deployments, in MLflow, and as a promotion."""

from collections.abc import Callable, Mapping

from notemill import lineage
from notemill.errors import NotemillError
from notemill.lineage.deployments import send_deployments
from notemill.project import Project
from notemill.registry import moves, open_records, read_ledger
from notemill.registry.deployed import append_deployment, mark_sent, read_deployments, unsent
from notemill.registry.records import Records
from notemill.release.deploy.state import Release
from notemill.release.deploy.words import hidden
from notemill.release.described import demand_words
from notemill.release.promote import passed, promote

WAITS = "the next deployment sends it"
Told = Callable[[str], None]


def note(project: Project, release: Release, target: str, status: str, move: str, why: str | None, before: int | None,
         told: Told) -> Mapping | None:
    """The entry, once; None where it was there already. Nothing of it can be taken out again, so it has no secret.
    Raises what the ledger does."""
    name = project.pipeline.name
    facts = {"move": move, "target": target, "deployment": release.deployment, "version": release.version,
             "content": release.content, "manifest": release.manifest, "from": before, "status": status,
             "by": release.by, "reason": why and hidden(project, why)}
    entry = append_deployment(open_records(project), name,
                              lambda known: None if known.has(release.deployment, status) else facts)
    tell_mlflow(project, told)
    return entry


def has(project: Project, release: Release, status: str) -> bool:
    """Whether that is in the ledger."""
    return read_deployments(open_records(project), project.pipeline.name).has(release.deployment, status)


def tell_mlflow(project: Project, told: Told) -> None:
    """Send what it has not got. A server that is away, or refuses, is a warning: the deployment stands."""
    uri, records = lineage.tracking_uri(project.root, project.environ), open_records(project)
    shown = lineage.shown_uri(uri)
    try:
        if waiting := unsent(records, project.pipeline.name, shown):
            send_deployments(waiting, uri, project.root, lambda entry: mark_sent(records, entry, shown))
    except NotemillError as error:
        told(f"not in MLflow yet: {error.where}: {error.got}; {WAITS}")
    except Exception as error:  # whatever mlflow, its database or its server may raise
        words = (str(error).splitlines() or [type(error).__name__])[0][:200]
        told(f"not in MLflow yet: {shown}: {words}; {WAITS}")


# a target that is production
def check_promotable(project: Project, manifest: Mapping, records: Records, by: str) -> None:
    """Raise what `promote` would, before anything is started: an approval that lacks, words that its risk demands."""
    move(project, manifest, records, by)


def move(project: Project, manifest: Mapping, records: Records, by: str) -> Mapping | None:
    """The promotion that is to come; None where it is the champion already."""
    ledger = read_ledger(records, project.pipeline.name)
    if ledger.champion and ledger.champion["content"] == manifest["content"]:
        return None
    risk = moves.stricter(manifest.get("risk"), project.pipeline.risk)
    demand_words(project, risk)
    made = {**manifest, **records.made_again(manifest["content"])}
    return moves.promote(ledger, manifest, passed(manifest, records), risk, by, None, made)


def promoted(project: Project, release: Release, told: Told) -> None:
    """What passed its watch in production is the champion."""
    try:
        moved = promote(project, str(release.version), release.by,
                        f"deployment {release.deployment}" + (f": {release.reason}" if release.reason else ""))
    except (NotemillError, OSError) as error:
        why = f"{error.where}: {error.got}" if isinstance(error, NotemillError) else str(error)
        told(f"it serves, and is not the champion yet: {why}; notemill promote {release.version}")
        return
    for warning in moved.warnings:
        told(warning)
