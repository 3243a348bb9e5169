"""Bodies made to hurt, from a seed: 10,000 of them against a service of one's own.

python tests/hostile.py http://127.0.0.1:8000 [COUNT] [PID]: prints what came back, and the memory of PID.
"""

import json
import random
import sys
from collections import Counter
from pathlib import Path

import httpx

DOORS = ("/predict", "/predict?on_error=aside", "/invocations", "/v2/models/plain/infer", "/feedback")
KINDS = ("application/json", "text/csv", "application/json; charset=utf-16", "application/octet-stream", "",
         "multipart/form-data; boundary=x", "application/problem+json", "text/csv; header=\xff")
CELLS = [None, True, False, 0, -0.0, 1e308, -1e308, 5e-324, 2**53 + 1, -2**63, 10**25, 10**300, "", " ", "NaN", "nan",
         "inf", "-Infinity", "1e999", "0x10", "1_000", "١٢", "\0", "\u202e", "\ufeff", "a" * 5000, "é" * 3000, "💥",
         "9999-12-31T23:59:59", "0001-01-01", "2024-02-30", "2024-13-01T00:00:00Z", "2024-01-01T00:00:00+99:99",
         "-271821-04-20T00:00:00Z", "now", "12:00", "$(id)", "'; drop table x; --", "../../etc/passwd", "{{7*7}}",
         "<script>alert(1)</script>", [], {}, [[]], [None], {"a": None}, {"$ref": "#"}, [1, "a", {}]]
RAW = [b"", b"null", b"[]", b"{}", b'""', b"0", b"-", b"[", b"{", b'{"', b'{"a"', b'{"a":', b"[" * 100_000,
       b'{"a":' * 50_000, b"[[],[]", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"\x00" * 1000, b'"\\ud800"', b'"\\u12"',
       b"1" * 100_000, b"1e" + b"9" * 50_000, b"-" * 1000, b"truefalse", b"NaN", b"[NaN, Infinity, -Infinity]",
       b'{"size":1,"size":2}', b"a,b\n" * 10_000, b'"' * 9999, b"size\n" + b"," * 5000, b"\r\n" * 2000, b"{}" * 5000,
       b'[{"size":' + b"9" * 400 + b"}]", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
NAMES = ("size", "colour", "flag", "at", "__class__", "", "\0", "size ", "SIZE", "a" * 3000)


def row(dice):
    good = {"size": 1.5, "colour": "red", "flag": True, "at": "2024-05-01T00:00:00"}
    for _ in range(dice.randrange(4)):
        good[dice.choice(NAMES)] = dice.choice(CELLS)
    for name in dice.sample(sorted(good), dice.randrange(2)):
        del good[name]
    return good


def tensor(dice):
    return {"name": dice.choice([*NAMES, None, 1]),
            "shape": dice.choice([[1], [2], [-1], [], [10**9], [1, 4], "1", [0]]),
            "datatype": dice.choice(["FP64", "BYTES", "BOOL", "INT64", "FP16", "X", None]),
            "data": dice.choice([[dice.choice(CELLS)], [], None, [[1.5, "red", True, "2024-05-01"]], [1, 2]]),
            "parameters": dice.choice([{}, None, {"binary_data_size": dice.choice([8, -1, 2**70, "8", 0])}])}


def value(dice, path):
    """Something of the right form, nearly."""
    rows = [row(dice) for _ in range(dice.randrange(1, 6))]
    if "infer" in path:
        return {"inputs": [tensor(dice) for _ in range(dice.randrange(5))], "id": dice.choice(CELLS),
                "outputs": dice.choice([[], [{"name": "prediction"}], [{}], 1, [{"name": []}], None])}
    if "invocations" in path:
        return dice.choice([{"dataframe_records": rows}, {"instances": rows}, {"inputs": rows[0]},
                            {"dataframe_split": {"columns": list(NAMES), "data": [dice.choices(CELLS, k=10)]}},
                            {"dataframe_split": {"columns": [[]], "data": [1]}},
                            {"inputs": {name: dice.choices(CELLS, k=2) for name in NAMES}},
                            {"dataframe_records": rows, "params": {"method": dice.choice(CELLS)}}])
    if "feedback" in path:
        return {"request": dice.choice(CELLS), "row": dice.choice(CELLS), dice.choice(["label", "wrong"]):
                dice.choice(CELLS)}
    return dice.choice([rows, rows[0], [rows], [dice.choice(CELLS)], {"rows": rows}])


def request(dice):
    """(path, content, headers)."""
    path = dice.choice(DOORS)
    content = dice.choice(RAW) if dice.random() < 0.3 else json.dumps(value(dice, path)).encode()
    if dice.random() < 0.2 and content:  # spoilt at one place
        place = dice.randrange(len(content))
        content = content[:place] + bytes([dice.randrange(256)]) * dice.randrange(3) + content[place + 1:]
    kind = KINDS[0] if dice.random() < 0.7 else dice.choice(KINDS)
    headers = {"content-type": kind.encode("latin-1")}
    if dice.random() < 0.1:
        headers["inference-header-content-length"] = dice.choice([b"0", b"5", b"-1", b"9" * 40, b"\xff"])
    if dice.random() < 0.1:
        headers["x-request-id"] = dice.choice([b"\xff" * 20, b"a" * 500, b"{}", b"mine"])
    return path, content, headers


def attack(url, count, seed=1, each=lambda number: None):
    """How many answers had which status. `each` is called with the number of each request."""
    dice, found = random.Random(seed), Counter()
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(count):
            each(number)
            path, content, headers = request(dice)
            answer = client.post(path, content=content, headers=headers)
            assert "Traceback" not in answer.text and ".py" not in answer.text, (path, content[:300], answer.text[:500])
            assert answer.status_code < 500, (path, content[:300], headers, answer.text[:500])
            if answer.status_code >= 400:
                assert answer.json()["status"] == answer.status_code, (path, content[:300])
            found[answer.status_code] += 1
    return found


def memory_mb(pid):
    """What the process holds (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def main(url, count="10000", pid=None):
    def look(number):
        if pid and number % (int(count) // 10) == 0:
            print(f"{number:6} {memory_mb(pid):.1f} MB", flush=True)
    print(dict(sorted(attack(url, int(count), each=look).items())), f"{memory_mb(pid):.1f} MB" if pid else "")


if __name__ == "__main__":
    main(*sys.argv[1:])
