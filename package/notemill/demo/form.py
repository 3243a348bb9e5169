"""The form: one field for each column that a row needs, from the package's schema."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notemill.demo.words import exact, figure

MOST_CHOICES, MOST_NAMED = 500, 8
TRUTHS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}
RESERVED = frozenset(("embed", "embed_options"))  # Streamlit's own in a URL


@dataclass(frozen=True)
class Field:
    """One input. `kind`: number, whole, choice, truth, moment or text; `open`: other choices may be typed; `private`:
    no address holds it; `needed`: the contract allows no gaps; `mixed`: numbers with words between them."""

    number: int
    name: str
    kind: str
    hint: str
    choices: tuple = ()
    open: bool = True
    about: str = ""
    private: bool = False
    needed: bool = False
    mixed: bool = False

    @property
    def empty(self) -> str:
        """What an empty field says."""
        return "needed" if self.needed else "missing"

    @property
    def key(self) -> str:
        return f"in-{self.number}"

    @property
    def parameter(self) -> str:
        """Its name in a URL."""
        return f"_{self.name}" if self.name in RESERVED or self.name.startswith("_") else self.name


def fields(columns: Sequence[Mapping]) -> list[Field]:
    return [field(number, column) for number, column in enumerate(columns)]


def field(number: int, column: Mapping) -> Field:
    kind, choices = kind_of(column), tuple(column.get("categories") or ())
    hint = ", ".join(part for part in (column.get("unit") or "", limits(column, kind)) if part)
    return Field(number, column["name"], kind, hint, choices if kind == "choice" else (),
                 said_by_data(column, "categories"), column.get("description") or "", bool(column.get("private")),
                 column.get("null_share") == 0 and not said_by_data(column, "null_share"), bool(column.get("mixed")))


def kind_of(column: Mapping) -> str:
    kind = column["type"]
    if column.get("mixed"):
        return "text"
    if kind == "boolean":
        return "truth"
    if kind == "datetime":
        return "moment"
    if 0 < len(column.get("categories") or ()) <= MOST_CHOICES:
        return "choice"
    if kind == "integer" and not said_by_data(column, "type"):
        return "whole"
    return "number" if kind in ("number", "integer") else "text"


def said_by_data(column: Mapping, rule: str) -> bool:
    """Whether the training rows merely were so, or the contract only warns."""
    return (column.get("from") or {}).get(rule) != "contract" or rule in (column.get("warn") or ())


def limits(column: Mapping, kind: str) -> str:
    """What the training rows held."""
    low, high = column.get("min"), column.get("max")
    if kind not in ("number", "whole", "moment") or low is None or high is None:
        return ""
    return f"{short(low)} to {short(high)}" if kind != "moment" else f"{str(low)[:10]} to {str(high)[:10]}"


def short(end: Any) -> str:
    """With few digits, but no commas: it may be a year."""
    return exact(end) if float(end).is_integer() else figure(end).replace(",", "")


def described(columns: Sequence[Mapping]) -> list[tuple[str, str]]:
    """(name, what it holds) of each column, for who makes a file."""
    gaps = ["needed" if one.needed else "may be missing" for one in fields(columns)]
    return [(column["name"], ". ".join(filter(None, [f"{holds(column)}; {gap}", column.get("description") or ""])))
            for column, gap in zip(columns, gaps, strict=True)]


def holds(column: Mapping) -> str:
    kind = kind_of(column)
    if kind == "choice":
        some = [str(one) for one in column["categories"]]
        return ", ".join(some[:MOST_NAMED]) + (f" and {len(some) - MOST_NAMED} more" if len(some) > MOST_NAMED else "")
    words = {"number": "number", "whole": "whole number", "truth": "true or false", "text": "text",
             "moment": "moment, as 2026-01-31T13:45:00"}[kind]
    return ", ".join(part for part in (words, column.get("unit") or "", limits(column, kind)) if part)


# a row of JSON values <-> what the widgets hold
def to_state(one: Field, value: Any) -> Any:
    """What the field's widget holds for that value; None where it is missing, or not of its kind."""
    if value is None:
        return None
    if one.kind in ("number", "whole"):
        return number(value, whole=one.kind == "whole")
    if one.kind == "truth":
        return {True: "true", False: "false", None: None}[TRUTHS.get(str(value).strip().lower())]
    return str(value)


def number(value: Any, *, whole: bool) -> float | int | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    if found != found or found in (float("inf"), float("-inf")):
        return None
    return int(found) if whole and found.is_integer() else None if whole else found


def to_value(one: Field, held: Any) -> Any:
    """The row's JSON value for what the widget holds."""
    if held is None or (isinstance(held, str) and not held.strip()):
        return None
    if one.kind == "truth":
        return held == "true"
    if one.kind == "choice":
        return next((choice for choice in one.choices if str(choice) == held), held)
    if one.kind == "number":
        return tidy(held)
    found = number(held, whole=False) if one.mixed else None
    return held if found is None else tidy(found)


def tidy(found: float) -> float | int:
    return int(found) if float(found).is_integer() and abs(found) < 2**53 else float(found)


def row_of(all_fields: Sequence[Field], state: Mapping) -> dict:
    """The row that the form shows."""
    return {one.name: to_value(one, state.get(one.key)) for one in all_fields}


def state_of(all_fields: Sequence[Field], row: Mapping) -> dict:
    """{key of widget: what it holds}."""
    return {one.key: to_state(one, row.get(one.name)) for one in all_fields}


def misfits(all_fields: Sequence[Field], row: Mapping) -> Iterator[str]:
    """Names of the fields whose widget cannot hold the value."""
    for one in all_fields:
        value = row.get(one.name)
        if value not in (None, "") and to_state(one, value) is None:
            yield one.name


def without_private(all_fields: Sequence[Field], row: Mapping) -> dict:
    """The row with gaps where it would show what is private."""
    hidden = {one.name: None for one in all_fields if one.private}
    return {name: hidden.get(name, value) for name, value in row.items()}


def example_name(number: int, prediction: str) -> str:
    """`prediction`: empty where it is of the row with what is private in it."""
    return f"Row {number + 1}" + (f": {prediction}" if prediction else "")
