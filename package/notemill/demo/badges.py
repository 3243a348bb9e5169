"""What the head of each page says of the model, each from a check that was made when it was loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notemill.demo import verdicts

SIGNED = {"yes": ("good", "signature verified"), "no": ("plain", "signature not checked")}


@dataclass(frozen=True)
class Badge:
    """`mood`: good, warn, bad or plain; `why`: the check behind it."""

    mood: str
    text: str
    why: str


def badges(loaded: Any, signed: str) -> list[Badge]:
    """`loaded`: what notemill.serve.loading has let through; `signed`: what who started the demo found (yes, no)."""
    mood, text = SIGNED[signed]
    why = "by the key that is trusted here, before the demo began" if signed == "yes" else "no trusted key was given"
    rows = len(loaded.golden["rows"])
    return [Badge("plain", f"version {loaded.version}", f"content {loaded.digest[:12]}"), verdict(loaded.model.folder),
            Badge(mood, text, why),
            Badge("good", "content verified", "each file has the digest that it was made with"),
            Badge("good", f"{rows} golden rows replayed", "the model says of them what it said when it was judged")]


def verdict(folder: Path) -> Badge:
    """As the package's own verdict has it, whose content has been verified."""
    said = verdicts.read(folder, "verdict.json").get("verdict")
    if not isinstance(said, str):
        return Badge("plain", "no verdict", "the package holds none that can be read")
    mood = {"passed": "good", "refused": "bad"}.get(said, "warn")
    return Badge(mood, f"verdict: {said}"[:40], "of the gate, from the package's verdict.json")
