"""What a deployment came to, at the end of its step's log, and as deployment.json in the drop: the steward reads it.

It has no part in summary.json: that says what the model is, and where it serves is another build's matter tomorrow.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from notemill.ci.story.build import Build
from notemill.ci.story.offers import Offer
from notemill.ci.story.sending import drop_of, send
from notemill.errors import NotemillError
from notemill.files import canonical_json, read_json
from notemill.project import open_project
from notemill.release.deploy.for_build import FILE
from notemill.text import clip, printable

SESSIONS = ("image", "approve", "deploy")     # after which a story is of a deployment, and of nothing else
NAME = "deployment.json"
STATUSES = ("serving", "rolled-back", "failed")
WORDS = 500


def tell_deployment(folder: Path, build: Build, environ: Mapping[str, str], stream: TextIO) -> dict:
    """Say it on `stream`, ending with the file's address: the facts; {} where nothing was deployed."""
    facts = facts_of(folder, build, environ)
    if not facts:
        return {}
    drop = drop_of(environ, build)
    sent = send(drop, [Offer(NAME, NAME, canonical_json(facts).encode("utf-8", "replace"))]) if drop else None
    stream.write("".join(f"{line}\n" for line in lines(facts)))
    if sent and sent.trouble:
        stream.write(f"\nnot in the drop: {printable(sent.trouble)}\n")
    if sent and NAME in sent.kept:
        stream.write(f"\ndeployment: {sent.kept[NAME]}\n")
    stream.flush()
    return facts


def facts_of(folder: Path, build: Build, environ: Mapping[str, str]) -> dict:
    """What `notemill deploy` has left in this build; an older build's, in a workspace that was kept, does not count."""
    try:
        left = read_json(open_project(folder, environ).folder / FILE)
    except (NotemillError, OSError):
        return {}
    if not isinstance(left, dict) or left.get("build") != str(build.number) or left.get("status") not in STATUSES:
        return {}
    return {"format": 1, "commit": build.commit, "event": build.event, "build": build.number,
            "target": words(left.get("target"), 40), "status": left["status"], "version": left.get("version"),
            "before": left.get("from"), "address": left.get("address"), "demo": left.get("demo"),
            "words": words(left.get("problem") or left.get("reason") or "")}


def words(text: object, most: int = WORDS) -> str:
    return clip(" ".join(printable(str(text or "")).split()), most)


def lines(facts: Mapping) -> Iterator[str]:
    """As the rest of a story: what comes from the project stands behind two blanks."""
    if facts["status"] == "serving":
        yield f"\ndeployed to {facts['target']}: version {facts['version']}"
        yield from (f"  {what:8} {printable(url)}" for what, url in
                    (("service", facts["address"]), ("demo", facts["demo"])) if url)
        return
    version = f"version {facts['version']}" if facts["version"] else "it"
    yield f"\nNOT deployed to {facts['target']}:"
    yield f"  {printable(facts['words'])}"
    if facts["status"] == "rolled-back":
        yield f"  {version} was started, and taken back"
