"""`.drone.yml` and its signature, read as Drone reads it: line by line, documents parted by `---`, ended by `...`."""

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from notemill.errors import NotemillError, UsageError
from notemill.files import write_atomic

NAME = ".drone.yml"


def sign(path: Path, signed: Callable[[str], str]) -> bool:
    """Put the signature that `signed` gives of the text at the end of the file; False where it stands there already."""
    text = read(path)
    body = without_signature(text, path.name)
    signature = signed(body)
    if not re.fullmatch(r"[0-9a-f]{64}", signature):
        raise NotemillError(path.name, "Drone gave something that is no signature")
    wanted = f"{body}---\nkind: signature\nhmac: {signature}\n\n...\n"
    if text == wanted:
        return False
    write_atomic(path, wanted, path.stat().st_mode & 0o777)
    return True


def read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise UsageError(path.name, "is not there", hint=how_to_get_it()) from None
    except UnicodeDecodeError:
        raise UsageError(path.name, "is not UTF-8") from None


def how_to_get_it() -> str:
    return "notemill init makes one for a new project: copy its .drone.yml and noxfile.py into this folder"


def without_signature(text: str, where: str = NAME) -> str:
    """The text without signature documents, ended by one newline: what Drone signs. Raises UsageError."""
    lines, rest = _until_end(text.replace("\r\n", "\n").split("\n"))
    if any(line.strip() for line in rest):
        raise UsageError(where, "something stands behind the line '...'", "Drone reads no further than that line",
                         "take it away")
    documents = [document for document in _documents(lines) if not _is_signature(document, where)]
    body = "\n".join(line for document in documents for line in document).rstrip("\n")
    if not body.strip():
        raise UsageError(where, "is empty", hint=how_to_get_it())
    return body + "\n"


def _until_end(lines: list[str]) -> tuple[list[str], list[str]]:
    end = next((number for number, line in enumerate(lines) if line.startswith("...")), len(lines))
    return lines[:end], lines[end + 1:]


def _documents(lines: list[str]) -> list[list[str]]:
    """Each with the line `---` that begins it, where one does."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("---"):
            found.append([])
        found[-1].append(line)
    return [document for document in found if document]


def _is_signature(document: list[str], where: str) -> bool:
    lines = document[1:] if document[0].startswith("---") else document
    try:
        found = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1} of a document that begins '{document[0][:40]}')" if mark else ""
        raise UsageError(where, f"is no YAML: {getattr(error, 'problem', None) or 'not readable'}{line}") from None
    return isinstance(found, dict) and found.get("kind") == "signature"
