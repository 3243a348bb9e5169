"""The pictures of the page, in numbers: the flow chart, and how figures went from run to run."""

from collections.abc import Mapping, Sequence

from notemill.gate import drawing
from notemill.report import graph, page
from notemill.text import number

WIDTH, HEIGHT = 300, 96                             # of a series, in its own units
LEFT, RIGHT, TOP, BOTTOM = 4, 4, 10, 10
PURPOSE = 130
KINDS = {"sklearn:": "A data set of scikit-learn.", "http://": "A file at an address.",
         "https://": "A file at an address.", "sql:": "Rows of a database."}
CLASSES = {"done": "done", "reused": "reused", "failed": "failed", "skipped": "skipped", "interrupted": "interrupted"}
WORDS = {"done": "done", "reused": "reused", "failed": "failed", "skipped": "skipped", "interrupted": "interrupted"}
JUDGED = "gate"


# the flow chart
def flow(facts: Mapping, links: Mapping[str, str], way: str) -> dict:
    """Data from outside, steps, and the gate, drawn "wide", to the right, or "narrow", downwards."""
    needs, labels = edges(facts)
    drawn = graph.draw(needs, labels, down=way == "narrow", room=graph.ROOM[way])
    nodes = {**{name: source_node(name) for name in sources(facts)},
             **{step["step"]: step_node(step, links.get(step["step"])) for step in facts["steps"]}}
    if facts["gate"]["configured"]:
        nodes[gate_name(facts)] = gate_node(facts["gate"])
    return {"way": way, "drawing": drawn, "w": drawn.node, "h": graph.HEIGHT,
            "nodes": [{"node": node, **nodes[node.name], "long": graph.is_long(nodes[node.name]["name"], drawn.node)}
                      for node in drawn.nodes]}


def sources(facts: Mapping) -> list[str]:
    """What comes from outside, each once; a step's name would be taken for the step."""
    names = {step["step"] for step in facts["steps"]}
    found = dict.fromkeys(source for step in facts["steps"] for source in step["sources"].values())
    return [f"{source} " if source in names else source for source in found]


def gate_name(facts: Mapping) -> str:
    taken = {step["step"] for step in facts["steps"]} | set(sources(facts))
    return next(name for n in range(len(taken) + 1) if (name := JUDGED + " " * n) not in taken)


def edges(facts: Mapping) -> tuple[dict, dict]:
    """(node -> the nodes it needs, (from, to) -> the names that pass)."""
    needs: dict[str, list[str]] = {source: [] for source in sources(facts)}
    labels: dict[tuple[str, str], list[str]] = {}
    names = {step["step"] for step in facts["steps"]}
    for step in facts["steps"]:
        outside = {source: [] for source in step["sources"].values()}
        for name, source in step["sources"].items():
            outside[source].append(name)
        taken = {f"{source} " if source in names else source: passed for source, passed in outside.items()}
        needs[step["step"]] = [*taken, *step["needs"]]
        labels |= {(source, step["step"]): passed for source, passed in taken.items()}
        for origin in step["inputs"].values():
            giver, _, output = origin.partition(".")
            labels.setdefault((giver, step["step"]), []).append(output)
    if facts["gate"]["configured"]:
        to_gate(facts, needs, labels)
    return needs, {pair: list(dict.fromkeys(passed)) for pair, passed in labels.items()}


def to_gate(facts: Mapping, needs: dict, labels: dict) -> None:
    """What the gate takes of the steps."""
    goal, names = gate_name(facts), {step["step"] for step in facts["steps"]}
    needs[goal] = []
    for origin in facts["gate"]["takes"]:
        giver, _, output = origin.partition(".")
        if giver in names:
            needs[goal].append(giver)
            labels.setdefault((giver, goal), []).append(output)


def step_node(step: Mapping, link: str | None) -> dict:
    kind = CLASSES.get(step["status"], "pending")
    word = WORDS.get(step["status"], "not run yet")
    took = f" · {page.seconds(step['took'])}" if step["took"] is not None else ""
    purpose = page.plain(step["purpose"]) or page.plain(step["title"]) or step["notebook"]
    return {"name": step["step"], "class": kind, "under": word + took, "purpose": page.cut(purpose, PURPOSE),
            "link": link, "hint": f"{step['step']}: {word}. {purpose}"}


def source_node(name: str) -> dict:
    return {"name": page.cut(name, 60), "class": "source", "under": "data from outside", "purpose": kind_of(name),
            "link": None, "hint": name}


def kind_of(source: str) -> str:
    told = next((words for start, words in KINDS.items() if source.startswith(start)), None)
    return told or ("Files by a pattern." if any(sign in source for sign in "*?[") else "A file of the project.")


def gate_node(gate: Mapping) -> dict:
    kind = {"passed": "done", "refused": "failed"}.get(gate["verdict"], "pending")
    yes = sum(check["asked"] for check in gate["checks"])
    return {"name": "the gate", "class": kind, "under": gate["verdict"] or "not judged yet", "link": "#gate",
            "purpose": f"Judges the model on held-out rows by {yes} checks.", "hint": "the gate"}


# figures from run to run
def lines(series: Sequence[Mapping]) -> list[dict]:
    return [line(one) for one in series]


def line(series: Mapping) -> dict:
    """A small chart: first and last value, and the range between."""
    values = [point["value"] for point in series["points"]]
    y = drawing.span(values, 0.02)
    up = drawing.Scale(y.low, y.high, HEIGHT - BOTTOM, TOP)
    across = drawing.Scale(0, max(len(values) - 1, 1), LEFT, WIDTH - RIGHT)
    dots = [{"x": across(n), "y": up(point["value"]), "words": words_of(point)}
            for n, point in enumerate(series["points"])]
    return {"step": series["step"], "metric": series["metric"], "width": WIDTH, "height": HEIGHT, "dots": dots,
            "path": " ".join(f"{dot['x']:g},{dot['y']:g}" for dot in dots), "count": len(values),
            "last": values[-1], "n": series["points"][-1]["n"], "low": min(values), "high": max(values),
            "change": page.difference(values[-1], values[-2])}


def words_of(point: Mapping) -> str:
    rows = f", n = {number(point['n'])}" if point["n"] is not None else ""
    return f"run {point['run']}: {number(point['value'])}{rows}"


# versions
def versions(rows: Sequence[Mapping]) -> list[dict]:
    """Each with its interval on one scale; a metric of its own has a scale of its own."""
    scales = {metric: drawing.common_scale([row for row in rows if row["metric"] == metric])
              for metric in {row["metric"] for row in rows}}
    return [{**row, "plot": drawing.interval(row, scales[row["metric"]])} for row in rows]


def marks(rows: Sequence[Mapping]) -> list[dict]:
    """Ticks where all versions share one scale."""
    scale = drawing.common_scale(rows) if len({row["metric"] for row in rows}) == 1 else None
    return drawing.marks(scale) if scale else []
