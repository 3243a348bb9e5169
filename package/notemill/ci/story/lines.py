"""A summary as the lines that end a step's log. Whatever comes from the project stands behind two blanks, on one line,
without what steers a terminal: it can pass for none of our own lines."""

from collections.abc import Iterator, Mapping, Sequence

from notemill.text import Style, clip, number, printable, table

PLAIN = Style(False, 180)
PLAN, CHECKS = ["step", "action", "why", "seconds"], ["check", "figure", "95 % interval", "limit", "passed"]
MOST_WHY, MOST_NAME = 100, 40  # characters


def lines(summary: Mapping) -> list[str]:
    """The story; empty where there is nothing to tell."""
    parts = [plan_lines(summary["steps"]), verdict_lines(summary["verdict"]), coverage_lines(summary["coverage"]),
             error_lines(summary["error"]), link_lines(summary["links"])]
    return [line for part in map(list, parts) if part for line in ("", *part)]


def plan_lines(steps: Sequence[Mapping]) -> Iterator[str]:
    if steps:
        yield "plan:"
        yield from indented(PLAN, list(map(step_row, steps)))


def step_row(step: Mapping) -> list[str]:
    seconds = "" if step["seconds"] is None else f"{step['seconds']:.1f}"
    return [clip(step["step"], MOST_NAME), step["action"], clip("; ".join(step["reasons"]), MOST_WHY), seconds]


def verdict_lines(verdict: Mapping | None) -> Iterator[str]:
    if verdict is None:
        return
    yield f"verdict: {'passed' if verdict['passed'] else 'REFUSED'}"
    yield from indented(CHECKS, [[clip(check["check"], MOST_NAME), number(check["figure"]), interval(check["interval"]),
                                  check["limit"] or "", outcome(check)] for check in verdict["checks"]])
    for check in verdict["checks"]:
        if check["words"] and (check["warning"] or not check["passed"]):
            yield "  " + printable(f"{check['check']}: {check['words']}")


def interval(found: Sequence[float] | None) -> str:
    return "" if found is None else f"{number(found[0])} to {number(found[1])}"


def outcome(check: Mapping) -> str:
    return "NO" if not check["passed"] else "warned" if check["warning"] else "yes"


def coverage_lines(share: float | None) -> Iterator[str]:
    if share is not None:
        yield f"coverage: {share:.1f} %"


def error_lines(error: Mapping | None) -> Iterator[str]:
    if error:
        yield "failed:"
        yield "  " + printable(error["step"] + (f", cell {error['cell']}" if error["cell"] else ""))
        yield "  " + printable(error["words"])
        if error["report"]:
            yield "  " + printable(f"report: {error['report']}")


def link_lines(links: Sequence[Mapping]) -> Iterator[str]:
    if links:
        yield "links:"
        yield from indented(["", ""], [[link["title"], link["url"]] for link in links], head=False)


def indented(names: Sequence[str], rows: Sequence[Sequence[str]], head: bool = True) -> list[str]:
    return ["  " + line for line in table(names, rows, PLAIN if head else Style(False, 10_000)).splitlines()[not head:]]
