"""The executed notebooks, each in a frame that can reach nothing."""

from collections.abc import Sequence

import streamlit as st

from notemill.demo import verdicts
from notemill.demo.state import current
from notemill.demo.words import cut, plain, quoted

FIRST = ("index", "project")  # pages about the run, not notebooks


def show() -> None:
    demo = current()
    found = [path.stem for path in demo.reports.glob("*.html") if path.stem not in FIRST]
    st.header("Notebooks", anchor=False)
    if not found:
        st.info("There are no executed notebooks.")
        return
    names = in_order(found, verdicts.notebooks(demo.provenance))
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    name = left.selectbox("Notebook", names, format_func=lambda one: cut(one, 80))
    file = quoted(f"{name}.html")
    right.markdown(f"[{plain(cut(name, 80))} on a page of its own]({demo.base}/own/alone/{file})")
    st.iframe(f"{demo.base}/own/reports/{file}", height=900, alt="Executed notebook")


def in_order(found: Sequence[str], ran: Sequence[str]) -> list[str]:
    """As they ran, then the others by name."""
    return [*(one for one in ran if one in found), *sorted(set(found) - set(ran))]
