"""Lineage: from this version back to data and commit."""

import streamlit as st

from notemill.demo import tables, verdicts
from notemill.demo.state import current
from notemill.demo.words import plain


def show() -> None:
    demo = current()
    facts = demo.model.facts
    st.header("Lineage", anchor=False)
    st.markdown("From the data down to this version. Each file is named by the digest of its content.")
    trained = verdicts.part(facts, "trained_with")
    version = [("version", str(demo.loaded.version)), ("content", str(demo.loaded.digest)),
               *((str(name), str(number)) for name, number in trained.items())]
    parts = verdicts.origins(demo.provenance)
    if not parts:
        st.info("The package holds no provenance.")
    judged = [("Judged", found)] if (found := verdicts.judged(demo.verdict)) else []
    st.html(tables.chain([*parts, *judged, ("This version", version)]))
    if number := str(facts.get("registry_version") or ""):
        st.caption(f"In the project, `notemill lineage {plain(number)}` says all of it.")
