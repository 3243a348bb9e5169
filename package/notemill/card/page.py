"""The card as one HTML page that needs nothing else: no script, no network, every text of it escaped."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from notemill.card.blocks import Checks, Section
from notemill.card.body import sections
from notemill.card.facts import check, features
from notemill.card.human import read_human
from notemill.card.markdown import interval, n_of
from notemill.card.prose import to_html
from notemill.card.words import cut
from notemill.gate import drawing
from notemill.gate import page as verdict_page
from notemill.report import page
from notemill.report.kept import kept

TEMPLATES = Path(__file__).parent / "templates"
DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
COLOURS = {"low": "done", "medium": "skipped", "high": "failed"}


def render(facts: Mapping, human: str = "") -> str:
    """The page, from card.json and human.md alone."""
    read = read_human(human)
    made = [{"title": cut(one.title), "human": one.human, "place": f"section-{number}", "blocks": list(blocks(one)),
             "missing": any(getattr(block, "missing", False) for block in one.blocks)}
            for number, one in enumerate(sections(facts, read), start=1)]
    metric = check(facts, "metric")
    return kept(make_environment).get_template("card.html.j2").render(
        facts=facts, sections=made, metric=metric, plot=drawing.interval(metric), interval=interval(metric),
        n=n_of(metric), risk=COLOURS.get(facts["risk"], "open"), features=len(features(facts)),
        words=made[0]["blocks"][0]["block"].text)


def make_environment() -> object:
    """The environment of the other pages, with our templates; it compiles each once."""
    import jinja2

    environment = verdict_page.make_environment()
    environment.loader = jinja2.FileSystemLoader([TEMPLATES, verdict_page.TEMPLATES, page.TEMPLATES])
    environment.filters["prose"] = to_html
    environment.tests["digest"] = lambda text: bool(DIGEST.fullmatch(str(text)))
    return environment


def blocks(section: Section) -> Iterator[dict]:
    """Each block with the name of its kind; checks as the verdict's page shows them."""
    for block in section.blocks:
        rows = list(check_rows(block)) if isinstance(block, Checks) else []
        yield {"kind": type(block).__name__.lower(), "block": block, "rows": rows}


def check_rows(block: Checks) -> Iterator[dict]:
    """Rows with their plots; the parts of a check, slices or groups, on one scale where they have one limit."""
    scale = None
    for place, (name, one) in enumerate(block.rows):
        part = "check" not in one
        if not part:
            scale = scale_of(block.rows[place + 1:])
        row = verdict_page.row({**one, "check": one.get("check", "")}, scale if part else None)
        yield {**row, "name": one["name"] if part else name, "part": part,
               "hint": one["hint"] if one["outcome"] != "passed" else None}


def scale_of(rows: Sequence[tuple[str, Mapping]]) -> drawing.Scale | None:
    """The scale of the parts that follow a check, up to the next check."""
    parts = [one for _, one in takewhile(lambda row: "check" not in row[1], rows)]
    limits = {part["limit"] for part in parts if drawing.has_plot(part)}
    return drawing.common_scale(parts) if len(limits) == 1 else None
