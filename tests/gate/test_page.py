"""The verdict's page: all that the verdict says, as text that cannot be taken for markup, in a browser as well."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsing import CONTRAST, SPLIT, chromium
from tiny import cli

from notemill.commands.gate import as_text
from notemill.files import read_json
from notemill.gate import drawing, meaning
from notemill.gate.page import MOST_PARTS, render
from notemill.gate.verdict import NAMES, parts_of
from notemill.report.page import whole as kept_whole
from notemill.text import Style

HOSTILE = "</title></text><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">'\"&"
BLOCKS = {"title", "p", "h1", "h2", "h3", "dt", "dd", "th", "td", "li", "summary"}
VOID = {"meta", "wbr"}  # elements of SVG end where they say so


def make_check(name, outcome="passed", **more):
    return {"check": name, "outcome": outcome, **dict.fromkeys(("figure", "low", "high", "n", "limit", "hint",
                                                               "details")), **more}


def figures(figure, low, high, n=400, limit=0.9, **more):
    return {"figure": figure, "low": low, "high": high, "n": n, "limit": limit, **more}


PARTS = [{"name": "sex = female", "outcome": "passed", **figures(0.97, 0.95, 0.98)},
         {"name": "age: 0 to 30", "outcome": "refused", **figures(0.85, 0.81, 0.88), "hint": "worse than the others"},
         {"name": "age: 60 to 120", "outcome": "not assessed", "n": 31, "hint": "31 rows are too few"}]
RELIABILITY = {"x": [0.1, 0.5, 0.9], "y": [0.12, 0.45, 0.95], "low": [0.05, 0.35, 0.9], "high": [0.2, 0.55, 0.99],
               "n": [100, 50, 70], "x_name": "predicted probability", "y_name": "share of the class"}
LOSS = {"x": list(range(1, 201)), "y": [1 / n for n in range(1, 201)], "x_name": "iteration", "y_name": "loss"}


def make_verdict(*checks, **more):
    return {"format": 1, "verdict": "refused", "run": "20261120-231332-4f2a", "project": "toy", "content": "c0" * 32,
            "champion": "version 3", "model": "a1" * 32, "data": "b2" * 32, "schema": None, "metrics": None,
            "metric": "roc_auc", "n": 400, "config": {}, "made": "2026-11-20T23:14:01.123456+00:00",
            "notemill": "0.1.0", "checks": list(checks), **more}


@pytest.fixture
def whole():
    """A verdict with every check that there is, and every kind of details."""
    outcomes = ["passed", "warned", "not assessed", "not asked for"]
    checks = {name: make_check(name, outcomes[place % 4], hint=f"hint of {name}")
              for place, name in enumerate(meaning.ASKS)}
    checks["metric"] |= {"outcome": "passed", **figures(0.9766, 0.9701, 0.9822, limit=None)}
    checks["slices"] |= {"outcome": "refused", **figures(0.85, 0.81, 0.88), "details": {"parts": PARTS}}
    checks["calibration.error"] |= {"outcome": "passed", **figures(0.02, 0.01, 0.03, limit=0.05),
                                    "details": {"curve": RELIABILITY}}
    checks["training.loss"] |= {"outcome": "passed", "details": {"curve": LOSS, "parts": PARTS[:1]}}
    return make_verdict(*checks.values(), make_check("custom.mine", "warned", hint="hint of custom.mine"))


class Text(HTMLParser):
    """The page's text, and whether every element that begins also ends."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.open, self.ids, self.links = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.ids += [value for name, value in attributes if name == "id"]
        self.links += [value for name, value in attributes if name == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.texts += [" "] if tag in BLOCKS else []

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


def read(verdict):
    found = Text(render(verdict))
    assert found.open == []
    return found


def test_every_check_is_on_the_page(whole):
    page = read(whole)
    for check in whole["checks"]:
        assert check["check"] in page.text and f"hint of {check['check']}" in page.text
    rows = [place for place in page.ids if place.startswith("check-")]
    asked = [check for check in whole["checks"] if check["outcome"] != "not asked for"]
    assert len(rows) == len(set(rows)) == len(asked)
    assert {link.lstrip("#") for link in page.links} <= set(page.ids) and len(page.links) >= 4


def test_every_check_has_a_meaning_and_a_group():
    assert [name for name in NAMES if not meaning.asks(name)] == []
    groups = dict(meaning.grouped([{"check": name} for name in (*NAMES, "custom.x", "unheard")]))
    assert [check["check"] for check in groups[meaning.OTHERS]] == ["unheard"]
    assert sum(map(len, groups.values())) == len(NAMES) + 2


def test_the_verdict_in_one_sentence_and_what_to_do(whole):
    text = read(whole).text
    assert "Refused: by slices" in text
    assert "roc_auc 0.9766 (95 % interval 0.9701 to 0.9822) on 400 held-out rows, run 20261120-231332-4f2a" in text
    assert "slices: hint of slices" in text and "notemill run" in text and "notemill register" not in text


def test_a_passed_verdict_says_how_to_go_on():
    text = read(make_verdict(make_check("rows"), make_check("floor", "warned", hint="low"), verdict="passed")).text
    assert "Passed: 1 check" in text and "notemill register" in text
    assert "Read the hints first: 1 check warns." in text and "What is refused" not in text


@pytest.mark.parametrize("names, words", [
    (["a"], "by a"), (["a", "b"], "by a and b"), (["a", "b", "c"], "by a, b and c"),
    (["a", "b", "c", "d", "e", "f"], "by a, b, c, d and 2 more")])
def test_the_refusals_are_named(names, words):
    assert f"Refused: {words} " in read(make_verdict(*(make_check(name, "refused") for name in names))).text


def test_what_was_judged(whole):
    text = read(whole).text
    for fact in ("Project toy", "Held-out rows 400", "Champion version 3", "Made 2026-11-20 23:14 UTC",
                 "Notemill 0.1.0", "sha256 of model a1a1a1a1a1a1", "sha256 of data b2b2b2b2b2b2"):
        assert fact in text
    assert "sha256 of schema" not in text
    attempts = make_check("attempts", figure=3.0)
    named = make_verdict(attempts, champion_content="ab12" * 16)
    assert "Champion version 3, content ab12ab12ab12 Attempts" in read(named).text
    assert "Champion none yet Attempts on these rows 3 " in read(make_verdict(attempts, champion=None)).text


def test_what_is_not_asked_for_is_folded_with_how_to_ask():
    page = render(make_verdict(make_check("value", "not asked for", hint="gate: value: {minimum: 1}"),
                               make_check("fairness", "not asked for", hint="gate: fairness"), make_check("rows")))
    folded = re.search(r'<details class="unasked">(.*?)</details>', page, flags=re.S)[1]
    assert "Not asked for (2): value, fairness" in folded and "gate: value: {minimum: 1}" in folded
    assert "value" not in Text(page.replace(folded, "")).text


def test_an_outcome_is_a_word_and_a_sign_not_a_colour_alone(whole):
    text = read(whole).text
    for outcome in ("passed", "refused", "warned", "not assessed"):
        assert f"{meaning.SIGNS[outcome]}{outcome}" in text


def hostile(value):
    if isinstance(value, dict):
        return {key: hostile(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_names_are_text(whole):
    made = {key: HOSTILE if isinstance(value, str) and key != "verdict" else value for key, value in whole.items()}
    made["checks"] = [{**check, "check": f"custom.{HOSTILE}", "hint": HOSTILE, "details": hostile(check["details"])}
                      for check in whole["checks"]]
    page = render(made)
    assert "<script" not in page and "<img" not in page
    assert HOSTILE in Text(page).text


def test_parts_are_drawn_on_one_scale(whole):
    page = render(make_verdict(make_check("slices", "refused", details={"parts": PARTS})))
    plots = re.findall(r'<circle class="point" cx="([\d.]+)%"', page)[1:]  # the first is the legend's
    scale = drawing.common_scale(PARTS)
    assert [float(place) for place in plots] == [scale(0.97), scale(0.85)] and scale(0.97) > scale(0.85)
    limits = re.findall(r'<line class="limit" x1="([\d.]+)%"', page)[1:]
    assert {float(place) for place in limits} == {scale(0.9)}
    text = Text(page).text
    assert "0.85 0.81 to 0.88" in text and "31 rows are too few" in text and '<svg class="ticks"' in page


def test_of_very_many_parts_those_that_did_not_pass_come_first():
    many = [{"name": f"part {n}", "outcome": "passed", "n": 5} for n in range(MOST_PARTS + 9)]
    many[-1]["outcome"] = "refused"
    text = read(make_verdict(make_check("slices", "refused", details={"parts": many}))).text
    assert f"part {MOST_PARTS + 8} " in text and f"part {MOST_PARTS} " not in text and "and 9 more" in text


def test_a_reliability_diagram_has_axes_diagonal_bars_and_words():
    page = render(make_verdict(make_check("calibration.error", details={"curve": RELIABILITY})))
    picture = re.search(r'<svg class="curve".*?</svg>', page, flags=re.S)[0]
    assert picture.count('class="bar"') == 3 and picture.count('class="dot"') == 3 and 'class="diagonal"' in picture
    assert re.findall(r'text-anchor="end">([^<]*)<', picture) == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert "<title id=" in picture and "0.5: 0.45 (0.35 to 0.55), n = 50" in picture
    assert ">predicted probability</text>" in picture and ">share of the class</text>" in picture
    assert "0.45 0.35 to 0.55 50" in " ".join(re.sub("<[^>]*>", " ", page).split())  # as a table, too


def test_a_history_is_a_line_without_points():
    page = render(make_verdict(make_check("training.loss", details={"curve": LOSS})))
    picture = re.search(r'<svg class="curve".*?</svg>', page, flags=re.S)[0]
    assert picture.count('class="dot"') == 0 and 'class="diagonal"' not in picture and "200 points" in picture
    places = [tuple(map(float, place.split(","))) for place in re.search('points="(.*?)"', picture)[1].split()]
    assert len(places) == 200 and places[0][1] < places[-1][1] and places[0][0] < places[-1][0]  # y points downwards


@pytest.mark.parametrize("details", [
    {}, {"parts": None}, {"parts": 7}, {"parts": ["x", None, 3]}, {"parts": [{"name": None, "figure": "high"}]},
    {"curve": None}, {"curve": 3}, {"curve": {}}, {"curve": {"x": [1], "y": []}}, {"curve": {"x": ["a"], "y": [1]}},
    {"curve": {"x": [1], "y": [1]}}, {"curve": {"x": [1, 2], "y": [0, 0], "low": [0], "high": "x"}}, [1], "text"])
def test_odd_details_do_not_break_the_page(details):
    assert "custom.mine" in read(make_verdict(make_check("custom.mine", details=details))).text


def test_parts_hold_numbers_alone():
    part = {"name": 3, "outcome": "splendid", "figure": "7", "low": True, "high": float("nan"), "n": 4, "hint": 5}
    assert parts_of({"details": {"parts": [part, 1]}}) == [
        {"name": "3", "outcome": None, "figure": None, "low": None, "high": None, "n": 4, "limit": None, "hint": "5"}]


@pytest.mark.parametrize("low, high, found", [
    (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.87, 0.99, [0.875, 0.9, 0.925, 0.95, 0.975]), (-3, 7, [-2, 0, 2, 4, 6]),
    (0, 12345, [0, 2500, 5000, 7500, 10000]), (-1e-5, 1e-5, [-1e-5, -5e-6, 0, 5e-6, 1e-5])])
def test_ticks_are_round_numbers(low, high, found):
    assert drawing.ticks(low, high) == pytest.approx(found)


@pytest.mark.parametrize("low, high, labels", [
    (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]), (0.87, 0.99, ["0.875", "0.9", "0.925", "0.95", "0.975"]),
    (0, 12345, ["0", "2,500", "5,000", "7,500", "10,000"]), (0, 4e6, ["0", "1e+06", "2e+06", "3e+06", "4e+06"])])
def test_labels_have_the_digits_that_they_need(low, high, labels):
    scale = drawing.Scale(low, high)
    assert [drawing.label(value, scale) for value in drawing.ticks(low, high)] == labels


@pytest.mark.parametrize("check", [figures(0.9, 0.9, 0.9), figures(0, 0, 0, limit=0), figures(1e9, 1e9, 1e9, limit=1),
                                   figures(-5, None, None, limit=5), figures(0.5, 0.4, 0.6, limit=None)])
def test_a_plot_stays_within_its_bounds(check):
    plot = drawing.interval(check)
    assert all(0 <= plot[key] <= 100 for key in ("figure", "low", "high", "limit") if plot[key] is not None)


def test_a_figure_alone_is_no_plot():
    assert drawing.interval(figures(0.9, None, None, limit=None)) is None
    assert drawing.interval(figures(None, 0.1, 0.2)) is None


def test_an_only_part_that_is_the_check_itself_is_not_repeated():
    one = make_check("calibration.error", figure=0.5, details={"parts": [PARTS[0] | {"figure": 0.5}]})
    assert parts_of(one) == [] and len(parts_of({**one, "figure": 0.6})) == 1


def test_parts_with_limits_of_their_own_have_scales_of_their_own():
    parts = [PARTS[0], {**PARTS[1], "limit": 7000.0}]
    page = render(make_verdict(make_check("calibration.residuals", details={"parts": parts})))
    plots = [float(place) for place in re.findall(r'<circle class="point" cx="([\d.]+)%"', page)[1:]]
    assert plots == [drawing.interval(part)["figure"] for part in parts] and '<svg class="ticks"' not in page


def test_residuals_have_a_line_at_zero_and_their_own_bars():
    curve = {"x": [1, 2], "y": [0.1, -0.1], "low": [-1, -2], "high": [1, 2], "x_name": "prediction", "y_name": "r"}
    page = render(make_verdict(make_check("calibration.residuals", details={"curve": [curve, curve]})))
    assert page.count('class="diagonal"') == 2 and "the range that the axis names" in page
    assert "Bars: 95" not in page and len(re.findall('<svg class="curve"', page)) == 2


# with the gate
def test_the_gate_writes_the_page_beside_the_verdict(case):
    case.gate["floor"] = 0.99
    case.make()
    result = cli("gate", "--json", project=case.root)
    page = Path(result.json["page"])
    assert page == case.root / ".notemill/runs/20260101-000000-aaaa/verdict.html" and result.code == 3
    assert "Refused: by floor" in Text(page.read_text()).text
    told = as_text(read_json(page.with_suffix(".json")), Style(colours=False), page).splitlines()
    assert told[-2] == f"page: {page}"


# in a browser
@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def visit(browser, tmp_path):
    """Open the page of a verdict; it has `said`, all that the console heard, and `requests`."""
    opened = []

    def go(verdict, width=1280, scheme="light"):
        path = tmp_path / "verdict.html"
        path.write_text(render(verdict))
        opened.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme))
        page = opened[-1].new_page()
        page.said, page.requests = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        return page
    yield go
    for context in opened:
        context.close()


@pytest.fixture
def hard(whole):
    """Long and hostile names all over."""
    made = copy.deepcopy(whole)
    long = f"{HOSTILE} {'a_very_long_name' * 12}"
    for check in made["checks"]:
        check["hint"] = f"{long} {'word' * 100}"
        for part in (check["details"] or {}).get("parts", ()):
            part["name"] = long
    made["checks"] += [make_check(f"custom.{'x' * 300}", "refused", hint=long, **figures(12345.6789, -9e5, 1e12))]
    return {**made, "project": long, "champion": long, "metric": long}


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_nothing_scrolls_sideways_and_the_console_is_silent(visit, hard, width):
    page = visit(hard, width)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.said == [] and [url for url in page.requests if not url.startswith("file:")] == []
    assert page.title() != "pwned" and HOSTILE in page.inner_text("body")


@pytest.mark.parametrize("scheme, dark", [("light", False), ("dark", True)])
def test_words_can_be_read_in_both_looks(visit, whole, scheme, dark):
    """WCAG AA: at least 4.5 to 1 for every text, within pictures too."""
    page = visit(whole, scheme=scheme)
    assert page.evaluate(CONTRAST, "title, desc") == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", paper)[0]) < 128) is dark


@pytest.mark.parametrize("width", [390, 800, 1200])
def test_an_interval_stays_on_one_line(visit, whole, width):
    wide = {name: make_check(name, "passed", **figures(0.0001234, low, high, limit=None), hint=f"{low} to {high}, then")
            for name, low, high in (("floor", -0.0001234, 0.0001234), ("agreement", -1.234e-05, 1.234e-05),
                                    ("rows", 0.861, 0.872), ("baseline", -123456, 1234567))}
    page = visit({**whole, "checks": [wide.get(one["check"], one) for one in whole["checks"]]}, width)
    assert page.evaluate(SPLIT) == [] and page.locator(".hint .whole").count() == 4
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("text, expected", [
    ("0.9 (95 % interval 0.861 to 0.872)", "0.9 (95 % interval <span>0.861 to 0.872</span>)"),
    ("within [0.861, -1e-05] of", "within <span>[0.861, -1e-05]</span> of"),
    ("<i>3</i> to 4", "&lt;i&gt;3&lt;/i&gt; to 4"),
    ("up to 4, v1.2 to 3, 2 to a, 2 to 3rd", "up to 4, v1.2 to 3, 2 to a, 2 to 3rd")])
def test_what_is_kept_whole(text, expected):
    assert kept_whole(text) == expected.replace("<span>", '<span class="whole">')


@pytest.mark.parametrize("width", [390, 1280])
def test_no_text_lies_on_another(visit, whole, width):
    """Within a row of the table."""
    overlap = """[...document.querySelectorAll('.checks tr')].flatMap(row => {
      const boxes = [...row.querySelectorAll('.name, .asks, .hint, td.figure, td.n, .badge')].filter(n => n.textContent)
        .filter(n => n.checkVisibility()).map(n => { const range = document.createRange(); range.selectNodeContents(n);
          return [n, range.getBoundingClientRect()]; });
      return boxes.flatMap(([one, a], i) => boxes.slice(i + 1).filter(([other, b]) => !one.contains(other)
        && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
        .map(([other]) => [one.textContent, other.textContent])) })"""
    assert visit(whole, width).evaluate(overlap) == []


def test_it_prints_light_and_whole(visit, whole):
    page = visit(whole, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.querySelector('table.checks').checkVisibility()")
