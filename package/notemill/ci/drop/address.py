"""Where a file is: /AREA/SHA256/NAME, as it stands, with nothing to decode."""

import re
from dataclasses import dataclass

from notemill.ci.drop import kinds
from notemill.ci.drop.areas import NAMES

FORM = re.compile(r"/([a-z-]{1,20})/([0-9a-f]{64})/([A-Za-z0-9_][A-Za-z0-9._+-]{0,119})", re.ASCII)


@dataclass(frozen=True)
class Address:
    """Of one file."""

    area: str
    sha256: str
    name: str

    def __str__(self) -> str:
        return f"/{self.area}/{self.sha256}/{self.name}"


def read(path: str) -> Address | None:
    """None for anything else: another area, a path of more parts, `..`, per cent signs, a query, an unknown kind."""
    found = FORM.fullmatch(path)
    if not found or found[1] not in NAMES or ".." in found[3] or kinds.kind(found[3]) is None:
        return None
    return Address(*found.groups())
