"""What of pipeline.yaml decides how a model is judged; it may have been written to mislead."""

import glob
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from notemill.ci.steward.facts import Reason
from notemill.errors import NotemillError
from notemill.yaml_places import parse_yaml

MOST_BYTES = 200_000
FREE = ("steps", "score", "smoke", "limits")  # top-level keys that judge nothing; a key that is not known does
WORDS = {"gate": "changes the gate", "contract": "changes which file is the data's contract",
         "params": "changes parameters of all steps, of the one that holds out the data too",
         "task": "changes the task", "risk": "changes the risk", "promote": "changes how versions are promoted",
         "store": "changes where results are shared", "records": "changes where versions are recorded",
         "name": "changes the project's name, and with it who the champion is"}
DATA = "changes the step that makes the held-out data"
OUTSIDE = re.compile(r"[a-z][a-z0-9+]*:.*", re.S)


class Unreadable(Exception):
    """It cannot be told what it asks for."""


@dataclass(frozen=True)
class Rules:
    """`sections`: top-level keys; `steps`: those that the held-out data come from, with their `notebooks`.

    `files`: (pattern, why); `all_notebooks`: of every step.
    """

    sections: Mapping[str, object] = field(default_factory=dict)
    steps: Mapping[str, object] = field(default_factory=dict)
    files: tuple[tuple[str, str], ...] = ()
    notebooks: tuple[str, ...] = ()
    all_notebooks: tuple[str, ...] = ()


def read_rules(content: bytes | None) -> Rules:
    """Of a file's content; None is no file. Raises Unreadable."""
    if content is None:
        return Rules()
    try:
        if len(content) > MOST_BYTES:
            raise Unreadable("it is too long")
        return rules_of(parse_yaml(content.decode(), "pipeline.yaml")[0])
    except NotemillError as error:
        raise Unreadable(error.got) from None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise Unreadable(type(error).__name__) from None


def rules_of(raw: object) -> Rules:
    """Raises Unreadable."""
    if not isinstance(raw, dict) or not isinstance(raw.get("steps"), dict):
        raise Unreadable("it has no steps")
    if not all(isinstance(step, dict) for step in raw["steps"].values()):
        raise Unreadable("a step is no mapping")
    sections = {key: value for key, value in raw.items() if key not in FREE}
    names = before(makers(raw), raw["steps"])
    steps = {name: {key: value for key, value in raw["steps"][name].items() if key != "limits"} for name in names}
    files = tuple(dict.fromkeys(files_of(raw, steps)))
    return Rules(sections, steps, files, notebooks_of(steps), notebooks_of(raw["steps"]))


def notebooks_of(steps: Mapping[str, Mapping]) -> tuple[str, ...]:
    return tuple(inside("notebooks", step.get("notebook", "")) for step in steps.values())


def makers(raw: Mapping) -> set[str]:
    """The steps that hand out the held-out rows and what is said of them."""
    gate = raw.get("gate") or {}
    return {str(gate[key]).partition(".")[0] for key in ("data", "schema") if gate.get(key)} & raw["steps"].keys()


def before(names: set[str], steps: Mapping[str, Mapping]) -> list[str]:
    """These steps, and all that they follow."""
    found, queue = set(), list(names)
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue.extend(needed(steps[name], steps))
    return sorted(found)


def needed(step: Mapping, steps: Mapping) -> Iterator[str]:
    for value in [*(step.get("inputs") or {}).values(), *(step.get("after") or ())]:
        if isinstance(value, str) and value.partition(".")[0] in steps:
            yield value.partition(".")[0]


def files_of(raw: Mapping, steps: Mapping[str, Mapping]) -> Iterator[tuple[str, str]]:
    """The files that the judgement rests on."""
    if raw.get("contract"):
        yield glob.escape(inside("notebooks", raw["contract"])), "the data's contract"
    for step in steps.values():
        yield glob.escape(inside("notebooks", step.get("notebook", ""))), "the step that makes the held-out data"
        for value in (step.get("inputs") or {}).values():
            if isinstance(value, str) and not OUTSIDE.fullmatch(value):
                yield from both(inside("", value), "what the held-out data are made of")
    for function in ((raw.get("gate") or {}).get("custom") or {}).values():
        module = str(function).rpartition(".")[0].replace(".", "/")
        yield f"package/{module}.py", "a check of the gate"
        yield f"package/{module}/*", "a check of the gate"
    for key, why in (("records", "the records"), ("store", "the store")):
        if isinstance(raw.get(key), str) and not OUTSIDE.fullmatch(raw[key]):
            yield from both(inside("", raw[key]), why)


def both(path: str, why: str) -> Iterator[tuple[str, str]]:
    """The file, or all that is in the folder."""
    yield glob.escape(path), why
    yield f"{glob.escape(path)}/*", why


def inside(folder: str, name: object) -> str:
    return posixpath.normpath(posixpath.join(folder, str(name)))


def loosened(base: Rules, head: Rules) -> Iterator[Reason]:
    """Which rules differ. Whether one is looser now, or tighter, is for a person to say."""
    for key in sorted(base.sections.keys() | head.sections.keys()):
        old, new = base.sections.get(key), head.sections.get(key)
        if not alike(old, new):
            yield Reason(WORDS.get(key, "changes a setting of the whole project"), f"{key}{inner(old, new)}")
    for name in sorted(base.steps.keys() | head.steps.keys()):
        if not alike(base.steps.get(name), head.steps.get(name)):
            yield Reason(DATA, f"{name}{inner(base.steps.get(name), head.steps.get(name))}")


def alike(one: object, other: object) -> bool:
    """Equal in values and types; the order of keys says nothing."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def inner(old: object, new: object) -> str:
    """Which of a section's keys differ."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return ""
    keys = [str(key) for key in sorted(old.keys() | new.keys(), key=str) if not alike(old.get(key), new.get(key))]
    return f": {', '.join(keys)}"
