"""The facts of a project as one page that needs nothing else."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from notemill import files
from notemill.compare.rows import text_of
from notemill.overview import picture
from notemill.project import Project
from notemill.report import page
from notemill.report.kept import kept

TEMPLATES = Path(__file__).parent / "templates"
FIRST = 10          # runs, and versions, that are not folded away; versions with an alias never are
STATES = {"tracked": ("done", "✓"), "partly": ("skipped", "!"), "not tracked": ("open", "–"),
          "not known": ("open", "?")}


def write(project: Project, facts: Mapping, target: Path) -> None:
    """Write the page, whole or not at all."""
    text = render(facts, links(project, facts, target.absolute().parent))
    files.write_atomic(target, text.encode("utf-8", "replace"))


def links(project: Project, facts: Mapping, folder: Path) -> dict[str, str]:
    """step -> its report, as the page's folder sees it; a page outside the project has none: it may be sent away."""
    inside = folder.resolve().is_relative_to(project.root)
    return {step["step"]: quote(Path(os.path.relpath(project.root / step["report"], folder.resolve())).as_posix())
            for step in facts["steps"] if step["report"] and inside}


def render(facts: Mapping, links: Mapping[str, str]) -> str:
    rows = picture.versions(facts["versions"]["rows"])
    newest = [row for n, row in enumerate(rows) if n < FIRST or row["aliases"]]
    return kept(make_environment).get_template("project.html.j2").render(
        facts=facts, links=links, drawings=[picture.flow(facts, links, way) for way in ("wide", "narrow")],
        lines=picture.lines(facts["runs"]["series"]), versions=rows, marks=picture.marks(rows), states=STATES,
        newest=newest, older=[row for row in rows if row not in newest], first=FIRST,
        groups=groups(facts["gate"]["checks"]), steps=[shown_step(step) for step in facts["steps"]], why=page.WHY,
        summary=summary(facts))


def shown_step(step: Mapping) -> dict:
    return {**step, "words": page.plain(step["purpose"]) or page.plain(step["title"]),
            "class": picture.CLASSES.get(step["status"], "pending"),
            "word": picture.WORDS.get(step["status"], "not run yet")}


def groups(checks: Sequence[Mapping]) -> list[tuple[str, list[Mapping]]]:
    """The gate's checks under their headings, in the verdict's order."""
    headings = dict.fromkeys(check["group"] for check in checks)
    return [(heading, [check for check in checks if check["group"] == heading]) for heading in headings]


def summary(facts: Mapping) -> list[dict]:
    """What one wants to know first: label, value."""
    runs, versions, git = facts["runs"], facts["versions"], facts["git"]
    last = runs["shown"][0] if runs["shown"] else None
    named = [f"{alias} {row['version']}" for row in versions["rows"] for alias in row["aliases"]]
    found = {"Steps": str(len(facts["steps"])),
             "Last run": f"{last['status']}, {moment(last['started'])}" if last else "none yet",
             "Gate": facts["gate"]["verdict"] or ("not judged yet" if facts["gate"]["configured"] else "none"),
             "Versions": f"{versions['count']}" if versions["known"] else "not known",
             "Aliases": ", ".join(named), "Risk": facts["risk"],
             "Commit": f"{git['commit'][:12]}{' and changes' if git['changed'] or git['untracked'] else ''}"
             if git and git["commit"] else "none"}
    return [{"label": label, "value": page.cut(value, 200)} for label, value in found.items() if value]


def moment(text: object) -> str:
    return str(text or "")[:16].replace("T", " ") + " UTC" if text else "–"


def make_environment() -> object:
    """The environment of the comparisons' pages, with our templates; it compiles each once."""
    import jinja2

    from notemill.compare import page as compared

    environment = compared.make_environment()
    environment.loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(TEMPLATES), environment.loader])
    environment.filters.update(moment=moment, word=text_of)
    return environment
