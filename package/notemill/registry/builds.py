"""Which version a build of Drone stands for: the one that it registered, or deployed. `build:14` is that version.

A commit would not do: a night with new data makes another version of it, and a commit that changes only words none.
"""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from notemill.errors import UsageError
from notemill.registry.records import Records, as_text, read_object

PREFIX = "build:"
FORM = re.compile(r"build:([1-9]\d{0,9})", re.ASCII)
NUMBER, COMMIT = "DRONE_BUILD_NUMBER", "DRONE_COMMIT_SHA"
SHA = re.compile(r"[0-9a-f]{7,64}")
REMEDY = "a build of main whose step `release` passed; `notemill ci status` lists the builds"


def note_build(records: Records, name: str, version: Mapping, environ: Mapping[str, str]) -> None:
    """Write down, in a build, that it stands for this version (`version`, `content`); of two the last one counts."""
    number, commit = environ.get(NUMBER, ""), environ.get(COMMIT, "")
    if not FORM.fullmatch(PREFIX + number) or not SHA.fullmatch(commit):
        return
    facts = {"format": 1, "build": int(number), "commit": commit, "version": version["version"],
             "content": version["content"], "at": datetime.now(UTC).isoformat()}
    records.place_.write(object_name(name, number, commit), as_text(facts))


def object_name(name: str, number: str, commit: str) -> str:
    return f"builds/{name}/{number}/{commit}.json"


def content_of_build(records: Records, name: str, asked: str, environ: Mapping[str, str] = os.environ) -> str:
    """The content of the version of `build:N`. Raises UsageError where that build made none.

    Within a build only the same commit's counts: where Drone was set up anew, its numbers begin again.
    """
    found = FORM.fullmatch(asked)
    if found is None:
        raise UsageError(f"'{asked}'", "names no build", "build:NUMBER, as build:14")
    folder = f"builds/{name}/{found[1]}"
    noted = [read_object(records.place_.read(one)) or {} for one in records.place_.names(folder)]
    noted = [one for one in noted if isinstance(one.get("content"), str) and isinstance(one.get("at"), str)]
    here = environ.get(COMMIT)
    own = [one for one in noted if not here or one.get("commit") == here]
    if not own:
        other = f"; a build {found[1]} of another commit did, {noted[0].get('commit')}" if noted else ""
        raise UsageError(f"build {found[1]}", f"has registered no version of '{name}'{other}", None, REMEDY)
    return max(own, key=lambda one: one["at"])["content"]
