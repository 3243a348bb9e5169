"""An image on its way to a registry, under its tags there."""

import os
import re
from collections.abc import Callable, Mapping

from notemill.errors import NotemillError, UsageError
from notemill.release.image.engine import connect, in_words
from notemill.release.image.making import Image
from notemill.text import clip, printable

# Registry or not, a path of lower-case words: what Docker takes for a repository.
NAME = re.compile(r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
LOGIN = "docker login REGISTRY, where it asks for one"


def check_repository(name: str) -> None:
    """Raise UsageError where it can be none. A tag is not given: it is the commit."""
    if not NAME.fullmatch(name):
        raise UsageError(f"--push {clip(printable(name), 120)}", "is no repository of a registry",
                         "REGISTRY/NAME without a tag: the tags are the commit and the version",
                         "as registry.example:5000/team/model")


def push(image: Image, repository: str, told: Callable[[str], None] = lambda words: None,
         environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """{name there: digest}. Raises UsageError, NotemillError."""
    check_repository(repository)
    client = connect(dict(os.environ if environ is None else environ))
    try:
        with in_words(repository, LOGIN):
            return {f"{repository}:{tag}": sent(client, image, repository, tag, told)
                    for tag in (name.rpartition(":")[2] for name in image.names)}
    finally:
        client.close()


def sent(client, image: Image, repository: str, tag: str, told: Callable[[str], None]) -> str:
    """The digest under which the registry has it."""
    told(f"pushing {repository}:{tag}")
    client.images.get(image.id).tag(repository, tag)
    digest = ""
    for line in client.images.push(repository, tag, stream=True, decode=True):
        if "error" in line:
            raise NotemillError(f"{repository}:{tag}", f"is not pushed: {clip(printable(line['error']), 300)}",
                                hint=LOGIN)
        digest = line.get("aux", {}).get("Digest", digest)
    return digest
