"""Did training see the held-out rows? What the run's record shows, by name and by content."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from notemill.gate.verdict import Check, refused

NOT_TABLES = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".txt", ".md", ".html", ".py", ".skops",
              ".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Taken:
    """One thing that a step took: an output ("step.name") or an outside file, and the way that it goes from there."""

    name: str
    sha256: str | None
    file: str
    way: tuple[str, ...]

    @property
    def is_table(self) -> bool:
        return may_be_table(self.file)

    def is_same(self, other: "Taken") -> bool:
        return self.name == other.name or (self.sha256 is not None and self.sha256 == other.sha256)


def may_be_table(file: str) -> bool:
    """Whatever is not known to be something else: a suffix unknown here may still hold rows."""
    return Path(file).suffix.lower() not in NOT_TABLES


def check_held_out(record: Mapping, config: Mapping, files: Mapping) -> Check:
    """By the run's record, neither the held-out rows nor what they were made from reach the model's step, under any
    name; what the splitting step hands on is taken for split."""
    goal, held_out, steps = config["model"].partition(".")[0], files["data"], record["steps"]
    if any(train["sha256"] == held_out["sha256"] for train in files["train"]):
        return refused("held_out", f"the training table and {held_out['name']} are the same")
    way = way_to(steps, held_out["name"], held_out["sha256"], goal)
    if way:
        return refused("held_out", f"the held-out rows reach the model's step: {' -> '.join(way)}")
    shared = way_around(steps, held_out["name"].partition(".")[0], goal)
    if shared:
        return refused("held_out", f"what the held-out rows come from reaches the model's step unsplit: "
                                   f"{' -> '.join(shared)}. Let it come from the step that splits")
    return Check("held_out", "passed",
                 hint=f"no path leads from {held_out['name']}, or past the split from what it was made of, to {goal}")


# downwards: the rows themselves
def way_to(steps: Sequence[Mapping], name: str, sha256: str, goal: str) -> list[str] | None:
    """How content reaches a step, as names of outputs and steps; None where it does not. What has the content of
    something tainted is tainted, too."""
    ways = {name: [name]}
    contents = {sha256: [name]}
    for _ in steps:
        for facts in steps:
            way = next((ways.get(source) or contents.get(digest) for source, digest, _ in inputs_of(facts)
                        if source in ways or digest in contents), None)
            if way and facts["step"] == goal:
                return [*way, goal]
            for output, made in (facts.get("outputs") or {}).items() if way else ():
                ways.setdefault(f"{facts['step']}.{output}", [*way, f"{facts['step']}.{output}"])
                contents.setdefault(made["sha256"], ways[f"{facts['step']}.{output}"])
    return None


# upwards: what they were made from
def way_around(steps: Sequence[Mapping], held_out: str, goal: str) -> tuple[str, ...] | None:
    """How a table that both the held-out rows and the model come from gets to one of them past the splitting steps.

    `held_out`, `goal`: the steps that make them. Splitting steps: the last ones that both come from.
    """
    learnt, judged = list(upstream(steps, goal, set())), list(upstream(steps, held_out, set()))
    makers = {maker for one in learnt for maker in makers_of(steps, one.name, one.sha256)} - {goal}
    splits = set(splitting(steps, held_out, makers))
    direct = list(upstream(steps, goal, splits))
    apart = list(upstream(steps, held_out, splits)) if held_out not in splits else []
    return next((one.way for mine, theirs in ((direct, judged), (learnt, apart)) for one in mine for other in theirs
                 if one.is_same(other) and (one.is_table or other.is_table)), None)


def upstream(steps: Sequence[Mapping], goal: str, until: set[str]) -> Iterator[Taken]:
    """Everything that a step comes from, each with its way there; not what lies beyond the steps `until`."""
    facts_of, waiting, seen = {facts["step"]: facts for facts in steps}, [(goal, (goal,))], {goal, *until}
    while waiting:
        step, way = waiting.pop(0)
        for name, sha256, file in inputs_of(facts_of.get(step, {})):
            one = Taken(name, sha256, file or made_file(facts_of, name), (name, *way))
            yield one
            for maker in makers_of(steps, name, sha256):
                if maker not in seen:
                    seen.add(maker)
                    waiting.append((maker, one.way))


def splitting(steps: Sequence[Mapping], step: str, makers: set[str]) -> Iterator[str]:
    """The nearest of `makers`, upwards from a step, the step itself first."""
    waiting, seen = [step], {step}
    while waiting:
        step = waiting.pop()
        if step in makers:
            yield step
            continue
        facts = next((one for one in steps if one["step"] == step), {})
        found = {maker for name, sha256, _ in inputs_of(facts) for maker in makers_of(steps, name, sha256)} - seen
        seen |= found
        waiting += sorted(found)


def makers_of(steps: Sequence[Mapping], name: str, sha256: str | None) -> list[str]:
    """The step of an output; for an outside file, steps whose output has its content."""
    by_name = [facts["step"] for facts in steps for output in facts.get("outputs") or {}
               if name == f"{facts['step']}.{output}"]
    return by_name or [facts["step"] for facts in steps for made in (facts.get("outputs") or {}).values()
                       if sha256 is not None and made["sha256"] == sha256]


def made_file(facts_of: Mapping, name: str) -> str:
    """The file of an output; of anything else its own name."""
    step, _, output = name.partition(".")
    return (facts_of.get(step, {}).get("outputs") or {}).get(output, {}).get("file", name)


def inputs_of(facts: Mapping) -> Iterator[tuple[str, str | None, str | None]]:
    """(where it is from, sha256, file) of each input, a list's files one by one."""
    for given in (facts.get("inputs") or {}).values():
        yield str(given.get("from")), given.get("sha256"), given.get("file")
        yield from ((one["name"], one["sha256"], one["name"]) for one in given.get("files", ()))
