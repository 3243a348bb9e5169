"""What a deployment came to, left for the build of Drone that it was part of; and what that build stands for."""

import contextlib
from collections.abc import Iterator, Mapping

from notemill.errors import NotemillError, UsageError
from notemill.files import write_json
from notemill.project import Project
from notemill.registry import note_build, open_records
from notemill.registry.builds import NUMBER
from notemill.registry.deployed import SERVING, read_deployments
from notemill.registry.people import check_person
from notemill.release.deploy.deploying import Outcome, Unfinished
from notemill.release.deploy.words import hidden, in_words

FILE = "deployment.json"    # in the project's cache
FAILED = "failed"           # before anything was started


def who(environ: Mapping[str, str]) -> str | None:
    """Who asked for this build, as Drone knows people; None outside of builds, and where that is no name."""
    asked = environ.get("DRONE_BUILD_TRIGGER", "")
    named = asked if asked and not asked.startswith("@") else environ.get("DRONE_COMMIT_AUTHOR", "")
    with contextlib.suppress(UsageError):
        return check_person(named, "--by") if environ.get(NUMBER) else None
    return None


def why(environ: Mapping[str, str]) -> str | None:
    """Which build it is, for the ledger; None outside of builds."""
    number, of = environ.get(NUMBER), environ.get("DRONE_BUILD_PARENT") or "0"
    promoted = f", a promotion of build {of}" if environ.get("DRONE_BUILD_EVENT") == "promote" else ""
    return f"build {number}{promoted}" if number else None


def keep(project: Project, outcome: Outcome) -> None:
    """After a deployment. What serves is what this build stands for from now on: it can be promoted again."""
    leave(project, outcome.as_json())
    if outcome.status == SERVING and project.environ.get(NUMBER):
        try:
            stand_for(project, outcome)
        except (NotemillError, OSError) as error:
            raise NotemillError(
                f"build {project.environ[NUMBER]}", f"version {outcome.version} serves at target '{outcome.target}', "
                f"and that this build stands for it is not written down: {in_words(error)}", None,
                "once that is mended, deploy it again") from None


def stand_for(project: Project, outcome: Outcome) -> None:
    records = open_records(project)
    serving = read_deployments(records, project.pipeline.name).serving(outcome.target)
    if serving and serving["deployment"] == outcome.deployment:
        note_build(records, project.pipeline.name, serving, project.environ)


@contextlib.contextmanager
def kept_failure(project: Project, target: str) -> Iterator[None]:
    """One that failed before anything was started leaves why; one that serves, that it does."""
    try:
        yield
    except Unfinished as error:
        leave(project, error.outcome.as_json())
        raise
    except (NotemillError, OSError) as error:
        hint = error.hint if isinstance(error, NotemillError) else None
        why = in_words(error) + (f"; {hint}" if hint else "")
        leave(project, {"target": target, "status": FAILED, "reason": hidden(project, why)})
        raise


def leave(project: Project, facts: dict) -> None:
    """A build's end reads it; elsewhere nobody does."""
    if project.environ.get(NUMBER):
        with contextlib.suppress(OSError):
            write_json(project.folder / FILE, {"format": 1, "build": project.environ[NUMBER], **facts}, durable=False)
