"""The demo without a mouse, and as a screen reader has it."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running import running  # noqa: E402
from visiting import PATIENCE, settled, visitor  # noqa: E402

pytestmark = pytest.mark.slow
MOST_STOPS = 40
LOOKS = """
  const look = node => { const style = getComputedStyle(node);
    return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor,
            style.backgroundColor].join(); };
"""
PLAIN = f"() => {{ {LOOKS} const all = [...document.querySelectorAll('*')]; " \
        "window.plain = new Map(all.map(node => [node, look(node)])) }"
# [what has the focus, whether it is in sight, whether it looks otherwise than before, or something close around it]
STOP = f"""
async () => {{ {LOOKS}
  await new Promise(done => setTimeout(done, 300));
  const here = document.activeElement, around = [];
  for (let node = here; node && around.length < 4; node = node.parentElement) around.push(node);
  const box = here.getBoundingClientRect();
  const seen = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  return [here === document.body ? '' : here.getAttribute('aria-label') || here.innerText.trim(), seen,
          around.some(node => look(node) !== window.plain.get(node))];
}}"""
AREA = "tried-answer"  # Streamlit's scrolling area begins with it: it takes the focus, as such areas do


@pytest.fixture(scope="module")
def demo(packages):
    with running(packages()) as found:
        yield found


def go(page, until):
    """Press Tab until that element has the focus."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        if name.strip().startswith(until):
            return
    raise AssertionError(f"{until} is not reached")


def spoken(page, role):
    """What a screen reader has of the elements with that role: (name, how it announces changes, text)."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    known = {node["nodeId"]: node for node in nodes}

    def text(node):
        if node["role"]["value"] == "StaticText":
            return [node["name"]["value"]]
        return [word for child in node.get("childIds", ()) if child in known for word in text(known[child])]
    found = [node for node in nodes if not node["ignored"] and node["role"]["value"] == role]
    return [(node["name"]["value"], {one["name"]: one["value"].get("value") for one in node["properties"]}.get("live"),
             " ".join(text(node))) for node in found]


def hears(page, role, *expected):
    """Waits for it: the page is drawn, and the tree made of it, a moment after the answer has come."""
    end = time.monotonic() + PATIENCE / 1000
    while (found := spoken(page, role)) != list(expected) and time.monotonic() < end:
        page.wait_for_timeout(100)
    assert found == list(expected)


def test_a_row_is_filled_in_and_answered(browser, demo):
    with visitor(browser, demo.url) as page:
        hears(page, "status", ("", "polite", "no, 98 %"))
        page.evaluate("window.told = document.querySelector('[role=status]')")
        go(page, "size")
        page.keyboard.press("Control+A")
        page.keyboard.type("29.5")
        go(page, "colour")
        page.keyboard.type("red")
        page.keyboard.press("Enter")
        go(page, "Predict")
        page.keyboard.press("Enter")
        page.wait_for_url("**size=29.5**", timeout=PATIENCE)
        hears(page, "status", ("", "polite", "ja, over 99 %"))
        assert "colour=red" in page.url
        assert page.evaluate("window.told.isConnected")  # only what changes within an element that stays is announced
        assert page.evaluate("document.activeElement.innerText").strip() == "Predict"  # not thrown back to the top


def test_a_row_that_is_refused_is_announced_at_once(browser, demo):
    with visitor(browser, demo.url) as page:
        go(page, "size")
        page.keyboard.press("Control+A")
        page.keyboard.type("99")
        page.keyboard.press("Enter")
        page.wait_for_url("**size=99**", timeout=PATIENCE)
        page.get_by_role("alert").wait_for(timeout=PATIENCE)
        (_, live, words), = spoken(page, "alert")
        assert live == "assertive" and "above 30 cm" in words


def test_on_a_phone_the_pages_open(browser, demo):
    with visitor(browser, demo.url, 390) as page:
        go(page, "Expand sidebar")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Many rows").wait_for(timeout=PATIENCE)
        go(page, "Many rows")
        page.keyboard.press("Enter")
        page.wait_for_url("**/many-rows", timeout=PATIENCE)


def test_fields_are_named_in_words(browser, demo):
    with visitor(browser, demo.url) as page:
        page.get_by_role("spinbutton").wait_for(timeout=PATIENCE)
        settled(page)
        names = [name for role in ("spinbutton", "combobox", "textbox") for name, *_ in spoken(page, role)]
    assert names == ["size (cm, 1.9 to 18.32)", "Begin with an example", "colour", "flag",
                     "at (2024-01-01 to 2024-10-26)"]


@pytest.mark.parametrize("width, scheme", [(1280, "dark"), (390, "light")])
def test_one_sees_where_the_focus_is(browser, demo, width, scheme):
    with visitor(browser, demo.url, width, scheme) as page:
        page.evaluate(PLAIN)
        stops = []
        while len(stops) < MOST_STOPS and (not stops or stops[-1][0]):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(STOP))
    names = [name for name, *_ in stops]
    assert {"colour", "Predict", *(["Many rows"] if width > 640 else ["Expand sidebar"])} <= set(names)
    assert [name for name, seen, _ in stops if name and not seen] == []
    assert [name for name, _, marked in stops if name and not marked and not name.startswith(AREA)] == []
