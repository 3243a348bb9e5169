"""A card that somebody keeps, and may have written in: does it still say what it should outside the human parts?"""

import html
import re
import unicodedata
from collections.abc import Iterator

from notemill.card.head import split_front
from notemill.card.human import GENERATED
from notemill.card.markdown import heading
from notemill.card.markup import HEADING, HTML, UNDERLINE, code_lines

SHOWN = 3  # lines of a section that are told
SECTION = 2  # level of the card's own headings; what people write stands below
LINK = re.compile(r"\]\([^)]*\)|<[^>]*>")
HUMAN_PART = re.compile(r'(<section class="human[^<>]*>\s*<h2>[^<>]*</h2>)(.*?)(</section>)', flags=re.S)
TAGS = "p|ul|ol|li|em|strong|del|a|code|pre|blockquote|h[3-6]|hr|br|img|span|div|table|thead|tbody|tr|th|td"
ATTRIBUTES = (r'href="(?:https?:|mailto:)[^"<>]*"|src="data:image/[^"<>]*"|(?:alt|title)="[^"<>]*"|start="\d+"|'
              r'rel="noreferrer noopener"|class="(?:remote|prose|missing|signed|language-[^"<>]*)"|'
              r'style="text-align:(?:left|right|center)"')
STRANGE = re.compile(rf"<(?!/?(?:{TAGS})(?:\s+(?:{ATTRIBUTES}))*\s*/?>)")  # what people's words never become


def compare_text(expected: str, found: str, name: str) -> list[str]:
    """Where a card's text differs outside its human parts, or these show what is not theirs to say."""
    if name.endswith((".html", ".htm")):
        return list(compare_page(expected, found, name))
    ours, theirs = parts(expected), parts(found)
    if [title for title, _ in ours] != [title for title, _ in theirs]:
        return [f"{name}: its sections are others: {', '.join(title for title, _ in theirs if title) or 'none'}"]
    return [f"{name}: section '{title or 'head'}': {told}"
            for (title, left), (_, right) in zip(ours, theirs, strict=True) for told in lines(left, right)] \
        + [f"{name}: a human part holds HTML, which may show or hide anything: {line.strip()[:200]}"
           for line in html_lines(found) if line not in html_lines(expected)][:SHOWN]


def compare_page(expected: str, found: str, name: str) -> Iterator[str]:
    if HUMAN_PART.sub(r"\1\3", expected) != HUMAN_PART.sub(r"\1\3", found):
        yield f"{name}: differs outside the human parts"
    for part in HUMAN_PART.finditer(found):
        if strange := STRANGE.search(part[2]):
            yield f"{name}: a human part holds what is no Markdown of people: {part[2][strange.start():][:60]}"


def parts(text: str) -> list[tuple[str, list[str]]]:
    """(title, lines) of the head and of what is generated; people's own sections are left out."""
    generated = {plain(heading(title)) for title in GENERATED}
    front, body = split_front(text)
    found: list[tuple[str, list[str]]] = [("", front.split("\n"))]
    for title, line in titled(body):
        if title is not None and (line.startswith("## ") or plain(title) in generated):
            found.append((title, []))
        if title is None or line != f"## {title}":
            found[-1][1].append(line)
    return [(title, kept) for title, kept in found if not title or plain(title) in generated]


def titled(body: str) -> Iterator[tuple[str | None, str]]:
    """(title, line) of each line; the title is None but for headings as high as the card's own, of whatever form."""
    lines = list(code_lines(body))
    for (line, is_code), (below, below_is_code) in zip(lines, [*lines[1:], ("", True)], strict=True):
        atx, under = HEADING.match(line), UNDERLINE.match(below)
        if not is_code and atx and len(atx[2]) <= SECTION:
            yield re.sub(r"\s+#+\s*$", "", line[atx.end():]).strip(), line
        elif not (is_code or below_is_code) and under and line.strip():
            yield line.strip(), line
        else:
            yield None, line


def plain(title: str) -> str:
    """The letters that a reader sees."""
    seen = unicodedata.normalize("NFKD", html.unescape(LINK.sub("", title))).casefold()
    return "".join(filter(str.isalnum, seen))


def html_lines(text: str) -> list[str]:
    """Lines with tags or comments; the card has none outside of code."""
    return [line for line, is_code in code_lines(split_front(text)[1]) if not is_code and HTML.search(line)]


def lines(expected: list[str], found: list[str]) -> Iterator[str]:
    missing = [line for line in expected if line not in found]
    more = [line for line in found if line not in expected]
    yield from (f"is missing: {line[:200]}" for line in missing[:SHOWN])
    yield from (f"should not stand there: {line[:200]}" for line in more[:SHOWN])
    if expected != found and not missing and not more:
        yield "its lines are in another order, or stand there more or less often"
