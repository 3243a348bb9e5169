"""What the records of runs say of a step."""

from collections.abc import Mapping, Sequence

from notemill.project import Project


def last_facts(project: Project, step: str, statuses: Sequence[str]) -> tuple[str | None, dict]:
    """The last run in which the step came to one of `statuses`, and the step's part of its record; (None, {})."""
    for run in reversed(project.run_names()):
        if facts := facts_in(project.record(run) or {}, step, statuses):
            return run, facts
    return None, {}


def facts_in(record: Mapping, step: str, statuses: Sequence[str]) -> dict:
    """The step's part of a run's record; {} where it did not come to one of `statuses`."""
    return next((facts for facts in record.get("steps", [])
                 if facts["step"] == step and facts.get("status") in statuses), {})
