"""What people wrote in model_card.md: its sections, who wrote them, and when somebody last found them true."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import MAXYEAR, date

from notemill.card.head import MONTHS, read_date, read_front, split_front
from notemill.card.markup import code_lines, without_comments
from notemill.card.markup import WITHIN as MARKS
from notemill.errors import UsageError

TITLES = {"intended": "Intended use", "out_of_scope": "Out-of-scope uses", "ethics": "Ethical considerations",
          "caveats": "Caveats and recommendations", "owner": "Owner", "risk": "Risk class"}
NAMES = {
    "intended": ("intended use", "intended uses", "primary intended uses", "what it is for", "purpose", "use cases"),
    "out_of_scope": ("out-of-scope uses", "out-of-scope use", "out-of-scope use cases", "out of scope",
                     "out of scope uses", "what it must not be used for"),
    "ethics": ("ethical considerations", "ethics"),
    "caveats": ("caveats and recommendations", "caveats", "limitations", "known limitations",
                "what is known to be weak"),
    "owner": ("owner", "owners", "who answers for it", "contact"),
    "risk": ("risk class", "risk", "risks", "how risky it is")}
KEYS = {name: key for key, names in NAMES.items() for name in names}
MOST, DEEPEST = 200_000, 30  # characters; quotations and lists within each other: to render them takes time
GENERATED = ("Model details", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
             "Lineage, environment and cost")
REVIEWED = re.compile(r"[*_]*Reviewed by (?P<by>.+?) on (?P<on>[^\s*_]+?)\.?[*_]*$", flags=re.I)
TEMPLATE = re.compile(  # what earlier templates said where nobody had written
    r"(Risk: (low|medium|high) \(`risk:` in notebooks/pipeline\.yaml\)\.? ?)?(Not written yet[.:].*|"
    r"Nobody yet: write the name of who answers for this model\.|\*Not signed yet: name, date\*)?")
NOTHING = re.compile(r"(TODO|TBD|tba|n/a|\.\.\.|…|-+|\?+)[.:]?", flags=re.I)
WITHIN = re.compile(MARKS)
ATX = re.compile(r" {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
SETEXT = re.compile(r" {0,3}(=+|-+)\s*$")


@dataclass(frozen=True)
class Section:
    """Some words below one heading. `key`: which of the card's sections; "" for one of the people's own."""

    key: str
    title: str
    text: str
    reviewer: str | None = None
    reviewed: date | None = None

    @property
    def is_written(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True)
class Human:
    """model_card.md, read."""

    sections: tuple[Section, ...] = ()
    author: str | None = None
    owner: str | None = None
    reviewed: date | None = None
    months: int = MONTHS
    license: str | None = None

    def section(self, key: str) -> Section:
        """One of the card's sections, with who reviewed it when; empty where nobody wrote it."""
        found = next((one for one in self.sections if one.key == key), Section(key, TITLES[key], ""))
        if key == "owner" and self.owner:
            found = replace(found, text=f"{self.owner}\n\n{found.text}".strip())
        return self.signed(found)

    @property
    def others(self) -> list[Section]:
        """The sections that the card has no name for."""
        return [self.signed(one) for one in self.sections if not one.key and one.is_written]

    def signed(self, section: Section) -> Section:
        if section.reviewed is not None:
            return section
        return replace(section, reviewer=self.author, reviewed=self.reviewed)

    def due(self, reviewed: date) -> date:
        """The day on which a review has to be done anew."""
        month = reviewed.month - 1 + self.months
        year, month = reviewed.year + month // 12, month % 12 + 1
        return date(year, month, min(reviewed.day, days_of(year, month))) if year < MAXYEAR else date.max


def days_of(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days


def check_readable(text: str, where: str = "model_card.md") -> None:
    """Raise UsageError for more than anybody reads: to render it would take minutes."""
    if len(text) > MOST:
        raise UsageError(where, f"has {len(text):,} characters", f"up to {MOST:,}", "keep what is long elsewhere")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(re.findall(r"[^\s\d]", WITHIN.match(line)[1])) > DEEPEST:
            raise UsageError(f"{where}:{number}", "quotations or lists are nested too deep", f"up to {DEEPEST} levels")


def read_human(text: str, where: str = "model_card.md") -> Human:
    """Raises UsageError for front matter or a review's date that cannot be read."""
    front, body = split_front(text)
    facts = read_front(front, where)
    found: dict[object, Section] = {}
    for title, words in sections_of(without_comments(body)):
        key = KEYS.get(plain(title), "")
        section = read_section(key, title, words, where)
        same = found.get(key or title)
        found[key or title] = replace(section, title=same.title, text=f"{same.text}\n\n{section.text}".strip(),
                                      reviewer=section.reviewer or same.reviewer,
                                      reviewed=section.reviewed or same.reviewed) if same else section
    return Human(tuple(found.values()), **facts)


def plain(title: str) -> str:
    return " ".join(re.sub(r"[*_`:]", "", title).casefold().replace("‑", "-").split())


# the sections
def sections_of(body: str) -> Iterator[tuple[str, str]]:
    """(heading, what stands below it). A heading of a known name begins a section, and so does one that is not deeper
    than the section's own; what stands before the first has the heading ""."""
    title, level, lines = "", 1, []
    for depth, heading, line in headings(body):
        if heading is not None and (plain(heading) in KEYS or depth <= level or not title):
            yield from kept_section(title, lines)
            title, level, lines = heading, depth, []
        else:
            lines.append(line)
    yield from kept_section(title, lines)


def kept_section(title: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    words = "\n".join(lines).strip("\n")
    if title or words.strip():
        yield title, words


def headings(body: str) -> Iterator[tuple[int, str | None, str]]:
    """(level, heading, the line as it is) of each line; None for the heading where it is none."""
    lines = list(code_lines(body))
    at = 0
    while at < len(lines):
        line, is_code = lines[at]
        below, below_is_code = lines[at + 1] if at + 1 < len(lines) else ("", True)
        atx, setext = ATX.match(line), SETEXT.match(below)
        alone = at == 0 or not lines[at - 1][0].strip()
        if not is_code and atx:
            yield len(atx[1]), atx[2], line
        elif not (is_code or below_is_code) and setext and alone and re.match(r" {0,3}\w", line):
            yield 1 if setext[1][0] == "=" else 2, line.strip(), f"{line}\n{below}"
            at += 1
        else:
            yield 0, None, line
        at += 1


def read_section(key: str, title: str, words: str, where: str) -> Section:
    """Less what the template said itself; the review, if its last line is one."""
    text = "\n".join(line for line in words.split("\n") if not line.strip() or not TEMPLATE.fullmatch(line.strip()))
    text = "" if NOTHING.fullmatch(text.strip()) else text.strip()
    last = text.rpartition("\n")[2].strip()
    found = REVIEWED.fullmatch(last)
    if not found:
        return Section(key, title, text)
    on = read_date(found["on"], f"{where}: section '{title}': `{last}`")
    return Section(key, title, text[:len(text) - len(last)].strip(), found["by"].strip(), on)
