"""The drawn graph: nodes do not lie on one another, edges run forward and not through other nodes."""

import re
from itertools import combinations

import pytest

from notemill.report import graph


def tree(n):
    return {f"s{i}": sorted({f"s{j}" for j in (i // 2 - 1, i // 3) if 0 <= j < i}) for i in range(n)}


SHAPES = {"one": {"a": []}, "line": {f"s{i}": [f"s{i - 1}"] if i else [] for i in range(60)}, "tree": tree(60),
          "wide": {"a": [], **{f"s{i}": ["a"] for i in range(59)}}, "apart": {f"s{i}": [] for i in range(10)},
          "skip": {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["c", "a"]}}


def points(edge):
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", edge.path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_nodes_do_not_overlap_and_lie_within(shape):
    drawing = graph.draw(SHAPES[shape], {})
    assert {node.name for node in drawing.nodes} == set(SHAPES[shape])
    for one, two in combinations(drawing.nodes, 2):
        assert abs(one.x - two.x) >= graph.WIDTH or abs(one.y - two.y) >= graph.HEIGHT
    for node in drawing.nodes:
        assert 0 <= node.x <= drawing.width - graph.WIDTH and 0 <= node.y <= drawing.height - graph.HEIGHT


@pytest.mark.parametrize("shape", SHAPES)
def test_edges_join_their_nodes_and_run_forward(shape):
    drawing = graph.draw(SHAPES[shape], {})
    place = {node.name: node for node in drawing.nodes}
    wanted = {(need, step) for step, needs in SHAPES[shape].items() for need in needs}
    assert {(edge.source, edge.target) for edge in drawing.edges} == wanted
    for edge in drawing.edges:
        way = points(edge)
        source, target = place[edge.source], place[edge.target]
        assert way[0][0] == source.x + graph.WIDTH and source.y <= way[0][1] <= source.y + graph.HEIGHT
        assert way[-1][0] == target.x and target.y <= way[-1][1] <= target.y + graph.HEIGHT
        assert [x for x, _ in way] == sorted(x for x, _ in way)


@pytest.mark.parametrize("shape", SHAPES)
def test_edges_pass_beside_other_nodes(shape):
    drawing = graph.draw(SHAPES[shape], {})
    for edge in drawing.edges:
        for x, y in points(edge)[1:-1]:
            assert not any(node.x <= x <= node.x + graph.WIDTH and node.y < y < node.y + graph.HEIGHT
                           for node in drawing.nodes if node.name not in (edge.source, edge.target))


def test_simple_crossing_is_undone():
    drawing = graph.draw({"a": [], "b": [], "of_b": ["b"], "of_a": ["a"]}, {})
    y = {node.name: node.y for node in drawing.nodes}
    assert (y["a"] < y["b"]) == (y["of_a"] < y["of_b"])


@pytest.mark.parametrize("names, label", [(["train"], "train"), (["train", "schema"], "train, schema"),
                                          (["training_rows", "b"], "training_rows, b"), ([], ""),
                                          (["train", "test", "schema", "x"], "train +3"),
                                          (["a" * 30], "a" * 19 + "…"),
                                          (["a_name_of_letters", "bcd"], "a_name_of_letters +1"),
                                          (["a_name_of_18_signs", "bcd"], "a_name_of_18_signs…")])
def test_labels_fit(names, label):
    drawing = graph.draw({"p": [], "q": ["p"]}, {("p", "q"): names})
    shown = drawing.edges[0].label
    assert len(shown) <= graph.RIGHT.label == 20 and drawing.edges[0].full == ", ".join(names)
    assert shown == label


@pytest.mark.parametrize("needs", [{}, {"a": ["a"]}, {"a": ["b"], "b": ["a"]}, {"a": ["gone"]}])
def test_records_that_make_no_sense_do_not_stop_it(needs):
    drawing = graph.draw(needs, {})
    assert {node.name for node in drawing.nodes} == set(needs) and drawing.edges == ()


def test_labels_do_not_lie_on_one_another():
    needs = tree(40)
    drawing = graph.draw(needs, {(need, step): ["out"] for step, some in needs.items() for need in some})
    labelled = [edge for edge in drawing.edges if edge.label]
    assert 20 < len(labelled) < len(drawing.edges)
    assert all(one.x != two.x or abs(one.y - two.y) >= graph.LINE for one, two in combinations(labelled, 2))


@pytest.mark.parametrize("shape", SHAPES)
def test_downwards_nothing_overlaps_and_edges_run_down(shape):
    drawing = graph.draw(SHAPES[shape], {}, down=True)
    place = {node.name: node for node in drawing.nodes}
    for one, two in combinations(drawing.nodes, 2):
        assert abs(one.x - two.x) >= graph.WIDTH or abs(one.y - two.y) >= graph.HEIGHT
    for node in drawing.nodes:
        assert 0 <= node.x <= drawing.width - graph.WIDTH and 0 <= node.y <= drawing.height - graph.HEIGHT
    for edge in drawing.edges:
        way, (source, target) = points(edge), (place[edge.source], place[edge.target])
        assert way[0][1] == source.y + graph.HEIGHT and source.x <= way[0][0] <= source.x + graph.WIDTH
        assert way[-1][1] == target.y and target.x <= way[-1][0] <= target.x + graph.WIDTH
        assert [y for _, y in way] == sorted(y for _, y in way)


def test_downwards_a_line_with_passing_edges_fits_a_phone():
    assert graph.draw(SHAPES["skip"], {}, down=True).width <= 358


# in little room
def line(count):
    """A line of steps, with a label on each edge."""
    names = [str(n) for n in range(count)]
    return ({name: names[n - 1:n] if n else [] for n, name in enumerate(names)},
            {pair: ["train", "schema"] for pair in zip(names, names[1:], strict=False)})


@pytest.mark.parametrize("count, gap, node", [(2, 140, 208), (3, 140, 208), (4, 140, 152), (5, 92, 132)])
def test_in_little_room_nodes_give_way_before_gaps(count, gap, node):
    drawing = graph.draw(*line(count), room=1040)
    assert drawing.width <= 1040 and drawing.node == node
    assert drawing.nodes[1].x - drawing.nodes[0].x - drawing.node == gap
    for edge in drawing.edges:
        assert len(edge.label) * graph.LETTER <= gap - graph.BESIDE
    assert drawing.edges[0].label == ("train, schema" if gap == 140 else "train +1")


def test_what_cannot_be_read_in_little_room_is_drawn_as_large_as_ever():
    assert graph.draw(*line(9), room=1040) == graph.draw(*line(9))
    wide = {"a": [], **{f"s{i}": ["a"] for i in range(3)}}
    assert graph.draw(wide, {}, down=True, room=358) == graph.draw(wide, {}, down=True)


def test_downwards_nodes_give_way_to_a_phone():
    drawing = graph.draw({"a": [], "b": [], "c": ["a", "b"]}, {}, down=True, room=358)
    assert drawing.width == 358 and drawing.node == 160 and drawing.nodes[1].x - drawing.nodes[0].x > 160


def test_a_name_of_two_lines_is_known_by_its_node_s_width():
    assert not graph.is_long("prepare", 132) and graph.is_long("prepare_the_rows", 132)
    assert not graph.is_long("prepare_the_rows", graph.WIDTH)
