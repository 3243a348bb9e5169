"""What a prediction looks like: HTML without scripts, in which all text is escaped."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from notemill.demo.answers import Answer
from notemill.demo.explain import Explained
from notemill.demo.whatif import Change
from notemill.demo.words import cut, exact, figure, percent, safe, signed

MOST_BARS, MOST_PARTS = 8, 10
DUST = 1e-3  # of the widest bar: what is less goes into the last line


def called(label: Any, target: Mapping) -> str:
    """A class by its name, where the schema has one for it; a quantity as a figure."""
    names, listed = target.get("names"), target.get("classes") or target.get("categories")
    said = exact(label) if listed else figure(label)
    return str(names.get(str(label), said)) if isinstance(names, dict) else said


def answer(found: Answer, target: Mapping, around: tuple | None = None) -> str:
    """The prediction, large, with its probabilities, or the interval `around` it."""
    unit = f' <span class="unit">{safe(target["unit"])}</span>' if target.get("unit") else ""
    chance = f'<p class="sure">probability {percent(found.chance)}</p>' if found.chance is not None else ""
    if around:
        low, high = figure(around[0], 3), figure(around[1], 3)
        chance = (f'<p class="sure">{low} to {high} in 9 of 10 cases, by {around[2]:,.0f} held-out rows with about '
                  "such a prediction</p>")
    name = safe(cut(target["name"]))
    said = f"{safe(cut(called(found.prediction, target), 60))}{unit}"
    return (f'<section class="nm-answer" aria-label="Prediction"><p class="of">{name}</p>'
            f'<p class="big">{said}</p>{chance}{bars(found, target)}</section>')


def bars(found: Answer, target: Mapping) -> str:
    """One bar a class, the likeliest first."""
    likely = sorted(found.probabilities, key=lambda pair: -pair[1])
    lines = "".join(
        f'<li><span class="name">{safe(cut(called(label, target)))}</span><span class="track"><span '
        f'class="fill{" chosen" * (label == found.prediction)}" style="width:{100 * chance:.1f}%"></span></span>'
        f'<span class="share">{percent(chance)}</span></li>'
        for label, chance in likely[:MOST_BARS])
    more = len(likely) - MOST_BARS
    rest = f'<li class="rest">and {more} more</li>' if more > 0 else ""
    return f'<ul class="nm-bars" aria-label="Probabilities">{lines}{rest}</ul>' if likely else ""


def other_version(version: str, said: Mapping, ours: Any, target: Mapping) -> str:
    """What another version says of the same row."""
    if "error" in said:
        shown, mood = safe(cut(said["error"], 300)), "bad"
    else:
        chance = next((share for label, share in said["probabilities"] if label == said["prediction"]), None)
        words = called(said["prediction"], target) + (f", {percent(chance)}" if chance is not None else "")
        more, mood = apart(said["prediction"], ours, target)
        shown = f"<strong>{safe(cut(words, 80))}</strong>" + (f" <span>{more}</span>" if more else "")
    return (f'<section class="nm-beside {mood}" aria-label="Another version"><span>version {safe(cut(version, 40))} '
            f"says</span> {shown}</section>")


def apart(theirs: Any, ours: Any, target: Mapping) -> tuple[str, str]:
    """(how far from ours in words, same or differs): a quantity differs where it is off by a tenth or more."""
    quantities = [one for one in (theirs, ours) if isinstance(one, int | float) and not isinstance(one, bool)]
    if target.get("classes") or target.get("categories") or len(quantities) < 2 or theirs == ours or not ours:
        return "", "same" if theirs == ours else "differs"
    off = theirs / ours - 1
    return f"{percent(abs(off))} {'more' if (theirs > ours) else 'less'}", "differs" if abs(off) >= 0.1 else "same"


def bar_below(found: Answer, target: Mapping) -> str:
    """The answer in one line, that stays in sight on a phone."""
    chance = f", {percent(found.chance)}" if found.chance is not None else ""
    unit = f" {safe(target['unit'])}" if target.get("unit") else ""
    return (f'<div class="nm-below" aria-hidden="true"><span>{safe(cut(target["name"], 24))}</span>'
            f'<strong>{safe(cut(called(found.prediction, target), 28))}{unit}{chance}</strong></div>')


def spoken(found: Answer, target: Mapping) -> str:
    """The answer in words, for a screen reader: it tells what changes in here."""
    unit = f" {target['unit']}" if target.get("unit") else ""
    chance = f", {percent(found.chance)}" if found.chance is not None else ""
    words = "No prediction" if found.problems else f"{called(found.prediction, target)}{unit}{chance}"
    return f'<div class="nm-spoken" role="status">{safe(" ".join(cut(words, 200).split()))}</div>'


def warnings(found: Sequence[tuple[str, str]]) -> str:
    """What to know of the row, though it has an answer."""
    lines = "".join(f"<li><strong>{safe(cut(name))}</strong> {safe(cut(words, 300))}</li>" for name, words in found)
    return f'<section class="nm-note warn" aria-label="Warnings"><h3>Look twice</h3><ul>{lines}</ul></section>'


def problems(found: Sequence[tuple[str, str]], whose: str) -> str:
    """Why there is no answer, and what that lies at."""
    lines = "".join(f"<li>{f'<strong>{safe(cut(name))}</strong> ' if name else ''}{safe(cut(words, 400))}</li>"
                    for name, words in found)
    return (f'<section class="nm-note bad" role="alert"><h3>No prediction: {whose}</h3>'
            f"<ul>{lines}</ul></section>")


# many rows
def columns(found: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<div><dt>{safe(cut(name))}</dt><dd>{safe(cut(words, 300))}</dd></div>" for name, words in found)
    return f'<dl class="nm-columns">{lines}</dl>'


def faults(found: Sequence[tuple[int, str, str]], count: int) -> str:
    """What is wrong, by row; row 0: the column itself."""
    lines = "".join(f'<li>{f"row {row:,}: " * bool(row)}<strong>{safe(cut(name))}</strong> {safe(cut(words, 300))}</li>'
                    for row, name, words in found)
    rest = f"<li>and {count - len(found):,} more</li>" if count > len(found) else ""
    return f'<section class="nm-note bad" aria-label="Faults"><ul>{lines}{rest}</ul></section>'


def tally(said: Sequence[Any], target: Mapping, *, quantity: bool) -> str:
    """How often which class; of a quantity where the answers lie."""
    if quantity:
        some = sorted(said)
        low, middle, high = (figure(some[place]) for place in (0, len(some) // 2, -1))
        return f'<p class="nm-means">Answers from {low} to {high}, the middle one {middle}.</p>'
    found = Counter(said).most_common()
    lines = "".join(
        f'<li><span class="name">{safe(cut(called(label, target)))}</span><span class="track"><span class="fill chosen"'
        f' style="width:{100 * count / len(said):.1f}%"></span></span><span class="share">{count:,}</span></li>'
        for label, count in found[:MOST_BARS])
    rest = f'<li class="rest">and {len(found) - MOST_BARS} more</li>' if len(found) > MOST_BARS else ""
    return f'<ul class="nm-bars tally" aria-label="Answers">{lines}{rest}</ul>'


# why, and what would change it
def parts(found: Explained, row: Mapping, *, points: bool) -> str:
    """Contributions as bars to both sides of the middle, between what they start from and where they lead."""
    widest = max((abs(amount) for _, amount in found.parts), default=0) or 1.0
    telling = [pair for pair in found.parts if abs(pair[1]) > DUST * widest][:MOST_PARTS]
    rest = found.parts[len(telling):]
    lines = "".join(part(cut(name, 40), exact(row[name]), amount, widest, points) for name, amount in telling)
    if rest:
        lines += part(f"{len(rest)} other{'s' * (len(rest) > 1)}", "", sum(one for _, one in rest), widest, points)
    began = end(f"{found.references} example rows, on average", found.base, '<span class="ways"><span>← lowers it'
                "</span><span>raises it →</span></span>", points)
    ended = end("This row", found.value, "", points)
    return f'<ul class="nm-parts" aria-label="Contributions">{began}{lines}{ended}</ul>'


def end(name: str, value: float, between: str, points: bool) -> str:
    return (f'<li class="end"><span class="name">{safe(name)}</span>{between}'
            f'<span class="share">{percent(value) if points else figure(value)}</span></li>')


def part(name: str, value: str, amount: float, widest: float, points: bool) -> str:
    width = min(50, 50 * abs(amount) / widest)
    side = "up" if amount >= 0 else "down"
    where = f"left:50%;width:{width:.1f}%" if amount >= 0 else f"right:50%;width:{width:.1f}%"
    held = f' <span class="value">{safe(cut(value, 28))}</span>' if value else ""
    return (f'<li><span class="name">{safe(name)}{held}</span><span class="track"><span class="fill {side}" '
            f'style="{where}"></span></span><span class="share">{signed(amount, widest, points=points)}</span></li>')


def sum_of(found: Explained, said: str = "", *, points: bool) -> str:
    """The sentence that says what the bars mean. `said`: the class; empty for a quantity. Without points it is 1 or 0:
    there are no probabilities."""
    way = "over all orders in which they could be put in" if found.exact else \
        "over a sample of the orders in which they could be put in"
    what = f"to the probability of {safe(said)}, in percentage points," if points else "to the prediction"
    if said and not points:
        what = f"to whether the model says {safe(said)} (1 where it does, 0 where not: it gives no probabilities)"
    return (f'<p class="nm-means">The bars add up to the difference between the example rows, which are held-out ones, '
            f"and this row: what each input does {what} when it is put into an example row, averaged {way}. They tell "
            "how the model answers, not what causes what.</p>")


def changes(found: Sequence[Change], said: Sequence[Any]) -> str:
    """Each change of one input, and what the model would say then."""
    lines = "".join(f"<li><strong>{safe(cut(one.name))}</strong> {safe(cut(exact(one.before)))} → "
                    f"<b>{safe(cut(exact(one.after)))}</b> <span>{safe(cut(then))}</span></li>"
                    for one, then in zip(found, said, strict=True))
    return f'<ul class="nm-changes">{lines}</ul>'
