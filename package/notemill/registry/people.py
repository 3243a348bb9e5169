"""Who did something: a name, an address, or both. Are two of them the same person?"""

import re
import unicodedata

from notemill.errors import UsageError

LONGEST = 200
FORM = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>")


def check_person(text: str, where: str) -> str:
    """The text, trimmed. Raises UsageError where it names nobody."""
    text = " ".join(text.split())
    if not marks_of(text) or len(text) > LONGEST or not text.isprintable():
        raise UsageError(where, f"'{text[:50]}' names nobody", "a name, an address, or both: 'Ada <ada@example.org>'")
    return text


def marks_of(person: str) -> set[str]:
    """What a person goes by: name, and address; large and small letters, and blanks, do not count."""
    found = FORM.fullmatch(person.strip())
    parts = found.groupdict().values() if found else [person]
    return {mark for part in parts if (mark := " ".join(unicodedata.normalize("NFKC", part).casefold().split()))}


def same_person(one: str, other: str) -> bool:
    """Whether name or address agrees: who has one of both in common counts as the same."""
    return bool(marks_of(one) & marks_of(other))
