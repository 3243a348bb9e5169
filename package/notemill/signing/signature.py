"""A signature as model-signing writes it: a Sigstore bundle around an in-toto statement on the file's sha256."""

import base64
import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from notemill.errors import NotemillError
from notemill.files import write_atomic
from notemill.signing.keys import SIGNING, TRUSTED, library, public_key, signer, trusted

SUFFIX = ".sig"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.in-toto+json"


def signature_of(path: Path) -> Path:
    """Where the signature of a file stands: beside it."""
    return path.with_name(path.name + SUFFIX)


def may_sign(environ: Mapping[str, str]) -> bool:
    """Whether a key to sign with is named."""
    return bool(environ.get(SIGNING))


def ready(environ: Mapping[str, str]) -> None:
    """Raise UsageError or MissingExtra where a key to sign with is named and cannot be used: before the long work."""
    signer(environ)


def trusts(environ: Mapping[str, str]) -> bool:
    """Whether a key is trusted: then nothing is taken that it has not signed."""
    return bool(environ.get(TRUSTED))


def check_trusted(environ: Mapping[str, str]) -> None:
    """Raise UsageError where the key that is trusted is none: before anything is said of signatures."""
    if key := trusted(environ):
        public_key(key)


def sign(path: Path, environ: Mapping[str, str]) -> Path | None:
    """Sign a file with the key that the environment names: the signature's path, beside it; None where none is named.

    Raises UsageError where the key cannot be used, MissingExtra where model-signing is not installed.
    """
    write = signer(environ)
    if write is None:
        return None
    with tempfile.TemporaryDirectory(prefix="notemill-") as folder:
        made = Path(folder, "signature")
        write(path, made)
        write_atomic(signature_of(path), made.read_bytes())
    return signature_of(path)


def check(path: Path, environ: Mapping[str, str]) -> bool:
    """Raise NotemillError unless the trusted key has signed this file; False where no key is trusted.

    Whoever loads something that was handed over asks here first.
    """
    key = trusted(environ)
    if key is None:
        return False
    library()
    public, beside = public_key(key), signature_of(path)
    if not beside.is_file():
        raise NotemillError(str(path), f"is not signed: there is no {beside.name} beside it",
                            f"{TRUSTED} is set: what {key.name} has not signed is refused")
    signed = _read(path, beside, public, key)
    _verify(path, beside, key)
    if signed != path.name:
        raise NotemillError(str(path), f"was signed under another name: {signed}", hint="give it its name back")
    return True


def _read(path: Path, beside: Path, public, key: Path) -> str:
    """The name under which a file was signed. Raises NotemillError where the signature is of another form or key."""
    try:
        hint, payload = parts_of(beside.read_bytes())
        name = json.loads(payload)["subject"][0]["name"]
    except (ValueError, LookupError, TypeError):
        raise NotemillError(str(path), f"its signature, {beside.name}, is damaged, or of another kind") from None
    if hint != fingerprint(public):
        raise NotemillError(str(path), f"was signed with another key than {key.name}", f"{TRUSTED} is {key}")
    return name


def parts_of(content: bytes) -> tuple[str, bytes]:
    """(digest of the key, what it signed) of a signature that says nothing else. Raises ValueError, LookupError.

    Not all of a bundle is covered by the signature in it: what is not is held to the one form that we write.
    """
    facts = json.loads(content)
    envelope = facts["dsseEnvelope"]
    hint, payload, sig = facts["verificationMaterial"]["publicKey"]["hint"], envelope["payload"], envelope["signatures"]
    exact = {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
             "dsseEnvelope": {"payload": _same_again(payload), "payloadType": PAYLOAD,
                              "signatures": [{"sig": _same_again(sig[0]["sig"]), "keyid": ""}]}}
    if facts != exact:
        raise ValueError("not the form that we write")
    return hint, base64.b64decode(payload)


def _same_again(text: str) -> str:
    """Text of base64 as it is written: what decodes to the same may look otherwise."""
    return base64.b64encode(base64.b64decode(text, validate=True)).decode()


def fingerprint(public) -> str:
    """The digest by which a signature names the key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _verify(path: Path, beside: Path, key: Path) -> None:
    from cryptography.exceptions import InvalidSignature
    from model_signing import verifying

    try:
        verifying.Config().use_elliptic_key_verifier(public_key=key).verify(path.resolve(), beside)
    except InvalidSignature:
        raise NotemillError(str(path), f"its signature, {beside.name}, is not that of {key.name}: damaged, or forged",
                            ) from None
    except (ValueError, LookupError, TypeError):
        raise NotemillError(str(path), "is not what was signed: it has changed since, or the signature is another "
                            "file's") from None
