"""Small executed notebooks and run records, made by hand."""

import base64
import struct
import zlib

HOSTILE = "<script>document.title='pwned'</script>"
SHA = "ab12cd34" * 8


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1200, 10, 8, 0, 0, 0, 0))
                       + chunk(b"IDAT", zlib.compress((b"\0" + b"\x80" * 1200) * 10)) + chunk(b"IEND", b"")).decode()


def code(source, *outputs, tags=(), **metadata):
    metadata = {**metadata, **({"tags": list(tags)} if tags else {})}
    return {"cell_type": "code", "source": source, "metadata": metadata, "execution_count": 1, "outputs": list(outputs)}


def text(source, **more):
    return {"cell_type": "markdown", "source": source, "metadata": {}, **more}


def stream(words, name="stdout"):
    return {"output_type": "stream", "name": name, "text": words}


def display(**data):
    return {"output_type": "display_data", "data": {kind.replace("__", "+").replace("_", "/"): value
                                                    for kind, value in data.items()}, "metadata": {}}


def failure(name="ValueError", message="bad value", traceback=("\x1b[31mValueError\x1b[39m: bad value",)):
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": list(traceback)}


def notebook(*cells, language="python"):
    return {"cells": list(cells), "metadata": {"language_info": {"name": language}}, "nbformat": 4, "nbformat_minor": 5}


def make_step(name, status="done", **more):
    step = {"step": name, "notebook": f"notebooks/{name}.ipynb", "title": name.title(),
            "purpose": f"What {name} is for.", "needs": [], "reasons": [],
            "action": "reuse" if status == "reused" else "run", "status": status,
            "fingerprint": SHA, "components": {}, "params": {}, "inputs": {}, "outputs": {}, "notebook_sha256": SHA,
            "executed": None, "metrics": {}, "seconds": 1.5, "cpu_seconds": 1.25, "peak_mb": 310, "started": None,
            "ended": None, "stored_bytes": 1, "report": f"reports/{name}.html", "origin_run": "r2", "mlflow_run": None,
            "warnings": [], "spool": None, "error": None}
    return {**step, **more}


def make_record(*steps, **more):
    record = {"format": 1, "notemill": "0.1.0", "run": "r2", "project": "demo", "status": "done", "reason": "by hand",
              "started": "2026-11-20T23:13:32.123456+00:00", "ended": None, "seconds": 12.3, "git": None,
              "environment": {"python": "3.11.7", "distributions": SHA},
              "machine": {"host": "mill", "system": "Linux", "cpus": 2, "memory_mb": 8000}, "ci": None,
              "pipeline": {"sha256": SHA}, "package": {"sha256": SHA}, "error": None, "steps": list(steps)}
    return {**record, **more}
