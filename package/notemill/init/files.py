"""All files of a new project, as {path: content}."""

import hashlib
import json
import sys
from collections.abc import Mapping

import notemill
from notemill.code import package_name
from notemill.distribution import shared_files
from notemill.init.starter import template

TEMPLATES = {"README.md": "README.md", "setup.py": "setup.py.txt", "noxfile.py": "noxfile.py.txt",
             ".drone.yml": "drone.yml", "deploy/targets.yaml": "targets.yaml.txt",
             "Dockerfile": "../../release/image/files/Dockerfile",
             ".dockerignore": "dockerignore", ".gitignore": "gitignore",
             "model_card.md": "model_card.md", "tests/test_exported.py": "test_exported.py.txt",
             "tests/test_pipeline.py": "test_pipeline.py.txt"}
PINS = "# The versions with which Notemill {version} was tested: what the sessions of noxfile.py install.\n"


def project_files(name: str, requirement: str, human: Mapping[str, str | None], table: str) -> dict[str, bytes]:
    """What does not come from the table: the house, the notebooks, the tests. `human`: owner and purpose."""
    package = package_name(name)
    values = {"name": name, "image": f"{name.lower()}-model", "package": package, "requirement": requirement,
              "python": f"{sys.version_info.major}.{sys.version_info.minor}", "table": table,
              "notemill": notemill.__version__, **_ports(name), **_card(human)}
    made = {path: template(source, values).encode() for path, source in TEMPLATES.items()}
    made[f"package/{package}/__init__.py"] = f'"""The code of {name} that its models need."""\n'.encode()
    shared = shared_files()
    return {**shared, **made, "constraints.txt": _pins(shared["constraints.txt"], requirement)}


def _card(human: Mapping[str, str | None]) -> dict[str, str]:
    """What is known of the sections that people write. No date: to start a project is not to review a model."""
    owner = _line(human.get("owner"))
    return {"owner": f" {json.dumps(owner)}" if owner else "", "purpose": (human.get("purpose") or "").strip()}


def _ports(name: str) -> dict[str, str]:
    """Four in a row for what the server deploys, below those that systems give away: by the name, so that two projects
    of one server seldom have the same, and it is the same project again that has them."""
    first = 20000 + 4 * (int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2500)
    return {"port": str(first), **{f"port{more}": str(first + more) for more in (1, 2, 3)}}


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _pins(pins: bytes, requirement: str) -> bytes:
    """The tested versions, without the words of the session that made the list."""
    lines = [line for line in pins.decode().splitlines(keepends=True) if not line.lstrip().startswith("#")]
    return (PINS.format(version=requirement.partition("==")[2].partition("+")[0]) + "".join(lines)).encode()
