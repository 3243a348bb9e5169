"""summary.json of one build: its address from that build's own log, its content from the drop alone."""

import hashlib
import re
import time
from collections.abc import Iterator

import requests

from notemill.ci.steward.summary import MOST_BYTES, NoSummary

LINE = re.compile(r"([a-z]+): (\S{1,300})")
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SECONDS = 10.0


class Away(Exception):
    """The drop does not answer: again later."""


def addresses(log: str, reports: str, area: str, word: str = "summary",
              name: str = "summary.json") -> Iterator[tuple[str, str]]:
    """(address, sha256) of each line that is exactly `WORD: ADDRESS`, newest first; none but the drop's own."""
    folder = re.escape(f"{reports.rstrip('/')}/{area}")
    ours = re.compile(rf"{folder}/([0-9a-f]{{64}})/{re.escape(name)}", re.ASCII)
    for line in reversed(log.splitlines()):
        said = LINE.fullmatch(COLOURS.sub("", line).strip())
        found = said and said[1] == word and ours.fullmatch(said[2])
        if found:
            yield said[2], found[1]


def fetch(address: str, sha256: str) -> bytes:
    """The file, if it is what its address says. Raises NoSummary, Away."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.get(address, timeout=SECONDS, stream=True, allow_redirects=False,
                             headers={"Accept-Encoding": "identity"}) as answer:
                content = read(answer)
    except requests.RequestException:
        raise Away("the drop does not answer") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise NoSummary("its content is not what its address says")
    return content


def read(answer: requests.Response) -> bytes:
    """Raises NoSummary, Away."""
    if answer.status_code >= 500:
        raise Away(f"the drop answers {answer.status_code}")
    if answer.status_code != 200:
        raise NoSummary("the drop has no such file")
    until, content = time.monotonic() + SECONDS, b""
    for chunk in answer.iter_content(65536):
        content += chunk
        if len(content) > MOST_BYTES or time.monotonic() > until:
            raise NoSummary("it is too large, or comes too slowly")
    return content
