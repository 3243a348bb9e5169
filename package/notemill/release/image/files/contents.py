"""Writes what an image holds: `contents.py FOLDER` makes contents.spdx.json (SPDX 2.3) and parts.json in its share/."""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

DPKG = Path("/var/lib/dpkg/status")
OS = Path("/etc/os-release")
LICENCE = re.compile(r"[A-Za-z0-9.+-]+(?:(?: AND | OR | WITH )[A-Za-z0-9.+-]+)*")  # an SPDX expression, the plain kind
NONE = "NOASSERTION"


def main(prefix: Path) -> None:
    share = prefix / "share"
    facts = json.loads((share / "model.json").read_text(encoding="utf-8"))
    python = [python_package(one) for one in distributions()]
    own = [{**one, "checksums": [checksum(facts["wheels"][one["name"]])]} if one["name"] in facts["wheels"] else one
           for one in python]
    packages = [interpreter(), *own, *system_packages()]
    write(share / "contents.spdx.json", document(facts, packages))
    counted = set()
    write(share / "parts.json", {name_of(one): size(one, counted) for one in distributions()})


def document(facts: dict, packages: list[dict]) -> dict:
    """`created` is the model's time: the same image has the same list."""
    root = {"name": facts["distribution"], "versionInfo": facts["version"], "SPDXID": "SPDXRef-image",
            "primaryPackagePurpose": "CONTAINER", "summary": facts["summary"], **unsaid()}
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{facts['distribution']}-{facts['version']}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{quote(facts['distribution'])}-{facts['content']}",
        "creationInfo": {"created": facts["created"], "creators": [f"Tool: notemill-{facts['notemill']}"]},
        "packages": [root, *packages],
        "relationships": [related("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image"),
                          *(related("SPDXRef-image", "CONTAINS", one["SPDXID"]) for one in packages)]}


def related(one: str, how: str, other: str) -> dict:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def unsaid() -> dict:
    return {"downloadLocation": NONE, "filesAnalyzed": False, "licenseConcluded": NONE, "licenseDeclared": NONE,
            "copyrightText": NONE}


def python_package(found: metadata.Distribution) -> dict:
    name, version = name_of(found), found.version
    declared = (found.metadata.get("License-Expression") or "").strip()
    return {**package("pypi", name, version, f"pkg:pypi/{name}@{quote(version)}"),
            "licenseDeclared": declared if LICENCE.fullmatch(declared) else NONE}


def distributions() -> list[metadata.Distribution]:
    return sorted(metadata.distributions(), key=name_of)


def name_of(found: metadata.Distribution) -> str:
    """As an index has it."""
    return re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()


def interpreter() -> dict:
    version = sys.version.split()[0]
    return package("python", "python", version, f"pkg:generic/python@{version}")


def system_packages() -> list[dict]:
    """Those that Debian's dpkg has installed; none where the base has no dpkg."""
    if not DPKG.is_file():
        return []
    distro = dict(re.findall(r'^(\w+)="?([^"\n]*)', OS.read_text(encoding="utf-8"), flags=re.M))
    found = []
    for text in DPKG.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", text, flags=re.M))
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            address = (f"pkg:deb/{distro.get('ID', 'debian')}/{quote(name)}@{quote(version)}"
                       f"?arch={fields['Architecture']}&distro={distro.get('VERSION_CODENAME', '')}")
            found.append(package("deb", name, version, address))
    return found


def package(kind: str, name: str, version: str, address: str) -> dict:
    mark = re.sub(r"[^A-Za-z0-9.-]", "-", f"{kind}-{name}")
    if mark != f"{kind}-{name}":  # of two names that differ in other signs alone
        mark += f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return {"name": name, "SPDXID": f"SPDXRef-{mark}", "versionInfo": version, **unsaid(),
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": address}]}


def checksum(sha256: str) -> dict:
    return {"algorithm": "SHA256", "checksumValue": sha256}


def size(found: metadata.Distribution, counted: set[tuple[int, int]]) -> int:
    """Bytes on the disk of what was left of it, and of what was compiled; a file of several names is counted once."""
    total = 0
    for place in places(found):
        facts = place.stat()
        if (facts.st_dev, facts.st_ino) not in counted:
            counted.add((facts.st_dev, facts.st_ino))
            total += facts.st_size
    return total


def places(found: metadata.Distribution) -> Iterator[Path]:
    """Its files."""
    for file in found.files or []:
        place = Path(found.locate_file(file))
        made = [place.with_suffix(".pyc"), *place.parent.glob(f"__pycache__/{place.stem}.*.pyc")]
        yield from (one for one in [place, *(made if place.suffix == ".py" else ())] if one.is_file())


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, sort_keys=True, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
