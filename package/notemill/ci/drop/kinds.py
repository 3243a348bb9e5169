"""What may be kept, and how a browser is told to take it: by the ending of its name, never by what the sender says."""

from dataclasses import dataclass

# A page of a build is a stranger's: it runs in an origin of its own, with no cookie, no network, no form. Its scripts
# (plots that can be turned) may do what a report's own policy lets them do: see notemill/report/page.py.
PAGE = ("sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';"
        " style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; worker-src blob:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
NOTHING = "sandbox; default-src 'none'; frame-ancestors 'none'"
CARD = "card.json"  # an Adaptive Card's template: Drone's page, which is another origin, fetches it


@dataclass(frozen=True)
class Kind:
    """A content type; `saved`: a browser writes it to a file instead of showing it."""

    type: str
    saved: bool = False
    policy: str = NOTHING


TEXT = Kind("text/plain; charset=utf-8")
KINDS = {
    "html": Kind("text/html; charset=utf-8", policy=PAGE),
    "json": Kind("application/json"),
    "png": Kind("image/png"),
    "svg": Kind("image/svg+xml", saved=True),
    "md": TEXT, "txt": TEXT, "log": TEXT, "csv": TEXT, "yaml": TEXT,
    "xml": Kind("application/xml", saved=True),
    "ipynb": Kind("application/x-ipynb+json", saved=True),
    "whl": Kind("application/zip", saved=True),
    "zip": Kind("application/zip", saved=True),
}


def kind(name: str) -> Kind | None:
    """None for a name whose ending is not on the list."""
    stem, dot, ending = name.rpartition(".")
    return KINDS.get(ending) if dot and stem else None


def headers(name: str) -> dict[str, str]:
    """What goes with a file of that name."""
    found = kind(name)
    told = {"Content-Type": found.type, "Content-Security-Policy": found.policy}
    if found.saved:
        told["Content-Disposition"] = f'attachment; filename="{name}"'
    if name.endswith(CARD):
        told["Access-Control-Allow-Origin"] = "*"
    else:
        told["Cross-Origin-Resource-Policy"] = "same-origin"
    return told
