"""Text from tables and people as YAML 1.1 and 1.2 both read it, and as a comment that cannot break out of its line."""

import json
import re

from notemill.text import printable

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*([ -][A-Za-z0-9_]+)*")
# what YAML 1.1, which the notebook's reader speaks, takes for true, false or nothing
WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
LONGEST = 60    # characters of a value in a comment
UNSAFE = re.compile("[\x7f-\xa0\xad\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]|[\U00010000-\U0010ffff]")


def text(value: str) -> str:
    """A text as a YAML scalar: plain where nobody could take it for anything else, else in double quotes."""
    if PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    return UNSAFE.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(match: re.Match) -> str:
    return f"\\U{ord(match[0]):08x}"


def scalar(value: object) -> str:
    """A plain value as a YAML scalar."""
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return number(value)


def number(value: float) -> str:
    """A number with the dot and the sign that YAML 1.1 asks for in front of an exponent."""
    words = repr(value)
    mantissa, e, exponent = words.partition("e")
    if not e:
        return words
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{exponent if exponent[0] in '+-' else f'+{exponent}'}"


def listed(values: list) -> str:
    """A list on one line."""
    return f"[{', '.join(map(scalar, values))}]"


def comment(value: object, longest: int = LONGEST) -> str:
    """A value in a comment or a message: one line, short, nothing that a terminal would obey."""
    words = printable(value)
    return words if len(words) <= longest else f"{words[:longest - 1]}…"
