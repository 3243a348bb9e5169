"""Who did something: a name, an address, or both. Are two of them the same person?"""

import re
import unicodedata

from notemill.errors import UsageError

LONGEST = 200
ADDRESS = re.compile(r"""[^\s<>()"',;:]+@[^\s<>()"',;:]+""")
FILLERS = "\u115f\u1160\u3164\uffa0"  # letters of Hangul that show nothing
ALIKE = {"LATIN", "CYRILLIC", "GREEK"}  # scripts whose letters look like each other's
FORM = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>")


def check_person(text: str, where: str) -> str:
    """The text, trimmed. Raises UsageError where it names nobody."""
    text = " ".join(text.split())
    if mixed := next((word for word in re.findall(r"\w+", text) if len(scripts(word) & ALIKE) > 1), None):
        raise UsageError(where, f"'{mixed[:50]}' mixes the letters of {' and '.join(sorted(scripts(mixed) & ALIKE))}, "
                         "which look alike", "a word in letters of one script")
    if not marks_of(text) or len(text) > LONGEST or not text.isprintable():
        raise UsageError(where, f"'{text[:50]}' names nobody", "a name, an address, or both: 'Ada <ada@example.org>'")
    return text


def scripts(word: str) -> set[str]:
    """The scripts of its letters."""
    return {unicodedata.name(sign, "").partition(" ")[0] for sign in unicodedata.normalize("NFKD", word)
            if sign.isalpha()}


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
    return "".join(sign for sign in whole if unicodedata.category(sign) not in ("Mn", "Cf") and sign not in FILLERS)


def same_person(one: str, other: str) -> bool:
    """Whether name or address agrees: who has one of both in common counts as the same."""
    return bool(marks_of(one) & marks_of(other))
