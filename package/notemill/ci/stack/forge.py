"""Gitea's first start: its administrator, the steward's account, their tokens, Drone's application; again at will.

No password or token is a word of a command line: Gitea makes its own first ones, and what is set is set by its API.
"""

import base64
import secrets

from notemill.ci.http import Refused, Server, call, find, join
from notemill.ci.stack.compose import Compose
from notemill.errors import NotemillError

MAIL = "localhost.invalid"
STEWARD_MAY = ["read:user", "write:issue", "write:repository"]
APPLICATION = "drone"


def set_up(compose: Compose, settings: dict, save) -> None:
    """Makes what is not there; `save` keeps the settings after each thing that is told only once."""
    if not accepted(settings, settings["tokens"].get("forge_admin")):
        make_admin(compose, settings["admin"]["name"])
        settings["tokens"]["forge_admin"] = make_token(compose, settings["admin"]["name"])
        set_password(settings, settings["admin"])
        save()
    if not accepted(settings, settings["tokens"].get("forge_steward")):
        make_steward(settings)
        settings["tokens"]["forge_steward"] = steward_token(settings)
        save()
    if not application_stands(settings):
        settings["oauth"] = make_application(settings)
        save()


def server(settings: dict, token: str = "") -> Server:
    return Server("the forge", settings["urls"]["forge"], f"token {token}" if token else "", direct=True)


def admin(settings: dict) -> Server:
    return server(settings, settings["tokens"]["forge_admin"])


def accepted(settings: dict, token: str | None) -> bool:
    if not token:
        return False
    try:
        return bool(call(server(settings, token), "GET", "/api/v1/user"))
    except Refused as refused:
        if refused.status in (401, 403):
            return False
        raise


def make_admin(compose: Compose, name: str) -> None:
    """With a password that nobody learns: the next steps set another."""
    try:
        compose.run("exec", "-T", "gitea", "gitea", "admin", "user", "create", "--admin", "--username", name,
                    "--email", f"{name}@{MAIL}", "--random-password", "--must-change-password=false")
    except NotemillError as error:
        if "already exists" not in error.got:
            raise NotemillError("gitea admin user create", _last_line(error.got)) from None


def make_token(compose: Compose, name: str) -> str:
    said = compose.run("exec", "-T", "gitea", "gitea", "admin", "user", "generate-access-token", "--username", name,
                       "--token-name", _token_name(), "--scopes", "all", "--raw")
    return said.splitlines()[-1].strip()


def set_password(settings: dict, who: dict) -> None:
    call(admin(settings), "PATCH", join("api", "v1", "admin", "users", who["name"]),
         body={"login_name": who["name"], "source_id": 0, "password": who["password"], "must_change_password": False})


def make_steward(settings: dict) -> None:
    who = settings["steward"]
    if find(admin(settings), join("api", "v1", "users", who["name"])) is None:
        call(admin(settings), "POST", "/api/v1/admin/users",
             body={"username": who["name"], "email": f"{who['name']}@{MAIL}", "password": who["password"],
                   "must_change_password": False, "full_name": "Notemill's steward"})
    set_password(settings, who)


def steward_token(settings: dict) -> str:
    """Made with the steward's own password: no administrator's token can make one for another user."""
    who = settings["steward"]
    made = call(basic(settings, who), "POST", join("api", "v1", "users", who["name"], "tokens"),
                body={"name": _token_name(), "scopes": STEWARD_MAY})
    return made["sha1"]


def basic(settings: dict, who: dict) -> Server:
    said = base64.b64encode(f"{who['name']}:{who['password']}".encode()).decode()
    return Server("the forge", settings["urls"]["forge"], f"Basic {said}", direct=True)


def application_stands(settings: dict) -> bool:
    known = settings.get("oauth", {}).get("client_id")
    return bool(known) and any(one["client_id"] == known for one in applications(settings))


def applications(settings: dict) -> list[dict]:
    return call(admin(settings), "GET", "/api/v1/user/applications/oauth2", query={"limit": 50}) or []


def make_application(settings: dict) -> dict:
    """Its secret is told once: one that was made and not kept is made again."""
    for one in applications(settings):
        if one["name"] == APPLICATION:
            call(admin(settings), "DELETE", join("api", "v1", "user", "applications", "oauth2", one["id"]))
    made = call(admin(settings), "POST", "/api/v1/user/applications/oauth2",
                body={"name": APPLICATION, "redirect_uris": [f"{settings['urls']['drone']}/login"],
                      "confidential_client": True})
    return {"client_id": made["client_id"], "client_secret": made["client_secret"]}


def _token_name() -> str:
    return f"notemill-{secrets.token_hex(4)}"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["failed"])[-1]
