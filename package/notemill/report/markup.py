"""Markup made by notebooks, kept within its box: balanced, without refreshes, with nothing that is fetched."""

import html
import re

BALANCE_CAP = 1_000_000
MATH_CAP = 20_000
MATH_TAGS = set("math mrow mi mo mn ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover"
                " mtable mtr mtd mstyle mpadded mphantom menclose merror mmultiscripts mprescripts none".split())
MATH_ATTRIBUTES = set("xmlns display displaystyle scriptlevel stretchy fence form lspace rspace minsize maxsize"
                      " mathvariant mathcolor linethickness accent accentunder columnalign rowspacing columnspacing"
                      " columnlines rowlines width height depth notation separator symmetric movablelimits".split())
IMAGES = ("data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp", "data:image/avif",
          "data:image/svg+xml")
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
            ".webp": "image/webp", ".svg": "image/svg+xml"}
OWN_IDS = re.compile(r"(cell-\d+|parameters|top|failure|no-code)$")


def tidy(markup: str) -> str:
    """The same markup, balanced, so that an output cannot swallow the page; no refresh, no remote picture."""
    if len(markup) > BALANCE_CAP:
        return markup
    from bs4 import BeautifulSoup
    soup = BeautifulSoup(f"<div>{markup}</div>", "html.parser")
    for tag in soup.find_all(["meta", "base", "link", "plaintext"]):
        tag.decompose()
    for tag in soup.find_all(id=OWN_IDS):
        tag["id"] += "-own"
    for tag in soup.find_all("img"):
        keep_local(soup, tag)
    return str(soup)


def keep_local(soup: object, tag: object) -> None:
    """A picture from elsewhere becomes the words that say so; every picture is labelled."""
    del tag["srcset"]
    source = tag.get("src", "").strip()
    if source.lower().startswith(IMAGES):
        tag.attrs.setdefault("alt", "")
        return
    note = soup.new_tag("span", attrs={"class": "remote"})
    note.string = absent(tag.get("alt", ""), source)
    tag.replace_with(note)


def absent(words: str, source: str) -> str:
    place = source if len(source) < 120 else source[:120] + "…"
    return f"[picture not in this file: {f'{words}, ' if words else ''}{place}]"


def math(tex: str, display: bool) -> str:
    """MathML of `tex`, or the TeX itself where that fails or gives more than mathematics."""
    shown = f'<code class="tex">{html.escape(tex)}</code>'
    if len(tex) > MATH_CAP or "http" in tex:
        return shown
    from latex2mathml.converter import convert
    try:
        made = convert(tex, display="block" if display else "inline")
    except Exception:       # the library raises whatever its parser stumbles on: the text is then the best there is
        return shown
    return made if only_math(made) else shown


def only_math(made: str) -> bool:
    """The library passes \\text{<script>} and \\href through as they are: only known tags and attributes may stand."""
    from bs4 import BeautifulSoup
    if "<!" in made or "\\" in re.sub(r"<[^>]*>", "", made):
        return False
    tags = BeautifulSoup(made, "html.parser").find_all(True)
    return all(tag.name in MATH_TAGS and MATH_ATTRIBUTES.issuperset(tag.attrs) for tag in tags)


def strip_dollars(tex: str) -> str:
    tex = tex.strip()
    for left, right in (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")):
        if len(tex) > len(left + right) and tex.startswith(left) and tex.endswith(right):
            return tex[len(left):-len(right)]
    return tex


def picture(path: object) -> str | None:
    """A file's data address, if it is a picture of reasonable size."""
    import base64
    kind = PICTURES.get(path.suffix.lower())
    try:
        if kind is None or path.stat().st_size > 10_000_000:
            return None
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError:
        return None


def make_markdown(cell: dict, folder: object = None) -> object:
    """A function Markdown -> HTML with mathematics, attachments and pictures that lie beside the notebook."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def image(self, text: str, url: str, title: str | None = None) -> str:
            source = self.find(url)
            if source is None:
                return f'<span class="remote">{html.escape(absent(text, url))}</span>'
            return f'<img src="{html.escape(source)}" alt="{html.escape(text)}" title="{html.escape(title or "")}">'

        def find(self, url: str) -> str | None:
            name = url.removeprefix("attachment:")
            if name != url:
                kinds = self.attachments.get(name) or self.attachments.get(unquote(name)) or {}
                return next((f"data:{kind};base64,{''.join(data)}" for kind, data in kinds.items()
                             if kind.startswith("image/")), None)
            if url.lower().startswith(IMAGES):
                return url
            return beside(folder, unquote(url)) if folder and "://" not in url else None

        def block_math(self, body: str) -> str:
            return f'<div class="math">{math(body, True)}</div>'

        def inline_math(self, body: str) -> str:
            return math(body, False)

        def latex_environment(self, name: str, body: str) -> str:
            return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

        def block_mermaidjs(self, code: str) -> str:
            return f"<pre><code>{html.escape(code)}</code></pre>"

    renderer = Renderer(escape=False, allow_harmful_protocols=False, attachments=cell.get("attachments") or {},
                        anchor_link_text="#")
    return MarkdownWithMath(renderer=renderer).render


def unquote(text: str) -> str:
    from urllib.parse import unquote as plain
    return plain(text)


def beside(folder: object, name: str) -> str | None:
    """A picture in the notebook's folder, never one above it."""
    path = (folder / name).resolve()
    return picture(path) if path.is_relative_to(folder.resolve()) else None
