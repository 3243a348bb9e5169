"""A project with versions that can be deployed: good ones, and ones that fail in a way of their own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import yaml
from ledger_samples import ADA, enter, process_env, project_of
from model_samples import make_version, train
from serving_samples import HOME, plain_files
from tiny import Result, cli, write

NAME, PATIENCE = "plain", 60
LOW = {"risk": "low", "author": ADA}

SILENT = b'\n\nraise RuntimeError("out of paper")\n'
CALLS = b"""

class Counting(Model):
    calls = 0

    def score_quickly(self, rows):
        Counting.calls += 1
        found = super().score_quickly(rows)
        rehearsed = 1 + len(json.loads((self.folder / "golden.json").read_text())["rows"])
        {}


Model = Counting
"""
# it answers as it should while it is rehearsed, and otherwise over HTTP
LIAR = CALLS.replace(b"{}", b"""
        if Counting.calls > rehearsed:
            found.predictions[:] = ["no" if one == "ja" else "ja" for one in found.predictions]
        return found""")
# it dies a while after it was asked over HTTP
MORTAL = CALLS.replace(b"{}", b"""
        if Counting.calls == rehearsed + 2:
            import os, threading
            threading.Timer(3, os._exit, [9]).start()
        return found""")
# it fails on whatever is pink
SICK = CALLS.replace(b"{}", b"""
        if any(row["colour"] == "pink" for row in rows):
            raise MemoryError("out of paper")
        return found""")
# these are faultless while an image is tried, which has no network, and not where they serve
SERVING = "os.path.exists('/sys/class/net/eth0')"
ASLEEP = f"""

import os
if {SERVING}:
    raise RuntimeError("out of paper")
""".encode()
CHANGED = f"""

import os


class Changed(Model):
    def score_quickly(self, rows):
        found = super().score_quickly(rows)
        if {SERVING}:
            found.predictions[:] = ["no" if one == "ja" else "ja" for one in found.predictions]
        return found


Model = Changed
""".encode()
TWO_FACED = LIAR.replace(b"Counting.calls > rehearsed", f"Counting.calls > rehearsed and {SERVING}".encode()) \
    .replace(b"class Counting", b"import os\n\n\nclass Counting")
SPOILT = {"silent": SILENT, "liar": LIAR, "mortal": MORTAL, "sick": SICK, "asleep": ASLEEP, "changed": CHANGED,
          "two-faced": TWO_FACED}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_versions(root, folder, *labels, facts=None, **more):
    """A project at `root` whose versions 1, 2, ... are as `labels` say: `good` ones, or one of SPOILT. `facts`: what
    their manifests say; `more`: what pipeline.yaml says."""
    from notemill.compile import make as make_plan
    from notemill.registry import content_of, registry
    from notemill.runtime.model import Model
    from notemill.wheel import package_files, write_tree

    records, uri = project_of(root, NAME, **more)
    made = train(folder / "made", **plain_files(folder / "made"))
    first = make_version(records, made, name=NAME, **{**LOW, **(facts or {})})
    write_tree(package_files(first, records.read, "plan"), folder)
    make_plan(folder / "plan", folder / "made" / "test.parquet", Model(folder / "plan"))
    plan = {path.name: records.add(path.read_bytes()) for path in (folder / "plan").glob("plan.*")}
    with registry(uri) as client:
        for number, label in enumerate(labels, 1):  # the model is the same in all: training it again would take long
            types = records.add(json.dumps([f"of.version_{number}"]).encode())
            manifest = {**first, "files": {**first["files"], **plan, "types.json": types}}
            if label in SPOILT:
                text = records.read(manifest["runtime"]["model.py"]) + SPOILT[label]
                manifest["runtime"] = {**manifest["runtime"], "model.py": records.add(text)}
            enter(client, records, manifest | {"content": content_of(manifest)})
    return root


def targets(root, **facts):
    """deploy/targets.yaml with one target, `here`: its facts."""
    facts = {"kind": "process", "port": free_port(), "watch": 1, "ready": PATIENCE, **facts}
    write(root / "deploy" / "targets.yaml", yaml.safe_dump({"targets": {"here": facts}}, sort_keys=False))
    return facts


def deploy(root, version, *more, to="here"):
    """The command, in this process."""
    return cli("deploy", version, "--to", to, "--json", *more, project=root)


def deploy_process(root, version, *more, **environ):
    """The command in a process of its own, begun."""
    words = [sys.executable, "-m", "notemill", "deploy", str(version), "--to", "here", "--json", "--project", str(root),
             *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**process_env(), **environ})


def ended(process):
    out, err = process.communicate(timeout=4 * PATIENCE)
    return Result(process.returncode, out, err)


def row_of(root):
    """A golden row, and what is said of it."""
    for path in root.glob(".notemill-records/objects/*/*"):
        with contextlib.suppress(ValueError, UnicodeDecodeError):
            known = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(known, dict) and {"rows", "predictions"} <= known.keys():
                return known["rows"][0], known["predictions"][0]
    raise LookupError("golden rows")


def serves(port, row):
    """The number of the version that answers there."""
    answer = httpx.post(f"http://127.0.0.1:{port}/predict", json=row, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["model"]["version"].partition("+")[0])


def state_of(root):
    """What is written down of the target."""
    [path] = (root.parent / "data").glob("notemill/targets/*/here/state.json")
    return json.loads(path.read_text())


def proxy_of(root):
    """What its HAProxy is configured with: {slot: line}."""
    [path] = (root.parent / "data").glob("notemill/targets/*/here/haproxy.cfg")
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith("    server ")]
    return {line[1]: line[2:] for line in lines}


class Load:
    """Requests to a port all the time, from several threads: kept and fresh connections, small and large bodies."""

    def __init__(self, port, row, threads=4):
        self.url, self.row, self.large = f"http://127.0.0.1:{port}", row, [row] * 400
        self.done, self.large_done, self.failed, self.versions = 0, 0, [], set()
        self.going, self.longest = True, 0.0
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(threads)]

    def ask(self, number):
        kept = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        while self.going:
            client = kept if number % 2 else httpx.Client(base_url=self.url, timeout=60, trust_env=False)
            body = self.large if self.done % 5 == number else self.row
            began = time.monotonic()
            try:
                answer = client.post("/predict", json=body)
                if answer.status_code == 200:
                    self.versions.add(answer.headers.get("x-model-version", "").partition("+")[0])
                else:
                    self.failed.append((answer.status_code, answer.text[:200], self.size(body)))
            except httpx.HTTPError as error:
                self.failed.append((type(error).__name__, str(error), self.size(body)))
            self.done, self.large_done = self.done + 1, self.large_done + (body is self.large)
            self.longest = max(self.longest, time.monotonic() - began)
            if client is not kept:
                client.close()
            time.sleep(0.01)
        kept.close()

    def size(self, body):
        return "large" if body is self.large else "small"

    def lost_with(self, died):
        """Whether nothing failed but what a version that died may have held: one of over 16 KB is not sent again."""
        return [size for *_, size in self.failed] in ([], ["large"] if died else [])

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *failure):
        self.going = False
        for thread in self.threads:
            thread.join()


def ends(root):
    """Nothing of the target runs any more."""
    return cli("undeploy", "here", project=root)


def home():
    """Where processes that these tests start find notemill."""
    return os.pathsep.join([str(HOME), str(Path(__file__).parent)])
