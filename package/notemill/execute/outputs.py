"""What a cell has shown, brought into the form in which it is kept. Linear in its length, whatever it is."""

import itertools
import re
from collections.abc import Iterable

JSON = re.compile(r"application/(.*\+)?json")
GROUP = "  + Exception Group Traceback (most recent call last):"
PLAIN = "Traceback (most recent call last):"


def join_streams(cell) -> None:
    """One output for what a cell printed in one go, with what a terminal would show in the end of each line."""
    outputs = cell.get("outputs", [])
    joined = []
    for name, group in itertools.groupby(outputs, lambda output: output["output_type"] == "stream" and output["name"]):
        found = list(group)
        if name:
            found[0]["text"] = settle("".join(output["text"] for output in found))
        joined.extend(found[:1] if name else found)
    if outputs:
        cell["outputs"] = joined


def settle(text: str) -> str:
    """What was written over by a carriage return goes, as nbconvert has it; its pattern takes n^2 steps for a line."""
    return "\n".join(map(_settled, text.split("\n"))) if "\r" in text else text


def _settled(line: str) -> str:
    return line[line.rfind("\r", 0, len(line) - 1) + 1:] if len(line) > 1 else line


def mend_content(content: dict) -> None:
    """A message's text that is none, by `display(..., raw=True)`: None is left out, the rest is written as text."""
    if isinstance(content.get("data"), dict) and isinstance(content.get("metadata"), dict):
        content["data"] = {mime: _datum(mime, value) for mime, value in content["data"].items() if value is not None}
    if "name" in content and "text" in content and not isinstance(content["text"], str):
        content["text"] = str(content["text"])


def _datum(mime: str, value: object) -> object:
    if JSON.fullmatch(mime) or isinstance(value, str) or _are_lines(value):
        return value
    return str(value)


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def printed_traceback(outputs: Iterable[dict]) -> str:
    """The traceback at the end of what a cell printed as errors; "" where there is none."""
    text = "".join(output["text"] for output in outputs if output.get("name") == "stderr")
    place = text.rfind(GROUP)
    return text[place if place >= 0 else text.rfind(PLAIN):] if GROUP in text or PLAIN in text else ""
