"""The story from the first to the last: gather, hand out, sum up, say."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from notemill.ci.story import card
from notemill.ci.story.build import build_of
from notemill.ci.story.deployment import SESSIONS, tell_deployment
from notemill.ci.story.facts import Facts, gather
from notemill.ci.story.lines import lines
from notemill.ci.story.offers import Offer, offers_of
from notemill.ci.story.sending import Drop, Sent, drop_of, send
from notemill.ci.story.summary import summarise
from notemill.files import canonical_json
from notemill.lineage import published, shown_uri
from notemill.run.facts import reason
from notemill.text import printable

SUMMARY = "summary.json"


def tell(folder: Path, after: str, failed: bool, environ: Mapping[str, str], stream: TextIO = sys.stdout) -> dict:
    """Say it on `stream`, ending with the summary's address: the summary. A drop that is away keeps nobody."""
    build = build_of(environ, after, failed)
    if after in SESSIONS:
        return tell_deployment(folder, build, environ, stream)
    facts, drop = gather(folder, build, environ), drop_of(environ, build)
    sent = hand_out(facts, drop)
    summary = summarise(facts, {**sent.kept, **mlflow_link(facts)})
    last = hand_in(summary, drop, sent)
    if card.TITLE in last.kept:
        card.show(environ, last.kept[card.TITLE], summary, stream)
    stream.write("".join(f"{line}\n" for line in [*why(environ), *lines(summary), *ending(last)]))
    stream.flush()
    return summary


def hand_out(facts: Facts, drop: Drop | None) -> Sent:
    if drop is None:
        return Sent({}, "the runner names none (NOTEMILL_DROP)", away=True)
    return send(drop, offers_of(facts, drop.area))


def hand_in(summary: Mapping, drop: Drop | None, sent: Sent) -> Sent:
    """The summary itself, with what the card needs; a drop that was away is not asked again."""
    if drop is None or sent.away:
        return sent
    offer = Offer(SUMMARY, SUMMARY, canonical_json(summary).encode("utf-8", "replace"))
    last = send(drop, [card.template(), offer])
    return Sent(last.kept, sent.trouble or last.trouble)


def why(environ: Mapping[str, str]) -> Iterator[str]:
    """Of a build that somebody has asked for."""
    if environ.get("NOTEMILL_REASON"):
        yield from ("", "reason:", "  " + reason(environ))


def ending(last: Sent) -> Iterator[str]:
    if last.trouble:
        yield f"\nnot all is in the drop: {printable(last.trouble)}"
    if SUMMARY in last.kept:
        yield f"\nsummary: {last.kept[SUMMARY]}"


def mlflow_link(facts: Facts) -> dict[str, str]:
    """The run on the pages of MLflow's server; a database on this machine has none."""
    run = published(facts.run).get("") if facts.run else None
    known = run and facts.tracking and facts.tracking.startswith(("http://", "https://"))
    return {"MLflow run": f"{shown_uri(facts.tracking).rstrip('/')}/#/runs/{run}"} if known else {}
