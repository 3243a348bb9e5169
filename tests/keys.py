"""Keys made for a test, and an environment that names them."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@dataclass(frozen=True)
class Keys:
    """Two files in PEM form."""

    private: Path
    public: Path

    @property
    def signs(self):
        return {"NOTEMILL_SIGNING_KEY": str(self.private)}

    @property
    def trusts(self):
        return {"NOTEMILL_TRUSTED_KEY": str(self.public)}


def make_keys(folder, name="team", key=None, password=None):
    """Files with a new key, or with the key given."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    keys = Keys(folder / f"{name}.pem", folder / f"{name}.pub.pem")
    closed = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    keys.private.touch(0o600)
    keys.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed))
    keys.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return keys
