"""The pipeline as a drawn graph: layers from left to right, long edges led through the gaps between nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 54, 116, 26, 6
LANE = 16           # height that a passing edge takes in a layer
LABEL = 14          # characters of an edge's label for which there is room
LINE = 14           # height of a label's line
SWEEPS = 4
DROP = 64           # a low layer beside a high one stays in sight of the page's top
PORTS = 30          # height of a node's side on which its edges start and end, apart from one another


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
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float


def draw(needs: Mapping[str, Iterable[str]], labels: Mapping[tuple[str, str], list[str]]) -> Drawing:
    """Places for the steps of `needs` (step -> the steps it needs; unknown ones and cycles' ends are left out)."""
    known = {step: [need for need in dict.fromkeys(wanted) if need in needs and need != step]
             for step, wanted in needs.items()}
    depth = layer_of(known)
    chains = {(source, target): chain(source, target, depth) for target in known for source in known[target]
              if depth[source] < depth[target]}
    layers = order(arrange(known, depth, chains), chains)
    places = place(layers)
    nodes = tuple(Node(step, *places[step]) for step in known)
    leave, arrive = ports(chains, places, 0), ports(chains, places, -1)
    edges = tuple(make_edge(pair, chains[pair], places, labels.get(pair, []), (leave[pair], arrive[pair]))
                  for pair in chains)
    edges = with_room(edges)
    width = MARGIN * 2 + len(layers) * (WIDTH + GAP_X) - GAP_X if layers else 0
    return Drawing(nodes, edges, width, max((tall(layer) for layer in layers), default=0) + 2 * MARGIN)


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


def height(node: object) -> float:
    return HEIGHT if isinstance(node, str) else LANE


def tall(layer: list) -> float:
    return sum(map(height, layer)) + GAP_Y * (len(layer) - 1)


def place(layers: list[list]) -> dict:
    """Top left corner of each node; layers are centred on one another, as far as `DROP` allows."""
    most, places = max(map(tall, layers), default=0), {}
    for column, layer in enumerate(layers):
        y = MARGIN + min((most - tall(layer)) / 2, DROP)
        for node in layer:
            places[node] = (MARGIN + column * (WIDTH + GAP_X), y)
            y += height(node) + GAP_Y
    return places


def ports(chains: dict, places: dict, end: int) -> dict[tuple[str, str], float]:
    """How far from its node's middle each edge leaves (end 0) or arrives (end -1), in the order of where it leads."""
    sides: dict = {}
    for pair, stations in chains.items():
        beyond = stations[1] if end == 0 else stations[-2]
        sides.setdefault(stations[end], []).append((places[beyond][1] + height(beyond) / 2, pair))
    offsets = {}
    for edges in sides.values():
        for n, (_, pair) in enumerate(sorted(edges)):
            offsets[pair] = ((n + 0.5) / len(edges) - 0.5) * PORTS
    return offsets


def make_edge(pair: tuple[str, str], stations: list, places: dict, names: list[str], away: tuple[float, float]) -> Edge:
    points = []
    for node in stations:
        x, y = places[node]
        points += [(x, y + height(node) / 2), (x + WIDTH, y + height(node) / 2)]
    points = points[1:-1]
    points[0] = (points[0][0], points[0][1] + away[0])
    points[-1] = (points[-1][0], points[-1][1] + away[1])
    (x0, y0), (x1, y1) = points[:2]
    return Edge(*pair, curve(points), shorten(names), ", ".join(names), (x0 + x1) / 2, (y0 + y1) / 2)


def with_room(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Without the labels that would lie on another one."""
    taken: list[tuple[float, float]] = []
    kept = []
    for edge in edges:
        free = all(abs(edge.x - x) >= GAP_X or abs(edge.y - y) >= LINE for x, y in taken)
        if edge.label and free:
            taken.append((edge.x, edge.y))
        kept.append(edge if free else replace(edge, label=""))
    return tuple(kept)


def curve(points: list[tuple[float, float]]) -> str:
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        bend = (x0 + x1) / 2
        parts.append(f"L{x1:g} {y1:g}" if y0 == y1 else f"C{bend:g} {y0:g} {bend:g} {y1:g} {x1:g} {y1:g}")
    return " ".join(parts)


def shorten(names: list[str]) -> str:
    """As many names as there is room for."""
    full = ", ".join(names)
    if len(full) <= LABEL:
        return full
    first = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
    return first if len(first) <= LABEL else first[:LABEL - 1] + "…"
