"""The data: held-out and training tables, where they come from, the contract, the columns."""

from collections.abc import Iterator, Mapping

from notemill.card.blocks import Facts, Heading, Lines, Say, Table
from notemill.card.facts import check, features
from notemill.card.words import NOT_RECORDED, cut, left_out
from notemill.text import number, size

MOST_COLUMNS, MOST_RULES, MOST_SOURCES = 500, 500, 200


def evaluation(facts: Mapping) -> Iterator[object]:
    yield Table(("Table", "Rows", "Columns", "Size", "sha256"), (table_row(facts["data"]["held_out"]),))
    yield Say(f"Split: {cut((facts['split'] or {}).get('kind') or NOT_RECORDED)}. The gate judged "
              f"{number(facts['verdict']['n'])} rows.")
    attempts = check(facts, "attempts").get("figure")
    if attempts is not None:
        yield Say(f"Models judged on these very rows so far: {number(attempts)}.")


def table_row(table: Mapping) -> tuple:
    return (cut(table["name"]), number(table["rows"]) or NOT_RECORDED, number(table["columns"]) or NOT_RECORDED,
            size(table["bytes"]) or NOT_RECORDED, table["sha256"] or NOT_RECORDED)


def training(facts: Mapping) -> Iterator[object]:
    yield Table(("Table", "Rows", "Columns", "Size", "sha256"),
                tuple(map(table_row, facts["data"]["training"])) or ((NOT_RECORDED, "", "", "", ""),))
    yield Heading("Where the data come from")
    sources = facts["data"]["sources"]
    yield Table(("Source", "Size", "sha256"), tuple(
        (cut(one["name"]), size(one["bytes"]) or NOT_RECORDED, one["sha256"] or NOT_RECORDED)
        for one in sources[:MOST_SOURCES])) if sources else Say("No source outside the pipeline is recorded.")
    yield from left_out(len(sources) - MOST_SOURCES, "card.json")
    yield Heading("Contract")
    yield from contract(facts["contract"])
    yield Heading("What a row holds")
    yield Table(("Column", "Type", "Unit", "Range or categories", "Meaning"),
                tuple(map(column_row, features(facts)[:MOST_COLUMNS])))
    yield from left_out(len(features(facts)) - MOST_COLUMNS, "schema.json")


def contract(found: Mapping | None) -> Iterator[object]:
    if not found:
        yield Say("No contract is recorded with this run.")
        return
    yield Say("The source table was held against it before any step saw it.")
    yield Facts((("File", cut(found["file"]), None), ("sha256 of the file", found["sha256"], None)))
    yield Lines(tuple(map(cut, found["rules"][:MOST_RULES])))
    yield from left_out(len(found["rules"]) - MOST_RULES, "card.json")


def column_row(column: Mapping) -> tuple:
    return (cut(column["name"]), str(column.get("type") or ""), cut(column.get("unit") or ""), cut(limits(column)),
            cut(column.get("description") or ""))


def limits(column: Mapping) -> str:
    if column.get("range"):
        return " to ".join("any" if end is None else str(end) for end in column["range"])
    found = [str(category) for category in column.get("categories") or ()]
    return ", ".join(found[:12]) + (", ..." if len(found) > 12 else "")
