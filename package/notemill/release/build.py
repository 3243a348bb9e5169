"""The wheel of a version."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import notemill
from notemill import wheel
from notemill.registry import Records


def build(manifest: Mapping, records: Records, output: Path) -> Path:
    """The wheel of a version: the same bytes each time, whatever notemill makes it."""
    return wheel.write_wheel(
        output, wheel.package_files(manifest, records.read), name=wheel.distribution_name(manifest["name"]),
        version=wheel.wheel_version(manifest), summary=wheel.summary(manifest),
        text=records.read(manifest["files"]["card.md"]).decode(), requires=manifest["requires"],
        python=f">={manifest['python']}", when=datetime.fromisoformat(manifest["created"]),
        generator=f"notemill {manifest.get('notemill', notemill.__version__)}")
