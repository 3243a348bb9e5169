"""The page of a run: what was done and why, what came of it, and where it came from."""

from collections.abc import Mapping
from pathlib import Path

from notemill import files
from notemill.report import cells, graph, page

MOST_PLOTS = 12
HEAD = {"done": "Done", "failed": "Failed", "interrupted": "Interrupted", "running": "Running"}
WORDS = {"run": "run", "reused": "reused", "failed": "failed", "skipped": "skipped", "open": "not finished"}
PURPOSE = 150           # characters of a purpose that a node has room for
FOLD = 200              # characters from which a parameter's value is folded,
SUMMARY = 40            # and what is shown of it


def write_index(record: dict, target: Path, *, previous: dict | None, pictures: Mapping[str, list[dict]],
                durable: bool = True) -> None:
    """Write the page of the run in `record`; `previous` is an earlier run's record, `pictures` each step's."""
    steps = [step for step in record.get("steps") or [] if isinstance(step, dict)]
    reason = record.get("reason")
    text = page.render(
        "index.html.j2", record=record, headline=headline(record, steps), why=page.WHY.get(reason, reason),
        error=error_of(record), steps=[step_row(step) for step in steps], as_of=as_of(record),
        drawings=[drawing_of(steps, way) for way in ("wide", "narrow")],
        parameters=parameters(steps, previous), figures=figures(steps, previous),
        compared=(previous or {}).get("run"), plots=plots(steps, pictures), files=data_rows(steps),
        lineage=lineage(record, steps),
        warnings=[(s["step"], text) for s in steps for text in s.get("warnings") or []])
    files.write_atomic(target, text.encode("utf-8", "replace"), durable=durable)


def headline(record: dict, steps: list[dict]) -> dict:
    """The run's state in words: "Done", "1 step run, 2 reused, 12.3 s"."""
    counts: dict[str, int] = dict.fromkeys(WORDS, 0)
    for step in steps:
        counts[kind_of(step)] += 1
    parts = [f"{count} {WORDS[kind]}" for kind, count in counts.items() if count]
    if parts:
        number, rest = parts[0].split(" ", 1)
        parts[0] = f"{number} {'step' if number == '1' else 'steps'} {rest}"
    parts += [page.seconds(record["seconds"])] if record.get("seconds") is not None else []
    status = record.get("status")
    return {"state": HEAD.get(status, str(status)), "status": status, "words": ", ".join(parts) or "no steps"}


def kind_of(step: dict) -> str:
    status = step.get("status")
    return {"done": "run", "reused": "reused", "failed": "failed", "skipped": "skipped"}.get(status, "open")


def as_of(record: dict) -> str:
    """Of when the page tells."""
    if record.get("status") == "running":
        return ("Written when the run began, and again when it ends. If nothing runs any more, it was killed:"
                " notemill run takes it up.")
    ended = moment(record.get("ended"))
    when = f"Written when this run ended, {ended}" if ended else "Written when this run ended"
    return f"{when}: notemill plan tells what is out of date since."


def error_of(record: dict) -> dict | None:
    error = record.get("error")
    return {**error, "link": page.sibling(error.get("report"))} if isinstance(error, dict) else None


def step_row(step: dict) -> dict:
    status = step.get("status")
    known = status if status in page.STATUS else "pending"
    return {**step, "link": page.sibling(step.get("report")), "class": known,
            "word": page.STATUS.get(status, status), "reasons": step.get("reasons") or [],
            "purpose": page.plain(step.get("purpose")) or page.plain(step.get("title"))}


def drawing_of(steps: list[dict], way: str) -> dict:
    """The pipeline drawn "wide", to the right, or "narrow", downwards."""
    drawing = graph.draw({step["step"]: step.get("needs") or [] for step in steps}, edge_labels(steps),
                         down=way == "narrow", room=graph.ROOM[way])
    rows = {step["step"]: step_row(step) for step in steps}
    nodes = [{"node": node, "row": rows[node.name], "under": under(rows[node.name]),
              "long": graph.is_long(node.name, drawing.node), "hint": hint(rows[node.name]),
              "purpose": page.cut(rows[node.name]["purpose"] or rows[node.name].get("notebook") or "", PURPOSE)}
             for node in drawing.nodes]
    return {"way": way, "drawing": drawing, "nodes": nodes, "w": drawing.node, "h": graph.HEIGHT}


def hint(row: dict) -> str:
    return f"{row['step']}: {row['word']}" + (f". {row['purpose']}" if row["purpose"] else "")


def under(row: dict) -> str:
    took = row.get("seconds") is not None and row["class"] in ("done", "failed")
    return f"{row['word']} · {page.seconds(row['seconds'])}" if took else row["word"]


def edge_labels(steps: list[dict]) -> dict[tuple[str, str], list[str]]:
    """(source, target) -> the names of the outputs that pass between them."""
    labels: dict[tuple[str, str], list[str]] = {}
    names = {step["step"] for step in steps}
    for step in steps:
        for given in (step.get("inputs") or {}).values():
            origin = given.get("from") if isinstance(given, dict) else None
            source, dot, output = origin.partition(".") if isinstance(origin, str) else ("", "", "")
            if dot and source in names:
                labels.setdefault((source, step["step"]), []).append(output)
    return {pair: list(dict.fromkeys(outputs)) for pair, outputs in labels.items()}


def earlier(previous: dict | None) -> dict[str, dict]:
    return {step["step"]: step for step in (previous or {}).get("steps") or [] if isinstance(step, dict)}


def parameters(steps: list[dict], previous: dict | None) -> list[dict]:
    """Each step's parameters; `was` where the earlier run had another value or none."""
    before, rows = earlier(previous), []
    for step in steps:
        old = (before.get(step["step"]) or {}).get("params")
        for name, value in sorted((step.get("params") or {}).items()):
            new = old is not None and name not in old
            changed = old is not None and not new and not same(old[name], value)
            rows.append({"step": step["step"], "name": name, **folded(shown(value)), "new": new,
                         "was": page.cut(shown(old[name]), SUMMARY) if changed else None})
    return rows


def folded(text: str) -> dict:
    """A value that stands on one line, or the beginning of one that is folded."""
    first = text.strip().split("\n", 1)[0]
    small = len(text) <= FOLD and "\n" not in text
    short = f"{first} …" if len(first) <= SUMMARY else page.cut(first, SUMMARY)
    return {"value": text if small else short, "whole": None if small else text}


def same(left: object, right: object) -> bool:
    """Equal in value and type: True is not 1."""
    return type(left) is type(right) and left == right


def shown(value: object) -> str:
    """A parameter as it would stand in pipeline.yaml."""
    if isinstance(value, str):
        return value if value.strip() else repr(value)
    return {None: "null", True: "true", False: "false"}.get(value, str(value)) if is_word(value) else str(value)


def is_word(value: object) -> bool:
    return value is None or isinstance(value, bool)


def figures(steps: list[dict], previous: dict | None) -> list[dict]:
    """Key figures with their difference to the earlier run."""
    before, rows = earlier(previous), []
    for step in steps:
        old = (before.get(step["step"]) or {}).get("metrics") or {}
        for name, value in sorted((step.get("metrics") or {}).items()):
            rows.append({"step": step["step"], "name": name, "value": value, "was": old.get(name),
                         "change": page.difference(value, old.get(name)), "new": bool(old) and name not in old})
    return rows


def plots(steps: list[dict], pictures: Mapping[str, list[dict]]) -> list[dict]:
    """The pictures that are shown, each with its step and the link to its cell."""
    shown, found = foremost({step["step"]: pictures.get(step["step"], []) for step in steps}), []
    for step in steps:
        page_link = (page.sibling(step.get("report")) or "").partition("#")[0]
        found += [{**one, "step": step["step"], "link": page_link and f"{page_link}#{one['anchor']}"}
                  for one in shown[step["step"]]]
    return found


def foremost(pictures: Mapping[str, list[dict]]) -> dict[str, list[dict]]:
    """The first pictures of each step, in turn, so that no step crowds out the others; what is left out here would be
    left out with more steps as well."""
    turns = sorted((turn, n, name) for n, (name, own) in enumerate(pictures.items()) for turn in range(len(own)))
    names = [name for _, _, name in turns[:MOST_PLOTS]]
    return {name: own[:names.count(name)] for name, own in pictures.items()}


def pictures(notebook: Mapping) -> list[dict]:
    """The first pictures of an executed notebook: data address, number and anchor of the cell."""
    from notemill.report.step import picture
    found = []
    for cell in cells.shown_cells(notebook):
        for output in cell["outputs"]:
            data = output.get("data") or {}
            kind = next((k for k in ("image/svg+xml", "image/png") if isinstance(data.get(k), str)), None)
            if kind and "text/html" not in data:
                found.append({"source": picture(data[kind], kind), "number": cell["number"], "anchor": cell["anchor"]})
    return found[:MOST_PLOTS]


def data_rows(steps: list[dict]) -> list[dict]:
    """Inputs and outputs of each step with size and digest."""
    rows = []
    for step in steps:
        for name, given in (step.get("inputs") or {}).items():
            rows += input_rows(step["step"], name, given if isinstance(given, dict) else {})
        for name, made in (step.get("outputs") or {}).items():
            made = made if isinstance(made, dict) else {}
            rows.append({"step": step["step"], "way": "out", "name": name, "what": made.get("file"),
                         "bytes": made.get("bytes"), "sha256": made.get("sha256")})
    return rows


def input_rows(step: str, name: str, given: dict) -> list[dict]:
    many = given.get("files")
    parts = [(given.get("from"), given)] if many is None else [(one.get("name"), one) for one in many]
    rows = [{"step": step, "way": "in", "name": name, "what": what, "bytes": one.get("bytes"),
             "sha256": one.get("sha256")} for what, one in parts[:10]]
    if len(parts) > len(rows):
        rest = parts[len(rows):]
        rows.append({"step": step, "way": "in", "name": name, "what": f"and {len(rest)} files more",
                     "bytes": sum(one.get("bytes") or 0 for _, one in rest), "sha256": None})
    return rows


def lineage(record: dict, steps: list[dict]) -> list[dict]:
    """Where the run comes from: label, value, full value on hover, link."""
    rows = [row("Run", record.get("run")), row("Reason", record.get("reason")),
            row("Started", moment(record.get("started"))), row("Ended", moment(record.get("ended"))),
            *git_rows(record.get("git")), *machine_rows(record), *ci_rows(record.get("ci")),
            digest("Pipeline", record.get("pipeline")), digest("Package", record.get("package")),
            row("Notemill", record.get("notemill")),
            *(row(f"MLflow run of {s['step']}", s.get("mlflow_run")) for s in steps)]
    return [found for found in rows if found["value"]]


def row(label: str, value: object, full: object = None, link: str | None = None) -> dict:
    return {"label": label, "value": "" if value is None else str(value), "full": full, "link": link}


def digest(label: str, value: object) -> dict:
    sha256 = cells.mapping(value).get("sha256")
    return row(label, sha256 and f"sha256 {str(sha256)[:12]}", sha256)


def moment(value: object) -> str | None:
    return value[:19].replace("T", " ") + " UTC" if isinstance(value, str) and value.endswith("+00:00") else value


def git_rows(git: dict | None) -> list[dict]:
    if not git:
        return [row("Commit", "not under version control")]
    state = "with changes that are not committed" if git.get("dirty") else "nothing uncommitted"
    commit = git.get("commit")
    return [row("Commit", f"{str(commit)[:12]}, {state}" if commit else "none yet", commit),
            row("Branch", git.get("branch")), row("Author", git.get("author"))]


def machine_rows(record: dict) -> list[dict]:
    machine = cells.mapping(record.get("machine"))
    parts = [machine.get("host"), machine.get("system"), machine.get("cpus") and f"{machine['cpus']} CPUs",
             machine.get("memory_mb") and page.size(machine["memory_mb"] * 1e6)]
    environment = cells.mapping(record.get("environment"))
    listed = environment.get("distributions")
    return [row("Machine", ", ".join(str(part) for part in parts if part)), row("Python", environment.get("python")),
            row("Environment", listed and f"sha256 {str(listed)[:12]}", listed)]


def ci_rows(ci: dict | None) -> list[dict]:
    return [row("Build", ci.get("build") or "build", ci.get("link"), page.web_link(ci.get("link")))] if ci else []
