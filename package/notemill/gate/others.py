"""What else the model's step took besides its training rows: tables that may hold held-out rows, too."""

from dataclasses import dataclass
from typing import Any

from notemill.gate.evidence import Evidence, Unfit, read_table
from notemill.gate.rivals import plain_table
from notemill.runtime.rows import conform


@dataclass(frozen=True)
class Others:
    """`tables`: {name: (columns, target)} of tables with the model's columns; `unlike`: {name: what it lacks} of tables
    of another kind, which hold no held-out row as it is; `unread`: {name: why} of what nobody has looked into."""

    tables: dict[str, tuple[Any, Any]]
    unlike: dict[str, str]
    unread: dict[str, str]


def other_tables(evidence: Evidence) -> Others:
    """Each of them is in one of the three."""
    found = Others({}, {}, {})
    for one in evidence.job.get("others", ()):
        try:
            sort(evidence, one, found)
        except Exception as error:
            found.unread[one["name"]] = one_line(error)
    return found


def sort(evidence: Evidence, one: dict, found: Others) -> None:
    if "why" in one:
        raise Unfit(one["why"])
    table, target = read_table(one), evidence.target
    if target not in table.columns:
        found.unlike[one["name"]] = f"it has no column '{target}'"
        return
    columns, problems = conform(table.drop(columns=target), evidence.schema)
    if lacks := [problem for problem in problems if problem.row is None]:
        found.unlike[one["name"]] = one_line(lacks[0])
    else:
        found.tables[one["name"]] = plain_table(columns, evidence.schema), table[target]


def one_line(words: object) -> str:
    return " ".join(str(words).split())[:200]
