"""What is asked: bodies that the service takes, each tried once before there is load."""

import json
from collections.abc import Iterator, Mapping, Sequence

from notemill.errors import NotemillError
from notemill.stress.asking import ask, facts
from notemill.stress.rows import rows_like
from notemill.stress.target import Target


def good(found: Target, said: Mapping[str, str], examples: Sequence[dict], rows_each: int) -> list[bytes]:
    """Bodies that the service takes, each tried once. Raises NotemillError where it takes none."""
    schema = facts(found, "/schema", said)
    known = list(examples) or [example_of(facts(found, "/openapi.json", said), found.url)]
    tried = rows_like(known, schema)
    answers = [(row, ask(found, "POST", "/predict", said, packed(row))) for row in tried]
    taken = [row for row, (status, _) in answers if status == 200]
    if not taken:
        status, body = answers[0][1]
        raise NotemillError(found.url, f"does not take its own example row: {status}",
                            body[:300].decode("utf-8", "replace"))
    return list(several(taken, rows_each))


def example_of(document: Mapping, url: str) -> dict:
    """The row that the service's own description shows."""
    try:
        found = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    except (KeyError, TypeError):
        found = None
    if not isinstance(found, dict):
        raise NotemillError(url, "/openapi.json has no example row for POST /predict",
                            hint="is it a service of this notemill's?")
    return found


def several(rows: Sequence[dict], rows_each: int) -> Iterator[bytes]:
    for place, row in enumerate(rows):
        yield packed([rows[(place + step) % len(rows)] for step in range(rows_each)] if rows_each > 1 else row)


def packed(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
