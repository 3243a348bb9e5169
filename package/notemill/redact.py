"""Take the values of secrets out of whatever is kept or shown, in the forms in which they turn up."""

import base64
import html
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus, unquote, urlsplit

from notemill.errors import UsageError

MASK = "******"
SHORTEST = 4        # a shorter value is found by chance all over an output
WRAPPED = 8         # shorter forms are not looked for across line breaks
LONG_LINE = 16      # lines of this length, of a secret with many lines, are secrets of their own
WEB = ("http", "https")
TOKEN, LONE = 20, 8  # characters of a user name that is a key, beside a password and without one
PREFIX = 5          # enough to tell most texts apart from what begins like a secret
IMAGE_FORM = 8      # shorter pieces of base64 are found by chance in an image's data

# What may stand between two characters of a secret without hiding it: colour codes and line breaks with indentation,
# as they are and as they look in JSON or repr. Each alternative begins with a plain character, which makes the search
# fast; no two can match the same text and none nests, which keeps it linear.
COLOUR = r"\[[0-9;:?]*[A-Za-z]"
GAP = re.compile(rf"\x1b{COLOUR}|\n[ \t]*|\r\n[ \t]*|\\n|\\r\\n|\\u001[bB]{COLOUR}|\\x1b{COLOUR}|\\033{COLOUR}")
BREAK = re.compile(r"\n|\\n")
BINARY = re.compile(r"(?:image/(?!svg)|audio/|video/|application/(?:pdf|octet-stream|zip))", re.I)
BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")

Span = tuple[int, int]


@dataclass(frozen=True)
class Form:
    """One way in which a secret is written; at `left`, `right` stands a base64 character that holds bits of it."""

    text: str = field(repr=False)
    left: bool = False
    right: bool = False


Families = dict[str, tuple[Form, ...]]      # by an anchor: where it is not in a text, none of its forms is


class Redactor:
    """Replaces the values of `secrets` (name -> value) by `******`; empty values are passed over.

    Raises UsageError for a value of fewer than 4 characters. Neither errors nor `repr` show a value.
    """

    def __init__(self, secrets: Mapping[str, str]):
        for name, value in secrets.items():
            _check_length(name, value)
        self.names = tuple(sorted(secrets))
        values = {part for value in secrets.values() for part in _parts(value)}
        self._families = _families(values, squeezed=False)
        self._squeezed = _families(values, squeezed=True)
        self._numbers = frozenset(value for value in values if _is_number(value))

    def __repr__(self) -> str:
        return f"Redactor({', '.join(self.names)})"

    def text(self, text: str) -> str:
        """`text` with every form of every secret replaced."""
        return _replaced(text, self._spans(text))

    def bytes(self, data: bytes) -> bytes:
        """As `text`, for UTF-8 or anything else: bytes that are not UTF-8 are kept as they are."""
        text = data.decode("utf-8", "surrogateescape")
        spans = self._spans(text)
        return _replaced(text, spans).encode("utf-8", "surrogateescape") if spans else data

    def json(self, value: object) -> object:
        """A copy of a JSON value, redacted in keys, texts and numbers that are a secret's value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.json(key): self.json(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return self._lines([self.json(item) for item in value])
        if self._numbers and type(value) in (int, float) and repr(value) in self._numbers:
            return MASK
        return value

    def notebook(self, notebook: Mapping) -> dict:
        """A copy of a notebook (nbformat 4 as plain data): sources, outputs, attachments and metadata redacted."""
        if not self._families:
            return dict(notebook)
        return {**notebook, "metadata": self.json(notebook.get("metadata", {})),
                "cells": [self._cell(cell) for cell in notebook.get("cells", [])]}

    def _cell(self, cell: Mapping) -> dict:
        cell = dict(cell)
        actions: dict[str, Callable] = {"source": self._multiline, "metadata": self.json, "outputs": self._outputs,
                                        "attachments": self._attachments}
        return cell | {key: act(cell[key]) for key, act in actions.items() if key in cell}

    def _attachments(self, files: Mapping) -> dict:
        return {self.text(name): self._bundle(bundle) for name, bundle in files.items()}

    def _outputs(self, outputs: list) -> list:
        for name in sorted({str(out.get("name")) for out in outputs if out.get("output_type") == "stream"}):
            outputs = self._merge_stream(outputs, name)
        return [self._output(out) for out in outputs]

    def _merge_stream(self, outputs: list, name: str) -> list:
        """One output for all of a stream, where a secret begins in one of them and ends in another."""
        places = [i for i, out in enumerate(outputs) if out.get("output_type") == "stream" and out.get("name") == name]
        texts = ["".join(outputs[i].get("text", "")) for i in places]
        joined = "".join(texts)
        if len(texts) < 2 or not _crosses(self._spans(joined), texts):
            return outputs
        merged = {**outputs[places[0]], "text": joined}
        return [merged if i == places[0] else out for i, out in enumerate(outputs) if i not in places[1:]]

    def _output(self, out: Mapping) -> dict:
        kind = out.get("output_type")
        if kind == "stream":
            return {**out, "text": self._multiline(out.get("text", ""))}
        if kind == "error":
            return {**out, "ename": self.text(out.get("ename", "")), "evalue": self.text(out.get("evalue", "")),
                    "traceback": self._traceback(out.get("traceback", []))}
        return {**out, "data": self._bundle(out.get("data", {})), "metadata": self.json(out.get("metadata", {}))}

    def _bundle(self, data: Mapping) -> dict:
        """Data by mime type. An image that holds a secret goes as a whole: a part of it would not be shown anyway."""
        kept = {mime: self._datum(mime, value) for mime, value in data.items()}
        if any(value is None for value in kept.values()):
            kept = {"text/plain": MASK} | {mime: value for mime, value in kept.items() if value is not None}
        return kept

    def _datum(self, mime: str, value: object) -> object:
        if not BINARY.match(mime) or not isinstance(value, (str, list)):
            return self._multiline(value) if "json" not in mime else self.json(value)
        return None if self._spans("".join(value), shortest=IMAGE_FORM) else value

    def _multiline(self, value: object) -> object:
        """A text, or the list of its lines: redacted as one text, and given back as it came."""
        if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
            return self.json(value)
        joined = "".join(value)
        spans = self._spans(joined)
        return _replaced(joined, spans).splitlines(keepends=True) if spans else list(value)

    def _traceback(self, lines: list) -> list:
        return self._lines([self.text(line) for line in lines])

    def _lines(self, items: list) -> list:
        """Texts that show a secret only when they stand one below the other become one text without it."""
        if len(items) < 2 or not all(isinstance(item, str) for item in items):
            return items
        joined = "\n".join(items)
        spans = self._spans(joined)
        return _replaced(joined, spans).split("\n") if spans else items

    def _spans(self, text: str, shortest: int = 0) -> list[Span]:
        """Where secrets stand in `text`, in order and without overlap."""
        spans = list(_find(self._families, text, shortest))
        bare = GAP.sub("", text) if self._families and _has_gap(text) else text
        if len(bare) != len(text):
            found = list(_find(self._squeezed, bare, shortest))
            spans += _placed(found, text) if found else []
        return _merged(spans)


def _check_length(name: str, value: str) -> None:
    if value.strip() and len(value.strip()) < SHORTEST:
        raise UsageError(f"secret '{name}'", "its value is too short to be redacted without harm",
                         f"at least {SHORTEST} characters")


def _parts(value: str) -> set[str]:
    """The value, the long lines of one with many lines, and the password of one that is an address."""
    whole = value.strip()
    if not whole:
        return set()
    lines = {line.strip() for line in whole.splitlines()}
    passwords = _passwords(whole)
    return {whole} | {line for line in lines if len(line) >= LONG_LINE} | {p for p in passwords if len(p) >= SHORTEST}


def _passwords(value: str) -> set[str]:
    found = logins(value)
    return {*found, *map(unquote, found)}


def logins(address: str) -> list[str]:
    """What an address holds that lets one in: its password, and a user name that is a token (`https://TOKEN@host`)."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return []
    login = parts.netloc.rpartition("@")[0]
    found = [parts.password or "", parts.username if parts.scheme in WEB and is_token(login) else ""]
    return [text for text in found if text]


def is_token(login: str) -> bool:
    """Whether the user name of a web address's login is more than a name: long, or not so long and without password."""
    user, _, password = login.partition(":")
    return len(user) >= (TOKEN if password else LONE)


def _is_number(value: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9.]+(?:e[-+]?[0-9]+)?", value))


def _families(values: Iterable[str], squeezed: bool) -> Families:
    """All forms of the values: as they are, or as they are in a text whose gaps have been taken out."""
    families: dict[str, set[Form]] = {}
    for value in values:
        # what is escaped keeps its letters and digits
        run = max(re.findall(r"[A-Za-z0-9]+", value), key=len, default="")
        for form in filter(None, map(_squeeze, _forms(value)) if squeezed else _forms(value)):
            anchor = run if len(run) >= SHORTEST and run in form.text else form.text[:PREFIX]
            families.setdefault(anchor, set()).add(form)
    return {anchor: tuple(forms) for anchor, forms in families.items()}


def _squeeze(form: Form) -> Form | None:
    text = GAP.sub("", form.text)
    return Form(text, form.left, form.right) if text == form.text or len(text) >= WRAPPED else None


def _forms(value: str) -> Iterator[Form]:
    yield from map(Form, _escaped_twice(value))
    yield from _encoded(value.encode("utf-8", "surrogateescape"))


def _escaped_twice(value: str) -> set[str]:
    once = _escaped(value)
    return once | {twice for text in once for twice in _escaped(text)}


def _escaped(value: str) -> set[str]:
    """As it is, and as written by repr, JSON, URLs and HTML."""
    return {value, *_python_forms(value), *_json_forms(value), *_url_forms(value), *_html_forms(value)}


def _python_forms(value: str) -> Iterator[str]:
    for text in (repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode("utf-8", "surrogateescape"))[2:-1]):
        plain = text.replace("\\'", "'")
        yield from (text, plain, plain.replace("'", "\\'"), plain.replace('"', '\\"'))


def _json_forms(value: str) -> Iterator[str]:
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield from (text, text.replace("/", "\\/"))
        for marks in ("[<>&]", "[<>&']"):       # as templates write JSON into HTML
            yield re.sub(marks, lambda match: f"\\u{ord(match[0]):04x}", text)


def _url_forms(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogateescape")
    for text in (quote(data), quote(data, safe=""), quote(data, safe="/:@?&=+,"), quote_plus(data),
                 quote_plus(data, safe="/")):
        yield from (text, re.sub("%..", lambda match: match[0].lower(), text))


def _html_forms(value: str) -> Iterator[str]:
    text = html.escape(value)
    yield from (text, html.escape(value, quote=False), text.replace("&#x27;", "'"))
    yield text.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield text.replace("&#x27;", "&#39;")


def _encoded(data: bytes) -> Iterator[Form]:
    """Hexadecimal, and base64 as it looks at each of three places inside a longer encoded text."""
    yield from (Form(data.hex()), Form(data.hex().upper()))
    for shift in range(3):
        form = _base64_form(data, shift)
        if len(form.text) >= SHORTEST:
            yield form
            yield Form(form.text.translate(str.maketrans("+/", "-_")), form.left, form.right)


def _base64_form(data: bytes, shift: int) -> Form:
    """The characters that depend on `data` alone when `shift` bytes stand before it and others may follow."""
    text = base64.b64encode(b"\0" * shift + data).decode()
    bits = 8 * (shift + len(data))
    first = (0, 2, 3)[shift]
    return Form(text[first:bits // 6], left=shift > 0, right=bits % 6 > 0)


def _has_gap(text: str) -> bool:
    return "\n" in text or "\x1b" in text or "\\" in text


def _find(families: Families, text: str, shortest: int) -> Iterator[Span]:
    for anchor, forms in families.items():
        if anchor in text:
            for form in forms:
                yield from _occurrences(form, text) if len(form.text) >= shortest else ()


def _occurrences(form: Form, text: str) -> Iterator[Span]:
    wanted = form.text
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        left = form.left and start > 0 and text[start - 1] in BASE64
        right = form.right and end < len(text) and text[end] in BASE64
        yield start - left, end + right
        start = text.find(wanted, end)


def _placed(spans: list[Span], text: str) -> list[Span]:
    """Spans of the text without its gaps, as spans of the text itself; short ones only where no line breaks in them."""
    starts, shifts, removed = [], [], 0
    for gap in GAP.finditer(text):
        starts.append(gap.start() - removed)
        removed += gap.end() - gap.start()
        shifts.append(removed)

    def original(position: int) -> int:
        index = bisect_right(starts, position)
        return position + (shifts[index - 1] if index else 0)

    placed = [(original(start), original(end - 1) + 1, end - start) for start, end in spans]
    return [(start, end) for start, end, size in placed if size >= WRAPPED or not BREAK.search(text, start, end)]


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replaced(text: str, spans: list[Span]) -> str:
    if not spans:
        return text
    pieces, last = [], 0
    for start, end in spans:
        pieces += [text[last:start], MASK]
        last = end
    return "".join([*pieces, text[last:]])


def _crosses(spans: list[Span], texts: list[str]) -> bool:
    """Whether a span begins in one of the texts that follow each other, and ends in another."""
    border, borders = 0, []
    for text in texts[:-1]:
        border += len(text)
        borders.append(border)
    return any(bisect_right(borders, start) != bisect_right(borders, end - 1) for start, end in spans)
