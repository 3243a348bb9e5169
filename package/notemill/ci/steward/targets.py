"""What deploy/targets.yaml names outside deploy/: keys that let people in, and files of the commands that deploy."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from notemill.ci.steward.pipeline import MOST_BYTES, Unreadable, both
from notemill.errors import NotemillError
from notemill.yaml_places import parse_yaml

FILE = "deploy/targets.yaml"
COMMANDS = ("start", "check", "switch", "stop")
KEYS, PROGRAM = "who is let in to what is deployed", "what deploys"
FILLED = re.compile(r"\{[a-z]*\}")     # {version} and the like
PATHS = re.compile(r"[\w./-]+")        # in a word such as --file=scripts/a.yaml, or in the words of a shell


def named(content: bytes | None) -> tuple[tuple[str, str], ...]:
    """(pattern, why) of each file; None is no file. Raises Unreadable."""
    if content is None:
        return ()
    try:
        if len(content) > MOST_BYTES:
            raise Unreadable(f"{FILE} is too long")
        targets = parse_yaml(content.decode(), FILE)[0]["targets"].values()
        return tuple(dict.fromkeys(one for target in targets for one in of_target(target)))
    except NotemillError as error:
        raise Unreadable(f"{FILE}: {error.got}") from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise Unreadable(f"{FILE}: {type(error).__name__}") from None


def of_target(target: Mapping) -> Iterator[tuple[str, str]]:
    if target.get("keys"):
        yield from both(posixpath.normpath(str(target["keys"])), KEYS)
    for key in COMMANDS:
        program, *words = map(str, target.get(key) or [""])
        for word in [program, *words] if "/" in program else words:  # without a slash it is one of the machine's
            for path in (word, *PATHS.findall(FILLED.sub(" ", word))):
                yield from both(posixpath.normpath(path), PROGRAM)
