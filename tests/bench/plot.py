"""The picture of the figures: bars with their spread, and time against the number of cells."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.rounds import spread

BLUE, ORANGE, GREY = "#3b6ea5", "#d9822b", "#9aa3ad"
SIZED = re.compile(r"(.+): ([\d,]+) cells")
BARS = {  # benchmark -> the figures that its bars show, the first that a rival has
    "notebooks": ("to all reports", "in the calls", "to the end"), "cells": ("in the calls", "to all reports"),
    "outputs": ("in the calls", "to all reports"), "edit": ("to the new report",),
    "serving": ("requests/s, 32 clients",)}
SAID = {"s": "seconds", "/s": "requests a second"}
WIDE = 100  # times the lowest figure: beyond, the axis is logarithmic


def draw(benches: Mapping[str, Mapping], target: Path) -> None:
    """Write an SVG with one panel for each benchmark that has figures."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "notemill", "svg.fonttype": "none", "font.size": 9,
                                "font.family": "sans-serif", "axes.titlelocation": "left", "axes.titlesize": 10,
                                "axes.spines.top": False, "axes.spines.right": False}):
        shown = [name for name in benches if any(one["value"] is not None for one in benches[name]["measurements"])]
        figure = Figure(figsize=(8, 0.6 + 2.2 * max(1, len(shown))), layout="constrained")
        for name, ax in zip(shown, figure.subplots(max(1, len(shown)), 1, squeeze=False)[:, 0], strict=False):
            found = grouped(benches[name]["measurements"])
            if all(map(SIZED.fullmatch, found)):
                lines(ax, found)
            else:
                bars(ax, found, BARS.get(name, ()), units(benches[name]["measurements"]))
            ax.set_title(benches[name]["title"])
        figure.savefig(target, metadata={"Date": None})
    target.write_text("\n".join(line.rstrip() for line in target.read_text().splitlines()) + "\n")


def grouped(measurements: Sequence[Mapping]) -> dict[str, dict[str, list[float]]]:
    """Values by rival and figure."""
    found: dict[str, dict[str, list[float]]] = {}
    for one in measurements:
        if one["value"] is not None:
            found.setdefault(one["rival"], {}).setdefault(one["figure"], []).append(one["value"])
    return found


def units(measurements: Sequence[Mapping]) -> dict[str, str]:
    """By figure."""
    return {one["figure"]: one["unit"] for one in measurements}


def bars(ax, found: Mapping[str, Mapping], wanted: Sequence[str], unit: Mapping[str, str]) -> None:
    """A bar for each rival that has one of the wanted figures; the line at its end is from the lowest to the highest.
    """
    rivals, said = {}, "s"
    for name, figures in found.items():
        figure = next((one for one in wanted or figures if one in figures), None)
        if figure:
            rivals[f"{name} ({figure})"], said = spread(figures[figure]), unit[figure]
    medians = [come[0] for come in rivals.values()]
    sides = [[come[0] - come[1] for come in rivals.values()], [come[2] - come[0] for come in rivals.values()]]
    colours = [BLUE if "our engine" in name or name.startswith("notemill") else GREY for name in rivals]
    ax.barh(list(rivals), medians, xerr=sides, color=colours, error_kw={"ecolor": ORANGE, "elinewidth": 2})
    for place, (come, _, highest) in enumerate(rivals.values()):
        ax.text(highest, place, f"  {come:.2f} s" if said == "s" else f"  {come:,.0f} {said}", va="center")
    ax.invert_yaxis()
    if medians and max(medians) > WIDE * min(medians):
        ax.set_xscale("log")
    ax.margins(x=0.12)
    ax.set_xlabel(SAID.get(said, said))


def lines(ax, found: Mapping[str, Mapping]) -> None:
    """Seconds against cells, a line for each rival."""
    points: dict[str, list] = {}
    for name, figures in found.items():
        title, size = SIZED.fullmatch(name).groups()
        points.setdefault(title, []).append((int(size.replace(",", "")), *spread(next(iter(figures.values())))))
    for colour, (name, of) in zip((GREY, BLUE, ORANGE), points.items(), strict=False):
        sizes, medians, lowest, highest = zip(*sorted(of), strict=True)
        ax.plot(sizes, medians, marker="o", color=colour, label=name)
        ax.fill_between(sizes, lowest, highest, color=colour, alpha=0.2)
    ax.set(xlabel="cells", ylabel="seconds")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
