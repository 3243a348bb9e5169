"""The keys that the environment names, checked before the library gets them: its own errors show little."""

import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from notemill.errors import MissingExtra, NotemillError, UsageError

SIGNING, PASSWORD, TRUSTED = "NOTEMILL_SIGNING_KEY", "NOTEMILL_SIGNING_PASSWORD", "NOTEMILL_TRUSTED_KEY"
KEPT_BACK = (SIGNING, PASSWORD)  # from processes that run a project's own code
CURVES = ("secp256r1", "secp384r1", "secp521r1")  # that model-signing takes
ALLOWED = "a key on an elliptic curve: " + ", ".join(CURVES)
TOKEN = "pkcs11:"
LOOSE = 0o027  # may be written by the group, or read, written or run by all others


def signer(environ: Mapping[str, str]) -> Callable[[Path, Path], None] | None:
    """What writes the signature (second path) of a file (first path); None where no key is named."""
    named, password = environ.get(SIGNING), environ.get(PASSWORD)
    if not named:
        return None
    library()
    from model_signing import signing

    if named.startswith(TOKEN):
        return _token_signer(named, password)
    path = _file(SIGNING, named)
    _check_private(path, password)
    # cryptography, to which the library hands the password as it is, wants bytes
    return signing.Config().use_elliptic_key_signer(private_key=path, password=_bytes(password)).sign


def _token_signer(uri: str, password: str | None) -> Callable[[Path, Path], None]:
    """The same with a key that stays in a token. The library logs in, and may tell of the PIN when it fails."""
    from model_signing import signing

    if password and "pin-value=" not in uri and "pin-source=" not in uri:
        uri += f"{'&' if '?' in uri else '?'}pin-value={quote(password, safe='')}"
    try:
        return quiet(signing.Config().use_pkcs11_signer(pkcs11_uri=uri).sign)
    except RuntimeError:
        raise UsageError(SIGNING, "names a key in a PKCS#11 token, and PyKCS11 is not installed",
                         hint="pip install 'model-signing[pkcs11]'") from None
    except Exception as error:
        raise _token_error(error) from None


def quiet(sign: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    """The same, which shows no more of a failure than its name."""
    def quietly(path: Path, signature: Path) -> None:
        try:
            sign(path, signature)
        except Exception as error:
            raise _token_error(error) from None
    return quietly


def _token_error(error: Exception) -> UsageError:
    """What a token's driver says by its name alone: the rest may hold the PIN."""
    told = next((word for word in str(error).split() if word.startswith("CKR_")), type(error).__name__)
    return UsageError(SIGNING, f"the key in the PKCS#11 token cannot be used: {told}",
                      "pkcs11:token=NAME;object=NAME?module-path=/path/of/module.so, a key on an elliptic curve",
                      f"the PIN goes into {PASSWORD}")


def trusted(environ: Mapping[str, str]) -> Path | None:
    """The file of the public key that is trusted; None where none is named."""
    named = environ.get(TRUSTED)
    return _file(TRUSTED, named) if named else None


def public_key(path: Path):
    """The trusted key (cryptography's EllipticCurvePublicKey). Raises UsageError."""
    library()
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _read(TRUSTED, path)
    if b"PRIVATE KEY" in data:
        raise UsageError(TRUSTED, f"{path} is a private key", "the public one, which may be known to everybody",
                         f"openssl pkey -in {path.name} -pubout -out {path.stem}.pub.pem")
    try:
        key = load_pem_public_key(data)
    except ValueError:
        raise UsageError(TRUSTED, f"{path} is no public key", "a PEM file that begins with PUBLIC KEY") from None
    _check_curve(TRUSTED, path, key)
    return key


def _check_private(path: Path, password: str | None) -> None:
    """Raise UsageError where the key is open to others, is none, or does not open."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if path.stat().st_mode & LOOSE:
        raise UsageError(SIGNING, f"{path} may be read or changed by others ({stat.filemode(path.stat().st_mode)})",
                         "a private key is its owner's", f"chmod 600 {path}")
    try:
        key = load_pem_private_key(_read(SIGNING, path), _bytes(password))
    except TypeError:  # cryptography's word for a password that is missing, or not needed
        wrong = f"has no password, and {PASSWORD} is set" if password else f"has a password, and {PASSWORD} is not set"
        raise UsageError(SIGNING, f"{path} {wrong}") from None
    except ValueError:
        raise UsageError(SIGNING, f"{path} is no private key, or {PASSWORD} does not open it",
                         "a PEM file that begins with PRIVATE KEY, or ENCRYPTED PRIVATE KEY") from None
    _check_curve(SIGNING, path, key.public_key())


def _check_curve(where: str, path: Path, key: object) -> None:
    name = getattr(getattr(key, "curve", None), "name", None)
    if name not in CURVES:
        raise UsageError(where, f"{path} is a key of another kind" + (f" ({name})" if name else ""), ALLOWED,
                         "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signing.pem")


def _file(where: str, named: str) -> Path:
    path = Path(named)
    if not path.is_file():
        raise UsageError(where, f"there is no file {named}", "the path of a key in a PEM file"
                         + (f", or {TOKEN}..." if where == SIGNING else ""))
    return path


def _read(where: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotemillError(where, f"{path} cannot be read: {error.strerror}") from None


def _bytes(password: str | None) -> bytes | None:
    return password.encode() if password else None


def library() -> None:
    """Raise MissingExtra where model-signing is not installed."""
    try:
        import model_signing  # noqa: F401 - whether it is there
    except ImportError:
        raise MissingExtra("signatures", "sign") from None
