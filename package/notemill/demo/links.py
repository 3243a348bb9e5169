"""A row's inputs in a URL, and back: a link reproduces a prediction."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from notemill.demo.form import Field, misfits, to_state, to_value

LONGEST = 6000  # characters of a query: more is cut by browsers and proxies


def to_query(fields: Sequence[Field], row: Mapping) -> dict[str, str]:
    """{parameter: text}; empty for what is missing. What is private stays out of histories and proxies' logs."""
    return {one.parameter: written(row.get(one.name)) for one in fields if not one.private}


def written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def link(fields: Sequence[Field], row: Mapping) -> str:
    """The query of a URL; empty where the row is too long for one."""
    found = "?" + urlencode(to_query(fields, row))
    return found if len(found) <= LONGEST else ""


def holds(fields: Sequence[Field], query: Mapping[str, str], row: Mapping) -> bool:
    """Whether a URL with that query gives this row, all but what is private."""
    found, _ = from_query(fields, query)
    return found is not None and all(found[one.name] == row.get(one.name) for one in fields if not one.private)


def from_query(fields: Sequence[Field], query: Mapping[str, str]) -> tuple[dict | None, list[str]]:
    """(the row that a URL names, what of it could not be used, in words); None where it names no input."""
    known = {one.parameter: one for one in fields}
    named = {name: text for name, text in query.items() if name in known}
    if not named:
        return None, []
    texts = {known[name].name: text for name, text in named.items()}
    said = [f"{name} was left out: it cannot be {text[:60]!r}" for name, text in
            ((name, texts[name]) for name in misfits(fields, texts))]
    said += [f"{one.name} is missing here: it is private, and no address holds it" for one in fields
             if one.private and one.name not in texts]
    strange = [f"the model has no input {name[:60]!r}" for name in query if name not in known]
    row = {one.name: to_value(one, to_state(one, texts.get(one.name) or None)) for one in fields}
    return row, said + strange
