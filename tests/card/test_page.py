"""The card's page: all that the card says, in a real browser; nothing hostile runs, nothing is fetched."""

import re
from contextlib import ExitStack

import pytest
from browsing import CONTRAST, SPLIT, chromium, opened
from card_samples import HOSTILE, RECORD, WORDS, human_file, make_schema
from model_samples import VERDICT

from notemill import card
from notemill.card.prose import to_html

PIXEL = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
         "hgGAWjR9awAAAABJRU5ErkJggg==")
ATTACK = f"""<script>document.title='pwned'</script><img src=x onerror="document.title='pwned'">

[a](javascript:document.title='pwned') [b]( JaVaScRiPt:alert(1)) [c](data:text/html,<script>1</script>)
[d](https://e.org)
![remote](https://example.org/a.png) ![local](other.png) ![pixel]({PIXEL}) <https://ok.example.org/>

[ref]: javascript:document.title='pwned'
[see][ref] <svg onload="document.title='pwned'"> <style>body{{display:none}}</style>

```html
</code></pre><script>document.title='pwned'</script>
```

| a | b |
|---|---|
| {'wide' * 200} | <b>x</b> |
"""
HEAD = ("<!doctype html>", "default-src 'none'")


@pytest.fixture
def hostile(facts, tmp_path):
    """The page of a card in which every text is hostile."""
    made = make_schema(name=HOSTILE, unit=HOSTILE, description=HOSTILE * 20, categories=[HOSTILE])
    made["target"] |= {"name": HOSTILE, "names": {"ja": HOSTILE}, "description": HOSTILE}
    parts = [{"name": HOSTILE, "outcome": "passed", "figure": 0.9, "low": 0.8, "high": 0.95, "n": 90, "limit": 0.7}] * 3
    checks = [*VERDICT["checks"], {**VERDICT["checks"][0], "check": "slices", "details": {"parts": parts}},
              {**VERDICT["checks"][0], "check": f"custom.{HOSTILE}", "outcome": "warned", "hint": HOSTILE}]
    given = facts(schema=made, manifest={"author": HOSTILE, "risk": "high"},
                  verdict={**VERDICT, "checks": checks, "config": {"slices": [HOSTILE], "note": {HOSTILE: HOSTILE}}},
                  record={"steps": [{**RECORD["steps"][0], "params": {HOSTILE: HOSTILE}, "notebook": "n" * 300}]},
                  contract={"file": HOSTILE, "sha256": "c1" * 32, "rules": [HOSTILE] * 30})
    words = human_file({"author": HOSTILE, "reviewed": "2026-01-05"}, **{
        "Intended use": ATTACK, "Owner": HOSTILE, HOSTILE.replace("\n", " "): ATTACK})
    path = tmp_path / "card.html"
    path.write_text(card.render_page(given, words))
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser):
    """Open a file; the page has `requests`, all that it asked for but itself."""
    with ExitStack() as stack:
        yield lambda path, *how, **more: stack.enter_context(opened(browser, path, *how, **more))


@pytest.mark.parametrize("width, scheme, media", [(1200, "light", "screen"), (390, "dark", "screen"),
                                                  (800, "light", "print")])
def test_nothing_hostile_runs_and_nothing_is_fetched(visit, hostile, width, scheme, media):
    page = visit(hostile, width, scheme)
    page.emulate_media(media=media)
    assert page.title() != "pwned" and page.requests == []
    assert page.query_selector_all("script, svg[onload], [onerror], iframe, object, link") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    hidden = page.evaluate("getComputedStyle(document.body).display")
    links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    assert hidden == "block" and all(link.startswith(("#section-", "http")) for link in links)
    assert set(links) - {link for link in links if link[0] == "#"} == {"http://e", "https://e.org",
                                                                       "https://ok.example.org/"}


def test_what_was_hostile_is_there_as_text(visit, hostile):
    text = visit(hostile).inner_text("body")
    assert text.count("<script>document.title='pwned'</script>") > 20
    assert "[picture not in this file: remote, https://example.org/a.png]" in text


def test_the_page_says_what_the_markdown_says(visit, once, tmp_path):
    page = visit(write_page(once, tmp_path))
    said = " ".join(page.inner_text("body").split())
    headings = page.eval_on_selector_all("h2", "all => all.map(one => one.textContent)")
    assert headings == [title.replace("\\", "") for title in re.findall("^## (.+)$", once.cli().out, flags=re.M)]
    metric = next(one for one in once.facts["verdict"]["checks"] if one["check"] == "metric")
    assert f"{metric['figure']:.4g}" in said and "on 400 held-out rows that training never saw" in said
    assert said.count("not stated") == 4 and "b = x" in said and "no interval" in said
    assert "reviewed by Ada on 2026-01-05, to be reviewed again by 2027-01-05" in said
    places = page.eval_on_selector_all(".contents a", "all => all.map(one => one.getAttribute('href'))")
    assert all(page.query_selector(place) for place in places) and len(places) == len(headings)


def write_page(once, folder):
    (folder / "card.html").write_text(card.render_page(once.facts, once.file("human.md").decode()), encoding="utf-8")
    return folder / "card.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(visit, once, tmp_path, scheme):
    """Text contrasts with what is behind it, 4.5 to 1 (WCAG 2, level AA)."""
    assert visit(write_page(once, tmp_path), scheme=scheme).evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [390, 800, 1200])
def test_an_interval_stays_on_one_line(visit, once, tmp_path, width):
    page = visit(write_page(once, tmp_path), width)
    assert page.evaluate(SPLIT) == [] and page.locator(".headline .whole, .figure-words .whole").count() >= 2
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_the_page_is_one_file_without_script(facts):
    page = card.render_page(facts(), human_file(**WORDS))
    assert all(words in page for words in HEAD) and "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("text, made", [
    ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>"), ("# a", "<h3>a</h3>"), ("a <b>c</b>", "&lt;b&gt;c"),
    ("[a](java\nscript:b)", "a"), ("[x](/etc/passwd)", "<p>x</p>"),
    ("![x](file:///etc/passwd)", "picture not in this file"),
    ("costs $5 and $6", "costs $5 and $6"), ("[m](mailto:a@b.c)", 'href="mailto:a@b.c"'),
    ("[q](https://e.org/\"onclick=x)", "https://e.org/")])
def test_prose(text, made):
    html = to_html(text)
    assert made in html and "<script" not in html and " onclick" not in html and '"onclick' not in html
