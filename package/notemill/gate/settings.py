"""Was the gate loosened since the champion was judged? Told in words: who loosens a gate is to say why."""

from collections.abc import Iterator, Mapping

from notemill.gate.known import Known
from notemill.gate.verdict import Check, is_number, not_asked, refused

# looser when lower; all others when higher
LOWER = {"floor", "least_rows", "value.minimum", "budgets.rows_per_second", "robustness.noise"}
MORE = {"warn", "types"}  # lists that loosen when longer; others when shorter
NAMED = {"model", "data", "schema", "metrics", "predictions"}  # which outputs: that there is one counts
DEFAULTED = {"margin", "least_rows", "slicing", "robustness", "calibration", "training", "leakage", "attempts", "train",
             "metric", "group"}
DECLARED = {"fairness", "value"}  # parts that have defaults once they are declared
ABSENT = object()
SHOWN = 5


def check_settings(known: Known, config: Mapping, held_out: str, functions: Mapping) -> Check:
    """The gate section against the champion's, and the held-out rows against those that the champion was judged on.

    `functions`: {name: {file: digest of its code}} of the project's own checks.
    """
    if known.unknown:
        return refused("settings", f"it cannot be known by which gate the champion was judged: {known.unknown}")
    if known.champion is None:
        return not_asked("settings", "there is no champion yet whose gate could be compared")
    before = known.champion.verdict
    found = [*loosened(before["config"], config), *rewritten(before, config, functions)]
    if before["data"] != held_out:
        found.append("the held-out rows are others than those that the champion was judged on")
    hint = None
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        hint = f"looser than for {known.champion.name}, or not comparable: {'; '.join(found[:SHOWN])}{more}"
    return Check("settings", "warned" if found else "passed", float(len(found)), limit=0.0, hint=hint)


def loosened(before: Mapping, now: Mapping) -> Iterator[str]:
    """What asks less than before, in words."""
    old, new = dict(flat(before)), dict(flat(now))
    for name in sorted({*old, *new}):
        left, right = old.get(name, ABSENT), new.get(name, ABSENT)
        if left != right and (right is ABSENT if name in NAMED else is_looser(name, left, right, before)):
            yield f"{name} {shown(left)} -> {shown(right)}"


def rewritten(before: Mapping, now: Mapping, functions: Mapping) -> Iterator[str]:
    """The project's own checks that have their name still, and other code: nobody can tell whether it asks less."""
    then, old = before.get("functions", {}), before["config"].get("custom", {})
    for name in sorted(name for name, dotted in now.get("custom", {}).items() if old.get(name) == dotted):
        if name not in then:
            yield f"custom.{name}: what its code was then is not known"
            continue
        files = sorted({*then[name], *functions[name]})
        changed = [file for file in files if then[name].get(file) != functions[name].get(file)]
        if changed:
            yield f"custom.{name}: {', '.join(changed)} changed"


def flat(config: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    """("budgets.size_mb", 100) and so on."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def is_looser(name: str, before: object, now: object, all_before: Mapping) -> bool:
    """Of a setting whose sense is not known any change counts."""
    if isinstance(before, list | tuple) or isinstance(now, list | tuple):
        old, new = (() if value is ABSENT else value for value in (before, now))
        gone, come = ([one for one in ours if one not in theirs] for ours, theirs in ((old, new), (new, old)))
        return bool(come if name in MORE else gone)
    if before is ABSENT:  # a setting of its own where the default held
        part = name.partition(".")[0]
        return part in DEFAULTED or (part in DECLARED and part in all_before)
    if now is ABSENT or not (is_number(before) and is_number(now)):
        return True
    return (now < before) == (name in LOWER)


def shown(value: object) -> str:
    if value is ABSENT:
        return "(not set)"
    return ", ".join(map(str, value)) or "(none)" if isinstance(value, list | tuple) else str(value)
