"""A visitor of the demo, in a real browser, while another version is deployed. `from demo_samples import ...`."""

import sys
from pathlib import Path

import pytest
from browsing import chromium
from deploy_samples import PATIENCE, deploy_process, ended, serves

sys.path.append(str(Path(__file__).parents[2] / "demo"))

from visiting import ask, settled, visitor  # noqa: E402 - found by the line above

SIZE, AT, LATER = "12.5", "2024-06-03T14:00:00", "2.5"
QUIET = 5_000  # ms in which a page that lost its connection again would have told


def keeps_its_inputs(root, port, demo, row):
    """A visitor's own row, predicted, and a figure that was written and not sent; then version 2 is deployed: the page
    connects once more, by itself, and stays as it is, form and address and answer, until the visitor asks again."""
    pytest.importorskip("streamlit")
    url = f"http://127.0.0.1:{demo}/"
    with chromium() as browser, visitor(browser, url) as page:
        sockets, loads = [], []
        page.get_by_role("spinbutton", name="size").fill(SIZE)
        page.get_by_role("textbox", name="at").fill(AT)
        ask(page)
        before = shown(page)
        assert before["size"] == SIZE and before["at"] == AT and "version 1" in before["head"]
        page.get_by_role("spinbutton", name="size").fill(LATER)
        page.on("websocket", lambda one: sockets.append(one.url))
        page.on("load", lambda one: loads.append(one.url))
        deployed(page, root)
        until_connected(page, sockets)
        assert shown(page) == {**before, "size": LATER}
        asked_again(page)
        now = shown(page)
        assert (now["size"], now["at"]) == (LATER, AT) and "version 2" in now["head"]
        assert len(sockets) == 1 and loads == [] and serves(port, row) == 2


def shown(page):
    """What a visitor sees: the form, the address, the answer, and of which version it is."""
    settled(page)
    found = {name: page.get_by_role(role, name=name).input_value()
             for name, role in (("size", "spinbutton"), ("colour", "combobox"), ("at", "textbox"))}
    return {**found, "address": page.url, "answer": page.locator(".nm-answer .big").inner_text(),
            "head": page.locator(".nm-head").inner_text()}


def deployed(page, root):
    """Version 2, while the page lives on."""
    process = deploy_process(root, 2)
    while process.poll() is None:
        page.wait_for_timeout(250)
    done = ended(process)
    assert done.code == 0, done


def until_connected(page, sockets):
    """Once more, and then for good."""
    for _ in range(4 * PATIENCE):
        if sockets:
            break
        page.wait_for_timeout(250)
    page.wait_for_timeout(QUIET)


def asked_again(page):
    """The first click begins a session with the new version, and is answered with what is in the form."""
    page.get_by_role("button", name="Predict").click()
    page.wait_for_url(f"**size={LATER}*", timeout=1000 * PATIENCE)
    page.get_by_text("version 2").first.wait_for(timeout=1000 * PATIENCE)
