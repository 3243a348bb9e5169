"""Where a version comes from, on what it was trained, and what that took."""

from collections.abc import Iterator, Mapping

from notemill.card.blocks import Facts, Heading, Say, Table
from notemill.card.facts import total
from notemill.card.words import NOT_RECORDED, cut, day, digest_row
from notemill.text import duration, size

NO_COMMIT = "none: outside a git repository, or before its first commit"


def origin(facts: Mapping) -> Iterator[object]:
    lineage, environment = facts["lineage"], facts["environment"]
    dirty = ", with changes that were not committed" if facts["dirty"] else ""
    machine = environment["machine"]
    yield Facts((
        ("Run", f"{facts['run']} of {day(facts['created'])}", None),
        ("Commit", f"{facts['commit']}{dirty}" if facts["commit"] else NO_COMMIT, None),
        ("Branch", cut(lineage["branch"]) if lineage["branch"] else NOT_RECORDED, None),
        ("Reason", cut(lineage["reason"]) if lineage["reason"] else NOT_RECORDED, None),
        ("Judged", f"run {lineage['run']}, {day(facts['verdict']['made'])}", None),
        digest_row("Pipeline", lineage["pipeline"]), digest_row("Provenance", facts["files"].get("provenance.json")),
        ("Python", f"{environment['implementation'] or ''} {environment['python'] or facts['python']}".strip(), None),
        ("Libraries", ", ".join(f"{name} {found}" for name, found in sorted(facts["trained_with"].items())), None),
        ("Machine", machine_words(machine) or NOT_RECORDED, None)))
    yield Heading("Steps")
    yield Table(("Step", "Notebook", "Parameters", "Time", "CPU time", "Peak memory", "sha256 of the notebook"),
                tuple(map(step_row, facts["steps"])))
    yield Say(cost(facts["steps"]))


def machine_words(machine: Mapping) -> str:
    """As `Linux x86_64, 2 processors, 25 GB`."""
    words = str(machine["system"] or "").split()
    kind = " ".join(words[:1] + words[-1:]) if len(words) > 1 else "".join(words)
    return ", ".join(filter(None, [kind, f"{machine['cpus']} processors" if machine["cpus"] else "",
                                   size(machine["memory_mb"] * 1_000_000) if machine["memory_mb"] else ""]))


def step_row(step: Mapping) -> tuple:
    params = ", ".join(f"{name}={value}" for name, value in step["params"].items())
    return (step["step"], cut(step["notebook"] or NOT_RECORDED), cut(params), duration(step["seconds"]) or NOT_RECORDED,
            duration(step["cpu_seconds"]) or NOT_RECORDED, memory(step["peak_mb"]) or NOT_RECORDED,
            step["notebook_sha256"] or NOT_RECORDED)


def memory(megabytes: float | None) -> str:
    return size(round(megabytes * 1_000_000)) if megabytes is not None else ""


def cost(steps: list[Mapping]) -> str:
    took = duration(total(steps, "seconds"))
    if not took:
        return "What it took is not recorded; neither are energy and price."
    cpu = duration(total(steps, "cpu_seconds"))
    peaks = [step["peak_mb"] for step in steps if step["peak_mb"] is not None]
    return (f"All steps together took {took}" + (f", {cpu} of CPU time" if cpu else "")
            + (f", at most {memory(max(peaks))} of memory" if peaks else "")
            + ". A step that was reused counts with what it took when it ran. Energy and price are not recorded.")
