"""Markup in its box: the ways that the report's own tests do not take."""

import base64

import pytest
from bs4 import BeautifulSoup
from report_samples import PNG

from notemill.report import markup


def render(words, folder=None, **cell):
    return BeautifulSoup(markup.make_markdown(cell, folder)(words), "html.parser")


def test_very_large_markup_is_left_as_it_is():
    large = "<p>" + "x" * markup.BALANCE_CAP
    assert markup.tidy(large) is large
    assert markup.tidy("<p>x") == "<div><p>x</p></div>"


def test_a_second_source_of_a_picture_goes_too():
    tidied = markup.tidy(f"<img src='data:image/png;base64,{PNG}' srcset='//example.org/x 2x'>")
    soup = BeautifulSoup(tidied, "html.parser")
    assert not soup.img.has_attr("srcset") and soup.img["alt"] == ""


@pytest.mark.parametrize("tex, inner", [("$x$", "x"), ("$$x$$", "x"), ("\\[x\\]", "x"), ("\\(x\\)", "x"), ("x", "x"),
                                        (" $x$ ", "x"), ("$", "$"), ("$$", "$$")])
def test_delimiters_go(tex, inner):
    assert markup.strip_dollars(tex) == inner


@pytest.mark.parametrize("tex", ["x" * (markup.MATH_CAP + 1), "x http://example.org"])
def test_mathematics_that_is_none_stays_text(tex):
    assert markup.math(tex, True) == f'<code class="tex">{tex}</code>'


def test_environments_become_mathml():
    soup = render("\\begin{align}a &= b \\\\ c &= d\\end{align}")
    assert soup.select_one(".math math")["display"] == "block" and len(soup.select("mtr")) == 2


def test_diagrams_stay_text():
    assert render("```mermaid\ngraph <b>\n```").select_one("pre code").text == "graph <b>\n"


def test_code_blocks_are_highlighted():
    assert render("```python\ndef f(): pass\n```").select(".highlight .k, .highlight .kd")


def test_pictures_given_as_data_stay():
    source = f"data:image/png;base64,{PNG}"
    assert render(f"![a]({source})").img["src"] == source


@pytest.mark.parametrize("name", ["notes.txt", "gone.png", "folder.png", "huge.png"])
def test_only_pictures_of_reasonable_size_are_taken_in(tmp_path, name):
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "folder.png").mkdir()
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(10_000_001)
    assert render(f"![a]({name})", tmp_path).img is None


def test_a_picture_with_a_space_in_its_name(tmp_path):
    (tmp_path / "a b.png").write_bytes(base64.b64decode(PNG))
    assert render("![a](a%20b.png)", tmp_path).img["src"].endswith(PNG)


def test_an_attachment_that_is_no_picture_is_not_shown():
    assert render("![a](attachment:x)", attachments={"x": {"text/html": "<b>"}}).img is None
