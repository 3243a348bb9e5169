"""What a card says otherwise than its version, in words."""

import json
import re
from collections.abc import Iterator, Mapping

from notemill.text import number

KEYS = ("name", "check", "step")  # by which one of a list is known


def mapped(what: str, card: Mapping, version: Mapping) -> Iterator[str]:
    for name in sorted({*card, *version}):
        yield from differing(f"{what} {name}", card.get(name), version.get(name))


def differing(what: str, card: object, version: object) -> Iterator[str]:
    if card != version:
        yield f"{what}: {said(card)} in the card, {said(version)} in the version"


def deep(what: str, card: object, version: object) -> Iterator[str]:
    """The same for each value that either has, however deep; what is None and what is not there are one."""
    if isinstance(card, Mapping) and isinstance(version, Mapping):
        for name in dict.fromkeys([*card, *version]):
            yield from deep(f"{what}, {name}", card.get(name), version.get(name))
    elif isinstance(card, list) and isinstance(version, list) and len(card) == len(version):
        for place, (ours, theirs) in enumerate(zip(card, version, strict=True)):
            yield from deep(f"{what}, {label(theirs, place)}", ours, theirs)
    else:
        yield from differing(what, card, version)


def label(value: object, place: int) -> str:
    """How one of a list is called."""
    known = [value[key] for key in KEYS if isinstance(value.get(key), str)] if isinstance(value, Mapping) else []
    return f"'{known[0]}'" if known else str(place + 1)


def said(value: object) -> str:
    if value is None or value == []:
        return "nothing"
    if isinstance(value, float):
        return number(value) if number(value) != "" else str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text[:12]}..." if re.fullmatch(r"[0-9a-f]{64}", text) else text[:120]
