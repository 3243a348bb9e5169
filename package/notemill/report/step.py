"""Executed notebook -> one HTML file that needs nothing else."""

import html
from pathlib import Path

from notemill import files
from notemill.report import cells, markup, page

PRIORITY = ("text/html", "text/markdown", "image/svg+xml", "text/latex", "image/png", "image/jpeg", "image/gif",
            "image/webp", "application/javascript", "text/plain", "application/json")
ANSI_WORK = 200_000_000
HIGHLIGHT_CAP = 200_000


def write_step_report(notebook: dict, target: Path, *, step: str, subtitle: str, index_link: str = "index.html",
                      folder: Path | None = None) -> None:
    """Write the report of an executed notebook (nbformat 4) to `target`, whole or not at all.

    Pictures that Markdown takes from `folder`, the notebook's own, are put into the file.
    """
    import nbformat
    shown = cells.shown_cells(notebook)
    exporter = make_exporter(language_of(notebook), folder)
    contents = cells.headings(shown)
    resources = {"step": step, "subtitle": subtitle, "index_link": page.sibling(index_link), "policy": page.OPEN_INSIDE,
                 "styles": page.css("base", "step"), "failing": next((c for c in shown if c["failed"]), None),
                 "contents": contents if len(contents) >= cells.FEWEST else []}
    node = nbformat.from_dict({"cells": shown, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    text, _ = exporter.from_notebook_node(node, resources)
    files.write_atomic(target, text.encode("utf-8", "replace"))


def language_of(notebook: dict) -> str:
    metadata = cells.mapping(notebook.get("metadata"))
    info = cells.mapping(metadata.get("language_info"))
    kernel = cells.mapping(metadata.get("kernelspec"))
    lexer = info.get("pygments_lexer") or info.get("name") or kernel.get("language") or "python"
    return lexer if isinstance(lexer, str) else "python"


def make_exporter(language: str, folder: Path | None) -> object:
    """nbconvert's HTML exporter with our template and filters."""
    from nbconvert.exporters import HTMLExporter
    from nbconvert.exporters.templateexporter import TemplateExporter

    class StepExporter(HTMLExporter):
        def _preprocess(self, nb, resources):       # our cells carry fields that nbformat's schema does not know
            return nb, resources

        def from_notebook_node(self, nb, resources=None, **kw):     # without the parse of the whole page
            return TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources), **kw)

    filters = {"filter_data_type": pick, "highlight_code": make_highlight(language), "ansi2html": ansi,
               "tidy": markup.tidy, "math": lambda tex: markup.math(markup.strip_dollars(tex), True),
               "picture": picture, "json_text": json_text,
               "script": lambda code: code.replace("</", "<\\/").replace("<!--", "<\\!--"),
               "markdown": lambda text, cell: markup.tidy(markup.make_markdown(cell, folder)(text))}
    return StepExporter(template_name="step", extra_template_basedirs=[str(page.TEMPLATES)], default_preprocessors=[],
                        filters=filters)


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


def make_highlight(language: str) -> object:
    """A function code -> HTML with Pygments' classes."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    lexer, formatter = find_lexer(language), HtmlFormatter(nowrap=True)

    def code(source: str) -> str:
        first = source.lstrip().split("\n", 1)[0]
        own = find_lexer(first[2:].split()[0]) if first.startswith("%%") and first[2:].split() else None
        if len(source) > HIGHLIGHT_CAP:
            return html.escape(source[:cells.TEXT_CAP])
        return highlight(source, own if own and own.name != "Text only" else lexer, formatter)
    return code


def find_lexer(language: str) -> object:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound
    name = {"ipython3": "python", "ipython2": "python", "ipython": "python"}.get(language, language)
    try:
        return get_lexer_by_name(name, stripnl=False)
    except ClassNotFound:
        return get_lexer_by_name("text", stripnl=False)
