"""What takes a project's secrets out of all that a run keeps and says."""

from notemill.project import Project
from notemill.redact import SHORTEST, Redactor

LOGINS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def redactor_for(project: Project) -> Redactor:
    """For the values of all steps' `secrets:` (what one step is given, another may print), and MLflow's own.

    Raises UsageError for a value that is too short.
    """
    names = {name for step in project.pipeline.steps.values() for name in step.secrets}
    logins = {name for name in LOGINS if len(project.environ.get(name, "").strip()) >= SHORTEST}
    return Redactor({name: project.environ[name] for name in sorted(names | logins) if name in project.environ})
