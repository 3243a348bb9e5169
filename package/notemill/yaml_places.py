"""YAML 1.2 as plain values, with the line of every key: `no` is text, 1e-3 is a number, a key stands once."""

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from notemill.errors import UsageError

MOST_VALUES = 200_000  # a few lines of nested aliases could otherwise fill the memory
MOST_DEEP = 50  # and a row of brackets the stack
PARSER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the base one gives no plain word a YAML 1.1 type
CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None,
             "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

Places = dict[tuple, int]


def read_yaml(path: Path, name: str | None = None) -> tuple[object, Places]:
    """The file's value, and the line (from 1) of each key and item by its path, as ("steps", "train", "inputs").

    Raises UsageError for what is no YAML, for a key that stands twice, and for tags.
    """
    name = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(name, "there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(name, f"cannot be read: {error}") from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> tuple[object, Places]:
    """As `read_yaml`, from text."""
    try:
        _refuse_odd(yaml.parse(text, Loader=PARSER), name)
        root = yaml.compose(text, Loader=PARSER)
    except yaml.YAMLError as error:
        raise _no_yaml(error, text, name) from None
    except UnicodeEncodeError as error:  # bytes of a command line that are no text
        raise UsageError(name, f"is not text: {ascii(text[error.start])} is half a character") from None
    reader = _Reader(name)
    return (None if root is None else reader.value(root, ())), reader.places


def _refuse_odd(events: Iterable[yaml.Event], name: str) -> None:
    """Tags, which ask for types that are not plain, and what is nested too deep to be followed."""
    depth = 0
    for event in events:
        if getattr(event, "tag", None) is not None:
            raise UsageError(f"{name}:{event.start_mark.line + 1}", f"the tag {_short(event.tag)} is not taken",
                             "plain values only", "leave it out; quotes make a text of anything")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEEP:
            raise UsageError(f"{name}:{event.start_mark.line + 1}", f"is nested more than {MOST_DEEP} deep")


def _no_yaml(error: yaml.YAMLError, text: str, name: str) -> UsageError:
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.reader.ReaderError):
        line = text[:error.position].count("\n") + 1
        return UsageError(f"{name}:{line}", f"is not YAML: the character {error.character:#x} is not taken",
                          "printable characters only")
    lines = text.splitlines() or [""]
    number = min(mark.line + 1, len(lines)) if mark else None  # what is missing at the end is told of the last line
    tabs = number and lines[number - 1].lstrip(" ").startswith("\t")
    return UsageError(f"{name}:{number}" if number else name,
                      f"is not YAML: {getattr(error, 'problem', None) or error}",
                      hint="indent with spaces: YAML takes no tabs" if tabs else None)


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


class _Reader:
    """Turns nodes into values and remembers where each stood."""

    def __init__(self, name: str):
        self.name, self.places, self.count = name, {}, 0

    def value(self, node: yaml.Node, path: tuple) -> object:
        self.count += 1
        if self.count > MOST_VALUES or len(path) > MOST_DEEP:
            raise UsageError(self._where(node), f"has more than {MOST_VALUES} values, or ones nested too deep",
                             hint="are aliases nested in aliases?")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._placed(item, item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple) -> dict:
        result: dict = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in result:
                raise UsageError(self._where(key_node), f"the key '{key}' stands twice",
                                 f"it stands first in line {self.places[(*path, key)]}")
            result[key] = self._placed(key_node, value_node, (*path, key))
        return result

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise UsageError(self._where(node), "a key must be text")
        return node.value

    def _placed(self, mark: yaml.Node, node: yaml.Node, path: tuple) -> object:
        self.places[path] = mark.start_mark.line + 1
        return self.value(node, path)

    def _scalar(self, node: yaml.ScalarNode) -> object:
        if node.style:
            return node.value
        try:
            return plain_scalar(node.value)
        except ValueError:  # Python turns no more than some thousand digits into a number
            raise UsageError(self._where(node), f"has a number of {len(node.value)} digits") from None

    def _where(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"


def plain_scalar(text: str) -> object:
    """What an unquoted word means in YAML 1.2's core schema."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "").lower())
    return float(text) if FLOAT.fullmatch(text) else text
