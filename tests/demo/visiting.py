"""The demo's pages as a visitor sees them, in a real browser. `from visiting import ...`."""

import re
from contextlib import contextmanager

DONE = "[data-testid=stApp][data-test-script-state=notRunning]"
PATIENCE = 60_000
CHANGED = "ERR_NETWORK_CHANGED"  # a container came or went on this machine: Chromium drops what it is fetching


@contextmanager
def visitor(browser, url, width=1280, scheme="light", **more):
    """A page of the demo; at the end nothing was fetched from elsewhere, and no script and no page has failed."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, **more)
    page, elsewhere, faults = context.new_page(), [], []
    root = re.match(r"\w+://[^/]+/", url)[0]
    page.on("request", lambda one: None if one.url.startswith((root, "data:", "blob:")) else elsewhere.append(one.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if is_fault(said) else None)
    page.dropped = []
    page.on("requestfailed", lambda one: page.dropped.append(one.url) if CHANGED in (one.failure or "") else None)
    go(page, url)
    yield page
    assert not crashes(page), crashes(page)
    assert elsewhere == [], elsewhere
    assert faults == [] or page.dropped, faults  # a script that was dropped is a fault of nobody here
    context.close()


def is_fault(said):
    """What the console tells of. Streamlit looks for its own address below a page's first: it is not there."""
    known = any(name in said.text for name in (CHANGED, "ERR_TOO_MANY_RETRIES")) or "/_stcore/" in said.location["url"]
    return "Content Security Policy" in said.text or (said.type == "error" and not known)


def go(page, url):
    """To that page, until nothing runs any more; once more where the network changed meanwhile."""
    from playwright.sync_api import Error

    before = len(page.dropped)
    try:
        arrive(page, url, PATIENCE / 2)
    except Error as error:
        if len(page.dropped) == before and CHANGED not in str(error):
            raise
        page.dropped.append(url)
    if len(page.dropped) > before:
        arrive(page, url, PATIENCE)


def arrive(page, url, patience):
    page.goto(url)
    page.wait_for_selector(".nm-head", timeout=patience)
    settled(page)


def settled(page):
    """Nothing runs any more."""
    page.wait_for_selector(DONE, timeout=PATIENCE)
    assert not crashes(page), crashes(page)


def crashes(page):
    """What Streamlit shows where a page has ended in an exception."""
    return [] if page.is_closed() else page.locator("[data-testid=stException]").all_inner_texts()


def ask(page):
    page.get_by_role("button", name="Predict").click()
    page.wait_for_url("**/*=*", timeout=PATIENCE)
    settled(page)
    page.locator(".nm-answer .big").wait_for(timeout=PATIENCE)
