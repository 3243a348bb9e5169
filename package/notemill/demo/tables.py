"""Verdict, checks and lineage as HTML without scripts, in which all text is escaped."""

from collections.abc import Mapping, Sequence

from notemill.demo import meaning, plots
from notemill.demo.verdicts import Check, counted, outcomes
from notemill.demo.words import cut, figure, safe

MOODS = {"passed": ("good", "✓"), "refused": ("bad", "✗"), "warned": ("warn", "!")}


def headline(metric: Check | None, verdict: Mapping) -> str:
    """The figure that counts, large, with its interval, and the verdict."""
    outcome = str(verdict.get("verdict"))
    mood = MOODS.get(outcome, ("warn", "?"))[0]
    shown = ""
    if metric and metric.figure is not None:
        name = str(verdict.get("metric") or "metric")
        what = f'<p class="what">{safe(meaning.metric(name))}.</p>' if meaning.metric(name) else ""
        shown = (f'<p class="of">{safe(cut(name))}</p><p class="big">'
                 f'{figure(metric.figure)}</p><p class="sure">{interval(metric)}{rows(metric)}</p>{what}')
    counts = ", ".join(f"{count} {safe(cut(of, 30))}" for of, count in counted(outcomes(verdict)).items())
    return (f'<section class="nm-answer">{shown}<p class="verdict"><span class="nm-badge {mood}">verdict: '
            f'{safe(cut(outcome, 40))}</span> <span class="counts">{counts}</span></p></section>')


def interval(one: Check) -> str:
    return "" if one.low is None or one.high is None else f"95 % interval {figure(one.low)} to {figure(one.high)}"


def rows(one: Check) -> str:
    return f", on {one.n:,.0f} held-out rows" if one.n else ""


def against(found: Check, champion: str) -> str:
    """The comparison with the version that was in production."""
    if found.figure is None:
        words = f"Not compared: {found.hint or found.outcome}" if found.outcome != "passed" or champion else \
            "There was no champion yet when this version was judged: nothing to compare it with."
        return f'<section class="nm-against"><h3>Against the champion</h3><p>{safe(cut(words, 500))}</p></section>'
    mood, sign = MOODS.get(found.outcome, ("plain", "?"))
    scale = plots.scale([one for one in (found.figure, found.low, found.high, found.limit, 0.0) if one is not None])
    return (f'<section class="nm-against"><h3>Against {safe(cut(champion or "the champion", 60))}</h3>'
            f'<p><strong class="gap">{gap(found.figure)}</strong> <span class="nm-badge {mood}">{sign} '
            f'{safe(cut(found.outcome, 30))}</span></p>{axis(found, scale)}'
            f'<p class="hint">{safe(cut(found.hint, 400))}</p></section>')


def gap(amount: float) -> str:
    size = figure(abs(amount), 3)
    return f"{size} better" if amount > 0 else f"{size} worse" if amount < 0 else "as good"


def axis(one: Check, scale: plots.Scale) -> str:
    """The difference with its interval, none and the margin beside it."""
    if one.low is None or one.high is None:
        return ""
    limit = f'<i class="limit" style="left:{scale(one.limit)}"></i>' if one.limit is not None else ""
    least = f" The dashed line: the margin, {figure(one.limit)}." if one.limit is not None else ""
    return (f'<div class="axis"><i class="line" style="left:{scale(0)}"></i>{limit}<i class="range" style="left:'
            f'{scale(one.low)};right:calc(100% - {scale(one.high)})"></i><i class="point" style="left:'
            f'{scale(one.figure)}"></i></div><p class="key">95 % interval of the difference: {figure(one.low, 3)} to '
            f"{figure(one.high, 3)}. The line: no difference.{least}</p>")


def checks(title: str, some: Sequence[Check]) -> str:
    """A table that becomes a list on a phone, folded where all is well."""
    lines = "".join(line(one) for one in some)
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Check", "Figure", "95 % interval", "Limit", "Outcome"))
    calm = all(one.outcome in ("passed", "") for one in some)
    found = counted([one.outcome for one in some if one.outcome])
    marks = "".join(mark(outcome, count) for outcome, count in found.items())
    return (f'<details class="nm-checks"{"" if calm else " open"}><summary><span class="title">{safe(title)}</span>'
            f'<span class="marks">{marks}</span></summary><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody>'
            "</table></details>")


def mark(outcome: str, count: int) -> str:
    mood, sign = MOODS.get(outcome, ("plain", "?"))
    return f'<span class="nm-badge {mood}">{sign} {count} {safe(cut(outcome, 30))}</span>'


def line(one: Check) -> str:
    mood, sign = MOODS.get(one.outcome, ("plain", "?"))
    more = "".join(map(part, one.parts))
    folded = f'<details class="parts"><summary>{len(one.parts)} parts</summary><ul>{more}</ul></details>' if one.parts \
        else ""
    asks = meaning.asks(one.name)
    asked = f'<p class="asks">{safe(asks)}</p>' if asks else ""
    hint = f'<p class="hint">{safe(cut(one.hint, 1000))}</p>' if one.hint else ""
    around = "" if one.low is None or one.high is None else f"{figure(one.low)} to {figure(one.high)}"
    outcome = f'<span class="nm-badge {mood}">{sign} {safe(cut(one.outcome, 30))}</span>' if one.outcome else ""
    return (f"<tr><th scope=\"row\">{safe(cut(one.name, 80))}{asked}{hint}{folded}</th>{cell('figure', one.figure)}"
            f'<td class="interval">{around}</td>{cell("limit", one.limit)}<td class="outcome">{outcome}</td></tr>')


def cell(kind: str, value: float | None) -> str:
    return f'<td class="{kind}">{"" if value is None else figure(value)}</td>'


def part(one: Check) -> str:
    around = "" if one.low is None or one.high is None else f" ({figure(one.low)} to {figure(one.high)})"
    sign = MOODS.get(one.outcome, ("plain", "?"))[1] if one.outcome else ""
    found = "" if one.figure is None else f": <strong>{figure(one.figure)}</strong>{around}"
    return f"<li>{sign} {safe(cut(one.name, 80))}{found}</li>"


# lineage
def chain(parts: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """From data to this version, one below the other."""
    steps = "".join(f"<li><h3>{safe(title)}</h3><dl>{''.join(map(fact, some[:60]))}</dl></li>" for title, some in parts)
    return f'<ol class="nm-chain">{steps}</ol>'


def fact(pair: tuple[str, str]) -> str:
    name, text = pair
    long = len(text) >= 40 and text.isalnum()
    shown = f'<code title="{safe(text)}">{safe(text[:12])}</code>' if long else safe(cut(text, 80))
    return f"<div><dt>{safe(cut(name, 80))}</dt><dd>{shown}</dd></div>"
