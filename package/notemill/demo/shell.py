"""What is around each page: title, badges, navigation, style."""

from functools import cache
from pathlib import Path

import streamlit as st

from notemill.demo.pages import card, how_good, lineage, many_rows, notebooks, try_it
from notemill.demo.state import Demo, current
from notemill.demo.words import cut, safe

TEMPLATES = Path(__file__).parent / "templates"


@cache
def style() -> str:
    return f"<style>{(TEMPLATES / 'demo.css').read_text(encoding='utf-8')}</style>"


def show() -> None:
    demo = current()
    st.set_page_config(page_title=cut(demo.loaded.name), page_icon=str(TEMPLATES / "icon.png"), layout="wide")
    st.html(style())
    page = st.navigation(pages(demo), position="top")
    st.html(head(demo))
    page.run()


def pages(demo: Demo) -> list:
    """Those that have something to show."""
    found = {"Try it": try_it, "Many rows": many_rows, "How good": how_good, "Model card": card}
    if demo.reports is not None:
        found["Notebooks"] = notebooks
    found["Lineage"] = lineage
    return [st.Page(module.show, title=title, url_path=title.lower().replace(" ", "-"), default=module is try_it)
            for title, module in found.items()] + own(demo)


def own(demo: Demo) -> list:
    return [st.Page(path, title=path.stem.replace("_", " ").capitalize(), url_path=f"own-{path.stem}")
            for path in own_paths(demo)]


def own_paths(demo: Demo) -> list[Path]:
    """The project's own pages: scripts for Streamlit, by name."""
    found = sorted(demo.own_pages.glob("*.py")) if demo.own_pages else []
    return [path.absolute() for path in found if not path.name.startswith("_")]


def head(demo: Demo) -> str:
    """The model's name, what it predicts, and what was checked."""
    marks = "".join(f'<li class="nm-badge {one.mood}" title="{safe(one.why)}">{safe(one.text)}</li>'
                    for one in demo.badges)
    return (f'<header class="nm-head"><h1>{safe(cut(demo.loaded.name, 80))}</h1>'
            f'<p>predicts <strong>{safe(cut(demo.target["name"], 80))}</strong></p>'
            f'<ul aria-label="What was checked when the model was loaded">{marks}</ul></header>')
