"""What went wrong, in words that may be kept: the ledger and MLflow forget nothing, and a failing version or command
may say whatever it knows."""

import re

from notemill.errors import NotemillError, UsageError
from notemill.project import Project
from notemill.redact import SHORTEST, Redactor
from notemill.release.deploy.door import Failed
from notemill.release.image.command_line import without_login
from notemill.run.redaction import redactor_for

# variables of a build
SECRET = re.compile(r"(?:_PASSWORD|_PASS|_TOKEN|_SECRET|_ACCESS_KEY|_API_KEY)$|^NOTEMILL_DEPLOY_KEY$", re.I)


def hidden(project: Project, text: str) -> str:
    """Without the project's secrets, the build's own, and the logins of addresses."""
    names = [name for name, value in project.environ.items() if SECRET.search(name) and len(value.strip()) >= SHORTEST]
    try:
        redactor = redactor_for(project, names)
    except UsageError:  # a step's secret is too short for it, and the way back does not wait for a longer one
        redactor = Redactor({name: project.environ[name] for name in names})
    return without_login(redactor.text(text))


def in_words(error: BaseException) -> str:
    if isinstance(error, Failed):
        return str(error)
    if isinstance(error, NotemillError):
        return f"{error.where}: {error.got}"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__
