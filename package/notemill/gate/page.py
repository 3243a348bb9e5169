"""The verdict as one HTML page that needs nothing else: no script, no network, every text of it escaped."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from notemill.gate import drawing, meaning
from notemill.gate.verdict import NOT_ASKED, is_number, parts_of
from notemill.report import page
from notemill.report.kept import kept
from notemill.text import number

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {"passed": "done", "refused": "failed", "warned": "skipped", "not assessed": "open", NOT_ASKED: "open"}
DIGESTS = ("content", "model", "data", "schema", "metrics")
CURVES = {"calibration.error": {"diagonal": True}, "calibration.residuals": {"bars": "range"}}
NAMED = 4           # checks that the headline names
MOST_PARTS = 200    # of one check that are shown
MOST = 2000         # characters of a hint
LONGEST = 200       # of a name


def render(verdict: Mapping) -> str:
    """The page of a verdict, as `verdict.json` holds it."""
    every = [{**check, "place": place} for place, check in enumerate(verdict["checks"], start=1)]
    checks = [check for check in every if check["outcome"] != NOT_ASKED]
    return kept(make_environment).get_template("verdict.html.j2").render(
        verdict=verdict, headline=headline(verdict), subtitle=subtitle(verdict), next=what_next(verdict),
        refusals=[row(check) for check in checks if check["outcome"] == "refused"],
        facts=list(facts(verdict)), groups=[(heading, [row(check) for check in own])
                                            for heading, own in meaning.grouped(checks)],
        details=list(details(checks)), unasked=[check for check in every if check["outcome"] == NOT_ASKED])


def make_environment() -> object:
    """The environment of the other pages, with our templates; it compiles each once."""
    import jinja2

    environment = page.make_environment()
    environment.loader = jinja2.FileSystemLoader([TEMPLATES, page.TEMPLATES])
    environment.filters.update(number=lambda value: number(value) if is_number(value) else "")
    environment.globals.update(most=MOST, longest=LONGEST)
    return environment


# in words
def headline(verdict: Mapping) -> dict:
    """{"state", "kind", "words"}: the verdict in one sentence."""
    refused = [check["check"] for check in verdict["checks"] if check["outcome"] == "refused"]
    if verdict["verdict"] == "refused":
        return {"state": "Refused", "kind": "failed", "words": f"by {listed(refused)}" if refused else ""}
    passed = sum(check["outcome"] == "passed" for check in verdict["checks"])
    return {"state": "Passed", "kind": "done", "words": f"{passed} {plural(passed, 'check')}"}


def listed(names: Sequence[str]) -> str:
    """a, b and c; of very many only the first."""
    shown = [page.cut(name, 40) for name in names[:NAMED]]
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


def plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def subtitle(verdict: Mapping) -> str:
    """roc_auc 0.992 (95 % interval 0.959 to 1) on 171 held-out rows."""
    found = next((check for check in verdict["checks"] if check["check"] == "metric"), {})
    if not is_number(found.get("figure")):
        return "The model was not judged to the end"
    interval = ""
    if is_number(found.get("low")) and is_number(found.get("high")):
        interval = f" (95 % interval {number(found['low'])} to {number(found['high'])})"
    rows = f" on {number(found['n'])} held-out rows" if is_number(found.get("n")) else ""
    return f"{page.cut(verdict.get('metric'), LONGEST)} {number(found['figure'])}{interval}{rows}"


def what_next(verdict: Mapping) -> dict:
    """{"words", "commands"}: what to do now."""
    if verdict["verdict"] == "refused":
        return {"words": "Nothing is registered. Mend what these checks name, then run and judge again:",
                "commands": ["notemill run", "notemill gate"]}
    open_ones = [f"{count} {word}" for count, word in counts(verdict) if count]
    first = f"Read the hints first: {' and '.join(open_ones)}. " if open_ones else ""
    return {"words": f"{first}To make it a version that others can use:", "commands": ["notemill register"]}


def counts(verdict: Mapping) -> Iterator[tuple[int, str]]:
    for outcome, one, many in (("warned", "check warns", "checks warn"),
                               ("not assessed", "check could not be assessed", "checks could not be assessed")):
        count = sum(check["outcome"] == outcome for check in verdict["checks"])
        yield count, one if count == 1 else many


def facts(verdict: Mapping) -> Iterator[dict]:
    """What was judged, by what, when."""
    attempts = next((check["figure"] for check in verdict["checks"] if check["check"] == "attempts"), None)
    n, made = verdict.get("n"), verdict.get("made")
    rows = {"Project": verdict.get("project"), "Run": verdict.get("run"), "Metric": verdict.get("metric"),
            "Held-out rows": number(n) if is_number(n) else None,
            "Champion": champion_of(verdict),
            "Attempts on these rows": number(attempts) if is_number(attempts) else None,
            "Made": f"{made[:16].replace('T', ' ')} UTC" if isinstance(made, str) else None,
            "Notemill": verdict.get("notemill")}
    yield from ({"label": label, "value": page.cut(value, LONGEST)} for label, value in rows.items() if value)
    for name in DIGESTS:
        if digest := verdict.get(name):
            yield {"label": f"sha256 of {name}", "value": str(digest)[:12], "full": str(digest)}


def champion_of(verdict: Mapping) -> str:
    """By its number, which MLflow gives, and by its content, which no other version has."""
    name, content = verdict.get("champion"), verdict.get("champion_content")
    return f"{name}, content {str(content)[:12]}" if name and content else name or "none yet"


# checks
def row(check: Mapping, scale: drawing.Scale | None = None) -> dict:
    """A check, or a part of one, as the table shows it."""
    outcome = check.get("outcome")
    return {**check, "kind": KINDS.get(outcome, "open"), "sign": meaning.SIGNS.get(outcome, ""),
            "asks": meaning.asks(str(check.get("check"))), "plot": drawing.interval(check, scale),
            "more": bool(parts_of(check) or curves_of(check))}


def details(checks: Sequence[Mapping]) -> Iterator[dict]:
    """What each check found in its parts, and its curves."""
    for check in checks:
        parts, curves = shown_parts(check), curves_of(check)
        if parts or curves:
            limits = {part["limit"] for part in parts if drawing.has_plot(part)}
            scale = drawing.common_scale(parts) if len(limits) == 1 else None
            yield {**row(check), "parts": [row(part, scale) for part in parts[:MOST_PARTS]],
                   "left_out": len(parts) - MOST_PARTS, "curves": curves,
                   "marks": drawing.marks(scale) if scale and any(map(drawing.has_plot, parts)) else []}


def shown_parts(check: Mapping) -> list[dict]:
    """Its slices, groups or variants; those that did not pass first, where there are very many."""
    parts = parts_of(check)
    return sorted(parts, key=lambda part: part.get("outcome") == "passed") if len(parts) > MOST_PARTS else parts


def curves_of(check: Mapping) -> list[dict]:
    found = check.get("details")
    curve = found.get("curve") if isinstance(found, Mapping) else None
    given = [one for one in (curve if isinstance(curve, list) else [curve]) if isinstance(one, Mapping)]
    how = CURVES.get(str(check.get("check")), {})
    return [drawn for one in given if (drawn := drawing.draw(one, **how))]
