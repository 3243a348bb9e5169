"""Executed notebook -> one HTML file that needs nothing else."""

import html
from pathlib import Path

from notemill import files
from notemill.late import import_whole
from notemill.report import cells, markup, page
from notemill.report.kept import kept

PRIORITY = ("text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "image/gif",
            "image/webp", "application/javascript", "text/plain", "application/json")
ANSI_WORK = 200_000_000
HIGHLIGHT_CAP = 200_000
SHOWN = {f"include_{part}": True for part in ("code", "markdown", "raw", "unknown", "input", "output")}   # nbconvert's


def write_step_report(notebook: dict, target: Path, *, step: str, subtitle: str, index_link: str = "index.html",
                      folder: Path | None = None) -> None:
    """Write the report of an executed notebook (nbformat 4) to `target`, whole or not at all.

    Pictures that Markdown takes from `folder`, the notebook's own, are put into the file.
    """
    shown = cells.shown_cells(notebook)
    contents = cells.headings(shown)
    resources = {"step": step, "subtitle": subtitle, "index_link": page.sibling(index_link), "policy": page.OPEN_INSIDE,
                 "styles": kept(styles), "failing": next((c for c in shown if c["failed"]), None),
                 "contents": contents if len(contents) >= cells.FEWEST else [], "global_content_filter": SHOWN,
                 "lexer": find_lexer(language_of(notebook)), "folder": folder}
    text = kept(make_template).render(nb={"cells": shown}, resources=resources).lstrip("\r\n")
    files.write_atomic(target, text.encode("utf-8", "replace"))


def language_of(notebook: dict) -> str:
    metadata = cells.mapping(notebook.get("metadata"))
    info = cells.mapping(metadata.get("language_info"))
    kernel = cells.mapping(metadata.get("kernelspec"))
    lexer = info.get("pygments_lexer") or info.get("name") or kernel.get("language") or "python"
    return lexer if isinstance(lexer, str) else "python"


def styles() -> str:
    return page.css("base", "step")


def make_template() -> object:
    """Our template, which extends nbconvert's, compiled. What differs between reports is in its `resources`."""
    import_whole("nbconvert")
    from nbconvert.exporters import HTMLExporter
    from notemill.report.compiled import Compiled

    filters = {"filter_data_type": pick, "highlight_code": coloured, "ansi2html": ansi, "tidy": markup.tidy,
               "math": lambda tex: markup.math(markup.strip_dollars(tex), True), "picture": picture,
               "json_text": json_text, "script": lambda code: code.replace("</", "<\\/").replace("<!--", "<\\!--"),
               "markdown": lambda text, cell, folder: markup.tidy(markup.make_markdown(cell, folder)(text))}
    exporter = HTMLExporter(template_name="step", extra_template_basedirs=[str(page.TEMPLATES)],
                            default_preprocessors=[], filters=filters)
    exporter.environment.bytecode_cache = Compiled()
    return exporter.template


def pick(data: dict) -> list[str]:
    """The one format to show; "unknown" where there is none that a page can show."""
    whole = [kind for kind in PRIORITY if kind in data and isinstance(data[kind], str)]
    whole += ["application/json"] if not whole and "application/json" in data else []
    return whole[:1] or ["unknown"]


def picture(data: str, kind: str) -> str:
    """The data address of an output's picture; SVG is shown as a picture, where its scripts do not run."""
    import base64
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode("utf-8", "replace")).decode()
    return f"data:{kind};base64,{html.escape(''.join(data.split()))}"


def json_text(value: object) -> str:
    import json
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)[:cells.TEXT_CAP]


def ansi(text: str) -> str:
    """Terminal colours as classes; text that has too many of them for nbconvert's filter stays plain."""
    from nbconvert.filters.ansi import ansi2html, strip_ansi
    if len(text) * text.count("\x1b") > ANSI_WORK:
        text = strip_ansi(text)
    return ansi2html(text)


def coloured(source: str, lexer: object) -> str:
    """Code as HTML with Pygments' classes; a cell that begins with %%NAME is in that language."""
    from pygments import highlight

    if len(source) > HIGHLIGHT_CAP:
        return html.escape(source[:cells.TEXT_CAP])
    first = source.lstrip().split("\n", 1)[0]
    own = find_lexer(first[2:].split()[0]) if first.startswith("%%") and first[2:].split() else None
    return highlight(source, own if own and own.name != "Text only" else lexer, kept(make_formatter))


def make_formatter() -> object:
    from pygments.formatters import HtmlFormatter
    return HtmlFormatter(nowrap=True)


def find_lexer(language: str) -> object:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound
    name = {"ipython3": "python", "ipython2": "python", "ipython": "python"}.get(language, language)
    try:
        return get_lexer_by_name(name, stripnl=False)
    except ClassNotFound:
        return get_lexer_by_name("text", stripnl=False)
