"""Two runs side by side: what differs in parameters, data, code, environment, metrics and durations."""

import difflib
from collections.abc import Callable, Iterable, Mapping

from notemill.compare.rows import ABSENT, Comparison, Row, Section, keyed, make_row


def compare_runs(left: dict, right: dict, *, environment: Callable[[str], Mapping[str, str]],
                 all: bool = False) -> Comparison:
    """What differs between two run records; with `all` also what is the same.

    `environment` gives the distributions (name -> version) that a record's digest stands for; KeyError if lost.
    """
    before, after = steps_of(left), steps_of(right)
    both = [(name, before[name], after[name]) for name in before if name in after]
    found = {"run": run_rows(left, right), "steps": step_rows(before, after),
             "parameters": [row for name, *pair in both for row in keyed("parameters", name, *parts(pair, "params"))],
             "data": [row for name, *pair in both for row in data_rows(name, *pair)],
             "code": [row for name, *pair in both for row in code_rows(name, *pair)],
             "environment": [*environment_rows(left, right, environment), *step_environment(both)],
             "metrics": [row for name, *pair in both for row in keyed("metrics", name, *parts(pair, "metrics"))],
             "durations": duration_rows(left, right, both)}
    kept = {name: tuple(row for row in rows if all or row.differs) for name, rows in found.items()}
    sections = tuple(Section(name, rows) for name, rows in kept.items() if rows)
    return Comparison(str(left.get("run")), str(right.get("run")), sections, all)


def steps_of(record: dict) -> dict[str, dict]:
    return {step["step"]: step for step in record.get("steps") or []}


def parts(pair: Iterable[dict], key: str) -> list[dict]:
    return [step.get(key) or {} for step in pair]


def run_rows(left: dict, right: dict) -> list[Row]:
    def facts(record: dict) -> dict:
        git = record.get("git") or {}
        return {"project": record.get("project"), "status": record.get("status"), "reason": record.get("reason"),
                "started": record.get("started"), "commit": git.get("commit"), "branch": git.get("branch"),
                "uncommitted changes": git.get("diff") or git.get("dirty"), "notemill": record.get("notemill"),
                "pipeline.yaml": (record.get("pipeline") or {}).get("sha256"),
                "host": (record.get("machine") or {}).get("host")}
    one, two = facts(left), facts(right)
    return [make_row("run", "", name, one[name], two[name]) for name in one]


def step_rows(left: dict[str, dict], right: dict[str, dict]) -> list[Row]:
    rows = []
    for name in [*left, *(name for name in right if name not in left)]:
        states = [side[name].get("status") if name in side else ABSENT for side in (left, right)]
        rows.append(make_row("steps", name, "status", *states))
    return rows


def data_rows(step: str, left: dict, right: dict) -> list[Row]:
    rows = keyed("data", step, inputs_of(left), inputs_of(right), "input ")
    made = [{name: one.get("sha256") for name, one in (side.get("outputs") or {}).items()} for side in (left, right)]
    return rows + keyed("data", step, *made, "output ")


def inputs_of(step: dict) -> dict[str, object]:
    """Input, or input's file -> digest."""
    digests = {}
    for name, given in (step.get("inputs") or {}).items():
        if given.get("files") is None:
            digests[name] = given.get("sha256")
        else:
            digests.update({f"{name}: {one['name']}": one.get("sha256") for one in given["files"]})
    return digests


def code_rows(step: str, left: dict, right: dict) -> list[Row]:
    one, two = parts((left, right), "components")
    rows = cell_rows(step, one.get("cells") or [], two.get("cells") or [],
                     left.get("cell_numbers") or [], right.get("cell_numbers") or [])
    rows += keyed("code", step, one.get("modules") or {}, two.get("modules") or {})
    digests = [side.get("notebook_sha256") for side in (left, right)]
    if digests[0] != digests[1] and not any(row.differs for row in rows) and one.get("cells"):
        rows.append(make_row("code", step, "notebook", *digests, note="its text or outputs only: the code is the same"))
    return rows


def cell_rows(step: str, left: list[str], right: list[str], numbers: list[int], new_numbers: list[int]) -> list[Row]:
    """Which code cells are the same, changed, new or gone; a cell put in between does not change those behind it."""
    rows = []
    for _, start, end, first, last in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for n in range(max(end - start, last - first)):
            old = left[start + n] if start + n < end else ABSENT
            new = right[first + n] if first + n < last else ABSENT
            name = cell_name(start + n, numbers) if new is ABSENT else cell_name(first + n, new_numbers)
            rows.append(make_row("code", step, name, old, new))
    return rows


def cell_name(place: int, numbers: list[int]) -> str:
    """By its number among all cells, as in the report, where the record keeps that."""
    return f"cell {numbers[place]}" if place < len(numbers) else f"code cell {place + 1}"


def environment_rows(left: dict, right: dict, environment: Callable[[str], Mapping[str, str]]) -> list[Row]:
    """Python and the distributions of both environments."""
    one, two = (record.get("environment") or {} for record in (left, right))
    rows = [make_row("environment", "", "python", one.get("python"), two.get("python"))]
    digests = one.get("distributions"), two.get("distributions")
    if digests[0] == digests[1] or None in digests:
        return rows + ([make_row("environment", "", "distributions", *digests)] if digests != (None, None) else [])
    try:
        lists = [environment(sha256) for sha256 in digests]
    except KeyError:
        lists = [{}]
    if all(lists):
        return rows + keyed("environment", "", *lists)
    lost = "a list of distributions is no longer in the store"
    return [*rows, make_row("environment", "", "distributions", *digests, note=lost)]


def step_environment(both: list[tuple]) -> list[Row]:
    """The kernel, and declared environment variables (the record keeps digests of their values)."""
    rows = []
    for name, *pair in both:
        kernels = [side.get("kernel") for side in parts(pair, "components")]
        rows += [make_row("environment", name, "kernel", *kernels)] if any(kernels) else []
        own = [side.get("env") for side in parts(pair, "components")]
        rows += keyed("environment", name, *(env if isinstance(env, dict) else {} for env in own), "variable ")
    return rows


def duration_rows(left: dict, right: dict, both: list[tuple]) -> list[Row]:
    rows = [make_duration("", "seconds", left, right)]
    ran = [one for one in both if not any(side.get("status") == "reused" for side in one[1:])]   # reuse takes no time
    for name, *pair in ran:
        rows += [make_duration(name, key, *pair) for key in ("seconds", "cpu_seconds", "peak_mb")]
    return [row for row in rows if row.left is not None or row.right is not None]


def make_duration(step: str, key: str, left: dict, right: dict) -> Row:
    values = [ABSENT if side.get(key) is None else side[key] for side in (left, right)]
    return make_row("durations", step, key.replace("_", " "), *values)
