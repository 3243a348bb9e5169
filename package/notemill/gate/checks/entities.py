"""Does the same entity (a patient, a customer, a site) stand on both sides of the split?

Kaufman et al. (2012), Leakage in data mining: formulation, detection, and avoidance, ACM TKDD 6(4); Kapoor and
Narayanan (2023), Leakage and the reproducibility crisis in machine-learning-based science, Patterns 4(9), kind L3.2.
"""

from collections.abc import Iterator

from notemill.gate.evidence import Evidence, Unfit
from notemill.gate.judged import Judged
from notemill.gate.parts import part, together
from notemill.gate.shares import wilson
from notemill.gate.verdict import Check, not_asked

SHOWN = 3


def check_entities(judged: Judged) -> Check:
    """Values of the group's column that held-out and training rows share."""
    parts = list(shared(judged.evidence))
    if not parts:
        return not_asked("leakage.groups", "no group is declared (gate: group, or leakage: groups)")
    return together("leakage.groups", parts)


def shared(evidence: Evidence) -> Iterator[dict]:
    split = evidence.schema.get("split") or {}
    firm = [*evidence.config.get("leakage", {}).get("groups", ())]
    firm += [split["group"]] if split.get("kind") == "group" and split.get("group") else []
    for name in dict.fromkeys(firm):
        yield overlap(evidence, name, "refused")
    drawn = evidence.config.get("group")
    if drawn and drawn not in firm:  # rows drawn together: after a split by time, old customers may come again
        yield overlap(evidence, drawn, "warned" if split.get("kind") == "time" else "refused", declared=False)


def overlap(evidence: Evidence, name: str, outcome: str, declared: bool = True) -> dict:
    for table, which in ((evidence.held_out, "held-out"), (evidence.train, "training")):
        if name not in table.columns:
            why = f"the {which} rows have no column '{name}': whether its values are on both sides cannot be told"
            if declared:
                raise Unfit(f"{why}. Let the splitting step keep it (the model need not use it)")
            return part(name, "not assessed", hint=why)
    held, train = (table[name].dropna().astype("str") for table in (evidence.held_out, evidence.train))
    both = held.isin(set(train))
    entities = held[both].unique()
    n, count = len(held), int(both.sum())
    if not count:
        return part(name, "passed", wilson(0, max(n, 1)), n, 0.0, f"no value of '{name}' is on both sides")
    some = ", ".join(f"'{value}'" for value in entities[:SHOWN]) + (", ..." if len(entities) > SHOWN else "")
    hint = (f"{len(entities):,} of {held.nunique():,} values of '{name}' among the held-out rows are among the "
            f"training rows too ({some}; {count:,} of {n:,} rows): the figures are of known ones. Split by "
            "whole groups")
    return part(name, outcome, wilson(count, n), n, 0.0, hint)
