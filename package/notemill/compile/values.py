"""What is known of a plan while it is made: its steps so far, and the values that they leave."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from notemill.runtime.plan.program import KINDS


class NotCompiled(ValueError):
    """The pipeline holds what no plan can say; the text names it."""


@dataclass(frozen=True)
class Value:
    """One column on its way through the pipeline: its slot, its form (number, text or moment), the name it has."""

    slot: int
    form: str = "number"
    name: Any = None


@dataclass
class Plan:
    """The steps so far. A step that is there already is not added again."""

    columns: list[dict]
    steps: list[dict] = field(default_factory=list)
    known: dict = field(default_factory=dict)
    refused: list = field(default_factory=list)  # [slot, number]: rows that scikit-learn does not take

    def sources(self) -> list[Value]:
        """The columns of the table."""
        return [Value(slot, column["form"], column["name"]) for slot, column in enumerate(self.columns)]

    def step(self, slot: int) -> dict:
        """The step that fills a slot; nothing for a column of the table."""
        place = slot - len(self.columns)
        return self.steps[place] if place >= 0 else {}

    def add(self, kind: str, of: int | list[int], /, **given: Any) -> int:
        """The slot of a step."""
        step = {"kind": kind, "of": of, **given}
        key = json.dumps(step, sort_keys=True)
        if key not in self.known:
            self.steps.append(step)
            self.known[key] = len(self.columns) + len(self.steps) - 1
        return self.known[key]

    def refuse(self, slot: int, number: float) -> None:
        """Where the slot holds this number scikit-learn raises an error."""
        if [slot, number] not in self.refused:
            self.refused.append([slot, number])

    def number(self, kind: str, value: Value, /, **given: Any) -> Value:
        """A step from a number to a number. What depends on a code alone stays a table, calculated now."""
        if value.form != "number":
            raise NotCompiled(f"a {value.form} column goes into a step for numbers ({kind})")
        before = self.step(value.slot)
        if before.get("kind") == "table":
            apply = KINDS[kind](**given).one
            slot = self.add("table", before["of"], values=[apply(one) for one in before["values"]])
        else:
            slot = self.add(kind, value.slot, **given)
        return replace(value, slot=slot)

    def codes(self, code: int, rows) -> list[Value]:
        """The values of a table with a row for each code and a column for each value."""
        return [Value(self.add("table", code, values=[float(one) for one in column])) for column in rows.T]
