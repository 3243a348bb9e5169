"""summary.json: what a build did, for others to read. They take every word of it for a stranger's."""

from collections.abc import Iterable, Mapping, Sequence

from notemill.ci.story import coverage
from notemill.ci.story.facts import Facts
from notemill.gate.verdict import NOT_ASKED
from notemill.text import clip, number, printable

MOST, WORDS = 200, 500  # entries of a list; characters of a text
LARGEST = 1e300  # of numbers; comparisons are false for what is none
ACTIONS = {"done": "ran", "reused": "reused", "failed": "failed", "skipped": "skipped"}
WHY = {"reused": ["nothing changed"], "skipped": ["what it needs failed"]}


def summarise(facts: Facts, links: Mapping[str, str]) -> dict:
    """`links`: {title: address}."""
    build, steps = facts.build, (facts.record or {}).get("steps", [])[:MOST]
    return {"format": 1, "project": words(facts.project), "commit": words(build.commit), "event": words(build.event),
            "branch": words(build.branch), "build": build.number, "steps": list(map(step_of, filter(told, steps))),
            "verdict": verdict_of(facts.verdict), "metrics": metrics_of(facts.verdict, steps),
            "data": data_of(facts.verdict, steps), "params": params_of(steps),
            "coverage": coverage.share(facts.coverage),
            "links": [{"title": words(title), "url": url} for title, url in links.items()][:MOST],
            "error": error_of(facts, links)}


def words(text: object, most: int = WORDS) -> str:
    """A text as one line that fits anywhere."""
    return clip(" ".join(printable(text).split()), most)


def told(step: Mapping) -> bool:
    return step.get("status") in ACTIONS


def step_of(step: Mapping) -> dict:
    action = ACTIONS[step["status"]]
    reasons = WHY.get(action) or step.get("reasons") or []
    return {"step": words(step["step"]), "action": action, "reasons": [words(text, 300) for text in reasons[:5]],
            "seconds": finite(step.get("seconds")) if action in ("ran", "failed") else None}


def finite(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
    return value if known else None


# the gate
def verdict_of(verdict: Mapping | None) -> dict | None:
    if verdict is None:
        return None
    checks = [check for check in verdict["checks"] if check["outcome"] != NOT_ASKED]
    return {"passed": verdict["verdict"] == "passed", "checks": list(map(check_of, checks[:MOST]))}


def check_of(check: Mapping) -> dict:
    low, high, limit = (finite(check.get(name)) for name in ("low", "high", "limit"))
    return {"check": words(check["check"]), "passed": check["outcome"] != "refused",
            "warning": check["outcome"] in ("warned", "not assessed"), "figure": finite(check.get("figure")),
            "interval": None if low is None or high is None else [low, high],
            "limit": None if limit is None else number(limit), "words": words(check.get("hint") or "")}


def metrics_of(verdict: Mapping | None, steps: Sequence[Mapping]) -> list[dict]:
    """The gate's own figure, with its interval, then what the notebooks say of themselves."""
    judged = [metric(verdict["metric"], check) for check in (verdict or {}).get("checks", ())
              if check["check"] == "metric" and verdict.get("metric") and finite(check.get("figure")) is not None]
    told = [{"name": words(f"{step['step']}.{name}"), "value": value, "low": None, "high": None, "n": None}
            for step in steps for name, value in step.get("metrics", {}).items() if finite(value) is not None]
    return [*judged, *told][:MOST]


def metric(name: str, check: Mapping) -> dict:
    return {"name": words(name), "value": check["figure"], "low": finite(check.get("low")),
            "high": finite(check.get("high")), "n": finite(check.get("n"))}


# what went in
def data_of(verdict: Mapping | None, steps: Iterable[Mapping]) -> dict[str, str]:
    """Outside data by step.input, and the rows that the gate held out."""
    found = {f"{step['step']}.{name}": one["sha256"] for step in steps for name, one in step.get("inputs", {}).items()
             if is_outside(one, step)}
    held_out = {"gate.data": verdict["data"]} if verdict and verdict.get("data") else {}
    return dict(list({words(name): words(sha256) for name, sha256 in {**found, **held_out}.items()}.items())[:MOST])


def is_outside(found: Mapping, step: Mapping) -> bool:
    """Not another step's output."""
    source = found.get("from")
    inside = isinstance(source, str) and source.startswith(tuple(f"{need}." for need in step.get("needs", ())))
    return isinstance(found.get("sha256"), str) and not inside


def params_of(steps: Iterable[Mapping]) -> dict[str, object]:
    found = {words(f"{step['step']}.{name}"): value if finite(value) is not None or isinstance(value, bool | None)
             else words(value) for step in steps for name, value in step.get("params", {}).items()}
    return dict(list(found.items())[:MOST])


# what went wrong
def error_of(facts: Facts, links: Mapping[str, str]) -> dict | None:
    """The first step that failed; else what kept the run, or the session, from its end. A refusal is no error."""
    record = facts.record or {}
    for step in record.get("steps", ()):
        if step.get("error"):
            return error_of_step(step, links)
    if record.get("error"):
        error = record["error"]
        told = ": ".join(str(error[key]) for key in ("where", "got") if error.get(key))
        return {"step": words(facts.build.after), "cell": None, "words": words(told), "report": None}
    if facts.build.failed and not is_refused(facts):
        after = words(facts.build.after)
        return {"step": after, "cell": None, "words": f"nox -s {after} failed: the log above says why", "report": None}
    return None


def error_of_step(step: Mapping, links: Mapping[str, str]) -> dict:
    error = step["error"]
    lines = str(error.get("message") or "").splitlines() or [""]
    cell = error.get("cell") if isinstance(error.get("cell"), int) else None
    report = links.get(f"report of {step['step']}")
    return {"step": words(step["step"]), "cell": cell, "words": words(f"{error.get('name')}: {lines[0]}"),
            "report": f"{report}#{anchor_of(error)}" if report and anchor_of(error) else report}


def anchor_of(error: Mapping) -> str:
    """The place of the cell on its report."""
    anchor = str(error.get("report") or "").partition("#")[2]
    return anchor if anchor.isascii() and anchor.replace("-", "").isalnum() else ""


def is_refused(facts: Facts) -> bool:
    return facts.build.after in ("gate", "register") and (facts.verdict or {}).get("verdict") == "refused"
