"""The pipeline as a drawn graph: layers from left to right, or downwards; long edges pass between the nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

WIDTH, HEIGHT, GAP, MARGIN = 208, 126, 26, 6
LANE = 16           # room that a passing edge takes in a layer
LEAST = 128         # a node's width; narrower ones cannot be read: then the drawing is scrolled
EASY = 150          # what a node keeps before the gaps get smaller,
LEAST_GAP = 92      # and what they keep for labels
LABEL = 14          # characters of a label that stands between layers that follow one another downwards
LETTER = 6.2        # mean width of a label's character
BESIDE = 16         # room that a label leaves free in a gap
LINE = 14           # height of a label's line
BOLD = 8.4          # mean width of a character of a node's name
PADDING = 12        # of a node
ROOM = {"wide": 1040, "narrow": 358}    # pixels that a page has for a drawing
SWEEPS = 4
DROP = 64           # a small layer beside a large one stays in sight of the page's beginning


@dataclass(frozen=True)
class Way:
    """Where layers follow one another: a node's size along and across, the gap between layers, the side for edges."""

    along: float
    across: float
    gap: float
    ports: float
    down: bool = False

    @property
    def label(self) -> int:
        """Characters of a label for which there is room."""
        return LABEL if self.down else int((self.gap - BESIDE) / LETTER)


RIGHT, DOWN = Way(WIDTH, HEIGHT, 140, 44), Way(HEIGHT, WIDTH, 56, 90, down=True)


@dataclass(frozen=True)
class Node:
    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Edge:
    source: str
    target: str
    path: str
    label: str
    full: str
    x: float
    y: float


@dataclass(frozen=True)
class Drawing:
    """`node` is the width of all nodes."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float
    node: float


def draw(needs: Mapping[str, Iterable[str]], labels: Mapping[tuple[str, str], list[str]], *,
         down: bool = False, room: float | None = None) -> Drawing:
    """Places for the steps of `needs` (step -> the steps it needs; unknown ones and cycles' ends are left out), no
    wider than `room` where nodes that can be read allow it."""
    known = {step: [need for need in dict.fromkeys(wanted) if need in needs and need != step]
             for step, wanted in needs.items()}
    depth = layer_of(known)
    chains = {(source, target): chain(source, target, depth) for target in known for source in known[target]
              if depth[source] < depth[target]}
    layers = order(arrange(known, depth, chains), chains)
    way = fitted(DOWN if down else RIGHT, layers, room)
    places = place(layers, way)
    leave, arrive = ports(chains, places, 0, way), ports(chains, places, -1, way)
    edges = with_room(make_edge(pair, stations, places, labels.get(pair, []), (leave[pair], arrive[pair]), way)
                      for pair, stations in chains.items())
    along = MARGIN * 2 + len(layers) * (way.along + way.gap) - way.gap if layers else 0
    across = max((breadth(layer, way) for layer in layers), default=0) + 2 * MARGIN
    nodes = tuple(Node(step, *turned(places[step], way)) for step in known)
    return Drawing(nodes, edges, *turned((along, across), way), way.across if down else way.along)


def fitted(way: Way, layers: list[list], room: float | None) -> Way:
    """The way with nodes, and at last gaps, so narrow that all of it fits; as it is where they would be too narrow."""
    if room is None or not layers:
        return way
    if way.down:
        widest = min((room - 2 * MARGIN - breadth(layer, replace(way, across=0))) / nodes for layer in layers
                     if (nodes := sum(isinstance(node, str) for node in layer)))
        return replace(way, across=round(min(way.across, widest), 1)) if widest >= LEAST else way
    for gap in range(int(way.gap), LEAST_GAP - 1, -4):
        widest = (room - 2 * MARGIN - (len(layers) - 1) * gap) / len(layers)
        if widest >= (LEAST if gap == LEAST_GAP else EASY):
            return replace(way, gap=gap, along=round(min(way.along, widest), 1))
    return way


def turned(point: tuple[float, float], way: Way) -> tuple[float, float]:
    """(along, across) as (x, y)."""
    return point[::-1] if way.down else point


def layer_of(needs: dict[str, list[str]]) -> dict[str, int]:
    """Longest way from a source; settled by rounds, so that a cycle ends too."""
    depth = dict.fromkeys(needs, 0)
    for _ in needs:
        new = {step: max((min(depth[need] + 1, len(needs) - 1) for need in wanted), default=0)
               for step, wanted in needs.items()}
        if new == depth:
            break
        depth = new
    return depth


def chain(source: str, target: str, depth: dict[str, int]) -> list:
    """The edge's stations: its ends, and a lane in each layer between them."""
    between = [(source, target, level) for level in range(depth[source] + 1, depth[target])]
    return [source, *between, target]


def arrange(needs: dict, depth: dict[str, int], chains: dict) -> list[list]:
    layers: list[list] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for step in needs:
        layers[depth[step]].append(step)
    for stations in chains.values():
        for lane in stations[1:-1]:
            layers[lane[2]].append(lane)
    return [layer for layer in layers if layer]


def order(layers: list[list], chains: dict) -> list[list]:
    """Fewer crossings: sort each layer by the mean place of its neighbours, forth and back."""
    before: dict = {}
    after: dict = {}
    for stations in chains.values():
        for left, right in zip(stations, stations[1:], strict=False):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    for sweep in range(SWEEPS):
        near, ways = (before, layers) if sweep % 2 == 0 else (after, layers[::-1])
        for fixed, layer in zip(ways, ways[1:], strict=False):
            rank = {node: (n + 0.5) / len(fixed) for n, node in enumerate(fixed)}
            own = {node: (n + 0.5) / len(layer) for n, node in enumerate(layer)}
            layer.sort(key=lambda node, own=own, rank=rank: middle(near.get(node, ()), rank, own[node]))
    return layers


def middle(neighbours: Iterable, rank: dict, default: float) -> float:
    ranks = [rank[node] for node in neighbours if node in rank]
    return sum(ranks) / len(ranks) if ranks else default


def room(node: object, way: Way) -> float:
    return way.across if isinstance(node, str) else LANE


def breadth(layer: list, way: Way) -> float:
    return sum(room(node, way) for node in layer) + GAP * (len(layer) - 1)


def place(layers: list[list], way: Way) -> dict:
    """First corner of each node (along, across); layers are centred on one another, as far as `DROP` allows."""
    most, places = max((breadth(layer, way) for layer in layers), default=0), {}
    for column, layer in enumerate(layers):
        across = MARGIN + min((most - breadth(layer, way)) / 2, DROP)
        for node in layer:
            places[node] = (MARGIN + column * (way.along + way.gap), across)
            across += room(node, way) + GAP
    return places


def ports(chains: dict, places: dict, end: int, way: Way) -> dict[tuple[str, str], float]:
    """How far from its node's middle each edge leaves (end 0) or arrives (end -1), in the order of where it leads."""
    sides: dict = {}
    for pair, stations in chains.items():
        beyond = stations[1] if end == 0 else stations[-2]
        sides.setdefault(stations[end], []).append((places[beyond][1] + room(beyond, way) / 2, pair))
    offsets = {}
    for edges in sides.values():
        for n, (_, pair) in enumerate(sorted(edges)):
            offsets[pair] = ((n + 0.5) / len(edges) - 0.5) * way.ports
    return offsets


def make_edge(pair: tuple[str, str], stations: list, places: dict, names: list[str], away: tuple[float, float],
              way: Way) -> Edge:
    points = []
    for node in stations:
        along, across = places[node]
        points += [(along, across + room(node, way) / 2), (along + way.along, across + room(node, way) / 2)]
    points = points[1:-1]
    points[0] = (points[0][0], points[0][1] + away[0])
    points[-1] = (points[-1][0], points[-1][1] + away[1])
    middle_of_first = tuple(sum(pair) / 2 for pair in zip(*points[:2], strict=True))
    return Edge(*pair, curve(points, way), shorten(names, way.label), ", ".join(names), *turned(middle_of_first, way))


def with_room(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Without the labels that would lie on another one."""
    taken: list[Edge] = []
    kept = []
    for edge in edges:
        free = all(abs(edge.x - other.x) >= label_width(edge, other) or abs(edge.y - other.y) >= LINE
                   for other in taken)
        if edge.label and free:
            taken.append(edge)
        kept.append(edge if free else replace(edge, label=""))
    return tuple(kept)


def label_width(one: Edge, other: Edge) -> float:
    """How far apart the middles of two labels have to be."""
    return (len(one.label) + len(other.label)) / 2 * LETTER + LETTER


def is_long(name: str, width: float) -> bool:
    """Whether a node's name takes more than one line."""
    return len(name) * BOLD > width - 2 * PADDING


def curve(points: list[tuple[float, float]], way: Way) -> str:
    """The path through the points, each (along, across)."""
    parts = ["M" + written(points[0], way)]
    for (a0, b0), (a1, b1) in zip(points, points[1:], strict=False):
        bend = (a0 + a1) / 2
        curved = [(bend, b0), (bend, b1), (a1, b1)] if b0 != b1 else [(a1, b1)]
        parts.append(("C" if b0 != b1 else "L") + " ".join(written(point, way) for point in curved))
    return " ".join(parts)


def written(point: tuple[float, float], way: Way) -> str:
    return " ".join(f"{number:g}" for number in turned(point, way))


def shorten(names: list[str], most: int) -> str:
    """As many names as there is room for."""
    full = ", ".join(names)
    if len(full) <= most:
        return full
    first = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
    return first if len(first) <= most else first[:most - 1].rstrip() + "…"
