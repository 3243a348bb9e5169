"""The model card, in a frame of its own: it is text that people wrote."""

import re

import streamlit as st

from notemill.demo.state import current

IMAGES = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?|<img\b[^>]*>", re.I)
MARKS = re.compile(r"!+(?=\[)")  # of what is left, as one image in another


def show() -> None:
    demo = current()
    st.header("Model card", anchor=False)
    if (demo.model.folder / "card.html").is_file():
        st.markdown(f"What the model is, for whom, and how well it does. "
                    f"[The card on a page of its own]({demo.base}/own/card)")
        st.iframe(f"{demo.base}/own/card", height=900, alt="Model card")
    elif (demo.model.folder / "card.md").is_file():
        st.markdown(without_images(demo.model.card))
    else:
        st.info("The package holds no model card.")


def without_images(text: str) -> str:
    """Nothing is fetched for what a card shows."""
    front = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    return MARKS.sub("", IMAGES.sub(lambda found: found[1] or "", front))
