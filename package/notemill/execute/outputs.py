"""What a cell has shown, brought into the form in which it is kept. Linear in its length, whatever it is."""

import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable

MOST_SHOWN = 50_000_000  # characters that are kept of what one cell shows
EACH = 500  # what a display takes besides its content
LONG = 65_536  # characters; to a longer text nothing is added, for each time it would be copied
JSON = re.compile(r"application/(.*\+)?json")
SHOWS = ("display_data", "execute_result", "update_display_data")
GROUP = "  + Exception Group Traceback (most recent call last):"
PLAIN = "Traceback (most recent call last):"


class Allowance:
    """How much of one cell's outputs is kept; errors always are. `place` is the output widget that takes a message, if
    any: each can be cleared by itself."""

    def __init__(self, most: int | None = None):
        self.most = MOST_SHOWN if most is None else most
        self.shown, self.left_out, self.displays = Counter(), Counter(), {}

    def admits(self, msg: dict, place: object = None) -> bool:
        """Whether a message is to be taken; a text that is too long is cut."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "clear_output":
            del self.shown[place], self.left_out[place]
        if kind == "stream":
            return self._text(content, place)
        return kind not in SHOWS or self._display(content, place)

    def _text(self, content: dict, place: object) -> bool:
        size, free = len(content["text"]), self.most - self.shown.total()
        self.shown[place] += min(size, free)
        self.left_out[place] += max(size - free, 0)
        content["text"] = content["text"][:free] if size > free else content["text"]
        return bool(content["text"])

    def _display(self, content: dict, place: object) -> bool:
        known = self.displays.get(name := (content.get("transient") or {}).get("display_id"), 0)
        size = EACH + len_of(content.get("data"))
        if self.shown.total() + size - known > self.most:
            self.left_out[place] += size
            return False
        self.shown[place] += size - known
        if name:  # what comes by this name takes its place
            self.displays[name] = size
        return True

    @property
    def words(self) -> str:
        """What was left out; "" where nothing was."""
        return f"{max(self.left_out.total() / 1e6, 0.1):,.1f} MB more" if self.left_out.total() else ""


def len_of(data: object) -> int:
    """Characters in what is displayed, about."""
    if isinstance(data, dict):
        return sum(map(len_of, data.values()))
    return sum(map(len_of, data)) if isinstance(data, list) else len(data) if isinstance(data, str) else 8


def continues(outputs: list[dict], msg: dict) -> bool:
    """Whether a message brings more of the text that came last."""
    last = outputs[-1] if outputs and msg["msg_type"] == "stream" else {}
    return last.get("name", "") == msg["content"].get("name") and len(last["text"]) < LONG


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
    if text.count("\r") == text.count("\r\n") + text.endswith("\r"):  # at ends alone: nothing is written over
        return text
    settled = io.StringIO(newline="\n")
    for line in io.StringIO(text, newline="\n"):  # a list of them all would take many times the text's memory
        settled.write(_settled(line))
    return settled.getvalue()


def _settled(line: str) -> str:
    return line[line.rfind("\r", 0, len(line.removesuffix("\n")) - 1) + 1:] if "\r" in line else line


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
