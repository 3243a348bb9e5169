"""What a step's result depends on, and what changed since."""

import difflib
import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from notemill.files import canonical_json, sha256_text
from notemill.interpreter import OWN, PROCESS
from notemill.modules import Imports, short_name
from notemill.notebook import Notebook
from notemill.pipeline import Step

RULES = 2  # raised when the same facts would mean another result: then, and only then, nothing old is reused


def components(step: Step, notebook: Notebook, imports: Imports, params: Mapping[str, object],
               inputs: Mapping[str, object], environ: Mapping[str, str] = os.environ,
               after: Mapping[str, str | None] = MappingProxyType({})) -> dict:
    """All that the result depends on, as JSON. `inputs` maps a name to a digest, or to [[name, digest], ...]; `after`
    a step that it must follow to the digest of that step's last execution."""
    given = {*params, *inputs, *step.outputs}
    return {
        "rules": RULES, "language": notebook.language, "kernel": PROCESS if step.kernel in OWN else step.kernel,
        "kernelspec": imports.interpreter.spec,
        "python": imports.interpreter.python,
        "cells": [digest_of(cell, given) for cell in notebook.cells],
        "params": dict(params), "inputs": dict(inputs), "outputs": dict(step.outputs),
        "modules": dict(imports.modules), "distributions": dict(imports.distributions),
        "env": {name: sha256_text(environ[name]) if name in environ else None for name in step.env},
        **({"after": dict(after)} if after else {})}


def digest_of(cell, given: set[str]) -> str:
    """The cell's digest; a default that is overridden does not count."""
    if not cell.settings:
        return cell.digest
    return sha256_text(canonical_json([digest for name, digest in cell.settings if name not in given]))


def fingerprint(parts: Mapping[str, object]) -> str:
    """One digest for all components."""
    return sha256_text(canonical_json(parts))


def changes(old: Mapping | None, new: Mapping, *, step: Step, numbers: list[int], old_numbers: list[int],
            imports: Imports, skip: set[str] = frozenset(), texts: tuple[list, list] | None = None) -> list[str]:
    """What changed between two sets of components, in words; `skip` are inputs that are not known yet.

    `texts` are the cells' digests, old and new, with the defaults that are overridden: a cell whose text is the same
    did not change, though another default in it may count now.
    """
    if old is None:
        return ["never run before"]
    if old.get("rules") != new["rules"]:
        return [f"notemill's rules of reuse {old.get('rules')} -> {new['rules']}"]  # the rest is told in other words
    same_text = texts is not None and texts[0] == texts[1]
    return [*_versions(old, new), *([] if same_text else _cells(old["cells"], new["cells"], old_numbers, numbers)),
            *_params(old["params"], new["params"]), *_inputs(old["inputs"], new["inputs"], step, skip),
            *_modules(old["modules"], new["modules"], imports, step),
            *_distributions(old["distributions"], new["distributions"]),
            *_env(old["env"], new["env"]), *_outputs(old["outputs"], new["outputs"]),
            *_after(old.get("after", {}), new.get("after", {}), skip)]


def _versions(old: Mapping, new: Mapping) -> Iterator[str]:
    names = {"language": "language", "kernel": "kernel", "python": "Python"}
    for key, name in names.items():
        if old[key] != new[key]:
            yield f"{name} {old[key] or 'not known'} -> {new[key] or 'not known'}"
    if old["kernel"] == new["kernel"] and old["kernelspec"] != new["kernelspec"]:
        yield f"the kernel.json of '{new['kernel']}' changed"


def _cells(old: list, new: list, old_numbers: list[int], numbers: list[int]) -> Iterator[str]:
    if old != new and sorted(old) == sorted(new):
        yield "cells in another order"
        return
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        both = min(b - a, d - c) if kind == "replace" else 0
        if kind != "equal":
            yield from (f"cell {n} changed" for n in numbers[c:c + both])
            yield from (f"cell {n} added" for n in numbers[c + both:d])
            yield from (f"cell {n} removed" for n in old_numbers[a + both:b])


def _params(old: Mapping, new: Mapping) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"parameter {name} set to {shown(new[name])}"
        elif name not in new:
            yield f"parameter {name} no longer set (was {shown(old[name])})"
        elif canonical_json(old[name]) != canonical_json(new[name]):
            yield f"parameter {name} {shown(old[name])} -> {shown(new[name])}"


def _inputs(old: Mapping, new: Mapping, step: Step, skip: set[str]) -> Iterator[str]:
    for name in sorted({*old, *new} - skip):
        if name not in old:
            yield f"input {name} added"
        elif name not in new:
            yield f"input {name} removed"
        elif old[name] != new[name]:
            yield f"{step.inputs[name]} changed{_files(old[name], new[name])}"


def _files(old: object, new: object) -> str:
    """For a list of files: which."""
    if not (isinstance(old, list) and isinstance(new, list)):
        return ""
    before, after = dict(old), dict(new)
    words = [f"{name} {'added' if name not in before else 'removed' if name not in after else 'changed'}"
             for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return f": {', '.join(words[:3])}{', ...' if len(words) > 3 else ''}"


def _modules(old: Mapping, new: Mapping, imports: Imports, step: Step) -> Iterator[str]:
    for path in sorted({*old, *new}):
        name, by = short_name(path), imports.through.get(path)
        if path not in old:
            yield f"{name} is now imported (by {by})"
        elif path not in new:
            yield f"{name} is no longer imported"
        elif old[path] != new[path]:
            how = "imported by" if by == step.notebook.name else "imported through"
            yield f"{name} changed ({how} {by})"


def _distributions(old: Mapping, new: Mapping) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"{name} is now imported"
        elif name not in new:
            yield f"{name} is no longer imported"
        elif old[name] != new[name]:
            yield f"{name} {old[name] or 'not installed'} -> {new[name] or 'not installed'}"


def _env(old: Mapping, new: Mapping) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name) or (name in old) != (name in new):
            yield f"environment variable {name} changed"


def _outputs(old: Mapping, new: Mapping) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield f"output {name} is now declared"
        elif name not in new:
            yield f"output {name} is no longer declared"
        elif old[name] != new[name]:
            yield f"output {name}: file {old[name]} -> {new[name]}"


def _after(old: Mapping, new: Mapping, skip: set[str]) -> Iterator[str]:
    for name in sorted({*old, *new} - skip):
        if name in old and name in new and old[name] != new[name]:
            yield f"{name} ran again"
        elif name not in old or name not in new:
            yield f"{'follows' if name in new else 'no longer follows'} {name}"


def shown(value: object) -> str:
    """A parameter's value in a reason: short."""
    text = value if isinstance(value, str) and value else canonical_json(value)
    return text if len(text) <= 60 else text[:57] + "..."
