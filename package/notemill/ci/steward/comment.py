"""The one comment that a pull request gets: what waits, what its build says, what is new against main's."""

from collections.abc import Iterator
from dataclasses import dataclass

from notemill.ci.steward.builds import Build
from notemill.ci.steward.decide import Decision
from notemill.ci.steward.markdown import code, figure, link, table
from notemill.ci.steward.summary import Check, Metric, Summary

MARK = "<!-- notemill:steward -->"
MOST_ROWS = 30
STATES = {"pending": "has not begun", "running": "is running", "success": "is green", "failure": "is **red**",
          "error": "ended with an error of the server", "killed": "was stopped", "skipped": "ran nothing",
          "blocked": "does not begin: `.drone.yml` is not signed as main's is, and an administrator has to let it run",
          "declined": "was not let run by an administrator", "waiting_on_dependencies": "waits for its turn"}
FOOT = ("<sub>Kept up to date by notemill's steward. What a pull request's build says is its author's word; "
        "main's own build judges again.</sub>")


@dataclass(frozen=True)
class Told:
    """What the comment tells. `unprotected`: why the merge is not asked for, though it might be.

    `decision` is None for one that is closed; `ended` says how.
    """

    decision: Decision | None
    head: str
    build: Build | None
    main: Build | None
    reports: str
    unprotected: str = ""
    draft: bool = False
    ended: str = ""


def comment(told: Told) -> str:
    """The whole text, Markdown."""
    parts = [[MARK, "### notemill"], merging(told), build_lines(told)]
    if told.build and told.build.summary:
        parts += summary_parts(told.build.summary, told)
    return "\n\n".join("\n".join(part) for part in [*parts, [FOOT]] if part)


def merging(told: Told) -> list[str]:
    if told.decision is None:
        return [told.ended]
    if told.decision.waits:
        return waiting(told.decision)
    if told.unprotected:
        return [f"Does not merge by itself: {told.unprotected}."]
    if told.decision.merge:
        return ["Merges by itself once all checks are green."]
    return ["Can be merged by a member" + (", once it is no draft." if told.draft else ".")]


def waiting(decision: Decision) -> list[str]:
    seen = dict.fromkeys((one.words, code(one.what, 100)) for one in decision.waits)
    listed = [f"- {words}{f': {what}' if what else ''}" for words, what in list(seen)[:MOST_ROWS]]
    more = [f"- and {len(seen) - MOST_ROWS} more"] if len(seen) > MOST_ROWS else []
    return ["**Waits for a person.** A member other than the author, who wrote none of it, can approve exactly "
            "this commit:", "", *listed, *more]


def build_lines(told: Told) -> list[str]:
    commit = f"`{told.head[:10]}`"
    if told.build is None:
        return [f"There is no build of {commit} yet."]
    state = STATES.get(told.build.state, "is under way")
    said = [f"[Build {told.build.number}]({told.build.page}) of {commit} {state}."]
    if told.build.summary is None and told.build.state in ("success", "failure"):
        said.append("It left no summary: its log says what it did.")
    return [" ".join(said)]


def summary_parts(here: Summary, told: Told) -> list[list[str]]:
    main = told.main.summary if told.main else None
    return [trouble(here, told.reports), list(verdict(here)), list(against(here, main, told)),
            coverage(here, main), links(here, told.reports)]


def trouble(here: Summary, reports: str) -> list[str]:
    error = here.error
    if error is None:
        return []
    cell = f", cell {error.cell}" if error.cell is not None else ""
    report = f" ({link('report', error.report, reports)})" if error.report else ""
    return [f"**Failed** in {code(error.step, 80)}{cell}: {code(error.words)}{report}"]


def verdict(here: Summary) -> Iterator[str]:
    if here.passed is None:
        return
    warned = sum(check.passed and check.warning for check in here.checks)
    refused = sum(not check.passed for check in here.checks)
    yield (f"#### Verdict: {'passed' if here.passed else '**refused**'}"
           f" ({len(here.checks)} checks, {refused} refused, {warned} warned)")
    yield ""
    ranked = sorted(here.checks, key=lambda check: (check.passed, not check.warning))
    yield from table(["check", "", "figure", "95 % interval", "limit", ""], list(map(check_row, ranked[:MOST_ROWS])))
    if len(ranked) > MOST_ROWS:
        yield f"\nand {len(ranked) - MOST_ROWS} more, in the verdict's page"


def check_row(check: Check) -> list[str]:
    outcome = "**refused**" if not check.passed else "warned" if check.warning else "passed"
    words = code(check.words) if check.warning or not check.passed else ""
    return [code(check.name, 60), outcome, figure(check.figure), ends(check.low, check.high), code(check.limit, 40),
            words]


def ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{figure(low)} to {figure(high)}"


def against(here: Summary, main: Summary | None, told: Told) -> Iterator[str]:
    """The metrics, and what is other than in main's newest green build."""
    if main is None:
        yield "There is no green build of main yet to compare with."
    else:
        yield f"#### Against main ([build {told.main.number}]({told.main.page}), `{told.main.commit[:10]}`)"
    parts = [metrics(here, main), *([params(here, main), data(here, main)] if main else ())]
    for part in parts:
        yield from ["", *part] if part else []
    if main and not any(parts[1:]):
        yield "\nParameters and data are the same."


def metrics(here: Summary, main: Summary | None) -> list[str]:
    before = {one.name: one for one in main.metrics} if main else {}
    now = {one.name: one for one in here.metrics}
    rows = [metric_row(name, before.get(name), now.get(name)) for name in list(now | before)[:MOST_ROWS]]
    return table(["metric", "main", "here", "difference"], rows) if rows else []


def metric_row(name: str, old: Metric | None, new: Metric | None) -> list[str]:
    both = old is not None and new is not None
    return [code(name, 60), valued(old), valued(new), f"{new.value - old.value:+.3g}" if both else ""]


def valued(one: Metric | None) -> str:
    if one is None:
        return "none"
    inner = ends(one.low, one.high)
    return f"{figure(one.value)}{f' ({inner})' if inner else ''}"


def params(here: Summary, main: Summary) -> list[str]:
    names = [name for name in here.params | main.params if here.params.get(name) != main.params.get(name)]
    rows = [[code(name, 60), *(code(one.params.get(name, ""), 60) or "none" for one in (main, here))]
            for name in names[:MOST_ROWS]]
    return table(["parameter", "main", "here"], rows) if rows else []


def data(here: Summary, main: Summary) -> list[str]:
    names = [name for name in here.data | main.data if here.data.get(name) != main.data.get(name)]
    rows = [[code(name, 60), *(f"`{one.data[name][:12]}`" if name in one.data else "none" for one in (main, here))]
            for name in names[:MOST_ROWS]]
    return table(["data", "main", "here"], rows) if rows else []


def coverage(here: Summary, main: Summary | None) -> list[str]:
    if here.coverage is None:
        return []
    before = f" (main: {main.coverage:.1f} %)" if main and main.coverage is not None else ""
    return [f"Tests cover {here.coverage:.1f} % of the code{before}."]


def links(here: Summary, reports: str) -> list[str]:
    shown = [link(title, url, reports) for title, url in here.links[:MOST_ROWS]]
    return [" · ".join(shown)] if shown else []
