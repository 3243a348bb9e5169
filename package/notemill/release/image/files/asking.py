"""Run in the container, by `python3 -c`: the golden rows through the door of its service; the answers as JSON."""

import hashlib
import importlib.util
import json
import sys
import urllib.request
from pathlib import Path

golden = Path(importlib.util.find_spec(sys.argv[1]).origin).with_name("golden.json").read_bytes()
rows = json.loads(golden)["rows"]
opened = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(what):
    request = urllib.request.Request("http://127.0.0.1:8000/predict", json.dumps(what).encode(),
                                     {"Content-Type": "application/json"})
    with opened.open(request, timeout=60) as answer:
        return json.load(answer)


many, one = ask(rows), [ask(row) for row in rows]
print(json.dumps({"golden_sha256": hashlib.sha256(golden).hexdigest(), "model": many["model"],
                  "together": {"predictions": many["predictions"], "probabilities": many.get("probabilities"),
                               "classes": many.get("classes")},
                  "alone": {"predictions": [said["prediction"] for said in one],
                            "probabilities": [list(said["probabilities"].values()) for said in one]
                            if many.get("probabilities") else None}}))
