"""Is a card still true? What differs from the version that it speaks of, in words."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import notemill
from notemill.card.facts import check_facts, declared
from notemill.card.human import GENERATED, read_human
from notemill.card.markdown import heading, render
from notemill.card.markup import code_lines
from notemill.card.page import render as render_page
from notemill.card.review import STRICT, unreviewed, unwritten
from notemill.text import number

SAME = ("name", "task", "content", "run", "created", "commit", "dirty", "python", "trained_with", "requires")
TARGET = ("name", "type", "classes", "positive")
COLUMN = ("type", "unit", "range", "categories")
FIGURES = ("outcome", "figure", "low", "high", "n", "limit")
OWN = ("card.json", "card.md", "card.html", "human.md", "golden.json")  # of the version, not facts of the card
HUMAN_PART = re.compile(r'<section class="human[^>]*>.*?</section>', flags=re.S)
SHOWN = 3  # lines of a section that are told


def compare_version(facts: Mapping, manifest: Mapping, read: Mapping[str, bytes]) -> list[str]:
    """What the facts of a card say otherwise than the version's own files (`read`: name -> content)."""
    schema, verdict, proof = (json.loads(read[f"{name}.json"]) for name in ("schema", "verdict", "provenance"))
    return [*digests(facts, manifest, verdict, proof), *target(facts["target"], schema["target"]),
            *columns(facts["columns"], schema["columns"]), *gate(facts["verdict"], verdict),
            *rendered(facts, read)]


# digests
def digests(facts: Mapping, manifest: Mapping, verdict: Mapping, proof: Mapping) -> Iterator[str]:
    for name in SAME:
        yield from differing(name, facts.get(name), manifest.get(name))
    yield from differing("risk", facts.get("risk"), manifest.get("risk") or "low")
    yield from differing("author", facts.get("author"), manifest.get("author"))
    files = {name: sha256 for name, sha256 in manifest["files"].items() if name not in OWN}
    yield from mapped("digest of", facts["files"], files)
    yield from mapped("digest of", facts["code"], manifest["code"])
    yield from differing("digest of the held-out rows", facts["data"]["held_out"]["sha256"], verdict.get("data"))
    yield from differing("digest of the judged model", facts["files"].get("model.skops"), verdict.get("model"))
    known = {one["name"]: one["digest"].get("sha256") for one in dependencies(proof)}
    for name, sha256 in named_digests(facts):
        if name in known:
            yield from differing(f"digest of {name}", sha256, known[name])


def dependencies(proof: Mapping) -> list[Mapping]:
    found = (proof.get("predicate") or {}).get("buildDefinition", {}).get("resolvedDependencies", [])
    return [one for one in found if "sha256" in one["digest"]]


def named_digests(facts: Mapping) -> Iterator[tuple[str, str]]:
    """Sources from outside, and the notebooks of the run that trained the model."""
    yield from ((one["name"], one["sha256"]) for one in facts["data"]["sources"])
    yield from ((one["notebook"], one["notebook_sha256"]) for one in facts["steps"]
                if one["run"] == facts["run"] and one["notebook_sha256"])


# features and target
def target(card: Mapping, version: Mapping) -> Iterator[str]:
    for name in TARGET:
        yield from differing(f"target's {name}", card.get(name), version.get(name))


def columns(card: Iterable[Mapping], version: Iterable[Mapping]) -> Iterator[str]:
    ours, theirs = ({one["name"]: one for one in found if one.get("role") in ("feature", "time")}
                    for found in (card, version))
    yield from (f"feature '{name}' is the card's alone" for name in ours if name not in theirs)
    yield from (f"feature '{name}' is missing in the card" for name in theirs if name not in ours)
    for name in (name for name in ours if name in theirs):
        for key in COLUMN:
            yield from differing(f"feature '{name}', {key}", ours[name].get(key), theirs[name].get(key))
    if list(ours) != list(theirs) and set(ours) == set(theirs):
        yield "the features are in another order"


# slices, and all figures
def gate(card: Mapping, verdict: Mapping) -> Iterator[str]:
    mine, theirs = declared(card["config"]), declared(verdict.get("config") or {})
    for key in mine:
        yield from differing(f"{key} declared", mine[key], theirs[key])
    for name in ("verdict", "metric", "n"):
        yield from differing(name, card.get(name), verdict.get(name))
    yield from figures({one["check"]: one for one in card["checks"]},
                       {one["check"]: check_facts(one) for one in verdict["checks"]}, "check")


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


def compare_text(expected: str, found: str, name: str) -> list[str]:
    """Where a card's text differs outside its human parts."""
    if name.endswith((".html", ".htm")):
        same = HUMAN_PART.sub("", expected) == HUMAN_PART.sub("", found)
        return [] if same else [f"{name}: differs outside the human parts"]
    ours, theirs = parts(expected), parts(found)
    if [title for title, _ in ours] != [title for title, _ in theirs]:
        return [f"{name}: its sections are others: {', '.join(title for title, _ in theirs) or 'none'}"]
    return [f"{name}: section '{title or 'head'}': {told}"
            for (title, left), (_, right) in zip(ours, theirs, strict=True) for told in lines(left, right)]


def parts(text: str) -> list[tuple[str, list[str]]]:
    """(title, lines) of the head and of what is generated; people's own sections are left out."""
    generated = {heading(title) for title in GENERATED}
    found: list[tuple[str, list[str]]] = [("", [])]
    for line, is_code in code_lines(text):
        if line.startswith("## ") and not is_code:
            found.append((line[3:], []))
        else:
            found[-1][1].append(line)
    return [(title, kept) for title, kept in found if not title or title in generated]


def lines(expected: list[str], found: list[str]) -> Iterator[str]:
    missing = [line for line in expected if line not in found]
    more = [line for line in found if line not in expected]
    yield from (f"is missing: {line[:200]}" for line in missing[:SHOWN])
    yield from (f"should not stand there: {line[:200]}" for line in more[:SHOWN])
    if expected != found and not missing and not more:
        yield "its lines are in another order, or stand there more or less often"


# today
def today_notes(facts: Mapping, human: str, *, config: Mapping, words: str, contract: str | None,
                today: date) -> tuple[list[str], list[str]]:
    """(what makes the card untrue today, what has moved on since without making it untrue).

    `config`, `words` and `contract`: the gate section, model_card.md, and the contract's digest of the project today.
    """
    expired = list(unreviewed(read_human(human), today))
    missing = [f"section '{title}' is not stated" for title in unwritten(read_human(human))]
    strict = facts["risk"] in STRICT
    notes = [] if strict else missing + [line for line in expired if "never" not in line]
    before, now = declared(facts["verdict"]["config"]), declared(config)
    notes += [f"pipeline.yaml declares {key} otherwise today: {said(now[key])} (the card: {said(before[key])})"
              for key in now if now[key] != before[key]]
    if (facts["contract"] or {}).get("sha256") != contract:
        notes.append("the contract is another one today")
    if words != human:
        notes.append("model_card.md has changed since this version was registered")
    return (missing + expired if strict else []), notes


# words
def mapped(what: str, card: Mapping, version: Mapping) -> Iterator[str]:
    for name in sorted({*card, *version}):
        yield from differing(f"{what} {name}", card.get(name), version.get(name))


def differing(what: str, card: object, version: object) -> Iterator[str]:
    if card != version:
        yield f"{what}: {said(card)} in the card, {said(version)} in the version"


def said(value: object) -> str:
    if value is None or value == []:
        return "nothing"
    if isinstance(value, float):
        return number(value) if number(value) != "" else str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text[:12]}..." if re.fullmatch(r"[0-9a-f]{64}", text) else text[:120]
