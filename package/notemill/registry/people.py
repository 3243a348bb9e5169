"""Who did something: a name, an address, or both. Are two of them the same person?"""

import re
import unicodedata

from notemill.errors import UsageError

LONGEST = 200
ADDRESS = re.compile(r"""[^\s<>()"',;:]+@[^\s<>()"',;:]+""")
FORM = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>")


def check_person(text: str, where: str) -> str:
    """The text, trimmed. Raises UsageError where it names nobody."""
    text = " ".join(text.split())
    if not marks_of(text) or len(text) > LONGEST or not text.isprintable():
        raise UsageError(where, f"'{text[:50]}' names nobody", "a name, an address, or both: 'Ada <ada@example.org>'")
    return text


def marks_of(person: str) -> set[str]:
    """What a person goes by: each address, and the name, of which letters and digits alone count, without accents."""
    found = FORM.fullmatch(person.strip())
    parts = [plain(part) for part in (found.groupdict().values() if found else [person])]
    addresses = {address for part in parts for address in ADDRESS.findall(part)}
    names = {"".join(filter(str.isalnum, ADDRESS.sub(" ", part))) for part in parts}
    return addresses | (names - {""})


def plain(text: str) -> str:
    """Without accents, marks that cannot be seen, and the difference of large and small letters."""
    whole = unicodedata.normalize("NFKD", text).casefold().replace("mailto:", " ")
    return "".join(sign for sign in whole if unicodedata.category(sign) not in ("Mn", "Cf"))


def same_person(one: str, other: str) -> bool:
    """Whether name or address agrees: who has one of both in common counts as the same."""
    return bool(marks_of(one) & marks_of(other))
