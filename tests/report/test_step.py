"""The report of a step: what a reader must find in it, and what must not get into it."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from bs4 import BeautifulSoup
from report_samples import HOSTILE, PNG, code, display, failure, notebook, stream, text

from notemill import report
from notemill.report import cells, markup


@pytest.fixture
def page(tmp_path):
    def make(*own, language="python", **options):
        target = tmp_path / "reports" / "train.html"
        report.write_step_report(notebook(*own, language=language), target, step="train", subtitle="demo", **options)
        return BeautifulSoup(target.read_text(encoding="utf-8"), "html.parser")
    return make


def anchors(soup):
    return [cell["id"] for cell in soup.select("section.cell")]


def test_cells_are_numbered_as_in_the_source(page):
    soup = page(text("# Title", ), {**text("An error"), "metadata": {"tags": ["papermill-error-cell-tag"]}},
                code("a = 1", tags=["parameters"]), code("a = 2", tags=["injected-parameters"]), code("a"))
    assert anchors(soup) == ["cell-1", "cell-2", "parameters", "cell-3"]
    assert "An error" not in soup.text


def test_failing_cell_is_marked_and_linked(page):
    soup = page(code("fine"), code("bad", failure()), code("never"))
    assert soup.select_one("#failure a")["href"] == "#cell-2"
    assert "ValueError" in soup.select_one("#failure").text and "bad value" in soup.select_one("#failure").text
    assert [cell["id"] for cell in soup.select(".cell.failed")] == ["cell-2"]
    assert soup.select_one("#cell-2 .flag").text == "This cell failed"


def test_contents_lead_to_the_cells_with_headings(page):
    soup = page(text("# **Train** the `model`\nwords"),
                text("## Rows\n```\n# no heading\n```\n### Split #\n~~~~py\n# nor this"),
                code("# nor this"), text("#nor this\n## <b>Fit</b> <script>x</script>"))
    found = [(item["class"], item.a.text, item.a["href"]) for item in soup.select(".contents li")]
    assert found == [(["level-1"], "Train the model", "#cell-1"), (["level-2"], "Rows", "#cell-2"),
                     (["level-3"], "Split", "#cell-2"), (["level-2"], "Fit x", "#cell-4")]


def test_few_headings_need_no_contents(page):
    assert page(text("# One\n## Two"), code("a")).select_one(".contents") is None


def test_only_the_first_failure_is_the_failing_cell(page):
    soup = page(code("fine"), code("bad", failure()), code("went on", failure("KeyError", "later")))
    assert [cell["id"] for cell in soup.select(".cell.failed")] == ["cell-2"]
    assert soup.select_one("#cell-3 .error") is not None


def test_dead_kernel_marks_the_cell_without_an_error_output(page):
    soup = page(code("os._exit(1)", stream("last words"), papermill={"exception": True}))
    assert soup.select_one("#failure a")["href"] == "#cell-1"
    assert "without an error message" in soup.select_one("#failure").text


@pytest.mark.parametrize("cell", [code("ok"), code("raise", failure(), tags=["raises-exception"]),
                                  code("exit", failure("SystemExit", "0"))])
def test_no_banner_without_a_failure(page, cell):
    assert page(cell).select_one("#failure") is None


def test_policy_forbids_everything_from_elsewhere(page):
    policy = page(text("x")).find("meta", {"http-equiv": "Content-Security-Policy"})["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["form-action"] == "'none'" and rules["base-uri"] == "'none'"
    assert not re.search(r"https?:|\*|'self'", policy)
    assert rules["img-src"] == "data: blob:"


def test_the_file_asks_for_nothing_from_elsewhere(page):
    soup = page(text("# A\n![x](https://example.org/a.png) <img src='//example.org/b.png'> $x^2$"), code("1"))
    assert not soup.select("link, script[src], iframe[src]")
    assert all(image["src"].startswith("data:") for image in soup.select("img"))
    assert "https://example.org/a.png" in soup.select_one(".remote").text


def test_texts_are_escaped(page):
    soup = page(code(HOSTILE, stream(HOSTILE), display(text_plain=HOSTILE), failure(HOSTILE, HOSTILE, [HOSTILE])))
    assert soup.find("script") is None
    assert soup.text.count(HOSTILE) >= 5


def test_title_and_subtitle_are_escaped(tmp_path):
    target = tmp_path / "x.html"
    report.write_step_report(notebook(), target, step=HOSTILE, subtitle=HOSTILE, index_link="javascript:alert(1)")
    soup = BeautifulSoup(target.read_text(), "html.parser")
    assert soup.find("script") is None and soup.h1.text == HOSTILE
    assert soup.select_one(".back a")["href"] == "./javascript%3Aalert%281%29"


def test_inline_scripts_of_html_outputs_stay(page):
    soup = page(code("fig", display(text_html="<div id='p'></div><script>plot('p', 1 < 2)</script>", text_plain="fig")))
    assert soup.find("script").string == "plot('p', 1 < 2)"


def test_javascript_cannot_close_its_element(page):
    soup = page(code("js", display(application_javascript="var a = '</script><b id=out>';")))
    assert soup.find("b", id="out") is None
    assert "<\\/script>" in soup.find("script").string


def test_unbalanced_output_does_not_swallow_what_follows(page):
    broken = "</div></div></section></main><table><tr><td>x<!-- <div>"
    soup = page(code("a", display(text_html=broken)), code("b", failure()))
    last = soup.select_one("#cell-2")
    assert last.parent.name == "main" and last.find_parent("table") is None


def test_outputs_cannot_redirect_or_take_an_anchor(page):
    html = "<meta http-equiv=refresh content='0;url=https://example.org'><base href='//x'><p id='cell-2'>fake</p>"
    soup = page(code("a", display(text_html=html)), code("b"))
    assert not soup.select(".output meta, .output base")
    assert len(soup.select("#cell-2")) == 1 and soup.select_one("#cell-2").name == "section"


def test_svg_is_a_picture_only(page):
    soup = page(code("s", display(image_svg__xml=f"<svg xmlns='http://www.w3.org/2000/svg'>{HOSTILE}</svg>")))
    assert soup.find("svg") is None and soup.find("script") is None
    assert soup.find("img")["src"].startswith("data:image/svg+xml;base64,")


def test_png_has_words_for_those_who_do_not_see_it(page):
    picture = page(text("a"), code("p", display(image_png=PNG[:40] + "\n" + PNG[40:]))).find("img")
    assert picture["src"] == f"data:image/png;base64,{PNG}" and picture["alt"] == "Figure of cell 2"


@pytest.mark.parametrize("fold", [{"tags": ["hide-input"]}, {"jupyter": {"source_hidden": True}}])
def test_code_is_folded_where_the_notebook_says_so(page, fold):
    soup = page(code("hidden = 1", **fold), code("shown = 1"))
    assert [item.has_attr("open") for item in soup.select("details.code")] == [False, True]


def test_a_failing_cell_is_never_folded(page):
    cell = code("x", failure(), tags=["hide-input", "hide-output"])
    assert page(cell).select_one("details.code").has_attr("open")


def test_output_is_folded_where_the_notebook_says_so(page):
    soup = page(code("x", stream("hidden words"), tags=["hide-output"]))
    assert soup.select_one("details.folded pre").text == "hidden words" and not soup.select_one("details.folded[open]")


def test_terminal_colours_become_classes(page):
    soup = page(code("x", failure()))
    assert soup.select_one(".error .ansi-red-fg").text == "ValueError"
    assert "\x1b" not in soup.text


def test_progress_bar_shows_its_last_state(page):
    soup = page(code("x", stream("10%\r"), stream("50%\r100%\nnext\r\nlast")))
    assert soup.select_one(".stdout pre").text == "100%\nnext\nlast"


def test_long_text_is_cut_with_a_note(page, monkeypatch):
    monkeypatch.setattr(cells, "TEXT_CAP", 1000)
    soup = page(code("x", stream("a" * 5000), display(text_plain="b" * 5000)))
    assert [len(item.text) for item in soup.select(".output pre")] == [1000, 1000]
    assert len(soup.select(".output .note")) == 2


def test_huge_html_is_left_out_for_its_text(page, monkeypatch):
    monkeypatch.setattr(cells, "RICH_CAP", 1000)
    soup = page(code("x", display(text_html="<b>b</b>" * 500, text_plain="short")))
    assert soup.select_one(".output pre").text == "short"
    assert "Left out: text/html" in soup.select_one(".note").text


def test_text_with_very_many_colours_is_quick(page):
    begun = time.process_time()
    soup = page(code("x", stream("\x1b[31mword\x1b[0m " * 100_000)))
    assert time.process_time() - begun < 20 and soup.select_one(".stdout pre").text.startswith("word word")


def test_small_notebook_is_quick(page):
    own = [text("# A"), *(code("x = [1, 2]", stream("words")) for _ in range(10))]
    page(*own)
    begun = time.process_time()
    page(*own)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("language", ["R", "julia", "no such language"])
def test_other_languages(page, language):
    assert "x <- c(1, 2)" in page(code("x <- c(1, 2)"), language=language).select_one("code").text


@pytest.mark.parametrize("data", [{"application/x-unknown": "?"}, {"image/png": 5}, {}, None, "text",
                                  {"text/html": None}, {"text/plain": ["a\n", "b"]}, {"application/json": {"a": [1]}},
                                  {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}])
def test_broken_outputs_do_not_stop_the_report(page, data):
    broken = ({"output_type": "display_data", "data": data}, {"output_type": "odd"}, {}, "no output")
    soup = page(code("x", *broken), code("y"))
    assert anchors(soup) == ["cell-1", "cell-2"]


def test_unknown_formats_are_named(page):
    soup = page(code("x", display(**{"application_x-unknown": "?"})))
    assert "application/x-unknown" in soup.select_one(".note").text


def test_broken_notebook_is_still_shown(tmp_path):
    broken = {"cells": [{"cell_type": "code"}, "cell", {"cell_type": "odd", "source": ["a", "b"]}], "metadata": None}
    report.write_step_report(broken, tmp_path / "x.html", step="s", subtitle="t")
    assert "ab" in (tmp_path / "x.html").read_text()


def test_mathematics_becomes_mathml(page):
    soup = page(text("Inline $a_1$ and $$\\frac{a}{b}$$"), code("x", display(text_latex="$\\alpha$")))
    assert [item["display"] for item in soup.select("math")] == ["inline", "block", "block"]


@pytest.mark.parametrize("tex", [r"\text{<script>alert(1)</script>}", r"\href{javascript:alert(1)}{x}", r"{{{", "x^2^3",
                                 r"\style{background:url(//x)}{y}", r"\nosuchthing{x}", "{" * 5000])
def test_mathematics_that_fails_or_does_more_stays_text(tex):
    made = markup.math(tex, display=False)
    soup = BeautifulSoup(made, "html.parser")
    assert [tag.name for tag in soup.find_all(True)] == ["code"] and soup.text == tex


def test_attachments_and_pictures_beside_the_notebook(page, tmp_path):
    import base64
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for place in (folder / "a.png", tmp_path / "secret.png"):
        place.write_bytes(base64.b64decode(PNG))
    soup = page(text("![a](attachment:x.png) ![b](a.png) ![c](../secret.png) ![d](attachment:none.png)",
                     attachments={"x.png": {"image/png": PNG}}), folder=folder)
    assert [image["src"] for image in soup.select("img")] == [f"data:image/png;base64,{PNG}"] * 2
    assert [note.text for note in soup.select(".remote")] == ["[picture not in this file: c, ../secret.png]",
                                                              "[picture not in this file: d, attachment:none.png]"]


def test_links_in_markdown_run_nothing(page):
    soup = page(text("[x](javascript:alert(1)) [y](data:text/html,1) [z](https://example.org)"))
    links = [link["href"] for link in soup.select(".prose a")]
    assert links[2] == "https://example.org" and not any(link.startswith(("javascript", "data")) for link in links)


def test_isolated_output_gets_a_sandbox(page):
    output = {**display(text_html="<p>'alone'</p>"), "metadata": {"text/html": {"isolated": True}}}
    frame = page(code("x", output)).find("iframe")
    assert frame["sandbox"] == ["allow-scripts"] and frame["srcdoc"] == "<p>'alone'</p>"


def test_magic_cells_and_large_code(page, monkeypatch):
    monkeypatch.setattr("notemill.report.step.HIGHLIGHT_CAP", 100)
    soup = page(code("%%bash\necho hi"), code("x = '<b>'\n" * 50))
    assert "echo hi" in soup.select_one("#cell-1 code").text
    assert soup.select("#cell-2 code span") == [] and "<b>" in soup.select_one("#cell-2 code").text


def test_papermill_notebook(tmp_path):
    """A real one: injected parameters, error markers, a failing cell."""
    import nbformat
    import papermill
    source = notebook(text("# T"), code("a = 1", tags=["parameters"]), code("print(a)\n1 / 0"))
    source["metadata"]["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    for cell in source["cells"]:
        cell["id"] = f"c{id(cell)}"
    nbformat.write(nbformat.from_dict(source), tmp_path / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError):
        papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {"a": 5}, progress_bar=False)
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    report.write_step_report(executed, tmp_path / "x.html", step="s", subtitle="t")
    soup = BeautifulSoup((tmp_path / "x.html").read_text(), "html.parser")
    assert anchors(soup) == ["cell-1", "cell-2", "parameters", "cell-3"]
    assert soup.select_one("#failure a")["href"] == "#cell-3"
    assert "ZeroDivisionError" in soup.select_one("#failure").text


def test_json_is_printed(page):
    output = {"output_type": "display_data", "data": {"application/json": {"a": ["<b>"]}}, "metadata": {}}
    assert page(code("x", output)).select_one(".output pre").text == '{\n "a": [\n  "<b>"\n ]\n}'


def test_pictures_of_other_kinds(page):
    assert page(code("x", display(image_gif="R0lG"))).img["src"] == "data:image/gif;base64,R0lG"


def test_raw_cells_are_shown_as_text(page):
    assert page({"cell_type": "raw", "source": HOSTILE, "metadata": {}}).select_one("pre.raw").text == HOSTILE


def test_templates_are_compiled_once_and_serve_reports_that_end_in_parallel(tmp_path, monkeypatch):
    """What differs between reports, language and folder of pictures too, does not pass from one to another."""
    def write(number, place):
        folder = tmp_path / f"own-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "p.svg").write_text(f"<svg>{number}</svg>")
        book = notebook(text(f"# Title {number}\n![](p.svg)"), code("x <- function(a) NULL", stream(f"out {number}")),
                        language="r" if number % 2 else "python")
        report.write_step_report(book, tmp_path / place / f"{number}.html", step=f"s{number}", subtitle="t",
                                 folder=folder)
    for number in range(12):
        write(number, "alone")
    monkeypatch.setattr("jinja2.Environment.compile", lambda *args: pytest.fail("compiled again"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write(number, "together"), range(12)))
    alone, together = ([(tmp_path / place / f"{number}.html").read_text() for number in range(12)]
                       for place in ("alone", "together"))
    assert alone == together and "Title 7" in alone[7] and len(set(alone)) == 12
    assert alone[1].count("<span") != alone[2].count("<span")   # each in its own language
