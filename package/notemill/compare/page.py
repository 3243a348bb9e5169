"""Comparisons as pages that look as the run's does, and need nothing else."""

from collections.abc import Callable
from pathlib import Path

from notemill import files
from notemill.compare.rows import Comparison
from notemill.text import number

TEMPLATES = Path(__file__).parent / "templates"
MOST = 2000         # characters of a hint
LONGEST = 200       # of a name
WORTH_A_WORD = ("refused", "warned", "not assessed")


def write_html(comparison: Comparison, target: Path, render: Callable[..., str]) -> None:
    """Two runs as a page; `render` is the reports'."""
    page = render("compare.html.j2", comparison=comparison, headline=comparison.headline)
    files.write_atomic(target, page.encode("utf-8", "replace"))


def write_versions(comparison: Comparison, target: Path) -> None:
    """Two versions as a page."""
    from notemill.report.kept import kept

    template = kept(make_environment).get_template("versions.html.j2")
    page = template.render(comparison=comparison, groups=groups(comparison), scale=common_scale(comparison))
    files.write_atomic(target, page.encode("utf-8", "replace"))


def make_environment() -> object:
    """The environment of the other pages, with these templates and the verdict's look; it compiles each once."""
    import jinja2

    from notemill.gate import page as verdict
    from notemill.gate.verdict import is_number
    from notemill.report import page

    environment = page.make_environment()
    environment.loader = jinja2.FileSystemLoader([TEMPLATES, verdict.TEMPLATES, page.TEMPLATES])
    environment.filters.update(number=lambda value: number(value) if is_number(value) else "")
    environment.globals.update(most=MOST, longest=LONGEST)
    return environment


def common_scale(comparison: Comparison) -> list[dict | None]:
    """Both figures as the template draws them, on one scale; of different metrics no pictures."""
    from notemill.gate import drawing

    if len({figure["metric"] for figure in comparison.figures}) > 1:
        return [None for _ in comparison.figures]
    scale = drawing.common_scale(comparison.figures)
    return [drawing.interval(figure, scale) for figure in comparison.figures]


def groups(comparison: Comparison) -> list[tuple[str, list[dict]]]:
    """(heading, its checks as the template shows them), of all that one of the two asked for."""
    from notemill.gate import meaning

    asked = [{"check": pair.name, "pair": pair} for pair in comparison.checks if pair.asked]
    return [(heading, [check_row(one["pair"], n) for n, one in enumerate(own, 1)])
            for heading, own in meaning.grouped(asked)]


def check_row(pair: object, place: int) -> dict:
    from notemill.gate import meaning

    parts = [check_row(part, n) for n, part in enumerate(pair.parts, 1)]
    return {"name": pair.name, "asks": meaning.asks(pair.name), "differs": pair.differs, "parts": parts,
            "place": place, "sides": sides_of(pair), "of": pair.of, "hints": hints_of(pair)}


def hints_of(pair: object) -> list[tuple[int | None, str]]:
    """(0 left, 1 right, None both; what there is to say) of what did not pass."""
    found = [(n, side["hint"]) for n, side in enumerate((pair.left, pair.right))
             if side and side["hint"] and side["outcome"] in WORTH_A_WORD]
    return [(None, found[0][1])] if len(found) == 2 and found[0][1] == found[1][1] else found


def sides_of(pair: object) -> list[dict | None]:
    """Both checks with their pictures on one scale; without pictures where their figures are of different things."""
    from notemill.gate import drawing
    from notemill.gate.page import row

    if any(pair.of):
        return [{**row(side), "plot": None} if side else None for side in (pair.left, pair.right)]
    given = [side for side in (pair.left, pair.right) if side]
    scale = drawing.common_scale(given)
    return [row(side, scale) if side else None for side in (pair.left, pair.right)]
