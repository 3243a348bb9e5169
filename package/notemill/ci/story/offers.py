"""What of a build's facts people can open or take home, as files for the drop. Pages link to one another there."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from notemill.ci.story import coverage
from notemill.ci.story.facts import Facts

MOST_BYTES = 64_000_000  # of one file: the drop's own limit
LINK = re.compile(rb'href="(?:\./)?([A-Za-z][A-Za-z0-9_-]*\.html)(#[^"]*)?"')
UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")


@dataclass(frozen=True)
class Offer:
    """A file under its title in the list of links."""

    title: str
    name: str
    content: bytes

    @property
    def path(self) -> str:
        """Its place in its area of the drop."""
        return f"{hashlib.sha256(self.content).hexdigest()}/{self.name}"


def offers_of(facts: Facts, area: str) -> list[Offer]:
    """In the order in which people want them. `area`: the address of this build's area of the drop."""
    reports = list(report_offers(facts))
    index = index_offer(facts, {offer.name: f"{area}/{offer.path}" for offer in reports})
    found = [*index, *reports, *other_offers(facts)]
    return [offer for offer in found if len(offer.content) <= MOST_BYTES]


def report_offers(facts: Facts) -> Iterator[Offer]:
    """The executed notebooks. The way back to the run leads to the build: the run's page names them by content."""
    back = {"index.html": facts.build.link or "#"}
    for step in (facts.record or {}).get("steps", ()):
        content = read(facts.root / "reports" / f"{step['step']}.html") if step.get("executed") else None
        if content is not None:
            yield Offer(f"report of {step['step']}", f"{step['step']}.html", relinked(content, back))


def index_offer(facts: Facts, addresses: Mapping[str, str]) -> Iterator[Offer]:
    content = read(facts.root / "reports" / "index.html") if facts.record else None
    if content is not None:
        yield Offer("report of the run", "run.html", relinked(content, addresses))


def other_offers(facts: Facts) -> Iterator[Offer]:
    page = read(facts.page) if facts.page else None
    wheel = read(facts.wheel) if facts.wheel else None
    if page is not None:
        yield Offer("verdict", "verdict.html", page)
    if facts.card is not None:
        yield Offer("model card", "card.html", facts.card)
    if wheel is not None:
        yield Offer("wheel", UNSAFE.sub("_", facts.wheel.name), wheel)
    if coverage.share(facts.coverage) is not None:
        yield Offer("coverage", "coverage.html", coverage.page(facts.project, facts.coverage, facts.root))


def read(path: Path) -> bytes | None:
    """A file's content; None for what is none, or is larger than what the drop takes."""
    try:
        small = path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES
        return path.read_bytes() if small else None
    except OSError:
        return None


def relinked(page: bytes, addresses: Mapping[str, str]) -> bytes:
    """The page with its links to its neighbours leading to where those are now."""
    def link(found: re.Match) -> bytes:
        address = addresses.get(found[1].decode())
        return found[0] if address is None else b'href="' + quoted(address) + (found[2] or b"") + b'"'
    return LINK.sub(link, page)


def quoted(address: str) -> bytes:
    return address.replace("&", "&amp;").replace('"', "%22").replace("<", "%3C").encode()
