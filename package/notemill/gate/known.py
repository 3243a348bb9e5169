"""What the gate is told besides the run: by the registry, of the champion, and by the release, of a trial package."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Champion:
    """The version in production: a folder with model.skops, schema.json and types.json, and one with its modules.

    `verdict`: the one that it was registered with; `content`: the digest of what it does.
    """

    name: str
    bundle: Path
    code: Path
    verdict: Mapping
    content: str | None = None

    def as_job(self) -> dict:
        return {"name": self.name, "bundle": str(self.bundle), "code": [str(self.code)]}


@dataclass(frozen=True)
class Known:
    """`content`: the digest of what is judged; `champion`: None where there is none yet; `unknown`: why it cannot be
    known whether there is one; `package`: a folder in which the trial package `import_name` can be imported;
    `attempts`: contents judged before on the same held-out rows."""

    content: str | None = None
    champion: Champion | None = None
    unknown: str | None = None
    package: Path | None = None
    import_name: str | None = None
    attempts: int | None = None
