"""What a card says of its making, held against provenance, verdict and manifest, and the run's record."""

from collections.abc import Iterable, Iterator, Mapping

from notemill.card.differing import deep, differing, mapped

OF_RUN = ("data", "contract", "lineage", "environment", "steps")

Pairs = list[tuple[str, str]]


def proven(facts: Mapping, manifest: Mapping, verdict: Mapping, proof: Mapping) -> Iterator[str]:
    """The provenance is of the run that made the model; the card's steps and sources are of the run that was judged,
    which is mostly the same."""
    yield from made(facts, manifest, verdict)
    predicate = proof.get("predicate") or {}
    definition = predicate.get("buildDefinition")
    if not definition:  # nothing is proven
        return
    yield from surroundings(facts, definition)
    if facts["lineage"]["run"] == manifest["run"]:
        yield from same_run(facts, definition, (predicate.get("runDetails") or {}).get("metadata") or {})
    else:
        yield from other_run(facts, definition)


def compare_run(facts: Mapping, anew: Mapping) -> list[str]:
    """What the card says otherwise than the facts that were made anew from the run's record, which may know less."""
    return [line for part in OF_RUN for line in deep(part, facts.get(part), filled(anew.get(part), facts.get(part)))]


def filled(anew: object, card: object) -> object:
    """With the card's own where nothing is known any more."""
    if anew is None:
        return card
    if isinstance(anew, Mapping) and isinstance(card, Mapping):
        return {name: filled(value, card.get(name)) for name, value in anew.items()}
    if isinstance(anew, list) and isinstance(card, list) and len(anew) == len(card):
        return [filled(*both) for both in zip(anew, card, strict=True)]
    return anew


def made(facts: Mapping, manifest: Mapping, verdict: Mapping) -> Iterator[str]:
    """Which run was judged, and what the version is made of among the outputs of its steps."""
    if "run" in verdict:
        yield from differing("judged run", facts["lineage"]["run"], verdict["run"])
    for name in ("commit", "author"):
        yield from differing(f"lineage, {name}", facts["lineage"][name], manifest.get(name))
    yield from differing("lineage, dirty", bool(facts["lineage"]["dirty"]), bool(manifest.get("dirty")))
    outputs = {f"{one['step']}.{name}": output["sha256"] for one in facts["steps"]
               for name, output in one["outputs"].items()}
    config, files = verdict.get("config") or {}, manifest["files"]
    yield from differing("the held-out table", facts["data"]["held_out"]["name"], config.get("data"))
    known = {config.get("model"): files["model.skops"], config.get("schema"): files["schema.json"],
             config.get("data"): verdict.get("data"),
             **{one["name"]: one["sha256"] for one in facts["data"]["training"]}}
    for name in filter(None, known):
        yield from differing(f"digest of {name} among the steps' outputs", outputs.get(name), known[name])


def surroundings(facts: Mapping, definition: Mapping) -> Iterator[str]:
    given = definition.get("internalParameters") or {}
    yield from differing("reason", facts["lineage"]["reason"], given.get("reason"))
    for name in ("python", "distributions"):
        yield from differing(f"environment, {name}", facts["environment"][name], given.get(name))
    source = next((one for one in definition.get("resolvedDependencies") or () if "gitCommit" in one["digest"]), {})
    yield from differing("branch", facts["lineage"]["branch"], (source.get("annotations") or {}).get("branch"))


def same_run(facts: Mapping, definition: Mapping, metadata: Mapping) -> Iterator[str]:
    for name, proven_name in (("started", "startedOn"), ("ended", "finishedOn")):
        yield from differing(name, facts["lineage"][name], metadata.get(proven_name))
    params = (definition.get("externalParameters") or {}).get("params") or {}
    yield from deep("parameters", {one["step"]: one["params"] for one in facts["steps"]},
                    {step: given or {} for step, given in params.items()})
    known = pairs(definition)
    yield from listed("notebooks", notebooks(facts["steps"]), known[:len(params)])
    yield from listed("sources", sources(facts), known[len(params):])


def other_run(facts: Mapping, definition: Mapping) -> Iterator[str]:
    """Sources, and the notebooks of the run that made the model, as far as both know them."""
    known = dict(pairs(definition))
    for name, sha256 in (*sources(facts), *notebooks(one for one in facts["steps"] if one["run"] == facts["run"])):
        if sha256 and name in known:
            yield from differing(f"digest of {name}", sha256, known[name])


def listed(what: str, card: Pairs, version: Pairs) -> Iterator[str]:
    card, version = list(dict.fromkeys(card)), list(dict.fromkeys(version))
    if card != version:
        yield from list(mapped("digest of", dict(card), dict(version))) or [f"the {what} are in another order"]


def sources(facts: Mapping) -> Pairs:
    return [(one["name"], one["sha256"]) for one in facts["data"]["sources"]]


def notebooks(steps: Iterable[Mapping]) -> Pairs:
    return [(one["notebook"], one["notebook_sha256"]) for one in steps]


def pairs(definition: Mapping) -> Pairs:
    """The notebooks, one for each step, then what came from outside."""
    return [(one["name"], one["digest"]["sha256"]) for one in dependencies(definition)]


def dependencies(definition: Mapping) -> list[Mapping]:
    return [one for one in definition.get("resolvedDependencies") or () if "sha256" in one["digest"]]
