"""An image on its way to a registry, under its tags there."""

import os
import re
from collections.abc import Callable, Iterable, Mapping

from notemill.errors import NotemillError, UsageError
from notemill.release.image.engine import connect, in_words
from notemill.release.image.making import Image
from notemill.text import clip, printable

# Registry or not, a path of lower-case words: what Docker takes for a repository.
NAME = re.compile(r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
LOGIN = "docker login REGISTRY, where it asks for one; in a build: NOTEMILL_REGISTRY and its _USERNAME, _PASSWORD"


def check_repository(name: str) -> None:
    """Raise UsageError where it can be none. A tag is not given: it is the commit."""
    if not NAME.fullmatch(name):
        raise UsageError(f"--push {clip(printable(name), 120)}", "is no repository of a registry",
                         "REGISTRY/NAME without a tag: the tags are the commit and the version",
                         "as registry.example:5000/team/model")


def check_tag(tag: str) -> None:
    """Raise UsageError where it can be none."""
    if not TAG.fullmatch(tag):
        raise UsageError(f"--tag {clip(printable(tag), 120)}", "is no tag", "letters, digits, _ . and -, as a commit")


def push(image: Image, repository: str, told: Callable[[str], None] = lambda words: None,
         environ: Mapping[str, str] | None = None, tags: Iterable[str] = ()) -> Mapping[str, str]:
    """{name there: digest}; `tags`: more than its own. Raises UsageError, NotemillError."""
    check_repository(repository)
    environ = dict(os.environ if environ is None else environ)
    client, login = connect(environ), login_of(repository, environ)
    try:
        with in_words(repository, LOGIN):
            wanted = dict.fromkeys([*(name.rpartition(":")[2] for name in image.names), *tags])
            return {f"{repository}:{tag}": sent(client, image, repository, tag, told, login) for tag in wanted}
    finally:
        client.close()


def login_of(repository: str, environ: Mapping[str, str]) -> Mapping[str, str] | None:
    """What the environment says of the one registry that it names; None: what `docker login` has left."""
    registry, name = environ.get("NOTEMILL_REGISTRY"), environ.get("NOTEMILL_REGISTRY_USERNAME")
    if not registry or not name or not repository.startswith(f"{registry}/"):
        return None
    return {"username": name, "password": environ.get("NOTEMILL_REGISTRY_PASSWORD", "")}


def sent(client, image: Image, repository: str, tag: str, told: Callable[[str], None],
         login: Mapping[str, str] | None = None) -> str:
    """The digest under which the registry has it."""
    told(f"pushing {repository}:{tag}")
    client.images.get(image.id).tag(repository, tag)
    digest = ""
    for line in client.images.push(repository, tag, stream=True, decode=True, auth_config=login):
        if "error" in line:
            raise NotemillError(f"{repository}:{tag}", f"is not pushed: {clip(printable(line['error']), 300)}",
                                hint=LOGIN)
        digest = line.get("aux", {}).get("Digest", digest)
    return digest
