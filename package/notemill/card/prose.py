"""People's Markdown as HTML: tags they wrote are text, links lead to the web alone, nothing is fetched."""

import html

from notemill.card.markup import lower
from notemill.report.markup import IMAGES, absent

PLUGINS = ("table", "strikethrough", "url")
SCHEMES = ("http://", "https://", "mailto:")


def to_html(text: str) -> str:
    """The HTML of what people wrote, its headings below the card's own."""
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def link(self, text: str, url: str, title: str | None = None) -> str:
            if not url.strip().lower().startswith(SCHEMES):  # javascript:, data:, a file that lies elsewhere
                return text
            return f'<a href="{html.escape(url.strip())}" rel="noreferrer noopener">{text}</a>'

        def image(self, text: str, url: str, title: str | None = None) -> str:
            if url.strip().lower().startswith(IMAGES):
                return f'<img src="{html.escape(url.strip())}" alt="{html.escape(html.unescape(text))}">'
            return f'<span class="remote">{html.escape(absent(html.unescape(text), url))}</span>'

    render = mistune.create_markdown(renderer=Renderer(escape=True), plugins=list(PLUGINS))
    return str(render(lower(text, escape=False)))
