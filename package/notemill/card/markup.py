"""Text within Markdown: what comes from data has no markup of its own, what people wrote no HTML and no comments."""

import re
from collections.abc import Iterator

FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
ODD_FENCE = re.compile(r"[\s>*+\-\d.)]+(```|~~~)")  # indented, or in a list: where it ends is not for us to tell
WITHIN = r"((?:[>\s]|[-*+]\s|\d{1,9}[.)]\s)*)"  # a quotation, an item of a list
HEADING = re.compile(WITHIN + r"(#{1,6})(?=\s|$)")
UNDERLINE = re.compile(WITHIN + r"(=+|-+)\s*$")
INDENTED = re.compile(r" {4}| {0,3}\t")
HTML = re.compile(r"""<(?=[A-Za-z/!?])(?!https?://[^\s<>="']+>)""")  # <https://...> is a link
BREAK = re.compile(r"\r\n|\r|\n")
BEGIN, END = "<!--", "-->"  # of a comment


def cell(text: object) -> str:
    """A text from data within Markdown: no markup of its own, no table cell's end, one line."""
    plain = " ".join(str(text).split())
    return re.sub(r"([\\|`*_\[\]>#~$])", r"\\\1", plain.replace("&", "&amp;").replace("<", "&lt;"))


def code_lines(text: str) -> Iterator[tuple[str, bool]]:
    """(line, whether it stands in a fenced block of code, or opens or closes one), where that is sure."""
    fence, sure = "", True
    for line in BREAK.split(text):
        opened = FENCE.match(line)
        if fence:
            fence = "" if closes(line, fence) else fence
            yield line, True
        elif opened and sure:
            fence = opened[1] or opened[2]
            yield line, True
        else:
            sure = sure and not ODD_FENCE.match(line)
            yield line, False


def closes(line: str, fence: str) -> bool:
    return bool(re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*", line))


def without_comments(text: str) -> str:
    """Less `<!-- ... -->`, over several lines too; in code, and where none ends it, it stays."""
    lines, kept, fence, at = BREAK.split(text), [], "", 0
    last = max((place for place, line in enumerate(lines) if END in line), default=-1)
    while at < len(lines):
        line, opened = lines[at], FENCE.match(lines[at])
        if fence:
            fence = "" if closes(line, fence) else fence
        elif opened:
            fence = opened[1] or opened[2]
        else:
            line, at = _less_comments(lines, at, last)
        kept.append(line)
        at += 1
    return "\n".join(kept)


def _less_comments(lines: list[str], at: int, last: int) -> tuple[str, int]:
    """(a line less its comments, the line where the last of them ends); the last line that can end one is `last`."""
    line, begin = lines[at], lines[at].find(BEGIN)
    while begin >= 0 and "`" not in line[:begin]:
        if END in line[begin + len(BEGIN):]:
            line = line[:begin] + line[begin + len(BEGIN):].partition(END)[2]
        elif at < last:
            at = next(place for place in range(at + 1, last + 1) if END in lines[place])
            line = line[:begin] + lines[at].partition(END)[2]
        else:
            break
        begin = line.find(BEGIN)
    return line, at


def lower(human: str, *, escape: bool = True) -> str:
    """Headings below the card's own, and no raw HTML (`escape`); what surely is a block of code stays as it is."""
    lines: list[str] = []
    for line, is_code in code_lines(human.strip()):
        if is_code:
            lines.append(line)
        else:
            _add_text(lines, HTML.sub("&lt;", line) if escape else line)
    return closed("\n".join(lines))


def closed(text: str) -> str:
    """A block of code that nobody ended would swallow what follows."""
    fence = ""
    for line, is_code in code_lines(text):
        opened = FENCE.match(line)
        if fence:
            fence = "" if closes(line, fence) else fence
        elif is_code and opened:
            fence = opened[1] or opened[2]
    return f"{text}\n{fence}" if fence else text


def _add_text(lines: list[str], line: str) -> None:
    """Add a line that is no code; a heading, by # or by a line under it, two levels lower."""
    under = UNDERLINE.match(line)
    if INDENTED.match(line):
        lines.append(line)
    elif under and lines and lines[-1].strip():
        _add_underline(lines, line, *under.groups())
    else:
        lines.append(HEADING.sub(lambda found: found[1] + _deeper(len(found[2])), line, count=1))


def _add_underline(lines: list[str], line: str, within: str, marks: str) -> None:
    """Of one plain line of text: a heading by #. Of anything else no heading, but a line across or text."""
    if not within.strip() and re.match(r" {0,3}\w", lines[-1]) and not re.match(WITHIN, lines[-1])[1].strip():
        lines[-1] = f"{_deeper(1 if marks[0] == '=' else 2)} {lines[-1].strip()}"
    elif marks[0] == "=":
        lines.append(f"{within}\\{marks}")
    else:
        lines += [within.rstrip() if set(within) <= {">", " "} else "", line]


def _deeper(level: int) -> str:
    return "#" * min(6, level + 2)
