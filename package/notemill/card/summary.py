"""The card in a few lines, for where there is no room for more: the description of a version in MLflow."""

import re
from collections.abc import Iterator, Mapping

from notemill.card.facts import check, declared, features
from notemill.card.human import read_human
from notemill.card.markdown import interval, n_of
from notemill.card.markup import cell, lower
from notemill.card.review import unwritten
from notemill.card.words import cut, declaration
from notemill.text import number

MOST = 4000     # characters
WORDS = 1200    # of people's own, of one section
WRAPPED = re.compile(r"(?<!\n)\n(?=\w)")  # within a paragraph: MLflow would break the line there


def summary(facts: Mapping, human: str = "", link: str | None = None) -> str:
    """At most 4,000 characters of Markdown, the link to the whole card first; `link`: its address."""
    first = f"[The whole model card]({link})" if link else ""
    told = [first, *lines(facts, human)]
    text = "\n\n".join(line for line in told if line)
    return text if len(text) <= MOST else text[:MOST - 4].rstrip() + " ..."


def lines(facts: Mapping, human: str) -> Iterator[str]:
    read, metric, count = read_human(human), check(facts, "metric"), len(features(facts))
    yield (f"**{cell(facts['name'])}** predicts {cell(short(facts['target']['name']))}: a {facts['task']} with "
           f"{number(count)} feature{'s' * (count != 1)}, risk {facts['risk']}.")
    yield (f"{cell(facts['verdict']['metric'])} **{number(metric.get('figure'))}**, {interval(metric)}, on "
           f"{n_of(metric)} held-out rows.")
    named = declared(facts["verdict"]["config"])
    for what, key in (("Slices", "slices"), ("Fairness", "fairness")):
        yield f"{what}: {cell(short(', '.join(map(declaration, named[key])))) or 'none declared'}."
    for key in ("intended", "out_of_scope"):
        section = read.section(key)
        if section.is_written:
            yield f"**{section.title}.** {flat_words(section.text)}"
    if missing := unwritten(read):
        yield f"Not stated: {', '.join(missing)}."
    yield f"Run {facts['run']}, commit {facts['commit'] or 'none'}, content {facts['content']}."


def short(text: object) -> str:
    return cut(text)[:300]


def flat_words(text: str) -> str:
    """People's words without their headings' weight; of very many the first."""
    words = re.sub(r"^#+ ", "", lower(text[:WORDS]), flags=re.M)
    words = words if "```" in words or "~~~" in words else WRAPPED.sub(" ", words)
    return words + (" ..." if len(text) > WORDS else "")
