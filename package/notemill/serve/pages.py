"""What is known of the model: GET /schema, /card, /metrics; and /docs, a page that needs nothing from elsewhere."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from notemill.serve.metrics import CONTENT_TYPE
from notemill.serve.request import Answer, Request

TEMPLATES = Path(__file__).parent / "templates"
SAFE = (b"x-content-type-options", b"nosniff")
# a card is text that people wrote: as a page it may run nothing and fetch nothing
CARD_POLICY = b"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def routes(app, route) -> dict:
    door = Pages(app)
    return {("GET", "/schema"): route(door.schema), ("GET", "/card"): route(door.card),
            ("GET", "/metrics"): route(door.metrics), ("GET", "/docs"): route(door.docs, open=True),
            ("GET", "/"): route(door.home, open=True)}


class Pages:
    """Files of the package, and figures."""

    def __init__(self, app):
        self.app, folder = app, app.loaded.model.folder
        self.schema_file = (folder / "schema.json").read_bytes()
        self.card_file = (folder / "card.md").read_bytes() if (folder / "card.md").is_file() else b""
        page = folder / "card.html"
        self.card_page = page.read_bytes() if page.is_file() else b""
        self.docs_answer = docs()

    async def schema(self, request: Request) -> Answer:
        return Answer(self.schema_file)

    async def card(self, request: Request) -> Answer:
        """As a page for browsers, as Markdown for all others."""
        vary = (b"vary", b"accept")
        if self.card_page and b"text/html" in request.header(b"accept"):
            return Answer(self.card_page, content_type=b"text/html; charset=utf-8",
                          headers=(SAFE, vary, (b"content-security-policy", CARD_POLICY)))
        return Answer(self.card_file, content_type=b"text/markdown; charset=utf-8", headers=(SAFE, vary))

    async def metrics(self, request: Request) -> Answer:
        self.app.tell_log()
        return Answer(self.app.metrics.text(), content_type=CONTENT_TYPE)

    async def docs(self, request: Request) -> Answer:
        return self.docs_answer

    async def home(self, request: Request) -> Answer:
        return Answer(b"", 307, b"text/plain", ((b"location", b"/docs"),))


def docs() -> Answer:
    """The page: the same for every model. What it shows it asks the service for, with the reader's key."""
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("docs.js", "docs.css"))
    page = (TEMPLATES / "docs.html").read_text(encoding="utf-8")
    page = page.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    policy = (f"default-src 'none'; connect-src 'self'; script-src '{hashed(script)}'; style-src '{hashed(style)}'; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return Answer(page.encode(), content_type=b"text/html; charset=utf-8",
                  headers=(SAFE, (b"content-security-policy", policy.encode())))


def hashed(text: str) -> str:
    """As a content security policy names a script or a style."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
