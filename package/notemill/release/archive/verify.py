"""Is this archive whole, and do its parts belong together?

    python verify.py                        in the unpacked folder
    python verify.py ARCHIVE.zip            without unpacking
    python verify.py --key PUBLIC.pem       and has the owner of this key signed it?

It needs Python, 3.11 or later, and nothing else; for --key also the distribution `cryptography`. It reads; it writes
and unpacks nothing. Exit code: 0 whole, 1 something is wrong, 2 it cannot be asked so.
"""

import argparse
import ast
import base64
import csv
import email.parser
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath

SUMS, SIGNATURE = "SHA256SUMS", ".sig"
UNSUMMED = (SUMS, SUMS + SIGNATURE)
WHAT_COUNTS = ("name", "model", "schema", "types", "code", "trained_with")  # of a version, for its content's digest
NAMING = ("__module__", "module_path")  # where a skops file names the module of a class or function
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.in-toto+json"
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, SyntaxError, RecursionError, zipfile.BadZipFile,
          NotImplementedError, RuntimeError, MemoryError, EOFError, OSError)

Files = dict[str, bytes]


def main(words: list[str] | None = None) -> int:
    """Ask all questions, print the answers: the exit code."""
    parser = argparse.ArgumentParser(description="Verify an archive of `notemill export`.")
    parser.add_argument("place", nargs="?", type=Path, metavar="ARCHIVE.zip|FOLDER", default=Path(__file__).parent)
    parser.add_argument("--key", type=Path, metavar="PUBLIC.pem", help="the public key of whoever should have signed")
    asked = parser.parse_args(words)
    try:
        files, strange = read(asked.place)
        answers = {**examine(files, strange), **(signatures(files, asked.key) if asked.key else {})}
    except Unanswerable as error:
        print(error, file=sys.stderr)
        return 2
    show(files, answers, asked.key)
    return int(any(answers.values()))


class Unanswerable(Exception):
    """What was asked for cannot be done here."""


def show(files: Files, answers: dict[str, list[str]], key: Path | None) -> None:
    for question, wrong in answers.items():
        print(f"  {'WRONG' if wrong else 'ok   '}  {question}")
        for words in wrong:
            print(f"         {''.join(sign if sign.isprintable() else '?' for sign in words)}")
    if any(answers.values()):
        print("This is not what `notemill export` wrote.")
    elif key:
        print(f"Whole, and signed with the private key of {key.name}.")
    else:
        print("Whole. Who wrote it, only a signature can say: python verify.py --key PUBLIC.pem"
              + ("" if SUMS + SIGNATURE in files else " (this archive is not signed)"))


# reading
def read(place: Path) -> tuple[Files, list[str]]:
    """({name: content}, what is no plain file) of an unpacked folder or a zip archive."""
    try:
        if place.is_dir():
            return read_folder(place)
        with zipfile.ZipFile(place) as archive:
            files, strange = read_archive(archive)
            return files, strange or list(check_container(place, files))
    except (OSError, zipfile.BadZipFile) as error:
        raise Unanswerable(f"{place}: neither a folder nor a zip archive that can be read: {error}") from None


def read_folder(folder: Path) -> tuple[Files, list[str]]:
    files, strange = {}, []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            strange.append(f"{name}: no plain file")
        elif path.is_file():
            files[name] = path.read_bytes()
    return files, strange


def read_archive(archive: zipfile.ZipFile) -> tuple[Files, list[str]]:
    """All lies in one folder, each name once, stored as it is."""
    files, strange = {}, []
    for entry in archive.infolist():
        name = PurePosixPath(entry.filename)
        within = "/".join(name.parts[1:])
        if ".." in name.parts or name.is_absolute() or "\\" in entry.filename or not within:
            strange.append(f"{entry.filename!r}: leads outside the archive's folder")
        elif within in files:
            strange.append(f"{within}: is there twice")
        elif entry.compress_type != zipfile.ZIP_STORED or entry.external_attr >> 28 not in (0, 8):
            strange.append(f"{within}: no plain file, stored as it is")
        else:
            try:
                files[within] = archive.read(entry)
            except DAMAGE as error:
                strange.append(f"{within}: cannot be read: {error}")
    if len({entry.filename.partition("/")[0] for entry in archive.infolist()}) > 1:
        strange.append("there is more than one folder")
    return files, strange


def check_container(place: Path, files: Files) -> Iterator[str]:
    """Around the files nothing is otherwise than `notemill export` writes it: no bytes that belong to none of them."""
    try:
        made = rebuilt(files)
    except DAMAGE:  # which file is to blame, the questions find
        return
    if made != place.read_bytes():
        yield f"{place.name}: holds bytes that belong to no file, or headers that were changed"


def rebuilt(files: Files) -> bytes:
    """The archive of these files, each with the time when the version was made."""
    facts, manifest, packed = json.loads(files["archive.json"]), manifest_of(files), io.BytesIO()
    when = max((1980, 1, 1, 0, 0, 0), datetime.fromisoformat(manifest["created"]).timetuple()[:6])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{manifest['name']}-{facts['version']}/{name}", when)
            entry.external_attr, entry.create_system = 0o100644 << 16, 3
            archive.writestr(entry, files[name])
    return packed.getvalue()


# the questions
def examine(files: Files, strange: list[str]) -> dict[str, list[str]]:
    """{question: what is wrong, in words}; nothing is wrong where all lists are empty."""
    asked: dict[str, Callable[[Files], Iterator[str]]] = {
        f"every file is the one that {SUMS} names, and none is too many": check_sums,
        "the manifest names exactly the files of the version": check_manifest,
        "the content has the digest by which the registry knows it": check_content,
        "verdict and provenance are of this content": check_papers,
        "the wheel holds what its RECORD names": check_record,
        "the wheel's files are those of the version": check_wheel,
        "the ledger's entries form one chain": check_ledger}
    return {"all are plain files, in one folder": strange,
            **{question: answer(check, files) for question, check in asked.items()}}


def answer(check: Callable[[Files], Iterator[str]], files: Files) -> list[str]:
    """What a check finds; what it cannot read, or does not find, is wrong as well."""
    found: list[str] = []
    try:
        found.extend(check(files))
    except KeyError as error:
        found.append(f"{error.args[0]}: is missing")
    except DAMAGE as error:
        found.append(f"cannot be read: {type(error).__name__}: {error}")
    return found


def check_sums(files: Files) -> Iterator[str]:
    lines = re.findall(r"([0-9a-f]{64})  (.+)\n", files[SUMS].decode())
    sums = {name: sha256 for sha256, name in lines}
    if "".join(f"{sha256}  {name}\n" for sha256, name in lines).encode() != files[SUMS] or len(sums) != len(lines):
        yield f"{SUMS}: is not in its form"
    yield from compare(sums, {name: data for name, data in files.items() if name not in UNSUMMED}, SUMS)


def compare(sums: dict[str, str], files: Files, source: str) -> Iterator[str]:
    for name in sorted(sums.keys() | files.keys()):
        if name not in files:
            yield f"{name}: is missing"
        elif name not in sums:
            yield f"{name}: is not named in {source}"
        elif sha256(files[name]) != sums[name]:
            yield f"{name}: has another content than {source} says"


def check_manifest(files: Files) -> Iterator[str]:
    facts, manifest = json.loads(files["archive.json"]), manifest_of(files)
    sums = {f"version/{name}": digest for name, digest in named_files(manifest).items()}
    yield from compare(sums, {name: data for name, data in files.items() if name.startswith("version/")},
                       "manifest.json")
    if facts["manifest"] != sha256(files["manifest.json"]) or facts["content"] != manifest["content"]:
        yield "archive.json: is about another manifest"


def named_files(manifest: dict) -> dict[str, str]:
    """{name below version/: sha256} of all that a version is made of."""
    parts = {"": manifest["files"], "code/": manifest["code"], "runtime/": manifest.get("runtime", {})}
    return {folder + name: digest for folder, part in parts.items() for name, digest in part.items()}


def check_content(files: Files) -> Iterator[str]:
    manifest = manifest_of(files)
    facts = {**manifest, "model": manifest["files"]["model.skops"], "schema": manifest["files"]["schema.json"],
             "types": manifest["files"]["types.json"]}
    if sha256(canonical({name: facts[name] for name in WHAT_COUNTS})) != manifest["content"]:
        yield f"manifest.json: its content is not {manifest['content']}"


def check_papers(files: Files) -> Iterator[str]:
    manifest, verdict = manifest_of(files), json.loads(files["version/verdict.json"])
    if verdict.get("content", manifest["content"]) != manifest["content"]:
        yield "version/verdict.json: is about another content"
    if not verdict["verdict"] == manifest["verdict"] == "passed":
        yield f"version/verdict.json: the verdict is {verdict['verdict']}"
    known = {**manifest["files"], **manifest["code"]}
    for subject in json.loads(files["version/provenance.json"]).get("subject", []):
        if known.get(subject["name"]) != subject["digest"]["sha256"]:
            yield f"version/provenance.json: is about another {subject['name']}"


def check_record(files: Files) -> Iterator[str]:
    yield from compare_record(*wheel_files(files))


def compare_record(content: Files, record: str) -> Iterator[str]:
    """What a wheel holds, and what its RECORD says."""
    named = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(content[record].decode()))}
    for name in sorted(named.keys() | content.keys()):
        if name not in content or name not in named:
            yield f"{name}: is {'named in RECORD alone' if name in named else 'not named in RECORD'}"
        elif name != record and named[name] != (record_digest(content[name]), str(len(content[name]))):
            yield f"{name}: has another content than RECORD says"


def record_digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def wheel_files(files: Files) -> tuple[Files, str]:
    """({name: content} of the wheel, the name of its RECORD)."""
    name = f"wheel/{json.loads(files['archive.json'])['wheel']}"
    others = [other for other in files if other.startswith("wheel/") and other not in (name, name + SIGNATURE)]
    if others:
        raise ValueError(f"{', '.join(others)}: beside the version's wheel")
    return open_wheel(files[name])


def open_wheel(data: bytes) -> tuple[Files, str]:
    """({name: content}, the name of RECORD). Raises ValueError where it is not as a wheel should be."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        records = [name for name in names if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)]
        if len(set(names)) != len(names) or len(records) != 1:
            raise ValueError("a wheel holds each name once, and one RECORD")
        return {name: archive.read(name) for name in names}, records[0]


# the wheel and the version
def check_wheel(files: Files) -> Iterator[str]:
    """Each file of the wheel is one of the version, or follows from the manifest; there is no other, and none lacks."""
    manifest, version = manifest_of(files), json.loads(files["archive.json"])["version"]
    content, record = wheel_files(files)
    package, info = re.sub(r"\W", "_", manifest["name"].lower()) + "_model", record.rpartition("/")[0]
    inside = {name.removeprefix(f"{package}/"): data for name, data in content.items()
              if name.startswith(f"{package}/")}
    for name in sorted(content.keys() - {f"{package}/{inner}" for inner in inside}
                       - {f"{info}/{own}" for own in ("METADATA", "WHEEL", "RECORD")}):
        yield f"{name}: is no part of a model package"
    yield from check_package(files, manifest, wheel_version(manifest, version), package, inside)
    yield from check_metadata(content[f"{info}/METADATA"], manifest, wheel_version(manifest, version))


def check_package(files: Files, manifest: dict, version: str, package: str, inside: Files) -> Iterator[str]:
    """The package's files, one by one."""
    roots, prefix = {name.split("/")[0].removesuffix(".py") for name in manifest["code"]}, f"{package}.code"
    needed = {"facts.json", "model.skops", "schema.json", "types.json", "py.typed", *manifest.get("runtime", {}),
              *(f"code/{path}" for path in manifest["code"]), *(["code/__init__.py"] if manifest["code"] else [])}
    for name in sorted(needed - inside.keys()):
        yield f"{name}: is missing in the wheel"
    for name, data in sorted(inside.items()):
        if not is_of_version(name, data, files, manifest, version, roots, prefix):
            yield f"{name}: is not the version's"


def is_of_version(name: str, data: bytes, files: Files, manifest: dict, version: str, roots: set[str],
                  prefix: str) -> bool:
    """Whether a file of the package is what the version says that it is."""
    if name == "facts.json":
        return same_facts(json.loads(data), manifest, version)
    if name == "model.skops":
        return same_model(data, files["version/model.skops"], roots, prefix)
    if name == "types.json":
        known = json.loads(files["version/types.json"])
        return json.loads(data) == [renamed(one, roots, prefix) for one in known]
    if name in ("py.typed", "code/__init__.py") and name not in {f"code/{path}" for path in manifest["code"]}:
        return data == b""
    if name.startswith("code/"):
        return same_code(data, files[f"version/{name}"], roots, prefix)
    if name == "card.html":
        return data == numbered(files["version/card.html"], version)
    if name == "__init__.py":
        unnumbered = files["version/runtime/__init__.py"]
        return data == unnumbered.replace(b'__version__ = ""', f'__version__ = "{version}"'.encode())
    return data == files.get(f"version/runtime/{name}", files.get(f"version/{name}"))


def numbered(page: bytes, version: str) -> bytes:
    """The card's page with the number, which it did not have yet when it was registered."""
    mark, number = b'<span class="number"></span>', version.partition("+")[0].encode()
    return page.replace(mark, mark.replace(b"><", b"> of version " + number + b"<"), 1)


def wheel_version(manifest: dict, number: int) -> str:
    """The registry's version and the commit."""
    if not manifest.get("commit"):
        return f"{number}+nocommit"
    return f"{number}+g{manifest['commit'][:12]}" + (".dirty" if manifest.get("dirty") else "")


def same_facts(facts: dict, manifest: dict, version: str) -> bool:
    wanted = {name: manifest[name] for name in ("name", "content", "task", "target", "trained_with")}
    return facts["version"] == version and all(facts[name] == value for name, value in wanted.items())


def check_metadata(data: bytes, manifest: dict, version: str) -> Iterator[str]:
    told = email.parser.BytesHeaderParser().parsebytes(data)
    if told["Version"] != version or told.get_all("Requires-Dist", []) != manifest["requires"]:
        yield "METADATA: has another version, or asks for other libraries, than the manifest says"


def renamed(dotted: str, roots: set[str], prefix: str) -> str:
    """A name in the project's own modules as it is within the package."""
    return f"{prefix}.{dotted}" if dotted.partition(".")[0] in roots else dotted


def same_model(data: bytes, original: bytes, roots: set[str], prefix: str) -> bool:
    """Whether a skops file is the other, but for where the project's own types are found."""
    if data == original:
        return True
    with zipfile.ZipFile(io.BytesIO(data)) as left, zipfile.ZipFile(io.BytesIO(original)) as right:
        if left.namelist() != right.namelist():
            return False
        state = rename_types(json.loads(right.read("schema.json")), roots, prefix)
        return json.loads(left.read("schema.json")) == state and all(
            left.read(name) == right.read(name) for name in left.namelist() if name != "schema.json")


def rename_types(node: object, roots: set[str], prefix: str) -> object:
    if isinstance(node, list):
        return [rename_types(inner, roots, prefix) for inner in node]
    if isinstance(node, dict):
        return {key: renamed(value, roots, prefix) if key in NAMING and isinstance(value, str)
                else rename_types(value, roots, prefix) for key, value in node.items()}
    return node


def same_code(data: bytes, original: bytes, roots: set[str], prefix: str) -> bool:
    """Whether a module is the other, but for where the project's own modules are imported from."""
    expected = Renaming(roots, prefix).visit(ast.parse(original.decode()))
    return ast.dump(ast.parse(data.decode())) == ast.dump(expected)


class Renaming(ast.NodeTransformer):
    """Imports of the modules below `roots`, as a model package has them: below its own name."""

    def __init__(self, roots: set[str], prefix: str):
        self.roots, self.prefix = roots, prefix

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if not node.level:
            node.module = renamed(node.module, self.roots, self.prefix)
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        if not any(alias.name.partition(".")[0] in self.roots for alias in node.names):
            return [node]
        return [statement for alias in node.names for statement in self.statements(alias)]

    def statements(self, alias: ast.alias) -> Iterator[ast.stmt]:
        """`import a.b` binds `a`, `import a.b as c` the module itself."""
        root, name = alias.name.partition(".")[0], renamed(alias.name, self.roots, self.prefix)
        if root not in self.roots or alias.asname or alias.name != root:
            yield ast.Import([ast.alias(name, alias.asname)])
        if root in self.roots and not alias.asname:
            yield ast.ImportFrom(self.prefix, [ast.alias(root)], 0)


# the ledger
def check_ledger(files: Files) -> Iterator[str]:
    manifest, previous = manifest_of(files), None
    names = sorted(name for name in files if name.startswith("ledger/"))
    for number, name in enumerate(names, 1):
        entry = json.loads(files[name])
        if name != f"ledger/{manifest['name']}/{number:08}.json" or entry["number"] != number:
            yield f"{name}: is not entry {number}"
        elif entry["previous"] != previous:
            yield f"{name}: does not follow the entry before it"
        if sha256(canonical({key: fact for key, fact in entry.items() if key != "sha256"})) != entry["sha256"]:
            yield f"{name}: was changed"
        if entry.get("content") == manifest["content"] and entry.get("manifest") != sha256(files["manifest.json"]):
            yield f"{name}: is about another manifest of this content"
        previous = sha256(files[name])


# signatures
def signatures(files: Files, key: Path) -> dict[str, list[str]]:
    """Whether the owner of the key has signed the sums, and with them everything; and the wheel."""
    public = load_key(key)
    wheels = [name for name in files if re.fullmatch(r"wheel/[^/]+\.whl", name)]
    whose = f"is signed with the private key of {key.name}"
    return {f"{name} {whose}": answer(partial(check_signature, name, public), files) for name in [SUMS, *wheels]}


def load_key(path: Path):
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise Unanswerable("--key needs `cryptography`: pip install cryptography (-S hides it)"
                           ) from None
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Unanswerable(f"{path}: no public key in PEM form: {error}") from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise Unanswerable(f"{path}: not a key on an elliptic curve")
    return key


def check_signature(name: str, public, files: Files) -> Iterator[str]:
    """A Sigstore bundle, as model-signing writes it, around an in-toto statement on the file's sha256."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    hint, envelope = parts_of(files[name + SIGNATURE])
    payload, signed = base64.b64decode(envelope["payload"]), base64.b64decode(envelope["signatures"][0]["sig"])
    digest = {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}[public.curve.key_size]
    try:
        public.verify(signed, f"DSSEv1 {len(PAYLOAD)} {PAYLOAD} {len(payload)} ".encode() + payload, ECDSA(digest()))
    except InvalidSignature:
        hint = None
    if hint != fingerprint(public):
        yield f"{name}{SIGNATURE}: is not the signature of this key"
        return
    statement = json.loads(payload)
    resources = [{"name": ".", "algorithm": "sha256", "digest": sha256(files[name])}]
    if statement["predicate"]["resources"] != resources or statement["subject"][0]["name"] != name.split("/")[-1]:
        yield f"{name}: is not what was signed"


def parts_of(data: bytes) -> tuple[str, dict]:
    """(digest of the key, envelope) of a signature. Raises ValueError where it is not to the letter what is written,
    but for spaces: a part of it is covered by no signature."""
    bundle = json.loads(data)
    hint = bundle["verificationMaterial"]["publicKey"]["hint"]
    payload, signed = bundle["dsseEnvelope"]["payload"], bundle["dsseEnvelope"]["signatures"][0]["sig"]
    exact = {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
             "dsseEnvelope": {"payload": same_again(payload), "payloadType": PAYLOAD,
                              "signatures": [{"sig": same_again(signed), "keyid": ""}]}}
    if bundle != exact or json.dumps(bundle, separators=(",", ":")).encode() != b"".join(data.split()):
        raise ValueError("not the form in which signatures are written")
    return hint, bundle["dsseEnvelope"]


def fingerprint(public) -> str:
    """The digest by which a signature names the key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return sha256(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def same_again(text: str) -> str:
    """Text of base64 as it is written: what decodes to the same may look otherwise."""
    return base64.b64encode(base64.b64decode(text, validate=True)).decode()


def manifest_of(files: Files) -> dict:
    return json.loads(files["manifest.json"])


def canonical(value: object) -> bytes:
    """One text for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
                      ).encode("utf-8", "surrogatepass")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
