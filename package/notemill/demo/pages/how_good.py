"""How good: the verdict, its figures with intervals, calibration, slices, and the comparison with the champion."""

from collections.abc import Mapping

import streamlit as st

from notemill.demo import plots, tables, verdicts
from notemill.demo.state import Demo, current
from notemill.demo.words import cut, figure, plain


def show() -> None:
    demo = current()
    st.header("How good", anchor=False)
    if not demo.verdict:
        st.info("The package holds no verdict: it was made before the gate had judged the model.")
        return
    left, right = st.columns([6, 5], gap="large")
    with left:
        st.html(tables.headline(verdicts.named(demo.verdict, "metric"), demo.verdict))
        beside_champion(demo.verdict)
    with right:
        st.html(curve(demo))
    slices(demo.verdict)
    fairness(demo.verdict)
    every(demo.verdict)


def beside_champion(verdict: Mapping) -> None:
    found = verdicts.named(verdict, "champion")
    if found is not None:
        st.html(tables.against(found, str(verdict.get("champion") or "")))


def curve(demo: Demo) -> str:
    """Of probabilities, or of a quantity's errors; nothing where there is neither."""
    if found := verdicts.curve(demo.verdict):
        return plots.calibration(found)
    if errors := verdicts.residuals(demo.verdict):
        return plots.residuals(*errors, str(demo.target.get("unit") or ""))
    return "<p></p>"


def slices(verdict: Mapping) -> None:
    metric, parts = verdicts.named(verdict, "metric"), verdicts.parts(verdict, "slices")
    if not parts:
        return
    st.header("For whom", anchor=False)
    whole = metric.figure if metric else None
    st.html(plots.dots(parts, "Slices", whole))
    name = plain(cut(verdict.get("metric") or "the metric"))
    line = f" The line is that of all rows, {plain(figure(whole))}." if whole is not None else ""
    red = " Red: surely worse than all rows, by more than the margin." if "refused" in [one.outcome for one in parts] \
        else ""
    st.caption(f"{name} of each part of the held-out rows, with its 95 % interval.{line}{red}")


def fairness(verdict: Mapping) -> None:
    parts = verdicts.parts(verdict, "fairness")
    if not parts:
        return
    st.header("Is it fair", anchor=False)
    st.html(plots.dots(parts, "Fairness", told=True))
    st.caption("How far apart the groups are, with 95 % intervals. The line is the limit.")


def every(verdict: Mapping) -> None:
    st.header("Every check", anchor=False)
    st.html("".join(tables.checks(title, some) for title, some in verdicts.grouped(verdict)))
    if names := verdicts.unasked(verdict):
        st.caption("Not asked for: " + ", ".join(plain(cut(name)) for name in names) + ".")
