"""coverage.json, as coverage.py writes it: the share of the code that tests ran, and a page of the lines left out."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from notemill.report import page as pages
from notemill.report.kept import kept

TEMPLATES = Path(__file__).parent / "templates"
MOST_FILES, MOST_LINES = 500, 20_000


def share(coverage: Mapping | None) -> float | None:
    """In per cent, with one decimal; None where it is not known, or there is nothing to cover."""
    with suppress(KeyError, TypeError, ValueError):
        totals = coverage["totals"]
        found = float(totals["percent_covered"])
        return round(found, 1) if 0 <= found <= 100 and totals["num_statements"] else None
    return None


def page(project: str, coverage: Mapping, root: Path) -> bytes:
    """A page that needs nothing else: each file's share, and its text with the lines that no test ran."""
    files = list(files_of(coverage, root))
    text = kept(make_environment).get_template("coverage.html.j2").render(
        project=project, share=share(coverage), files=files, more=len(coverage.get("files", {})) - len(files))
    return text.encode("utf-8", "replace")


def files_of(coverage: Mapping, root: Path) -> Iterator[dict]:
    left = MOST_LINES
    for name, found in sorted(coverage.get("files", {}).items())[:MOST_FILES]:
        missed = {line for line in found.get("missing_lines", ()) if isinstance(line, int)}
        text = text_of(root, name) if missed and left > 0 else []
        left -= len(text)
        summary = found.get("summary", {})
        yield {"name": name, "share": share({"totals": summary}), "statements": summary.get("num_statements"),
               "missing": len(missed), "lines": [(n, line, n in missed) for n, line in enumerate(text, 1)]}


def text_of(root: Path, name: str) -> list[str]:
    """The lines of a file of the project's; none where it is elsewhere."""
    try:
        path = (root / name).resolve(strict=True)
        return path.read_text(encoding="utf-8").splitlines() if path.is_relative_to(root) else []
    except (OSError, ValueError):
        return []


def make_environment() -> object:
    import jinja2
    from notemill.report.compiled import Compiled

    loader = jinja2.FileSystemLoader([TEMPLATES, pages.TEMPLATES])
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
                              bytecode_cache=Compiled())
