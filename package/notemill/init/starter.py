"""The templates of a new project's files."""

import re
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = re.compile(r"@(\w+)@")


def template(name: str, values: Mapping[str, str]) -> str:
    """A file of templates/, with @name@ replaced. The values are already written as that kind of file wants them."""
    text = (HERE / "templates" / name).read_text(encoding="utf-8")
    return PLACE.sub(lambda match: values[match[1]], text)
