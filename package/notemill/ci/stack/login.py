"""Drone's login of the administrator, as a browser does it: from then on Drone has its own right on the forge."""

import html
import re
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from notemill.ci.http import Refused, Server, call
from notemill.errors import NotemillError

SECONDS = 30
INPUT = re.compile(r"<input[^>]*>", re.I)
ATTRIBUTE = re.compile(r"""([a-z_-]+)\s*=\s*("[^"]*"|'[^']*')""", re.I)


def drone(settings: dict) -> Server:
    return Server("Drone", settings["urls"]["drone"], f"Bearer {settings['tokens']['drone']}", direct=True)


def linked(settings: dict) -> bool:
    """Whether Drone can ask the forge for the administrator's repositories."""
    try:
        call(drone(settings), "POST", "/api/user/repos", query={"async": "false"})
    except Refused:
        return False
    return True


def link(settings: dict) -> None:
    """Raises NotemillError where it does not come to a session."""
    with requests.Session() as browser:
        browser.trust_env = False
        log_in(browser, settings["urls"]["forge"], settings["admin"])
        arrived = browser.get(f"{settings['urls']['drone']}/login", timeout=SECONDS)
        if "/login/oauth/authorize" in arrived.url:
            arrived = grant(browser, arrived)
        if "_session_" not in browser.cookies:
            raise NotemillError("Drone", f"gives no session ({urlsplit(arrived.url).path}: {arrived.status_code})",
                                hint="notemill stack logs drone")


def log_in(browser: requests.Session, forge: str, who: dict) -> None:
    page = browser.get(f"{forge}/user/login", timeout=SECONDS)
    answer = browser.post(f"{forge}/user/login", timeout=SECONDS, headers={"Origin": forge}, allow_redirects=False,
                          data={**fields(page.text), "user_name": who["name"], "password": who["password"]})
    if answer.status_code not in (302, 303):
        raise NotemillError("the forge", f"does not log {who['name']} in (it answers {answer.status_code})",
                            hint="its password was changed by hand? notemill stack status tells where the file is")


def grant(browser: requests.Session, page: requests.Response) -> requests.Response:
    """Its first login is asked whether Drone may; the form says what to send."""
    asked = {name: value for name, (value, *_) in parse_qs(urlsplit(page.url).query).items()}
    sent = {**asked, **fields(page.text), "granted": "true"}
    parts = urlsplit(page.url)
    return browser.post(urljoin(page.url, "/login/oauth/grant"), data=sent, timeout=SECONDS,
                        headers={"Origin": f"{parts.scheme}://{parts.netloc}"})


def fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = {}
    for one in INPUT.findall(page):
        said = {name.lower(): html.unescape(value[1:-1]) for name, value in ATTRIBUTE.findall(one)}
        if said.get("type") == "hidden" and "name" in said:
            found[said["name"]] = said.get("value", "")
    return found
