"""What takes a project's secrets out of all that a run keeps and says."""

from collections.abc import Iterable, Iterator
from urllib.parse import unquote, unquote_plus, urlsplit

from notemill.project import Project
from notemill.redact import SHORTEST, Redactor, logins
from notemill.sources.kinds import HttpSource, SqlSource

LOGINS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
LONG_VALUE = 8  # characters of a value in an address's query; a shorter one is more likely a page or a year


def redactor_for(project: Project, more: Iterable[str] = ()) -> Redactor:
    """For the values of all steps' `secrets:` (what one step is given, another may print) and of the variables `more`,
    for MLflow's logins, and for what the addresses of tables and databases hold.

    Raises UsageError for a secret's value that is too short.
    """
    implied = {name: value for name, value in _implied(project) if len(value.strip()) >= SHORTEST}
    names = sorted({*declared_secrets(project), *more})
    return Redactor({**implied, **{name: project.environ[name] for name in names if name in project.environ}})


def declared_secrets(project: Project) -> list[str]:
    """The names of all steps' secrets."""
    return sorted({name for step in project.pipeline.steps.values() for name in step.secrets})


def _implied(project: Project) -> Iterator[tuple[str, str]]:
    """What nobody declared a secret, and is one."""
    for name in LOGINS:
        yield name, project.environ.get(name, "")
    yield from _in_address("MLFLOW_TRACKING_URI", project.environ.get("MLFLOW_TRACKING_URI", ""))
    for step in project.pipeline.steps.values():
        for name, source in step.inputs.items():
            if isinstance(source, HttpSource):
                yield from _in_address(f"{step.name}.{name}", source.url)
            elif isinstance(source, SqlSource):     # the redactor takes the password out of it
                yield source.variable, project.environ.get(source.variable, "")


def _in_address(name: str, address: str) -> Iterator[tuple[str, str]]:
    """Login, and the longer values of the query, as they are written and as they are meant."""
    try:
        query = urlsplit(address).query
    except ValueError:
        return
    values = [item.partition("=")[2] or item for item in query.split("&")]
    found = [(value, unquote(value)) for value in logins(address)]
    found += [(value, unquote_plus(value)) for value in values if len(value) >= LONG_VALUE]
    for number, (value, plain) in enumerate(found):
        yield f"{name}:{number}", value
        yield f"{name}:{number}:plain", plain
