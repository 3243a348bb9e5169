"""What is remembered between runs so that it need not be worked out again: facts by key, safe to lose."""

from pathlib import Path

from notemill.files import canonical_json, read_json, write_atomic


MOST = 5000  # facts; beyond them, what was not asked for this time is forgotten


class Memory:
    """A dictionary of JSON values kept in one file; two runs that save at once lose nothing but time."""

    def __init__(self, path: Path):
        self.path, self.changed, self.cleaned = path, False, False
        self.asked: set[str] = set()
        self.values: dict = read_json(path, {}) if path.is_file() else {}
        if not isinstance(self.values, dict):
            self.values = {}

    def get(self, key: str):
        self.asked.add(key)
        return self.values.get(key)

    def set(self, key: str, value: object) -> None:
        self.asked.add(key)
        if self.values.get(key) != value:
            self.values[key] = value
            self.changed = True

    def remove(self, key: str) -> None:
        self.values.pop(key, None)
        self.changed = self.cleaned = True

    def save(self) -> None:
        """Write what is new, with what another run wrote in the meantime."""
        if self.changed:
            other = {} if self.cleaned else read_json(self.path, {})
            values = {**(other if isinstance(other, dict) else {}), **self.values}
            if len(values) > MOST:
                values = {key: value for key, value in values.items() if key in self.asked}
            write_atomic(self.path, canonical_json(values), durable=False)
            self.changed = self.cleaned = False
