"""What the model is, for which parts of the rows it was looked at, and the figure that counts."""

from collections.abc import Iterator, Mapping

from notemill.card.blocks import Facts, Figure, Heading, Say
from notemill.card.facts import check, declared, features
from notemill.card.words import NOT_RECORDED, cut, day, declaration, digest_row, person
from notemill.text import number

MOST_CLASSES = 50


def details(facts: Mapping) -> Iterator[object]:
    target = facts["target"]
    names = target.get("names") or {}
    classes = [str(names.get(str(label), label)) for label in target.get("classes") or ()]
    more = f" and {len(classes) - MOST_CLASSES} more" if len(classes) > MOST_CLASSES else ""
    what = f"Predicts {cut(target['name'])}"
    what += f" ({cut(', '.join(classes[:MOST_CLASSES]))}{more})" if classes else ""
    rows = trained_rows(facts)
    yield Say(f"{what}: a {facts['task']}" + (f" trained on {rows:,} rows." if rows is not None else ".")
              + (f" {cut(target['description']).rstrip('.')}." if target.get("description") else ""))
    yield Facts(tuple(detail_rows(facts, names)))


def detail_rows(facts: Mapping, names: Mapping) -> Iterator[tuple]:
    target = facts["target"]
    yield "Name", facts["name"], None
    yield "Task", facts["task"], None
    yield "Target", cut(target["name"]), None
    if target.get("positive") is not None:
        yield "Class to detect", cut(names.get(str(target["positive"]), target["positive"])), None
    yield "Risk class", facts["risk"], None
    yield "Features", number(len(features(facts))), None
    yield "Trained", day(facts["created"]), None
    yield "Author of the code", person(facts["author"]) or NOT_RECORDED, None
    yield digest_row("Content", facts["content"])
    yield digest_row("Model file", facts["files"].get("model.skops"))


def trained_rows(facts: Mapping) -> int | None:
    said = (facts["rows"] or {}).get("train")
    found = [table["rows"] for table in facts["data"]["training"] if table["rows"] is not None]
    return said if isinstance(said, int) else (found[0] if len(found) == 1 else None)


def factors(facts: Mapping) -> Iterator[object]:
    """For which parts of the rows it was looked at."""
    named = declared(facts["verdict"]["config"])
    for what, key in (("Slices", "slices"), ("Attributes of fairness", "fairness")):
        if named[key]:
            yield Say(f"{what} that the gate looked at: {cut(', '.join(map(declaration, named[key])))}.")
        else:
            yield Say(f"{what}: none is declared, so nobody has looked at how the model does for parts of the rows."
                      if key == "slices" else f"{what}: none is declared.")
    split = facts["split"] or {}
    for word in ("group", "time"):
        if split.get(word):
            yield Say(f"The held-out rows are split from the others by {word}: {cut(split[word])}.")


def metrics(facts: Mapping) -> Iterator[object]:
    unseen = check(facts, "held_out").get("outcome") == "passed"
    rows = "held-out rows that training never saw" if unseen else "held-out rows"
    yield Figure(str(facts["verdict"]["metric"]), check(facts, "metric"), rows)
    yield Say("The gate worked it out itself, from the model and the held-out rows; intervals are 95 % intervals.")
    yield Heading("Limits of the gate")
    limits = tuple((name, cut(value), None) for name, value in flat(facts["verdict"]["config"]))
    yield Facts(limits) if limits else Say("None is set.")


def flat(config: Mapping, prefix: str = "") -> Iterator[tuple[str, str]]:
    """("budgets.size_mb", "100") and so on, less what names outputs of the pipeline."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif prefix or name not in ("model", "data", "schema", "metrics", "slices", "train"):
            listed = value if isinstance(value, list | tuple) else [value]
            yield f"{prefix}{name}", ", ".join(map(declaration, listed))
