"""How a file with a table is written: packed or not, in which encoding, with which separator."""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from notemill.errors import UsageError

PACKED = {b"\x1f\x8b": ("gzip", gzip.open), b"BZh": ("bzip2", bz2.open), b"\xfd7zXZ\x00": ("xz", lzma.open)}
NO_CSV = re.compile(r'\s*(?:\[\s*)?\{\s*(?:"[^"]*"\s*:|\})|\s*\[\[|\s*<(?:!doctype|html|\?xml)', re.I)  # JSON, web page
NO_TABLES = {b"PK\x03\x04": ("an Excel workbook or a zip archive", "save the sheet as CSV, or unpack the archive"),
             b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "save the sheet as CSV"),
             b"%PDF": ("a PDF", "a table as CSV or Parquet is needed"),
             b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it: zstd -d"),
             b"SQLite format 3\x00": ("a SQLite database", "export the table as CSV")}
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
SEPARATORS = ("\t", ";", "|", ",")      # the rarer in prose first: it wins where two fit equally well
SAMPLE = 500                            # lines that the separator is found by
BLOCK = 1 << 20


@dataclass(frozen=True)
class Written:
    """A text file's form. `packed` is None or the packer's name."""

    packed: str | None
    encoding: str
    separator: str

    @property
    def odd(self) -> list[str]:
        """What keeps it from being a plain CSV file, in words."""
        name = {"\t": "tab", " ": "blank"}.get(self.separator, f"'{self.separator}'")
        return [*([f"unpacked ({self.packed})"] if self.packed else []),
                *([f"encoding {self.encoding}"] if self.encoding != "utf-8" else []),
                *([f"separator {name}"] if self.separator != "," else [])]


def is_parquet(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def look(path: Path, encoding: str | None = None, separator: str | None = None) -> Written:
    """Find out how a CSV file is written; what is given is taken. Raises UsageError for what is no text."""
    with open(path, "rb") as file:
        head = file.read(16)
    for mark, (kind, hint) in NO_TABLES.items():
        if head.startswith(mark):
            raise UsageError(str(path), f"is {kind}", "CSV (also packed: .gz, .bz2, .xz) or Parquet", hint)
    packed = next((name for mark, (name, _) in PACKED.items() if head.startswith(mark)), None)
    encoding = encoding or find_encoding(path, packed)
    text = "".join(first_lines(path, packed, encoding))
    if not text.strip():
        raise UsageError(str(path), "is empty", "a table with a heading and rows")
    if NO_CSV.match(text):
        raise UsageError(str(path), "looks like JSON or a web page", "CSV or Parquet",
                         "pandas can turn it into one: read_json(...).to_parquet(...)")
    return Written(packed, encoding, separator or find_separator(text, path))


def open_binary(path: Path, packed: str | None):
    opener = next((opener for name, opener in PACKED.values() if name == packed), open)
    return opener(path, "rb")


def open_text(path: Path, packed: str | None, encoding: str):
    """The text with its line ends as they are, for the csv module."""
    return io.TextIOWrapper(open_binary(path, packed), encoding=encoding, newline="")


def find_encoding(path: Path, packed: str | None) -> str:
    """By its mark; else UTF-8 where all of it is; else UTF-16 by its zeros; else what Windows writes in the West."""
    try:
        with open_binary(path, packed) as file:
            head = file.read(BLOCK)
            marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
            return marked or _without_mark(path, head, file)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(str(path), f"cannot be read: {error}") from None


def _without_mark(path: Path, head: bytes, file) -> str:
    even, odd = head[0:4000:2].count(0), head[1:4000:2].count(0)
    if max(even, odd) > min(len(head), 4000) / 8:
        return "utf-16-be" if even > odd else "utf-16-le"
    if b"\0" in head[:4000]:
        raise UsageError(str(path), "is no text", "CSV (also packed: .gz, .bz2, .xz) or Parquet")
    return "utf-8" if _decodes("utf-8", head, file) else _western(path)


def _decodes(encoding: str, head: bytes, file) -> bool:
    decoder, block = codecs.getincrementaldecoder(encoding)(), head
    try:
        while block:
            decoder.decode(block)
            block = file.read(BLOCK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _western(path: Path) -> str:
    return "cp1252" if not {0x81, 0x8d, 0x8f, 0x90, 0x9d} & set(path.read_bytes()[:BLOCK]) else "latin-1"


def first_lines(path: Path, packed: str | None, encoding: str) -> list[str]:
    """The first lines. Raises UsageError where the bytes are no such text."""
    try:
        codecs.lookup(encoding)
        with open_text(path, packed, encoding) as file:
            return [line for _, line in zip(range(SAMPLE), file, strict=False)]
    except UnicodeError:
        raise UsageError(str(path), f"is not written in {encoding}",
                         hint="name it with --encoding: utf-8, cp1252, utf-16, ...") from None
    except LookupError:
        raise UsageError("--encoding", f"there is no encoding '{encoding}'",
                         "such as utf-8, cp1252, latin-1, utf-16, cp1250, shift_jis") from None
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise UsageError(str(path), f"cannot be read: {error}") from None


def find_separator(text: str, path: Path) -> str:
    """The one that divides most lines into as many fields as the first; ties go by the order of SEPARATORS."""
    found = {separator: _steadiness(text, separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: found[separator])
    if not found[best]:
        raise UsageError(str(path), "has one column only: none of the usual separators divides its first line",
                         "comma, semicolon, tab, |", "name another one with --separator")
    return best


def _steadiness(text: str, separator: str) -> float:
    """The share of the rows that have the commonest number of fields; 0 where it divides nothing."""
    try:
        rows = [len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    except csv.Error:
        return 0.0
    if not rows or rows[0] < 2:
        return 0.0
    fields, count = Counter(rows).most_common(1)[0]
    return round(count / len(rows), 1) if fields >= 2 else 0.0
