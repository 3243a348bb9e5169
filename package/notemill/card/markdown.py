"""The card as Markdown."""

from collections.abc import Callable, Iterable, Mapping

from notemill.card.blocks import Checks, Facts, Figure, Heading, Lines, Note, Say, Table, Words
from notemill.card.body import sections
from notemill.card.front import front_matter
from notemill.card.human import read_human
from notemill.card.markup import cell, lower
from notemill.card.words import cut
from notemill.gate.meaning import SIGNS
from notemill.text import number

HEAD = "| | check | figure | 95 % interval | n | limit | outcome |\n|---|---|---|---|---|---|---|"
NONE = "none"  # no interval is to be had for this figure


def render(facts: Mapping, human: str = "") -> str:
    """The card, from card.json and human.md alone: the same bytes whenever it is rendered.

    It begins with YAML front matter in the form of Hugging Face's model-index.
    """
    read = read_human(human)
    lines = [front_matter(facts, read), f"# {facts['name']}"]
    for section in sections(facts, read):
        lines += [f"## {heading(section.title)}", *(shown(block) for block in section.blocks)]
    return "\n\n".join(line for line in lines if line) + "\n"


def heading(title: str) -> str:
    return cell(cut(title))


def shown(block: object) -> str:
    return KINDS[type(block)](block)


def figure(block: Figure) -> str:
    """roc_auc: **0.9877**, 95 % interval 0.97 to 0.995, on 171 held-out rows."""
    check = block.check
    return f"{cell(block.name)}: **{number(check.get('figure')) or NONE}**, {interval(check)}, on " \
           f"{n_of(check)} {block.rows}."


def interval(check: Mapping) -> str:
    if check.get("low") is None or check.get("high") is None:
        return "no interval"
    return f"95 % interval {number(check['low'])} to {number(check['high'])}"


def n_of(check: Mapping) -> str:
    return number(check.get("n")) if check.get("n") is not None else "an unknown number of"


def facts_lines(block: Facts) -> str:
    return "\n".join(f"- {cell(name)}: {cell(value)}" for name, value, _ in block.rows)


def table(block: Table) -> str:
    return "\n".join([row(block.head), row("---" for _ in block.head), *(row(map(cell, one)) for one in block.rows)])


def row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def checks(block: Checks) -> str:
    return "\n".join([HEAD, *(row(check_cells(name, check)) for name, check in block.rows)])


def check_cells(name: str, check: Mapping) -> tuple:
    """A figure without an interval says so; a hint stands where there is something to look at."""
    figures, ends = check["figure"] is not None, (check["low"], check["high"])
    between = NONE if None in ends else " to ".join(map(number, ends))
    hint = f": {cell(cut(check['hint']))}" if check["hint"] and check["outcome"] != "passed" else ""
    return (SIGNS.get(check["outcome"], ""), cell(name), number(check["figure"]), between if figures else "",
            number(check["n"]) if check["n"] is not None else NONE if figures else "", number(check["limit"]),
            f"{check['outcome'] or ''}{hint}")


KINDS: dict[type, Callable] = {
    Say: lambda block: cell(block.text), Heading: lambda block: f"### {cell(block.text)}", Figure: figure,
    Facts: facts_lines, Lines: lambda block: "\n".join(f"- {cell(line)}" for line in block.lines), Table: table,
    Checks: checks, Words: lambda block: lower(block.text),
    Note: lambda block: f"*{cell(block.text)}*" if not block.missing else f"**{cell(block.text)}**"}
