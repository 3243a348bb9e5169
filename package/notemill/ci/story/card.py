"""The same on Drone 2's build page: a card (https://docs.drone.io/plugins/adaptive_cards), by our template in the drop.

Its words are shown as text runs, which know no Markdown; what a cell holds is text alone.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from notemill.ci.story.lines import interval, outcome
from notemill.ci.story.offers import Offer
from notemill.text import clip, number

TITLE, TEMPLATE = "card's template", "build.card.json"
MOST_ROWS, MOST_LINKS, MOST_BYTES = 10, 12, 6000
WORDS, MOST_WORD = 80, 30


def template() -> Offer:
    """Always the same content, so always the same address."""
    return Offer(TITLE, TEMPLATE, (Path(__file__).parent / "templates" / TEMPLATE).read_bytes())


def data_of(summary: Mapping) -> dict:
    """What the template shows, as short texts."""
    verdict = summary["verdict"]
    checks = sorted(verdict["checks"], key=lambda check: (check["passed"], not check["warning"])) if verdict else []
    return {"title": short(f"{summary['project']} {summary['commit'][:8]}"), **headline(summary),
            "error": error_of(summary["error"]), "steps": list(map(step_row, summary["steps"][:MOST_ROWS])),
            "checks": list(map(check_row, checks[:MOST_ROWS])), "more": more(checks, "check"),
            "links": [{"title": short(link["title"]), "url": link["url"]} for link in summary["links"][:MOST_LINKS]]}


def short(text: str, most: int = WORDS) -> str:
    """No word is so long that it would stand out of its column."""
    return clip(" ".join(clip(word, MOST_WORD) for word in text.split()), most)


def headline(summary: Mapping) -> dict[str, str]:
    """In one word how it stands, in Adaptive Cards' colours."""
    if summary["error"]:
        return {"word": "failed", "colour": "attention"}
    if summary["verdict"] is None:
        return {"word": "not judged yet", "colour": "default"}
    passed = summary["verdict"]["passed"]
    return {"word": "passed" if passed else "refused", "colour": "good" if passed else "attention"}


def error_of(error: Mapping | None) -> str:
    if error is None:
        return ""
    cell = f", cell {error['cell']}" if error["cell"] else ""
    return short(f"{error['step']}{cell}: {error['words']}", 300)


def step_row(step: Mapping) -> dict[str, str]:
    return {"step": short(step["step"]), "action": step["action"], "why": short("; ".join(step["reasons"])),
            "seconds": "" if step["seconds"] is None else f"{step['seconds']:.1f} s"}


def check_row(check: Mapping) -> dict[str, str]:
    return {"check": short(check["check"]), "figure": number(check["figure"]), "interval": interval(check["interval"]),
            "limit": short(check["limit"] or ""), "passed": outcome(check),
            "colour": "attention" if not check["passed"] else "warning" if check["warning"] else "good"}


def more(rows: Sequence, what: str) -> str:
    left = len(rows) - MOST_ROWS
    return f"and {left} more {what}{'s' * (left > 1)} that passed or are in the log" if left > 0 else ""


def show(environ: Mapping[str, str], address: str, summary: Mapping, stream: TextIO) -> None:
    """As the runner takes it out of the log: one line, which nobody sees there."""
    card = json.dumps({"schema": address, "data": data_of(summary)}, separators=(",", ":")).encode()
    path, line = environ.get("DRONE_CARD_PATH"), f"\x1b]1338;{base64.b64encode(card).decode()}\x1b]0m\n"
    if not path or len(card) > MOST_BYTES:
        return
    if path == "/dev/stdout":
        stream.write(line)
        return
    with suppress(OSError), open(path, "a", encoding="ascii") as file:
        file.write(line)
