"""What two texts differ in, as lines that people know from git."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

AROUND = 3          # lines that are shown about a change
MOST = 5000         # lines of a text that are compared; of a longer one the beginning
HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*\s*$")
COMMENT = re.compile(r"<!--.*?-->", re.S)


@dataclass(frozen=True)
class Diff:
    """The changes of one text: `lines` begin with `-` (left), `+` (right), a blank, or `@@`."""

    name: str
    words: str
    lines: tuple[str, ...]


def diff_texts(left: Mapping[str, str], right: Mapping[str, str], kind: str) -> Iterator[Diff]:
    """A Diff for each text that differs; one that a side lacks is all new or gone."""
    for name in [*right, *(name for name in left if name not in right)]:
        if left.get(name) != right.get(name):
            yield diff(f"{kind} {name}", left.get(name), right.get(name))


def diff(name: str, left: str | None, right: str | None) -> Diff:
    before, after = ((text or "").splitlines()[:MOST] for text in (left, right))
    found = [line.rstrip("\n") for line in difflib.unified_diff(before, after, n=AROUND, lineterm="")][2:]
    gone, come = (sum(line.startswith(sign) for line in found) for sign in "-+")
    words = f"+{come} -{gone} lines"
    return Diff(name, "only on the right" if left is None else "only on the left" if right is None else words,
                tuple(found))


def sections_of(text: str | None) -> dict[str, str]:
    """heading -> what people wrote under it; comments and empty sections are nothing."""
    found, heading = {}, "before the first heading"
    for line in COMMENT.sub("", text or "").splitlines():
        match = HEADING.match(line)
        heading = match[1] if match else heading
        if not match:
            found[heading] = f"{found.get(heading, '')}{line}\n"
    return {heading: body.strip() for heading, body in found.items() if body.strip()}
