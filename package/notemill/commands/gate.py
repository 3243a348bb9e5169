"""`notemill gate`: judge a run, and say how each check came out."""

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from notemill.commands.shared import print_json
from notemill.gate.verdict import NOT_ASKED, parts_of
from notemill.project import Project, open_project
from notemill.text import Style, clip, number, printable, style_for

REFUSED = 3
HEAD = ("check", "figure", "95 % interval", "limit", "n", "outcome")
GAP = 2             # between columns
NARROWEST = 12      # the column of names
MOST_PARTS = 20     # of one check that have a line
WORTH_A_WORD = ("refused", "warned", "not assessed")


def gate(folder: Path, run: str | None, *, rerun: bool, as_json: bool) -> int:
    """Judge the run, tell, and give the exit code."""
    from notemill.registry import open_records
    from notemill.release import judge

    project = open_project(folder)
    try:
        verdict = judge(project, project.find_run(run), open_records(project), rerun=rerun,
                        told=lambda words: click.echo(f"note: {printable(words)}", err=True))
    finally:
        project.save()
    show(verdict, as_json=as_json, page=page_of(project, verdict))
    return REFUSED if verdict["verdict"] == "refused" else 0


def show(verdict: dict, *, as_json: bool, page: Path | None = None) -> None:
    """The verdict on standard output; `page`: where its HTML page is."""
    if as_json:
        print_json({**verdict, "page": page and str(page), "error": None})
    else:
        click.echo(as_text(verdict, style_for(sys.stdout), page))


def page_of(project: Project, verdict: Mapping) -> Path:
    """Where the gate wrote the verdict's page."""
    return project.runs / verdict["run"] / "verdict.html"


def as_text(verdict: dict, style: Style, page: Path | None = None) -> str:
    """A table of the checks, what there is to say to each, and the verdict."""
    checks = [check for check in verdict["checks"] if check["outcome"] != NOT_ASKED]
    blocks = [check_lines(checks, style), list(hint_lines(checks, style)), unasked_lines(verdict["checks"], style),
              [*([f"page: {printable(page)}"] if page else []), summary(verdict, style)]]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def summary(verdict: Mapping, style: Style) -> str:
    mark = style.bad("refused") if verdict["verdict"] == "refused" else style.good("passed")
    by = f"{verdict['metric']}, n = {verdict['n']:,}" if verdict["n"] is not None else "not judged to the end"
    return f"run {verdict['run']}: {mark} ({by})"


# the table
def check_lines(checks: Sequence[Mapping], style: Style) -> list[str]:
    """A line for each check, and below it one for each of its parts that did not pass; none is broken."""
    shown = [line for check in checks for line in [(check["check"], check), *part_lines(check)]]
    rows = [row(name, check, " to ") for name, check in shown]
    if too_wide(rows, style):
        rows = [row(name, check, "..") for name, check in shown]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    widths[0] = max(NARROWEST, min(widths[0], style.width - sum(widths[1:]) - GAP * (len(HEAD) - 1)))
    told = [style.strong(aligned(HEAD, widths))]
    for cells in rows:
        line, outcome = aligned(cells, widths), cells[-1]
        told.append(line.removesuffix(outcome) + painted(outcome, style) if outcome else line)
    return told


def row(name: str, check: Mapping, between: str) -> list[str]:
    low, high = check.get("low"), check.get("high")
    interval = "" if low is None or high is None else f"{number(low)}{between}{number(high)}"
    return [printable(name), number(check.get("figure")), interval, number(check.get("limit")),
            number(check.get("n")), str(check.get("outcome") or "")]


def part_lines(check: Mapping) -> list[tuple[str, Mapping]]:
    """(name, part) of the parts that have to be looked at."""
    found = [part for part in parts_of(check) if part["outcome"] in WORTH_A_WORD]
    more = [(f"  and {len(found) - MOST_PARTS} more", {})] if len(found) > MOST_PARTS else []
    return [*((f"  {part['name']}", part) for part in found[:MOST_PARTS]), *more]


def too_wide(rows: Sequence[Sequence[str]], style: Style) -> bool:
    return sum(max(map(len, column)) for column in zip(HEAD, *rows, strict=True)) + GAP * (len(HEAD) - 1) > style.width


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [clip(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return (" " * GAP).join(parts).rstrip()


def painted(outcome: str, style: Style) -> str:
    paint = {"passed": style.good, "refused": style.bad, "warned": style.warn, "not assessed": style.warn}
    return paint.get(outcome, style.dim)(outcome)


# below the table
def hint_lines(checks: Sequence[Mapping], style: Style) -> Iterator[str]:
    """What was found and what to do, for all that did not pass."""
    for check in checks:
        said = own_words(check) if check["outcome"] in WORTH_A_WORD else ""
        if said:
            yield from wrapped(f"{check['check']}: {said}", style)
        for part in told_parts(check):
            if part["hint"] not in said:
                yield from wrapped(f"{check['check']}, {part['name']}: {part['hint']}", style)


def own_words(check: Mapping) -> str:
    """The check's hint; "" where it is nothing but those of its parts, which follow."""
    hint = str(check["hint"] or "")
    rest = hint
    for part in told_parts(check):
        rest = rest.replace(part["hint"], "").replace(part["name"], "")
    return hint if any(sign.isalnum() for sign in rest) else ""


def told_parts(check: Mapping) -> list[dict]:
    found = [part for part in parts_of(check) if part["outcome"] in WORTH_A_WORD and part["hint"]]
    return found[:MOST_PARTS]


def unasked_lines(checks: Sequence[Mapping], style: Style) -> list[str]:
    names = [check["check"] for check in checks if check["outcome"] == NOT_ASKED]
    return [style.dim(line) for line in wrapped(f"{NOT_ASKED}: {', '.join(names)}", style, "")] if names else []


def wrapped(words: str, style: Style, indent: str = "  ") -> list[str]:
    return textwrap.wrap(printable(words), width=max(style.width, 40), initial_indent=indent,
                         subsequent_indent=indent + "  ", break_on_hyphens=False)
