"""A forge and a Drone in one small server: as much of them as the stack's first start speaks to."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from notemill.ci.stack import settings as own


class Fake:
    """`users`: whom it knows, and by what. `tokens`: whose each is. `applications`. `linked`: has Drone its right?"""

    def __init__(self):
        self.users, self.tokens, self.applications = {}, {}, []
        self.linked = self.granted = False
        self.sessions, self.asked = set(), []
        self.drone_token = ""

    def token(self, name):
        self.tokens[made := f"token-{len(self.asked)}-of-{name}"] = name
        return made

    def application(self, name, redirect):
        number = len(self.asked)
        made = {"id": number, "name": name, "client_id": f"id-{number}", "client_secret": f"secret-{number}",
                "redirect_uris": redirect}
        self.applications.append(made)
        return made


class Handler(BaseHTTPRequestHandler):
    def do(self):
        fake, url = self.server.fake, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fake.asked.append(f"{self.command} {url.path}")
        found = getattr(self, f"{self.command}_{url.path.strip('/').replace('/', '_').replace('.', '_')}", None)
        if found is None:
            found = self.api
        found(fake, body, {name: value for name, (value, *_) in parse_qs(url.query).items()})

    do_GET = do_POST = do_PATCH = do_DELETE = do

    def who(self, fake):
        scheme, _, said = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, password = base64.b64decode(said).decode().partition(":")
            return name if fake.users.get(name) == password else None
        return fake.tokens.get(said)

    def answer(self, status, value=None, **headers):
        content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def api(self, fake, body, query):
        who, parts = self.who(fake), urlsplit(self.path).path.strip("/").split("/")
        if who is None:
            return self.answer(401, {"message": "no"})
        given = json.loads(body) if body else {}
        match self.command, parts[2:]:
            case "GET", ["user"]:
                self.answer(200, {"login": who})
            case "GET", ["users", name]:
                self.answer(200 if name in fake.users else 404, {"login": name})
            case "POST", ["admin", "users"]:
                fake.users[given["username"]] = given["password"]
                self.answer(201, {})
            case "PATCH", ["admin", "users", name]:
                fake.users[name] = given["password"]
                self.answer(200, {})
            case "POST", ["users", name, "tokens"] if name == who:
                self.answer(201, {"sha1": fake.token(name)})
            case "GET", ["user", "applications", "oauth2"]:
                self.answer(200, [{**one, "client_secret": ""} for one in fake.applications])
            case "POST", ["user", "applications", "oauth2"]:
                self.answer(201, fake.application(given["name"], given["redirect_uris"]))
            case "DELETE", ["user", "applications", "oauth2", number]:
                fake.applications[:] = [one for one in fake.applications if one["id"] != int(number)]
                self.answer(204, "")
            case _:
                self.answer(404, {})

    # What a browser sees.
    def GET_user_login(self, fake, body, query):
        self.answer(200, '<form><input type="hidden" name="_csrf" value="a&amp;b"><input name="user_name"></form>')

    def POST_user_login(self, fake, body, query):
        given = {name: value for name, (value, *_) in parse_qs(body).items()}
        right = fake.users.get(given["user_name"]) == given["password"] and given["_csrf"] == "a&b"
        self.answer(303 if right else 200, "", Location="/", Set_Cookie="forge=1; Path=/" if right else "none=1")

    def GET_login(self, fake, body, query):  # Drone's
        if "code" in query:
            fake.linked = True
            return self.answer(303, "", Location="/", Set_Cookie="_session_=s; HttpOnly; Path=/")
        self.answer(303, "", Location="/login/oauth/authorize?" + urlencode({"client_id": "c", "state": "s"}))

    def GET_login_oauth_authorize(self, fake, body, query):
        if "forge=1" not in self.headers.get("Cookie", ""):
            return self.answer(401, "")
        if fake.granted:
            return self.answer(303, "", Location="/login?code=1&state=" + query["state"])
        self.answer(200, "<form><input name='nonce' type='hidden' value='n'></form>")

    def POST_login_oauth_grant(self, fake, body, query):
        given = parse_qs(body)
        fake.granted = given["granted"] == ["true"] and given["nonce"] == ["n"] and given["client_id"] == ["c"]
        self.answer(303 if fake.granted else 400, "", Location="/login?code=1&state=" + given["state"][0])

    def GET_(self, fake, body, query):
        self.answer(200, "home")

    def POST_api_user_repos(self, fake, body, query):
        right = self.headers.get("Authorization") == f"Bearer {fake.drone_token}"
        self.answer(200 if fake.linked and right else 500 if right else 401, [])

    def log_message(self, *words):
        pass


@contextmanager
def running():
    """(the fake, a stack's settings that point to it)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.fake = fake = Fake()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    settings = own.new(None, 7300, "172.30.73.0/24", "172.30.73.1", True)
    settings["urls"] |= {"forge": url, "drone": url}
    fake.drone_token = settings["tokens"]["drone"]
    try:
        yield fake, settings
    finally:
        server.shutdown()
        server.server_close()
