"""Is a card still true? What differs from the version that it speaks of, in words."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import notemill
from notemill.card.differing import deep, differing, mapped, said
from notemill.card.facts import FEATURE, LATER, VERDICT, check_facts, declared
from notemill.card.human import read_human
from notemill.card.kept import compare_text
from notemill.card.markdown import render
from notemill.card.page import render as render_page
from notemill.card.proof import proven
from notemill.card.review import STRICT, unreviewed, unwritten

SAME = ("notemill", "name", "task", "content", "run", "created", "commit", "dirty", "python", "trained_with",
        "requires", "author")
FIGURES = ("outcome", "figure", "low", "high", "n", "limit", "hint")
OWN = ("card.json", "card.md", "card.html", "human.md", *LATER)  # of the version, not facts of the card


def compare_version(facts: Mapping, manifest: Mapping, read: Mapping[str, bytes]) -> list[str]:
    """What the facts of a card say otherwise than the version's own files (`read`: name -> content)."""
    schema, verdict, proof = (json.loads(read[f"{name}.json"]) for name in ("schema", "verdict", "provenance"))
    return [*digests(facts, manifest, verdict), *target(facts["target"], written(schema["target"])),
            *columns(facts["columns"], written(schema["columns"])),
            *deep("split", facts.get("split"), written(schema.get("split"))),
            *deep("rows", facts.get("rows"), written(schema.get("rows"))), *gate(facts["verdict"], written(verdict)),
            *held_out(facts, verdict), *proven(facts, manifest, verdict, proof), *rendered(facts, read)]


def written(value: object) -> object:
    """As card.json has it: there a lone surrogate is a question mark."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


# digests
def digests(facts: Mapping, manifest: Mapping, verdict: Mapping) -> Iterator[str]:
    for name in SAME:
        yield from differing(name, facts.get(name), manifest.get(name))
    yield from differing("risk", facts.get("risk"), manifest.get("risk") or "low")
    files = {name: sha256 for name, sha256 in manifest["files"].items() if name not in OWN}
    yield from mapped("digest of", facts["files"], files)
    yield from mapped("digest of", facts["code"], manifest["code"])
    yield from differing("digest of the held-out rows", facts["data"]["held_out"]["sha256"], verdict.get("data"))
    yield from differing("digest of the judged model", facts["files"].get("model.skops"), verdict.get("model"))


# columns and target
def target(card: Mapping, version: Mapping) -> Iterator[str]:
    for name in dict.fromkeys([*card, *version]):
        yield from deep(f"target's {name}", card.get(name), version.get(name))


def columns(card: Iterable[Mapping], version: Iterable[Mapping]) -> Iterator[str]:
    ours, theirs = ({one["name"]: one for one in found} for found in (card, version))
    named = {name: f"{'feature' if one.get('role') in FEATURE else 'column'} '{name}'"
             for name, one in (ours | theirs).items()}
    yield from (f"{named[name]} is the card's alone" for name in ours if name not in theirs)
    yield from (f"{named[name]} is missing in the card" for name in theirs if name not in ours)
    for name in (name for name in ours if name in theirs):
        yield from deep(named[name], ours[name], theirs[name])
    order = [[one["name"] for one in found] for found in (card, version)]
    if order[0] != order[1] and set(ours) == set(theirs):
        yield "the features are in another order"


def held_out(facts: Mapping, verdict: Mapping) -> Iterator[str]:
    """How many rows the gate was given, by its check of them."""
    counted = next((one.get("n") for one in verdict["checks"] if one["check"] == "rows"), None)
    rows = facts["data"]["held_out"]["rows"]
    if counted is not None and rows is not None:
        yield from differing("held-out rows", rows, counted)


# slices, and all figures
def gate(card: Mapping, verdict: Mapping) -> Iterator[str]:
    yield from list(declarations(card["config"], verdict.get("config") or {})) \
        or deep("the gate's settings", card["config"], verdict.get("config") or {})
    for name in VERDICT:
        yield from differing(name, card.get(name), verdict.get(name))
    yield from figures({one["check"]: one for one in card["checks"]},
                       {one["check"]: check_facts(one) for one in verdict["checks"]}, "check")
    order = [[one["check"] for one in found["checks"]] for found in (card, verdict)]
    if order[0] != order[1] and set(order[0]) == set(order[1]):
        yield "the checks are in another order, or stand there more or less often"


def declarations(card: Mapping, version: Mapping) -> Iterator[str]:
    mine, theirs = declared(card), declared(version)
    for key in mine:
        yield from differing(f"{key} declared", mine[key], theirs[key])


def figures(ours: Mapping, theirs: Mapping, what: str) -> Iterator[str]:
    yield from (f"{what} '{name}' is the card's alone" for name in ours if name not in theirs)
    yield from (f"{what} '{name}' is missing in the card" for name in theirs if name not in ours)
    for name in (name for name in ours if name in theirs):
        for key in FIGURES:
            yield from differing(f"{what} '{name}', {key}", ours[name].get(key), theirs[name].get(key))
        parts = ({one["name"]: one for one in found[name].get("parts", ())} for found in (ours, theirs))
        yield from figures(*parts, f"{name}: part")


# the text
def rendered(facts: Mapping, read: Mapping[str, bytes]) -> Iterator[str]:
    """Whether the card is what its facts and people's words make, to the byte. Another notemill may word it anew."""
    if facts.get("notemill") != notemill.__version__:
        return
    human = read["human.md"].decode()
    for name, made in (("card.md", render(facts, human)), ("card.html", render_page(facts, human))):
        if name in read and read[name] != made.encode():
            yield from compare_text(made, read[name].decode("utf-8", "replace"), name) or [
                f"{name}: rendered anew, it differs in a human part, which is not what human.md says"]


# today
def today_notes(facts: Mapping, human: str, *, risk: str | None, config: Mapping, words: str, contract: str | None,
                today: date) -> tuple[list[str], list[str]]:
    """(what makes the card untrue today, what has moved on since without making it untrue).

    `risk`, `config`, `words` and `contract`: the risk, the gate section, model_card.md, and the contract's digest of
    the project today. Of the risk then and the one today the higher counts, as for a promotion.
    """
    expired = list(unreviewed(read_human(human), today))
    missing = [f"section '{title}' is not stated" for title in unwritten(read_human(human))]
    moved = list(moved_on(facts, human, risk=risk or "low", config=config, words=words, contract=contract))
    if facts["risk"] in STRICT or risk in STRICT:
        return missing + expired, moved
    return [], [*missing, *(line for line in expired if "never" not in line), *moved]


def moved_on(facts: Mapping, human: str, *, risk: str, config: Mapping, words: str,
             contract: str | None) -> Iterator[str]:
    """What the project declares otherwise today."""
    before, now = declared(facts["verdict"]["config"]), declared(config)
    pairs = {"risk": (facts["risk"], risk), **{key: (before[key], now[key]) for key in now}}
    yield from (f"pipeline.yaml declares {key} otherwise today: {said(today)} (the card: {said(then)})"
                for key, (then, today) in pairs.items() if then != today)
    if (facts["contract"] or {}).get("sha256") != contract:
        yield "the contract is another one today"
    if words != human:
        yield "model_card.md has changed since this version was registered"
