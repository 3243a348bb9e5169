"""The service of a container, asked from inside it: it has no port that is open."""

import base64
import json
from collections.abc import Callable

from notemill.release.image.engine import in_words
from notemill.release.image.inside import run

SHOWN = 200
ASK = """import base64, http.client, json, sys, urllib.error, urllib.request
given = sys.stdin.buffer.read(int(sys.argv[1]))
method, url, body, key = json.loads(given)
data = None if body is None else json.dumps(body).encode()
headers = {"Content-Type": "application/json"} if data else {}
headers |= {"Authorization": f"Bearer {key}"} if key else {}
class Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *where):  # else the key would go there, too
        return None
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stays)
try:
    with opener.open(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
        said = [answer.status, answer.read()]
except urllib.error.HTTPError as error:
    said = [error.code, error.read()]
except (OSError, http.client.HTTPException) as error:
    sys.exit(str(error) or type(error).__name__)
print(json.dumps([said[0], base64.b64encode(said[1]).decode()]))
"""


class Inside:
    """The service of one container, asked from inside it. `found`: the container as it is now, or None."""

    def __init__(self, found: Callable, where: str, port: int, key: str | None):
        self.found, self.where, self.url, self.key = found, where, f"http://127.0.0.1:{port}", key

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """As Door has it."""
        container = self.found()
        if container is None or container.status != "running":
            raise OSError("its container does not run")
        given = json.dumps([method, self.url + path, body, self.key]).encode()
        with in_words(self.where):
            code, out, err = run(container, ["python3", "-c", ASK, str(len(given))], given)
        if code:
            raise OSError(err.decode("utf-8", "replace").strip()[-SHOWN:] or f"exit code {code}")
        try:
            status, text = json.loads(out)
        except ValueError:
            raise OSError("the engine does not give its whole answer") from None
        return status, base64.b64decode(text)
