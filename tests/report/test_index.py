"""The page of a run."""

import base64
import copy
import json

import pytest
from bs4 import BeautifulSoup
from report_samples import HOSTILE, PNG, SHA, code, display, make_record, make_step, notebook

from notemill import report
from notemill.report import page as words


@pytest.fixture
def page(tmp_path):
    def make(record, previous=None, notebooks=None):
        target = tmp_path / "reports" / "index.html"
        pictures = {name: report.pictures(one) for name, one in (notebooks or {}).items()}
        report.write_index(record, target, previous=previous, pictures=pictures)
        return BeautifulSoup(target.read_text(encoding="utf-8"), "html.parser")
    return make


def table(soup, label):
    rows = soup.select(f"[aria-label='{label}'] tbody tr")
    return [[" ".join(cell.text.split()) for cell in row.select("td")] for row in rows]


def heading(soup):
    return " ".join(soup.h1.text.split())


def test_headline_says_what_was_done(page, three_steps):
    assert heading(page(three_steps)) == "Done: 2 steps run, 1 reused, 12.3 s"


@pytest.mark.parametrize("status, steps, expected", [
    ("done", [make_step("a", "reused")], "Done: 1 step reused, 12.3 s"),
    ("failed", [make_step("a", "failed"), make_step("b", "skipped")], "Failed: 1 step failed, 1 skipped, 12.3 s"),
    ("interrupted", [make_step("a"), make_step("b", "pending")], "Interrupted: 1 step run, 1 not finished, 12.3 s"),
    ("done", [], "Done: 12.3 s")])
def test_headline_of_other_ends(page, status, steps, expected):
    assert heading(page(make_record(*steps, status=status))) == expected


@pytest.mark.parametrize("reason, expected", [("by hand", "Started by hand on"), ("drift", "because of drift on")])
def test_the_reason_is_said(page, reason, expected):
    assert expected in page(make_record(reason=reason)).select_one(".subtitle").text


def test_steps_table(page, three_steps):
    rows = table(page(three_steps), "Steps")
    assert rows[0][:3] == ["prepare What prepare is for.", "reused", "nothing changed made by run r1"]
    assert rows[1] == ["train What train is for.", "done", "parameter max_iter 200 -> 400", "1.5 s", "1.2 s", "310 MB"]


def test_links_lead_to_reports_beside_the_index(page, three_steps):
    soup = page(three_steps)
    assert [link["href"] for link in soup.select(".steps a")] == ["./prepare.html", "./train.html", "./evaluate.html"]
    drawn = soup.select(".drawing.wide a.node")
    assert [link["href"] for link in drawn] == ["./prepare.html", "./train.html", "./evaluate.html"]


def test_graph_shows_each_step_with_its_status_in_words(page, three_steps):
    soup = page(three_steps)
    wide = soup.select_one(".drawing.wide")
    assert [name.text for name in wide.select(".node .name")] == ["prepare", "train", "evaluate"]
    assert [word.text for word in wide.select(".node .word")] == ["reused", "done · 1.5 s", "done · 1.5 s"]
    assert [purpose.text for purpose in wide.select(".node .purpose")] == [
        "What prepare is for.", "What train is for.", "What evaluate is for."]
    assert sorted(text.text for text in wide.select("svg .edge > text")) == ["model", "test", "train"]


def test_a_node_without_a_purpose_names_its_notebook(page):
    soup = page(make_record(make_step("a", purpose="", title=""), make_step("b", purpose="", title="A *title*")))
    assert [found.text for found in soup.select(".drawing.wide .purpose")] == ["notebooks/a.ipynb", "A title"]


def test_long_names_stand_whole_and_purposes_are_cut(page):
    name = "a_step_with_a_name_that_is_longer_than_a_node"
    soup = page(make_record(make_step(name, purpose="word " * 200)))
    assert soup.select_one(".node .name").text == name and soup.select_one(".node")["title"].startswith(name)
    purpose = soup.select_one(".node .purpose").text
    assert len(purpose) < 200 and purpose.endswith("word …")


@pytest.mark.parametrize("written, expected", [
    ("# **Train** the `model`", "Train the model"), ("*Fit* __it__ and _judge_ it", "Fit it and judge it"),
    ("the snake_case_name, 2 * 3 * 4 and a ** b", "the snake_case_name, 2 * 3 * 4 and a ** b"),
    ("[the docs](https://example.org/a_(b)) ![x](y.png)", "the docs x"), ("~~old~~ a\\*b &amp; c", "old a*b & c"),
    ("<b>Bold</b> where a < b and c > d", "Bold where a < b and c > d"), ("`a_b_c` and ``x`y``", "a_b_c and x`y"),
    ("Heading ##", "Heading"), ("C# and F#", "C# and F#"), (None, ""), ("a\n  b", "a b")])
def test_markup_of_headings_is_plain_text(page, written, expected):
    steps = make_step("a", purpose="", title=written), make_step("b", purpose=written, title="")
    soup = page(make_record(*steps))
    texts = [found.text for found in soup.select(".steps .what p")]
    assert texts == ([expected] * 2 if expected else [])


def test_large_parameters_are_folded_and_whole(page):
    values = {"lines": "first\nsecond", "long": "x" * 5000, "short": "y"}
    before = {**values, "long": "z" * 5000}
    soup = page(make_record(make_step("a", params=values)), make_record(make_step("a", params=before)))
    rows = {row.select("td")[1].text: row for row in soup.select("[aria-label='Parameters'] tbody tr")}
    assert rows["lines"].summary.text == "first …" and rows["lines"].pre.text == "first\nsecond"
    assert len(rows["long"].summary.text) < 300 and rows["long"].pre.text == "x" * 5000
    assert rows["short"].details is None and len(rows["long"].select_one("del").text) < 200


def test_long_reasons_and_messages_are_cut(page):
    error = {"name": "E", "message": "m" * 9000, "cell": 1, "line": 1, "report": None}
    record = make_record(make_step("a", "failed", reasons=["r" * 9000], error=error), status="failed",
                         error={"where": "a", "got": "g" * 9000, "step": "a"})
    soup = page(record)
    assert len(soup.select_one(".failure .message").text) < 2100
    assert all(len(reason.text) < 400 for reason in soup.select(".reason")) and len(soup.select(".reason")) == 2


def test_a_page_of_a_run_that_goes_on_says_what_to_do_if_it_does_not(page, three_steps):
    soup = page({**three_steps, "status": "running", "seconds": None})
    assert heading(soup).startswith("Running:") and "notemill run" in soup.select_one(".as-of").text
    assert "when the run began" in soup.select_one(".as-of").text


@pytest.mark.parametrize("status", ["done", "failed", "interrupted"])
def test_a_page_says_when_it_was_true(page, three_steps, status):
    """And no more: a later run, killed or not, has a page of its own."""
    found = page({**three_steps, "status": status, "ended": "2026-11-20T23:14:00.5+00:00"}).select_one(".as-of").text
    assert "2026-11-20 23:14:00 UTC" in found and "killed" not in found and "notemill plan" in found


def test_failure_comes_first_and_leads_to_the_cell(page):
    step = make_step("train", "failed", error={"name": "ValueError", "message": "bad", "cell": 3, "line": 2,
                                               "report": "reports/train.html#cell-3"})
    error = {"where": "notebooks/train.ipynb", "got": "ValueError: bad", "allowed": None, "hint": "look there",
             "step": "train", "cell": 3, "line": 2, "report": "reports/train.html#cell-3"}
    soup = page(make_record(step, status="failed", error=error))
    block = soup.select_one("#failure")
    assert block.h2.text == "Step train failed in cell 3, line 2" and "ValueError: bad" in block.text
    assert block.a["href"] == "./train.html#cell-3" and "look there" in block.text
    assert block.find_next("svg") is not None
    assert "ValueError: bad" in table(soup, "Steps")[0][2]


def test_failure_before_any_step(page):
    error = {"where": "contract.yaml: column 'age'", "got": "3 rows below 0", "allowed": "0 to 120", "hint": None}
    soup = page(make_record(status="failed", error=error))
    assert soup.select_one("#failure h2").text == "contract.yaml: column 'age'" and "0 to 120" in soup.text


def test_parameters_say_what_changed(page, three_steps):
    previous = copy.deepcopy(three_steps)
    previous["steps"][1]["params"] = {"max_iter": 200}
    previous["steps"][0]["params"] = {}
    soup = page(three_steps, previous)
    assert table(soup, "Parameters") == [["prepare", "seed", "7 (new)"], ["train", "max_iter", "200 → 400"]]
    assert soup.select_one("[aria-label='Parameters'] del").text == "200"
    assert len(page(three_steps, three_steps).select("[aria-label='Parameters'] .changed")) == 0


def test_true_is_not_one(page):
    soup = page(make_record(make_step("a", params={"x": True})), make_record(make_step("a", params={"x": 1})))
    assert table(soup, "Parameters") == [["a", "x", "1 → true"]]


def test_figures_with_their_difference(page, three_steps):
    previous = copy.deepcopy(three_steps)
    previous["steps"][1]["metrics"] = {"roc_auc": 0.985}
    assert table(page(three_steps, previous), "Key figures") == [["train", "roc_auc", "0.99", "+0.005"]]
    assert table(page(three_steps), "Key figures") == [["train", "roc_auc", "0.99"]]
    assert table(page(three_steps, three_steps), "Key figures")[0][3] == "same"


def test_plots_are_pictures_that_lead_to_their_cell(page, three_steps):
    vector = display(image_svg__xml=f"<svg>{HOSTILE}</svg>")
    nb = notebook(code("a"), code("p", display(image_png=PNG)), code("s", vector))
    soup = page(three_steps, notebooks={"train": nb})
    assert [link["href"] for link in soup.select("figure a")] == ["./train.html#cell-2", "./train.html#cell-3"]
    sources = [image["src"].split(",")[0] for image in soup.select("figure img")]
    assert sources == ["data:image/png;base64", "data:image/svg+xml;base64"]
    assert base64.b64decode(soup.select("figure img")[1]["src"].split(",")[1]).decode() == f"<svg>{HOSTILE}</svg>"
    assert {image["loading"] for image in soup.select("figure img")} == {"lazy"} and HOSTILE not in str(soup)


def test_plots_of_each_step_have_a_chance(page, three_steps):
    many = notebook(*(code("p", display(image_png=PNG)) for _ in range(20)))
    soup = page(three_steps, notebooks={"prepare": many, "evaluate": notebook(code("p", display(image_png=PNG)))})
    captions = [caption.text for caption in soup.select("figcaption")]
    assert len(captions) == 12 and captions[-1] == "evaluate, cell 1"


def test_data_with_sizes_and_digests(page):
    many = {"from": "data/*.csv", "files": [{"name": f"data/{n}.csv", "sha256": SHA, "bytes": 1000} for n in range(12)]}
    soup = page(make_record(make_step("a", inputs={"tables": many}, outputs={"m": {"file": "m.json", "sha256": SHA,
                                                                                   "bytes": 2_500_000}})))
    rows = table(soup, "Data")
    assert rows[0] == ["a", "in", "tables", "data/0.csv", "1.0 kB", SHA[:10]]
    assert rows[10] == ["a", "in", "tables", "and 2 files more", "2.0 kB", "–"]
    assert rows[11] == ["a", "out", "m", "m.json", "2.5 MB", SHA[:10]]
    assert soup.select_one("code.digest")["title"] == SHA


def lineage_of(soup):
    return {item.dt.text: item.dd for item in soup.select("dl div")}


def test_lineage(page):
    commit = "8c4f0a7be21d" + "0" * 28  # pragma: allowlist secret
    git = {"commit": commit, "branch": "main", "author": "Ada <a@example.org>", "dirty": True}
    ci = {"build": "12", "link": "https://drone.example.org/12"}
    soup = page(make_record(make_step("train", mlflow_run="f" * 32), git=git, ci=ci))
    found = lineage_of(soup)
    assert found["Commit"].text == "8c4f0a7be21d, with changes that are not committed"
    assert found["Build"].a["href"] == "https://drone.example.org/12"
    assert found["MLflow run of train"].text == "f" * 32
    assert found["Machine"].text == "mill, Linux, 2 CPUs, 8.0 GB" and found["Python"].text == "3.11.7"


def test_without_git(page):
    assert lineage_of(page(make_record()))["Commit"].text == "not under version control"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//example.org", "https://[bad", None, 5])
def test_only_web_links_become_links(page, link):
    build = lineage_of(page(make_record(ci={"build": "7", "link": link})))["Build"]
    assert build.text == "7" and build.a is None


def spoil(value):
    """The same record with hostile text in every string, and in every key of its free-form parts."""
    if isinstance(value, dict):
        return {key: spoil(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spoil(item) for item in value]
    return value + "\"'><img src=x onerror=alert(1)>" + HOSTILE if isinstance(value, str) else value


def test_hostile_values_everywhere_are_only_text(page, three_steps):
    record = spoil(three_steps)
    for step, status in zip(record["steps"], ("failed", "done", "odd"), strict=True):
        step.update(params={HOSTILE: HOSTILE}, metrics={HOSTILE: 1.5}, warnings=[HOSTILE], error={"name": HOSTILE,
                    "message": HOSTILE}, status=status, report=f"javascript:alert('{HOSTILE}')",
                    outputs={HOSTILE: {"file": HOSTILE, "sha256": HOSTILE, "bytes": HOSTILE}})
    record.update(error={"where": HOSTILE, "got": HOSTILE, "step": HOSTILE, "report": "javascript:alert(1)"},
                  ci={"build": HOSTILE, "link": "javascript:alert(1)"})
    plot = notebook(code("x", display(image_png="\"><b>")))
    soup = page(record, spoil(three_steps), {record["steps"][0]["step"]: plot})
    assert not soup.select("script, b, [onerror]")
    assert not any(link["href"].lower().startswith("javascript") for link in soup.select("a[href]"))
    assert HOSTILE in soup.text


def test_policy_allows_no_script_at_all(page):
    policy = page(make_record()).find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def test_a_record_survives_json(page, three_steps):
    assert page(json.loads(json.dumps(three_steps))).h1 is not None


@pytest.mark.parametrize("value, expected", [(0.421, "0.42 s"), (12.34, "12.3 s"), (200, "3 min 20 s"),
                                             (3725, "1 h 2 min"), (None, "–")])
def test_durations_in_words(value, expected):
    assert words.seconds(value) == expected


@pytest.mark.parametrize("value, expected", [(0, "0 B"), (999_999, "1.0 MB"), (1000, "1.0 kB"), (None, "–")])
def test_sizes_in_words(value, expected):
    assert words.size(value) == expected


@pytest.mark.parametrize("value, expected", [(0.98765432, "0.9877"), (1234.5678, "1234.57"), (3.0, "3"), (True, "True"),
                                             (float("nan"), "nan"), (float("inf"), "inf"), (1e-9, "1e-09")])
def test_figures_in_words(value, expected):
    assert words.figure(value) == expected


@pytest.mark.parametrize("new, old, expected", [(0.9, 0.8, "+0.1"), (1, 3, "−2"), (1, 1, None), ("a", 1, None),
                                                (float("nan"), 1, None), (1.5, None, None), (True, 0, None)])
def test_differences_in_words(new, old, expected):
    assert words.difference(new, old) == expected


@pytest.mark.parametrize("link, expected", [("reports/a b.html#cell-3", "./a%20b.html#cell-3"), ("", None),
                                            (None, None), ("reports/..", None), ("x/y/z.html", "./z.html")])
def test_sibling_links(link, expected):
    assert words.sibling(link) == expected
