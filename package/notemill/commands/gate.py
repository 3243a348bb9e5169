"""`notemill gate`: judge a run, and say how each check came out."""

import sys
from pathlib import Path

import click

from notemill.card import number
from notemill.commands.shared import print_json
from notemill.project import open_project
from notemill.text import Style, printable, style_for, table

REFUSED = 3


def gate(folder: Path, run: str | None, *, as_json: bool) -> int:
    """Judge the run, tell, and give the exit code."""
    from notemill.release import judge

    project = open_project(folder)
    try:
        verdict = judge(project, project.find_run(run))
    finally:
        project.save()
    show(verdict, as_json=as_json)
    return REFUSED if verdict["verdict"] == "refused" else 0


def show(verdict: dict, *, as_json: bool) -> None:
    """The verdict on standard output."""
    if as_json:
        print_json({**verdict, "error": None})
    else:
        click.echo(as_text(verdict, style_for(sys.stdout)))


def as_text(verdict: dict, style: Style) -> str:
    """A table of the checks, what there is to say to each, and the verdict."""
    head = ["check", "figure", "95 % interval", "limit", "n", "outcome"]
    lines = table(head, [row(check) for check in verdict["checks"]], style).splitlines()
    paint = {"passed": style.good, "refused": style.bad, "warned": style.warn, "not assessed": style.warn,
             "not asked for": style.dim}
    told = [lines[0]]
    for line, check in zip(lines[1:], verdict["checks"], strict=True):
        outcome = check["outcome"]
        told.append(line.removesuffix(outcome) + paint[outcome](outcome) if line.endswith(outcome) else line)
    hints = [f"  {check['check']}: {printable(check['hint'])}" for check in verdict["checks"]
             if check["hint"] and check["outcome"] in ("refused", "warned")]
    mark = style.bad("refused") if verdict["verdict"] == "refused" else style.good("passed")
    by = f"{verdict['metric']}, n = {verdict['n']:,}" if verdict["n"] is not None else "not judged to the end"
    return "\n".join([*told, *([""] if hints else []), *hints, "", f"run {verdict['run']}: {mark} ({by})"])


def row(check: dict) -> list[str]:
    interval = "" if check["low"] is None else f"{number(check['low'])} to {number(check['high'])}"
    n = "" if check["n"] is None else f"{check['n']:,}"
    return [check["check"], number(check["figure"]), interval, number(check["limit"]), n, check["outcome"]]
